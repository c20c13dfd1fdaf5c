import FaultModel
import FaultOracle
import FaultQueues

/// What the threads of a pair's pipeline tell each other.
final class PairBoard: @unchecked Sendable {
    /// Between one caller and the devices.
    struct Slot: ~Copyable {
        /// The address space that the devices shall work for, as a key's word; 0 for none. Written
        /// by the caller.
        let target = PaddedAtomic<UInt64>(0)
        /// The target that the devices have seen. Written by the devices.
        let seen = PaddedAtomic<UInt64>(0)
        /// Requests of all slots that had been sent when the devices saw that they shall stop.
        let sentAtStop = PaddedAtomic<UInt64>(0)
        /// Requests of this slot, ever: the load that a caller waits for.
        let sent = PaddedAtomic<UInt64>(0)
    }

    let slots: UnsafeMutablePointer<Slot>
    /// Requests that the fault thread has reported, ever.
    let reported = SharedAtomic<UInt64>(0)
    let callersLeft: ThreadsLeft
    let devicesLeft = ThreadsLeft(1)
    let reporterLeft = ThreadsLeft(1)
    let callers: Int
    /// By PASID: the word of the address space that it is given to; 0 for none.
    private let owners: UnsafeMutablePointer<SharedAtomic<UInt64>>
    private let pasids: Int

    init(callers: Int, pasids: Int) {
        self.callers = callers
        self.pasids = pasids
        callersLeft = ThreadsLeft(callers)
        slots = allocateShared(count: callers) { _ in Slot() }
        owners = allocateShared(count: pasids + 1) { _ in SharedAtomic<UInt64>(0) }
    }

    deinit {
        freeShared(slots, count: callers)
        freeShared(owners, count: pasids + 1)
    }

    // The owner's word is written by whoever has the PASID and read by handlers; that a handler of
    // the old owner has ended before the new one is written is what is checked, so nothing here
    // orders it.

    func owner(_ pasid: PASID) -> UInt64 {
        owners[Int(pasid.rawValue)].load(ordering: .relaxed)
    }

    /// The owner before.
    func give(_ pasid: PASID, to word: UInt64) -> UInt64 {
        owners[Int(pasid.rawValue)].exchange(word, ordering: .relaxed)
    }
}

/// What a broken order of an address space's end does wrong.
public enum PairMistake: Sendable {
    /// The PASID is free before its devices have stopped and its faults are drained.
    case reusesBeforeDrain
    /// The flush does not wait for what is in the ring.
    case flushesBeforeDrain
    /// The flush comes before the devices have stopped.
    case flushesBeforeStop
    /// No flush at all.
    case skipsFlush
}
