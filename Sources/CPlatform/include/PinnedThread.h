// Threads that are bound to one CPU before they run, and what a thread is bound to.
#ifndef CPLATFORM_PINNED_THREAD_H
#define CPLATFORM_PINNED_THREAD_H

#include <stdint.h>

// Starts a joinable thread that may run on `cpu` alone. The C library sets the mask before it lets
// the thread go, so `body`'s first instruction already runs there, and the caller's own mask is
// never touched. `fifo_priority` 0 keeps the caller's scheduling policy; 1…99 is SCHED_FIFO.
// Returns 0, or the errno: EINVAL where the CPU is not the caller's to use, EPERM where SCHED_FIFO
// is not, EAGAIN where there are no resources for a thread. Nothing is started then. `thread` is a
// pthread_t, by the type that it has in glibc and musl, so that this header needs no other.
int fq_pinned_thread_start(
    unsigned long *thread, int cpu, uint64_t stack_bytes, int fifo_priority,
    void *(*body)(void *argument), void *argument);

// The calling thread's affinity mask: bit c % 64 of word c / 64 is set where it may run on CPU c.
// Returns 0, or the errno: EINVAL where `words` is too few for this kernel.
int fq_thread_affinity(uint64_t *mask, uint64_t words);

// The symbol of an errno ("EINVAL"), NULL for a number that has none. Never freed.
const char *fq_errno_name(int error);

#endif
