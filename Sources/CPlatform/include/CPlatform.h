// What Swift cannot say: processor instructions, system calls without a Glibc overlay, and the
// annotations that ThreadSanitizer needs. Every instruction has an x86-64 and an arm64 form.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "CPlatformMachine.h"
#include "PinnedThread.h"

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "fqbench supports x86-64 and arm64"
#endif

// Tells the core that this is a spin-wait: cheap for a sibling, no memory effect.
static inline void fq_pause(void) {
#if defined(__x86_64__)
    __asm__ volatile("pause");
#else
    __asm__ volatile("isb sy" ::: "memory");
#endif
}

// The counter that times everything, not serialised: a few instructions may slide past it.
static inline uint64_t fq_ticks(void) {
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return ((uint64_t)high << 32) | low;
#else
    uint64_t value;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
#endif
}

// The counter, read after every earlier instruction has finished and before any later one starts.
static inline uint64_t fq_ticks_ordered(void) {
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
    return ((uint64_t)high << 32) | low;
#else
    uint64_t value;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(value)::"memory");
    return value;
#endif
}

// The same, and every earlier store is visible to all threads: only then may a history say that an
// operation had ended. Without it, one that ends with a plain store can be unseen for a while by
// another thread that reads a later time.
static inline uint64_t fq_ticks_after_stores(void) {
#if defined(__x86_64__)
    __asm__ volatile("mfence" ::: "memory");
#else
    __asm__ volatile("dsb ish" ::: "memory");
#endif
    return fq_ticks_ordered();
}

// Keeps the optimiser from dropping or hoisting an otherwise empty loop's body.
static inline void fq_opaque(uint64_t value) { __asm__ volatile("" ::"r"(value) : "memory"); }

// ThreadSanitizer sees neither a priority-inheritance futex nor a stand-alone fence; these tell it
// that what one thread did before the release is visible to another after the acquire of the same
// address. Swift's importer does not say whether the build is sanitised, so the question is put to
// the linker: outside a sanitised build the weak symbols are null, and what is left is one compare
// with memory and one branch that is never taken.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

static inline void fq_tsan_acquire(const void *address) {
    if (__builtin_expect(__tsan_acquire != 0, 0)) __tsan_acquire((void *)address);
}

static inline void fq_tsan_release(const void *address) {
    if (__builtin_expect(__tsan_release != 0, 0)) __tsan_release((void *)address);
}

// Whether the program runs under ThreadSanitizer or AddressSanitizer.
bool fq_tsan_enabled(void);
bool fq_asan_enabled(void);

// FUTEX_WAIT and FUTEX_WAKE on a 32-bit word, private to the process. Wait returns 0 when woken,
// otherwise the positive errno (EAGAIN: the word had changed; EINTR). Wake returns how many woke.
int fq_futex_wait(const void *word, uint32_t expected);
int fq_futex_wake(const void *word, int count);

// Keeps the compiler from moving memory accesses across it; no instruction.
static inline void fq_compiler_fence(void) { __asm__ volatile("" ::: "memory"); }

// membarrier(2), private and expedited: a full fence on every CPU that runs a thread of this
// process. `prepare` registers the process, and is false where the kernel or a filter refuses;
// without it the call is refused.
bool fq_membarrier_prepare(void);
bool fq_membarrier(void);

// The calling thread's kernel id, the CPU that it runs on now (-1: unknown).
int fq_thread_id(void);

// A small number of the calling thread, 0, 1, 2, … in the order of first calls; never reused.
int fq_thread_slot(void);
int fq_current_cpu(void);

// Lets the calling thread run on this CPU alone; returns the errno, 0 for success.
int fq_bind_current_thread(int cpu);

// Lets the calling thread, and those that it starts from now on, run on these CPUs alone; returns
// the errno, 0 for success.
int fq_bind_current_thread_to(const int32_t *cpus, int count);

// Has this process killed when the thread that started it ends.
void fq_end_with_parent(void);

// Name of the calling thread as shown by ps and perf; cut to 15 bytes.
void fq_set_thread_name(const char *name);

// getrusage(RUSAGE_THREAD) of the calling thread.
struct fq_thread_usage {
    uint64_t involuntary_switches;
    uint64_t voluntary_switches;
    uint64_t minor_faults;
    uint64_t major_faults;
};
struct fq_thread_usage fq_thread_usage_now(void);

// pthread_mutex_init with PTHREAD_MUTEX_ADAPTIVE_NP; returns the errno, 0 for success.
int fq_adaptive_mutex_init(void *mutex);

// The allocator behind the C library's own names, even when jemalloc has replaced malloc.
// Alignment must be a power of two, at least 8. NULL when there is no memory. Under a sanitizer
// both are the sanitizer's own.
void *fq_glibc_aligned_alloc(uint64_t alignment, uint64_t size);
void fq_glibc_free(void *pointer);

#endif
