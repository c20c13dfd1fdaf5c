#include "CPlatformMachine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>

bool fq_ticks_invariant(void) {
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8) != 0;
}

void fq_hypervisor_signature(char signature[13]) {
    unsigned a, b, c, d;
    memset(signature, 0, 13);
    // Bit 31 of leaf 1 is reserved for hypervisors; without it the leaf below means nothing.
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & 1u << 31) == 0) return;
    // Not __get_cpuid: the highest basic leaf that it compares with does not cover this range.
    __cpuid(0x40000000, a, b, c, d);
    memcpy(signature, &b, 4);
    memcpy(signature + 4, &c, 4);
    memcpy(signature + 8, &d, 4);
}
#else
bool fq_ticks_invariant(void) { return true; }

void fq_hypervisor_signature(char signature[13]) { memset(signature, 0, 13); }
#endif

const char *fq_compiler_version(void) { return __VERSION__; }

int fq_stop_signal;
static uint64_t first_request_ns;
static bool installed;
static struct sigaction previous_interrupt, previous_terminate;

static const uint64_t same_request_ns = 100 * 1000 * 1000;

bool fq_stop_note(int signal, uint64_t now_ns) {
    uint64_t first = 0;
    // NO ORDER: the two words are flags of their own and guard no other memory.
    if (!__atomic_compare_exchange_n(
            &first_request_ns, &first, now_ns, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        return now_ns > first && now_ns - first > same_request_ns;
    }
    __atomic_store_n(&fq_stop_signal, signal, __ATOMIC_RELAXED);
    return false;
}

static void on_stop(int signal) {
    int saved = errno;
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    if (fq_stop_note(signal, now_ns)) _exit(128 + signal);
    errno = saved;
}

static int install_one(int signal, struct sigaction *previous) {
    struct sigaction action = {0};
    action.sa_handler = on_stop;
    sigemptyset(&action.sa_mask);
    // A file that is being written must not fail with EINTR; waits that should end poll the flag.
    action.sa_flags = SA_RESTART;
    if (sigaction(signal, NULL, previous) != 0) return errno;
    if (previous->sa_handler == SIG_IGN) return 0;
    return sigaction(signal, &action, NULL) == 0 ? 0 : errno;
}

int fq_stop_install(void) {
    if (installed) return EALREADY;
    __atomic_store_n(&first_request_ns, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&fq_stop_signal, 0, __ATOMIC_RELAXED);
    int error = install_one(SIGINT, &previous_interrupt);
    if (error != 0) return error;
    error = install_one(SIGTERM, &previous_terminate);
    if (error != 0) {
        sigaction(SIGINT, &previous_interrupt, NULL);
        return error;
    }
    // A program inherits the mask of the thread that started it, and some runtimes block signals
    // in theirs: then no request would ever arrive.
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
    installed = true;
    return 0;
}

void fq_stop_uninstall(void) {
    if (!installed) return;
    sigaction(SIGINT, &previous_interrupt, NULL);
    sigaction(SIGTERM, &previous_terminate, NULL);
    installed = false;
}

int fq_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
