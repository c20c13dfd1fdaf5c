import CPlatform
import FaultModel
import FaultQueues
import Measurement

// The measured loops of the pipeline; see MeasuredLoops.swift for what they may hold.

/// What the fault thread carries through a burst. One thread.
public struct FaultThreadBurst {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    let unbinds: UnsafeMutablePointer<UnbindWords>
    @usableFromInline let devices: UnsafeMutablePointer<EmulatedDevices>
    /// Whether this thread plays the devices too.
    @usableFromInline let playsDevices: Bool
    @usableFromInline var ring: SPSCRing.Consumer
    @usableFromInline let buffer: UnsafeMutablePointer<PageRequest>
    @usableFromInline let batch: Int
    @usableFromInline var wait: PollWait
    @usableFromInline var reported = 0
    @usableFromInline var completed: UInt64 = 0
    @usableFromInline var discarded = 0
    @usableFromInline var refused = 0
    @usableFromInline var unknownDevice = 0
    @usableFromInline var failedTries = 0
    @usableFromInline var endTicks: UInt64 = 0

    init(
        words: UnsafeMutablePointer<BurstWords>, unbinds: UnsafeMutablePointer<UnbindWords>,
        devices: UnsafeMutablePointer<EmulatedDevices>, playsDevices: Bool,
        ring: SPSCRing.Consumer, buffer: UnsafeMutablePointer<PageRequest>, batch: Int,
        wait: PollWait
    ) {
        self.words = words
        self.unbinds = unbinds
        self.devices = devices
        self.playsDevices = playsDevices
        self.ring = ring
        self.buffer = buffer
        self.batch = batch
        self.wait = wait
    }

    /// Gives the devices their turn; true where nothing more will be sent in this burst. Mutating
    /// because the whole burst would be copied for the call otherwise.
    @usableFromInline @inline(never)
    mutating func devicesAreFinished() -> Bool {
        if playsDevices { return devices.pointee.step() }
        // ORDER pipeline.finished, acquire side. Pairs with the store in playThrough().
        // Keeps: the last request in the ring before the word that says it was the last.
        // If relaxed: the fault thread can find the ring empty and leave the request behind.
        return unbinds.pointee.isFinished.value.load(ordering: .acquiring) != 0
    }

    @inlinable @inline(__always)
    mutating func note(_ outcome: ReportOutcome) {
        if outcome == .queued {
            completed &+= 1
        } else if outcome == .noDevice {
            unknownDevice &+= 1
        } else if outcome == .refused {
            refused &+= 1
        }
    }

    /// Says how many requests have left the ring and been reported.
    @usableFromInline @inline(never)
    mutating func publish(_ count: Int) {
        reported &+= count
        // ORDER pipeline.reported, release side. Pairs with the load in Unbinder.unbind().
        // Keeps: the reports before the count of them.
        // If relaxed: a flush can come before the last report that it is for.
        unbinds.pointee.reported.value.store(UInt64(reported), ordering: .releasing)
    }
}

/// Drains the ring and reports until the devices have finished and nothing is left in it.
@inlinable @inline(never)
public func measuredPipeline<Structure: FaultReporting>(
    _ structure: Structure, _ endpoint: inout Structure.Reporter, _ burst: inout FaultThreadBurst
) {
    let buffer = burst.buffer
    let batch = burst.batch
    while true {
        let isOver = burst.devicesAreFinished()
        let count = burst.ring.dequeue(into: buffer, limit: batch)
        if count == 0 {
            if burst.ring.acknowledgeOverflow() {
                burst.discarded &+= structure.discardPartial()
            } else if isOver {
                break
            }
            burst.failedTries &+= 1
            burst.wait.failed()
            continue
        }
        burst.wait.succeeded()
        var place = 0
        while place < count {
            let outcome = endpoint.report(buffer[place])
            burst.note(outcome)
            place &+= 1
        }
        burst.publish(count)
    }
    burst.endTicks = Ticks.now()
    burst.words.pointee.finishProducer()
}

