#include "CURCU.h"

#include <stdlib.h>

#include "CPlatform.h"

struct fq_rcu_request {
    struct rcu_head head;
    void (*run)(void *context);
    void *context;
};

void fq_rcu_synchronize(void) { urcu_bp_synchronize_rcu(); }

void fq_rcu_prepare(void) { (void)urcu_bp_get_default_call_rcu_data(); }

static void run_request(struct rcu_head *head) {
    struct fq_rcu_request *request = caa_container_of(head, struct fq_rcu_request, head);
    fq_tsan_acquire(request);
    request->run(request->context);
    free(request);
}

void fq_rcu_call(void (*run)(void *context), void *context) {
    struct fq_rcu_request *request = malloc(sizeof *request);
    // Without memory the object would leak or be freed too early; the program stops instead.
    if (!request) abort();
    request->run = run;
    request->context = context;
    // ThreadSanitizer does not see into the library's queue.
    fq_tsan_release(request);
    urcu_bp_call_rcu(&request->head, run_request);
}

void fq_rcu_barrier(void) { urcu_bp_barrier(); }
