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

__attribute__((noinline)) void fq_count_mark(void) { __asm__ volatile("" ::: "memory"); }

int fq_stop_signal;
static uint64_t first_request_ns;
static bool installed;
// Ctrl-C, a request to end, a terminal that was closed.
enum { stop_signals = 3 };
static const int stop_signal[stop_signals] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction previous[stop_signals];

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
    for (int place = 0; place < stop_signals; place++) {
        int error = install_one(stop_signal[place], &previous[place]);
        if (error == 0) continue;
        while (place-- > 0) sigaction(stop_signal[place], &previous[place], NULL);
        return error;
    }
    // A program inherits the mask of the thread that started it, and some runtimes block signals
    // in theirs: then no request would ever arrive.
    sigset_t wanted;
    sigemptyset(&wanted);
    for (int place = 0; place < stop_signals; place++) sigaddset(&wanted, stop_signal[place]);
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
    installed = true;
    return 0;
}

void fq_stop_uninstall(void) {
    if (!installed) return;
    for (int place = 0; place < stop_signals; place++) {
        sigaction(stop_signal[place], &previous[place], NULL);
    }
    installed = false;
}

int fq_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

// A number for each request, shifted by two, and what came of it: so a thread that wakes late does
// not take the next one's halt for its own.
enum { halt_none, halt_asked, halt_done };
static unsigned halt_state;
static pthread_t halt_thread;

static void sleep_us(long microseconds) {
    struct timespec time = {0, microseconds * 1000};
    nanosleep(&time, NULL);
}

static void on_halt(int signal) {
    (void)signal;
    int saved = errno;
    unsigned asked = __atomic_load_n(&halt_state, __ATOMIC_ACQUIRE);
    unsigned done = asked - halt_asked + halt_done;
    // Acquire and release: what the watcher does while this thread stands still comes between.
    if (asked % 4 == halt_asked &&
        // Relaxed: who reads a later request's thread fails in the exchange.
        pthread_equal(pthread_self(), __atomic_load_n(&halt_thread, __ATOMIC_RELAXED)) &&
        __atomic_compare_exchange_n(
            &halt_state, &asked, done, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        while (__atomic_load_n(&halt_state, __ATOMIC_ACQUIRE) == done) sleep_us(50);
    }
    errno = saved;
}

int fq_halt_install(void) {
    struct sigaction action = {0};
    action.sa_handler = on_halt;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    return sigaction(SIGUSR2, &action, NULL) == 0 ? 0 : errno;
}

void fq_halt_admit(void) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
}

bool fq_halt(unsigned long thread, unsigned wait_us) {
    unsigned none = (__atomic_load_n(&halt_state, __ATOMIC_RELAXED) / 4 + 1) * 4;
    __atomic_store_n(&halt_thread, (pthread_t)thread, __ATOMIC_RELAXED);
    __atomic_store_n(&halt_state, none + halt_asked, __ATOMIC_RELEASE);
    bool is_sent = pthread_kill((pthread_t)thread, SIGUSR2) == 0;
    for (unsigned waited = 0; is_sent && waited < wait_us; waited += 50) {
        if (__atomic_load_n(&halt_state, __ATOMIC_ACQUIRE) == none + halt_done) return true;
        sleep_us(50);
    }
    unsigned asked = none + halt_asked;
    // Where this fails, the thread has got there at the last moment.
    return !__atomic_compare_exchange_n(
        &halt_state, &asked, none, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void fq_halt_release(void) {
    unsigned state = __atomic_load_n(&halt_state, __ATOMIC_RELAXED);
    __atomic_store_n(&halt_state, state - state % 4, __ATOMIC_RELEASE);
}