/// Plays the devices on a thread of their own.
func playThrough(
    _ devices: inout EmulatedDevices, _ words: UnsafeMutablePointer<UnbindWords>, _ wait: PollWait
) {
    var wait = wait
    var before = devices.sent
    while !devices.step() {
        if devices.sent == before { wait.failed() } else { wait.succeeded() }
        before = devices.sent
    }
    // ORDER pipeline.finished, release side. Pairs with the load in devicesAreFinished().
    // Keeps: the last request in the ring before the word that says it was the last.
    // If relaxed: the fault thread can find the ring empty and leave the request behind.
    words.pointee.isFinished.value.store(1, ordering: .releasing)
}

/// What a worker of a pipeline carries through a burst, and what it finds wrong. One thread.
public struct ServingBurst {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    let unbinds: UnsafeMutablePointer<UnbindWords>
    let intended: UnsafeMutablePointer<UInt64>
    @usableFromInline let servicePasses: Int
    @usableFromInline var wait: PollWait
    /// From the intended arrival of a group's last page to its response.
    let samples: LatencySamples?
    @usableFromInline var check = GroupCheck()
    @usableFromInline var groups = 0
    @usableFromInline var failedTries = 0
    /// Groups handled after the flush that they came before.
    var afterFlush = 0
    /// Answers that were not sent because a flush had answered.
    @usableFromInline var late = 0
    @usableFromInline var endTicks: UInt64 = 0

    init(
        words: UnsafeMutablePointer<BurstWords>, unbinds: UnsafeMutablePointer<UnbindWords>,
        intended: UnsafeMutablePointer<UInt64>, servicePasses: Int, wait: PollWait,
        samples: LatencySamples?
    ) {
        self.words = words
        self.unbinds = unbinds
        self.intended = intended
        self.servicePasses = servicePasses
        self.wait = wait
        self.samples = samples
    }

    /// Handles the pages of a group and checks them.
    @usableFromInline @inline(never)
    mutating func handle(_ group: UnsafeMutablePointer<FaultGroup>) {
        let last = group.pointee.last
        checkFlush(last)
        check.pages(of: group, expected: last.privateData1 & 0xFFFF)
        groups &+= 1
        var left = servicePasses
        while left > 0 {
            fq_opaque(UInt64(truncatingIfNeeded: left))
            left &-= 1
        }
        if servicePasses > 0 { checkFlush(last) }
    }

    /// A group carries the number of unbinds of its key that were over when it was sent.
    private mutating func checkFlush(_ last: PageRequest) {
        let key = Int(last.privateData1 >> 16 & 0xFFFF)
        // ORDER pipeline.epoch, acquire side. Pairs with the store in Unbinder.unbind().
        // Keeps: a handler that sees the epoch of a flush that has returned knows it is too late.
        // If relaxed: nothing breaks, but a handler that runs too long is caught later.
        let over = unbinds.pointee.epochs[key].load(ordering: .acquiring)
        if last.privateData1 >> 32 < over { afterFlush &+= 1 }
    }

    @usableFromInline @inline(never)
    mutating func answered(_ tag: UInt64) {
        let now = Ticks.now()
        endTicks = now
        samples?.record(
            from: intended[Int(tag & UInt64(EmulatedDevices.sequences - 1))], to: now)
    }
}

/// Takes, handles and answers groups until the fault thread has finished and nothing is queued.
@inlinable @inline(never)
public func measuredServing<Worker: FaultWorker>(
    _ endpoint: inout Worker, _ burst: inout ServingBurst
) {
    var faultThreadIsDone = false
    while true {
        guard let group = endpoint.take() else {
            burst.failedTries &+= 1
            if faultThreadIsDone { break }
            // Acquiring: the fault thread's last groups are visible to the next try.
            faultThreadIsDone =
                burst.words.pointee.finishedProducers.value.load(ordering: .acquiring) == 1
            burst.wait.failed()
            continue
        }
        burst.wait.succeeded()
        burst.handle(group)
        let tag = group.pointee.last.privateData0
        if endpoint.respond(group, .success) == .answered {
            burst.answered(tag)
        } else {
            burst.late &+= 1
        }
        endpoint.finish()
    }
}
