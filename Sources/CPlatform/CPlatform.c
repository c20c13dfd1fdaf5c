#include "CPlatform.h"

#include "Sanitized.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

bool fq_tsan_enabled(void) { return __tsan_acquire != 0; }

bool fq_asan_enabled(void) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#endif
#endif
    return false;
}

int fq_futex_wait(const void *word, uint32_t expected) {
    long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
    return result == 0 ? 0 : errno;
}

int fq_futex_wake(const void *word, int count) {
    return (int)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

bool fq_membarrier_prepare(void) {
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

bool fq_membarrier(void) {
    return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

int fq_thread_id(void) { return (int)syscall(SYS_gettid); }

int fq_thread_slot(void) {
    static int next;
    static _Thread_local int slot = -1;
    if (slot < 0) slot = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
    return slot;
}

int fq_current_cpu(void) { return sched_getcpu(); }

int fq_bind_current_thread(int cpu) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) return EINVAL;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    return pthread_setaffinity_np(pthread_self(), sizeof only, &only);
}

int fq_bind_current_thread_to(const int32_t *cpus, int count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int index = 0; index < count; index++) {
        if (cpus[index] < 0 || cpus[index] >= CPU_SETSIZE) return EINVAL;
        CPU_SET(cpus[index], &set);
    }
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void fq_end_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

void fq_set_thread_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

struct fq_thread_usage fq_thread_usage_now(void) {
    struct rusage usage = {0};
    getrusage(RUSAGE_THREAD, &usage);
    return (struct fq_thread_usage){
        .involuntary_switches = (uint64_t)usage.ru_nivcsw,
        .voluntary_switches = (uint64_t)usage.ru_nvcsw,
        .minor_faults = (uint64_t)usage.ru_minflt,
        .major_faults = (uint64_t)usage.ru_majflt,
    };
}

int fq_adaptive_mutex_init(void *mutex) {
    pthread_mutexattr_t attributes;
    int error = pthread_mutexattr_init(&attributes);
    if (error != 0) return error;
    error = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    if (error == 0) error = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return error;
}

#if defined(FQ_SANITIZED)
// A sanitizer takes __libc_memalign but not __libc_free: here both sides are left to it.
void *fq_glibc_aligned_alloc(uint64_t alignment, uint64_t size) {
    void *block = NULL;
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

void fq_glibc_free(void *pointer) { free(pointer); }
#else
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *pointer);

void *fq_glibc_aligned_alloc(uint64_t alignment, uint64_t size) {
    return __libc_memalign(alignment, size);
}

void fq_glibc_free(void *pointer) { __libc_free(pointer); }

// The C library sets its allocator up at the first call, and takes that for one made before there
// are threads. Where another library has malloc, it would be made here, by two threads at once:
// each would count as the first arena's only owner, and the second to end would abort the program.
__attribute__((constructor)) static void set_up_glibc_allocator(void) {
    __libc_free(__libc_memalign(64, 64));
}
#endif
