// Userspace RCU (liburcu), "bulletproof" flavour: a thread registers itself at its first read
// section and leaves the registry when it ends. The read side is inline, as the library offers it
// to sources under the LGPL's terms for short inline functions.
#ifndef CURCU_H
#define CURCU_H

#ifndef _LGPL_SOURCE
#define _LGPL_SOURCE
#endif
#include <urcu/urcu-bp.h>

// Enters and leaves a read section; sections nest. Neither waits.
static inline void fq_rcu_read_lock(void) { urcu_bp_read_lock(); }
static inline void fq_rcu_read_unlock(void) { urcu_bp_read_unlock(); }

// The word that every section reads: an address that stands for the domain.
static inline const void *fq_rcu_domain(void) { return &urcu_bp_gp; }

// Returns when every read section that began before the call has ended. Not from inside one.
void fq_rcu_synchronize(void);

// Makes the thread that runs deferred calls, if it is not there yet.
void fq_rcu_prepare(void);

// Runs `run(context)` on that thread when every read section that began before the call has ended.
void fq_rcu_call(void (*run)(void *context), void *context);

// Returns when every call deferred before has run. Not from inside a read section or such a call.
void fq_rcu_barrier(void);

#endif
