// What the machine and the build say about themselves, and the request to stop.
#ifndef CPLATFORM_MACHINE_H
#define CPLATFORM_MACHINE_H

#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>

// Whether fq_ticks() runs at one rate in every power state. x86-64: CPUID 0x80000007, EDX bit 8.
// arm64: always, the architecture fixes the rate of the generic timer.
bool fq_ticks_invariant(void);

// The twelve characters by which a hypervisor names itself (CPUID 0x40000000), with a final zero.
// An empty string where there is none, and on arm64, which has no such instruction.
void fq_hypervisor_signature(char signature[13]);

// The version of the C compiler that built this target, as the compiler itself writes it.
const char *fq_compiler_version(void);

// Does nothing. A program that counts instructions for this one ends a count at each call of it.
void fq_count_mark(void);

// Reads a word that the allocator changes behind the compiler's back. The compiler takes malloc and
// free for calls that touch no memory but their own, so it would keep an earlier reading over them.
static inline uint64_t fq_load_opaque(const uint64_t *address) {
    __asm__ volatile("" ::: "memory");
    uint64_t value = *(const volatile uint64_t *)address;
    __asm__ volatile("" ::: "memory");
    return value;
}

// Installs handlers for SIGINT, SIGTERM and SIGHUP and forgets an earlier request. A signal that
// the process was started to ignore stays ignored. Returns the errno, 0 for success, EALREADY when
// installed. Not to be called from two threads at once.
int fq_stop_install(void);

// Puts back what fq_stop_install() found; the request, if there was one, can still be read.
void fq_stop_uninstall(void);

// What the handler does, with the time as an argument: notes the first request and returns false.
// True: a later one, more than 100 ms after the first, and the process must end now. The distance
// is there because timeout(1) sends its one signal to the process and again to its group.
// Safe in a signal handler and on any thread. `now_ns` is from a monotonic clock and not zero.
bool fq_stop_note(int signal, uint64_t now_ns);

// Written by the handler alone. Read through fq_stop_requested().
extern int fq_stop_signal;

// For checks of progress: one thread at a time stands still wherever it is, inside the handler of
// SIGUSR2, until it is let go. Everything that it holds stays held; locks of the allocator too, so
// whoever watches must not allocate.

// Installs the handler. Returns the errno, 0 for success; again and again is fine.
int fq_halt_install(void);

// Lets the calling thread be halted, whatever signals it inherited as blocked.
void fq_halt_admit(void);

// Halts a thread of this process, by its pthread_t, that has been started and not joined. True
// where it stands still on return; false where it did not get there within `wait_us` microseconds,
// and then it runs on. One caller at a time.
bool fq_halt(unsigned long thread, unsigned wait_us);

// Lets the halted thread go on.
void fq_halt_release(void);

// Closes every descriptor from `first` on in the program that the actions are for. Returns the
// errno, 0 for success. The C library's own name for this is hidden from Swift.
int fq_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

// The number of the signal that asked to stop, 0 for none. Any thread, at the cost of a load.
static inline int fq_stop_requested(void) {
    return __atomic_load_n(&fq_stop_signal, __ATOMIC_RELAXED);
}

#endif
