// Whether this file is compiled for a sanitizer that takes over the allocator.
#ifndef FQ_SANITIZED_H
#define FQ_SANITIZED_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define FQ_SANITIZED 1
#endif
#endif

#endif
