// The C++ operators new and delete of a sanitised build, by their linker names.
//
// The sanitizer's runtime, which is in the executable, takes malloc and free. jemalloc brings its
// own operators besides: its `new` takes jemalloc's memory directly, its plain `delete` calls
// `free`, which is now the sanitizer's and stops the program at the first string that the Swift
// runtime frees. These definitions come before jemalloc's and keep both sides with the sanitizer.
// No other build has them.
#include "Sanitized.h"

#include <stddef.h>
#include <stdlib.h>

#if defined(FQ_SANITIZED)

// Without memory the program stops: there is no exception to throw from here.
static void *require(void *block) {
    if (block == NULL) abort();
    return block;
}

static void *aligned(size_t size, size_t alignment) {
    void *block = NULL;
    if (alignment < sizeof(void *)) alignment = sizeof(void *);
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

// new and new[]: plain, nothrow, aligned, aligned and nothrow.
void *_Znwm(size_t size) { return require(malloc(size)); }
void *_Znam(size_t size) { return require(malloc(size)); }
void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag) { return (void)tag, malloc(size); }
void *_ZnamRKSt9nothrow_t(size_t size, const void *tag) { return (void)tag, malloc(size); }
void *_ZnwmSt11align_val_t(size_t size, size_t to) { return require(aligned(size, to)); }
void *_ZnamSt11align_val_t(size_t size, size_t to) { return require(aligned(size, to)); }
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t to, const void *tag) {
    return (void)tag, aligned(size, to);
}
void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t to, const void *tag) {
    return (void)tag, aligned(size, to);
}

// delete and delete[]: plain, sized, nothrow, aligned, aligned and sized, aligned and nothrow. Each
// ignores what follows the block, which the calling convention allows.
#define FQ_DELETES(name)                                            \
    void name(void *block) { free(block); }                         \
    void name##m(void *block, size_t size) { (void)size, free(block); } \
    void name##RKSt9nothrow_t(void *block, const void *tag) { (void)tag, free(block); } \
    void name##St11align_val_t(void *block, size_t to) { (void)to, free(block); } \
    void name##mSt11align_val_t(void *block, size_t size, size_t to) { \
        (void)size, (void)to, free(block);                          \
    }                                                               \
    void name##St11align_val_tRKSt9nothrow_t(void *block, size_t to, const void *tag) { \
        (void)to, (void)tag, free(block);                           \
    }

FQ_DELETES(_ZdlPv)
FQ_DELETES(_ZdaPv)

#else

// A file of C declares something.
typedef int fq_not_sanitized;

#endif
