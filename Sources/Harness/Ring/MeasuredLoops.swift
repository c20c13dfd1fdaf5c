import CPlatform
import FaultModel
import FaultOracle
import FaultQueues
import FaultTraffic
import Measurement

// The measured loops. Each is specialised once per scheme and holds exactly one direct call per
// operation of the scheme; no reference counting, no closure, no allocation. Their names begin with
// `measured`, by which `scripts/check-hot-loops` finds them in the binary. The small functions
// whose names end in `Slow` are calls too; they run only after failed tries.

/// The header of a request that is only a tag: one page, read, a group by itself.
@inlinable
var taggedHeader: UInt64 { 1 << 45 | 1 << 50 }

/// What a producer carries through a burst. One thread.
public struct ProducerBurst: BitwiseCopyable {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    /// Tag of the next request; all sequences below were accepted.
    @usableFromInline var tag: SequenceTag
    @usableFromInline var wait: PollWait
    @usableFromInline var think: ThinkTime
    /// Requests carry the time at which they were offered.
    @usableFromInline let stamps: Bool
    /// Tries that found the ring full.
    @usableFromInline var failedTries = 0
    /// Requests dropped by an overflow.
    @usableFromInline var overflowed = 0
    /// Ticks at the first call and after the last, of a replay.
    @usableFromInline var startTicks: UInt64 = 0

    init(
        words: UnsafeMutablePointer<BurstWords>, producer: Int, wait: PollWait,
        think: ThinkTime, stamps: Bool
    ) {
        self.words = words
        tag = SequenceTag(producer: producer)
        self.wait = wait
        self.think = think
        self.stamps = stamps
    }
}

/// What a consumer carries through a burst. One thread.
public struct ConsumerBurst: ~Copyable {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    /// Room for `batch` requests.
    @usableFromInline let buffer: UnsafeMutablePointer<PageRequest>
    @usableFromInline let batch: Int
    @usableFromInline let producers: Int
    @usableFromInline var wait: PollWait
    @usableFromInline var think: ThinkTime
    @usableFromInline let acknowledges: Bool
    /// Latencies from the stamp in the request; nil where none is carried.
    @usableFromInline let samples: LatencySamples?
    @usableFromInline var check: DeliveryCheck
    /// One consumer ends the overlap by its clock; `.max` for the others, and for a replay.
    @usableFromInline var deadlineTicks: UInt64 = .max
    @usableFromInline var delivered = 0
    /// `delivered` when the overlap ended.
    @usableFromInline var deliveredInTime = 0
    /// Tries that found the ring empty, in the overlap.
    @usableFromInline var failedTries = 0
    @usableFromInline var endTicks: UInt64 = 0
    /// Overflows that this consumer ended.
    @usableFromInline var acknowledged = 0

    init(
        words: UnsafeMutablePointer<BurstWords>, buffer: UnsafeMutablePointer<PageRequest>,
        batch: Int, producers: Int, wait: PollWait, think: ThinkTime, acknowledges: Bool,
        samples: LatencySamples?
    ) {
        self.words = words
        self.buffer = buffer
        self.batch = batch
        self.producers = producers
        self.wait = wait
        self.think = think
        self.acknowledges = acknowledges
        self.samples = samples
        check = DeliveryCheck(producerCount: producers)
    }
}

/// Offers requests as fast as the ring takes them until the timekeeper ends the burst.
@inlinable @inline(never)
public func measuredSaturation<Producer: RingProducer>(
    _ endpoint: inout Producer, _ burst: inout ProducerBurst
) {
    let words = burst.words
    let stamps = burst.stamps
    var wait = burst.wait
    var think = burst.think
    var tag = burst.tag
    var failedTries = burst.failedTries
    // At least one try, also where the burst is over before this thread has run.
    repeat {
        let request = PageRequest(
            header: taggedHeader, address: tag.address, privateData0: tag.rawValue,
            privateData1: stamps ? Ticks.now() : 0)
        if endpoint.enqueue(request) == .enqueued {
            tag.advance()
            wait.succeeded()
            think.pass()
        } else {
            failedTries &+= 1
            wait.failed()
        }
    } while words.pointee.stop.value.load(ordering: .relaxed) == 0  // only ends the loop
    burst.think = think
    burst.tag = tag
    burst.failedTries = failedTries
    words.pointee.finishProducer()
}

/// Offers each request of a schedule at its intended time, however late the ones before were taken.
/// A ring that is full makes it wait, or drops, as the ring's policy says.
@inlinable @inline(never)
public func measuredReplay<Producer: RingProducer>(
    _ endpoint: inout Producer, _ burst: inout ProducerBurst,
    _ schedule: UnsafeBufferPointer<ScheduledRequest>
) {
    let start = burst.startTicks
    var wait = burst.wait
    var tag = burst.tag
    for scheduled in schedule {
        let intended = start &+ scheduled.offsetTicks
        while Ticks.now() < intended { wait.failed() }
        // The address is the tag's, which lets the check see a torn slot; a ring never looks at it.
        let request = PageRequest(
            header: scheduled.request.header, address: tag.address, privateData0: tag.rawValue,
            privateData1: intended)
        while true {
            let outcome = endpoint.enqueue(request)
            if outcome == .enqueued {
                tag.advance()
                break
            }
            if outcome == .overflowed {
                burst.overflowed &+= 1
                break
            }
            burst.failedTries &+= 1
            wait.failed()
        }
        wait.succeeded()
    }
    burst.tag = tag
    burst.words.pointee.finishProducer()
}

