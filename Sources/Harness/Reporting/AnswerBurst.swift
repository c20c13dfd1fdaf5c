import FaultModel
import FaultQueues
import Measurement

/// What a thread that answers late carries through a burst: a worker that holds its own groups, or
/// a responder that the workers hand them to. One thread.
public struct AnswerBurst {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    @usableFromInline var held: HeldGroups
    /// A responder's: those of worker 0, worker 1, …, `stride` apart.
    @usableFromInline let sources: UnsafeMutablePointer<GroupHandOver>?
    @usableFromInline let stride: Int
    /// Workers that hand over; 0 for a worker that holds its own groups.
    @usableFromInline let workers: Int
    @usableFromInline var wait: PollWait
    @usableFromInline let silent: TagShare
    @usableFromInline let delayTicks: UInt64
    @usableFromInline let timeoutTicks: UInt64
    /// From the take of each group to its answer.
    @usableFromInline let samples: LatencySamples
    @usableFromInline var mustAnswer = false
    /// Above every number that was answered.
    @usableFromInline var horizon: UInt64 = 0
    @usableFromInline var answered = 0
    /// Answered after one that was taken later.
    @usableFromInline var disordered = 0
    /// Answered `.failure` when their time was up.
    @usableFromInline var timeouts = 0
    /// Answers that were not sent because a flush or a removal had sent one.
    @usableFromInline var late = 0
    @usableFromInline var failedTries = 0

    init(
        words: UnsafeMutablePointer<BurstWords>, held: HeldGroups,
        sources: UnsafeMutablePointer<GroupHandOver>?, stride: Int, workers: Int, wait: PollWait,
        silent: TagShare, delayTicks: UInt64, timeoutTicks: UInt64, samples: LatencySamples
    ) {
        self.words = words
        self.held = held
        self.sources = sources
        self.stride = stride
        self.workers = workers
        self.wait = wait
        self.silent = silent
        self.delayTicks = delayTicks
        self.timeoutTicks = timeoutTicks
        self.samples = samples
    }

    /// Keeps a group that was just handled.
    @inlinable @inline(__always)
    mutating func hold(_ held: HeldGroup, now: UInt64) {
        var held = held
        let isSilent = silent.contains(held.group.pointee.last.privateData0)
        held.dueTicks = now &+ (isSilent ? timeoutTicks : delayTicks)
        if isSilent { held.code = .failure }
        self.held.hold(held, isSilent: isSilent)
    }

    /// Takes over what the workers have handed over, as much as there is room for; whether there
    /// was any.
    @inlinable @inline(__always)
    mutating func receive(now: UInt64) -> Bool {
        guard let sources else { return false }
        let before = held.next
        var worker = 0
        while worker < workers {
            while !held.isFull, let group = sources[worker &* stride].pop() {
                hold(group, now: now)
            }
            worker &+= 1
        }
        return held.next != before
    }

    /// Whether every worker has handed over its last group.
    @inlinable @inline(__always)
    var workersAreDone: Bool {
        // Acquiring: what they handed over is visible to the next try.
        words.pointee.finishedWorkers.value.load(ordering: .acquiring) == workers
    }

    /// Takes note of an answer.
    @inlinable @inline(__always)
    mutating func note(_ outcome: RespondOutcome, _ group: HeldGroup) {
        let now = Ticks.now()
        samples.record(from: group.takenTicks, to: now)
        answered &+= 1
        if group.number < horizon { disordered &+= 1 } else { horizon = group.number &+ 1 }
        if outcome != .answered {
            late &+= 1
        } else if group.code == .failure {
            timeouts &+= 1
        }
    }
}
