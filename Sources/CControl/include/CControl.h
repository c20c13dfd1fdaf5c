// The spsc ring of FaultQueues written in C, as the control: what the same algorithm costs without
// Swift. Layout, order of operations and overflow behaviour are those of SPSCRing.
#ifndef CCONTROL_H
#define CCONTROL_H

#include <stdbool.h>
#include <stdint.h>

struct fq_request {
    uint64_t header, address, private_data0, private_data1;
};

enum fq_overflow_policy { FQ_OVERFLOW_WAIT, FQ_OVERFLOW_STICKY, FQ_OVERFLOW_TOGGLE };
enum fq_enqueue_outcome { FQ_ENQUEUED, FQ_FULL, FQ_OVERFLOWED };

struct fq_spsc_lane;
struct fq_spsc_position {
    uint64_t head, cached_tail;
};

struct fq_spsc_producer {
    struct fq_spsc_lane *lane;
    struct fq_request *slots;
    uint64_t mask, usable;
    uint64_t tail, cached_head;
    uint8_t policy;
};

struct fq_spsc_consumer {
    struct fq_spsc_lane *lanes;
    struct fq_spsc_position *positions;
    uint64_t mask;
    int64_t count, current;
    uint8_t policy;
    bool head_per_entry;
};

// Bytes of one lane's shared words; the caller allocates lanes aligned to 128 bytes.
uint64_t fq_spsc_lane_size(void);
void fq_spsc_lane_init(struct fq_spsc_lane *lanes, int64_t index, struct fq_request *slots);
struct fq_request *fq_spsc_lane_slots(struct fq_spsc_lane *lanes, int64_t index);
struct fq_spsc_producer fq_spsc_make_producer(
    struct fq_spsc_lane *lanes, int64_t index, uint64_t mask, uint64_t usable, uint8_t policy);

// Returns an fq_enqueue_outcome. The request comes in registers, as in Swift.
uint8_t fq_spsc_enqueue(
    struct fq_spsc_producer *producer, uint64_t header, uint64_t address, uint64_t private_data0,
    uint64_t private_data1);
int64_t fq_spsc_dequeue(
    struct fq_spsc_consumer *consumer, struct fq_request *buffer, int64_t limit);
bool fq_spsc_acknowledge_overflow(struct fq_spsc_consumer *consumer);

#endif
