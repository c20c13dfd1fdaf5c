#include "PinnedThread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// The mask is as long as this CPU needs, so machines above CPU_SETSIZE work.
static int set_affinity(pthread_attr_t *attributes, int cpu) {
    if (cpu < 0) return EINVAL;
    cpu_set_t *mask = CPU_ALLOC((size_t)cpu + 1);
    if (mask == NULL) return ENOMEM;
    size_t bytes = CPU_ALLOC_SIZE((size_t)cpu + 1);
    CPU_ZERO_S(bytes, mask);
    CPU_SET_S((size_t)cpu, bytes, mask);
    int error = pthread_attr_setaffinity_np(attributes, bytes, mask);
    CPU_FREE(mask);
    return error;
}

// Without PTHREAD_EXPLICIT_SCHED the policy of the attributes is ignored.
static int set_fifo(pthread_attr_t *attributes, int priority) {
    struct sched_param parameters = {.sched_priority = priority};
    int error = pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED);
    if (error == 0) error = pthread_attr_setschedpolicy(attributes, SCHED_FIFO);
    if (error == 0) error = pthread_attr_setschedparam(attributes, &parameters);
    return error;
}

_Static_assert(sizeof(pthread_t) == sizeof(unsigned long), "pthread_t is not an unsigned long");

int fq_pinned_thread_start(
    unsigned long *thread, int cpu, uint64_t stack_bytes, int fifo_priority,
    void *(*body)(void *argument), void *argument) {
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0) return error;
    error = pthread_attr_setstacksize(&attributes, stack_bytes);
    if (error == 0) error = set_affinity(&attributes, cpu);
    if (error == 0 && fifo_priority != 0) error = set_fifo(&attributes, fifo_priority);
    if (error == 0) error = pthread_create(thread, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    return error;
}

int fq_thread_affinity(uint64_t *mask, uint64_t words) {
    memset(mask, 0, words * sizeof *mask);
    // The system call itself, because the C library's wrapper hides how much the kernel wrote and
    // wants a cpu_set_t. On 64-bit little-endian machines its words are these words.
    return syscall(SYS_sched_getaffinity, 0, words * sizeof *mask, mask) < 0 ? errno : 0;
}

const char *fq_errno_name(int error) { return strerrorname_np(error); }
