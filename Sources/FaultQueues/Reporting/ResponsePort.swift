import CPlatform
import FaultModel

/// The device side of responses: where the page-group-response descriptor goes.
///
/// A request says in the top 16 bits of its first private word which lane it came by, and in the
/// rest its number there; its answer is counted under both. So the other side can give a credit
/// back per answer, and can see a group that was answered twice or not at all.
///
/// Overlap: any number of threads in `send`; each lane's entries are cleared by its own reporter.
public struct ResponsePort: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let answers: UnsafeMutablePointer<SharedAtomic<UInt32>>
    @usableFromInline let answered: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline let entryMask: UInt64
    @usableFromInline let entryShift: UInt64
    /// Passes of an empty loop that a synchronous submit to the hardware takes.
    @usableFromInline let submitPasses: Int
    private let lanes: Int

    /// - Parameters:
    ///   - lanes: 1…65536.
    ///   - entries: Numbers that can be told apart in a lane: a power of two, above the most
    ///     requests of a lane that are unanswered at the same time.
    public init(lanes: Int, entries: Int, submitPasses: Int = 0) {
        precondition((1...65536).contains(lanes), "a port has 1…65536 lanes")
        precondition(
            entries > 0 && entries & (entries - 1) == 0, "entries are a power of two")
        self.lanes = lanes
        self.submitPasses = submitPasses
        entryMask = UInt64(entries - 1)
        entryShift = UInt64(entries.trailingZeroBitCount)
        answers = allocateShared(count: lanes * entries) { _ in SharedAtomic<UInt32>(0) }
        answered = allocateShared(count: lanes) { _ in PaddedAtomic<UInt64>(0) }
    }

    /// Frees the memory of all copies.
    public func deallocate() {
        freeShared(answers, count: lanes << Int(entryShift))
        freeShared(answered, count: lanes)
    }

    /// Sends the answer to the group that ends with `last`. Returns when the hardware has it.
    @inlinable
    public func send(_ code: ResponseCode, to last: PageRequest) {
        var left = submitPasses
        while left > 0 {
            fq_opaque(UInt64(truncatingIfNeeded: left))
            left &-= 1
        }
        let lane = Int(truncatingIfNeeded: last.privateData0 >> 48)
        answers[entry(last.privateData0)].wrappingAdd(
            1 | UInt32(code.rawValue) << 16, ordering: .relaxed)  // read after the count below
        // ORDER port.answered, release side. Pairs with the load in answeredCount(lane:).
        // Keeps: the entry of the answer before the count that announces it.
        // If relaxed: a device can see its credit back and the entry still empty.
        answered[lane].value.wrappingAdd(1, ordering: .releasing)
    }

    @inlinable
    func entry(_ tag: UInt64) -> Int {
        Int(truncatingIfNeeded: (tag >> 48) << entryShift | tag & entryMask)
    }

    /// Answers sent to a lane since the start.
    @inlinable
    public func answeredCount(lane: Int) -> UInt64 {
        // ORDER port.answered, acquire side. Pairs with the add in send().
        // Keeps: the entries of the answers counted.
        // If relaxed: an entry can still look empty.
        answered[lane].value.load(ordering: .acquiring)
    }

    /// How often the request with this tag was answered, 0…65535, and the sum of the codes' raw
    /// values; clears both for the next request with the same entry.
    @inlinable
    public func takeAnswers(tag: UInt64) -> (count: Int, codes: Int) {
        let word = answers[entry(tag)].exchange(0, ordering: .relaxed)  // after answeredCount()
        return (Int(word & 0xFFFF), Int(word >> 16))
    }
}