/// Drains the ring in batches and checks every request, until the producers have finished and the
/// ring is empty. The timekeeper's clock ends the overlap; what comes after is drained, not
/// counted.
@inlinable @inline(never)
public func measuredDrain<Consumer: RingConsumer>(
    _ endpoint: inout Consumer, _ burst: inout ConsumerBurst
) {
    let words = burst.words
    let buffer = burst.buffer
    let batch = burst.batch
    let deadline = burst.deadlineTicks
    var wait = burst.wait
    var think = burst.think
    var delivered = 0
    var failedTries = 0
    var isOver = false
    var producersAreDone = false
    var passesToClock: UInt32 = 0
    while true {
        if !isOver {
            if passesToClock == 0 {
                passesToClock = 32
                if deadline != .max && Ticks.now() >= deadline {
                    words.pointee.stop.value.store(1, ordering: .relaxed)  // only ends loops
                }
            }
            passesToClock &-= 1
            if words.pointee.stop.value.load(ordering: .relaxed) != 0 {  // only ends the overlap
                isOver = true
                burst.endTicks = Ticks.now()
                burst.deliveredInTime = delivered
                burst.failedTries &+= failedTries
            }
        }
        let count = endpoint.dequeue(into: buffer, limit: batch)
        if count == 0 {
            failedTries &+= 1
            if producersAreDone { break }
            // Acquiring: the producers' last requests are visible to the next try.
            producersAreDone =
                words.pointee.finishedProducers.value.load(ordering: .acquiring)
                == burst.producers
            if burst.acknowledges && endpoint.acknowledgeOverflow() { burst.acknowledged &+= 1 }
            wait.failed()
            continue
        }
        wait.succeeded()
        if let samples = burst.samples {
            let now = Ticks.now()
            for place in 0..<count { samples.record(from: buffer[place].privateData1, to: now) }
        }
        for place in 0..<count { burst.check.observe(buffer[place]) }
        delivered &+= count
        think.pass()
    }
    if !isOver {
        burst.endTicks = Ticks.now()
        burst.deliveredInTime = delivered
        burst.failedTries &+= failedTries
    }
    burst.think = think
    burst.delivered &+= delivered
}

/// Sends one request at a time and waits for its echo; records each round trip.
@inlinable @inline(never)
public func measuredRoundTrips<Producer: RingProducer, Consumer: RingConsumer>(
    _ outbound: inout Producer, _ inbound: inout Consumer, _ send: inout ProducerBurst,
    _ receive: inout ConsumerBurst
) {
    let words = send.words
    let buffer = receive.buffer
    let deadline = receive.deadlineTicks
    var wait = send.wait
    var tag = send.tag
    let first = tag.sequence
    var now = Ticks.now()
    while now < deadline {
        let request = PageRequest(
            header: taggedHeader, address: tag.address, privateData0: tag.rawValue,
            privateData1: 0)
        now = Ticks.now()
        let start = now
        while outbound.enqueue(request) != .enqueued {
            send.failedTries &+= 1
            wait.failed()
        }
        while inbound.dequeue(into: buffer, limit: 1) == 0 {
            receive.failedTries &+= 1
            wait.failed()
        }
        now = Ticks.now()
        wait.succeeded()
        receive.samples?.record(from: start, to: now)
        receive.check.observe(buffer[0])
        tag.advance()
        send.think.pass()
    }
    words.pointee.stop.value.store(1, ordering: .relaxed)  // only ends the echo
    receive.endTicks = now
    receive.deliveredInTime = Int(truncatingIfNeeded: tag.sequence &- first)
    receive.delivered &+= receive.deliveredInTime
    send.tag = tag
}

/// Sends back what comes, until the other side stops.
@inlinable @inline(never)
public func measuredEchoes<Producer: RingProducer, Consumer: RingConsumer>(
    _ outbound: inout Producer, _ inbound: inout Consumer, _ burst: inout ConsumerBurst
) {
    let words = burst.words
    let buffer = burst.buffer
    var wait = burst.wait
    while true {
        if inbound.dequeue(into: buffer, limit: 1) == 0 {
            if words.pointee.stop.value.load(ordering: .relaxed) != 0 { break }  // only ends
            burst.failedTries &+= 1
            wait.failed()
            continue
        }
        wait.succeeded()
        while outbound.enqueue(buffer[0]) != .enqueued { wait.failed() }
        burst.delivered &+= 1
    }
}

/// A producer's calls with nothing else: for the floor.
@inlinable @inline(never)
public func measuredCalls<Producer: RingProducer>(
    _ endpoint: inout Producer, count: Int, _ burst: inout ProducerBurst
) {
    var tag = burst.tag
    for _ in 0..<count {
        let request = PageRequest(
            header: taggedHeader, address: tag.address, privateData0: tag.rawValue,
            privateData1: 0)
        if endpoint.enqueue(request) == .enqueued { tag.advance() }
    }
    burst.tag = tag
}

/// The loop of `measuredCalls` without the calls.
@inlinable @inline(never)
public func measuredEmptyLoop(count: Int, _ burst: inout ProducerBurst) {
    var tag = burst.tag
    for _ in 0..<count {
        fq_opaque(tag.address)
        fq_opaque(tag.rawValue)
        tag.advance()
    }
    burst.tag = tag
}
