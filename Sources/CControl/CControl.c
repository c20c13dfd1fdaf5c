#include "CControl.h"

#include <stdatomic.h>

// Each member has one writer and two cache lines of its own.
struct fq_spsc_lane {
    _Alignas(128) _Atomic uint64_t tail;
    _Alignas(128) _Atomic uint64_t head;
    _Alignas(128) _Atomic uint64_t overflow_raised;
    _Alignas(128) _Atomic uint64_t overflow_acknowledged;
    _Alignas(128) struct fq_request *slots;
};

uint64_t fq_spsc_lane_size(void) { return sizeof(struct fq_spsc_lane); }

void fq_spsc_lane_init(struct fq_spsc_lane *lanes, int64_t index, struct fq_request *slots) {
    struct fq_spsc_lane *lane = &lanes[index];
    atomic_init(&lane->tail, 0);
    atomic_init(&lane->head, 0);
    atomic_init(&lane->overflow_raised, 0);
    atomic_init(&lane->overflow_acknowledged, 0);
    lane->slots = slots;
}

struct fq_request *fq_spsc_lane_slots(struct fq_spsc_lane *lanes, int64_t index) {
    return lanes[index].slots;
}

struct fq_spsc_producer fq_spsc_make_producer(
    struct fq_spsc_lane *lanes, int64_t index, uint64_t mask, uint64_t usable, uint8_t policy) {
    return (struct fq_spsc_producer){
        .lane = &lanes[index],
        .slots = lanes[index].slots,
        .mask = mask,
        .usable = usable,
        .policy = policy,
    };
}

static inline uint8_t make_room(struct fq_spsc_producer *producer) {
    struct fq_spsc_lane *lane = producer->lane;
    if (producer->policy != FQ_OVERFLOW_WAIT) {
        uint64_t done = atomic_load_explicit(&lane->overflow_acknowledged, memory_order_acquire);
        if (atomic_load_explicit(&lane->overflow_raised, memory_order_relaxed) != done)
            return FQ_OVERFLOWED;
    }
    uint64_t head = atomic_load_explicit(&lane->head, memory_order_acquire);
    if (producer->tail - head < producer->usable) {
        producer->cached_head = head;
        return FQ_ENQUEUED;
    }
    producer->cached_head = producer->tail - producer->usable;
    if (producer->policy == FQ_OVERFLOW_WAIT) return FQ_FULL;
    uint64_t raised = atomic_load_explicit(&lane->overflow_raised, memory_order_relaxed);
    atomic_store_explicit(&lane->overflow_raised, raised + 1, memory_order_release);
    return FQ_OVERFLOWED;
}

// Fills the next slot, which is free, and hands it over. Slots are written and read word by word:
// ThreadSanitizer does not see the copy of a struct, which is a memcpy to it.
static inline void put(
    struct fq_spsc_producer *producer, uint64_t header, uint64_t address, uint64_t private_data0,
    uint64_t private_data1) {
    struct fq_request *slot = &producer->slots[producer->tail & producer->mask];
    slot->header = header;
    slot->address = address;
    slot->private_data0 = private_data0;
    slot->private_data1 = private_data1;
    producer->tail += 1;
    atomic_store_explicit(&producer->lane->tail, producer->tail, memory_order_release);
}

static __attribute__((noinline)) uint8_t enqueue_slow(
    struct fq_spsc_producer *producer, uint64_t header, uint64_t address, uint64_t private_data0,
    uint64_t private_data1) {
    uint8_t outcome = make_room(producer);
    if (outcome == FQ_ENQUEUED) put(producer, header, address, private_data0, private_data1);
    return outcome;
}

uint8_t fq_spsc_enqueue(
    struct fq_spsc_producer *producer, uint64_t header, uint64_t address, uint64_t private_data0,
    uint64_t private_data1) {
    if (producer->tail - producer->cached_head >= producer->usable)
        return enqueue_slow(producer, header, address, private_data0, private_data1);
    put(producer, header, address, private_data0, private_data1);
    return FQ_ENQUEUED;
}

static inline uint64_t find_work(struct fq_spsc_consumer *consumer) {
    for (int64_t looked = 0; looked < consumer->count; looked++) {
        struct fq_spsc_position *position = &consumer->positions[consumer->current];
        uint64_t tail = atomic_load_explicit(
            &consumer->lanes[consumer->current].tail, memory_order_acquire);
        position->cached_tail = tail;
        if (tail != position->head) return tail - position->head;
        if (consumer->count > 1) {
            int64_t next = consumer->current + 1;
            consumer->current = next == consumer->count ? 0 : next;
        }
    }
    return 0;
}

static inline struct fq_request read_slot(const struct fq_request *slot) {
    return (struct fq_request){
        slot->header, slot->address, slot->private_data0, slot->private_data1};
}

int64_t fq_spsc_dequeue(
    struct fq_spsc_consumer *consumer, struct fq_request *buffer, int64_t limit) {
    struct fq_spsc_position *position = &consumer->positions[consumer->current];
    uint64_t available = position->cached_tail - position->head;
    if (available == 0) {
        available = find_work(consumer);
        if (available == 0) return 0;
        position = &consumer->positions[consumer->current];
    }
    struct fq_spsc_lane *lane = &consumer->lanes[consumer->current];
    const struct fq_request *slots = lane->slots;
    int64_t count = (int64_t)available < limit ? (int64_t)available : limit;
    uint64_t head = position->head;
    if (!consumer->head_per_entry) {
        for (int64_t offset = 0; offset < count; offset++) {
            buffer[offset] = read_slot(&slots[head & consumer->mask]);
            head += 1;
        }
        atomic_store_explicit(&lane->head, head, memory_order_release);
    } else {
        for (int64_t offset = 0; offset < count; offset++) {
            buffer[offset] = read_slot(&slots[head & consumer->mask]);
            head += 1;
            atomic_store_explicit(&lane->head, head, memory_order_release);
        }
    }
    position->head = head;
    return count;
}

bool fq_spsc_acknowledge_overflow(struct fq_spsc_consumer *consumer) {
    bool acknowledged = false;
    for (int64_t index = 0; index < consumer->count; index++) {
        struct fq_spsc_lane *lane = &consumer->lanes[index];
        uint64_t raised = atomic_load_explicit(&lane->overflow_raised, memory_order_acquire);
        uint64_t done = atomic_load_explicit(&lane->overflow_acknowledged, memory_order_relaxed);
        if (raised == done) continue;
        if (consumer->policy == FQ_OVERFLOW_STICKY
            && atomic_load_explicit(&lane->tail, memory_order_relaxed)
                != consumer->positions[index].head)
            continue;
        atomic_store_explicit(&lane->overflow_acknowledged, done + 1, memory_order_release);
        acknowledged = true;
    }
    return acknowledged;
}
