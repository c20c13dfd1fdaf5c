import CPlatform
import FaultModel

/// The device side of responses: where the page-group-response descriptor goes.
///
/// A request says in the top 16 bits of its first private word which lane it came by, and in the
/// rest its number there; its answer is counted under both. So the other side can give a credit
/// back per answer, and can see a group that was answered twice or not at all. In a port with keys
/// the second private word holds the pages of the group in its low 16 bits and, above them in 16
/// more, the number of the key that an unbind is for; answers are counted per lane in pages and per
/// key in groups, and the lanes number their requests together.
///
/// Overlap: any number of threads in `send`; each lane's entries are cleared by its own reporter.
public struct ResponsePort: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let answers: UnsafeMutablePointer<SharedAtomic<UInt32>>
    @usableFromInline let answered: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline let entryMask: UInt64
    /// Passes of an empty loop that a synchronous submit to the hardware takes.
    @usableFromInline let submitPasses: Int
    /// Nil where answers are counted by lane alone.
    @usableFromInline let keyAnswered: UnsafeMutablePointer<SharedAtomic<UInt64>>?
    /// Distance between the entries of two lanes; 0 where they share them.
    @usableFromInline let laneStride: UInt64
    private let lanes: Int
    private let keys: Int

    /// - Parameters:
    ///   - lanes: 1…65536.
    ///   - entries: Numbers that can be told apart in a lane: a power of two, above the most
    ///     requests of a lane, or with keys of all lanes, that are unanswered at the same time.
    ///   - keys: 0 to count groups by lane; 1…65536 to count pages by lane and groups by key.
    public init(lanes: Int, entries: Int, submitPasses: Int = 0, keys: Int = 0) {
        precondition((1...65536).contains(lanes), "a port has 1…65536 lanes")
        precondition(
            entries > 0 && entries & (entries - 1) == 0, "entries are a power of two")
        self.lanes = lanes
        self.submitPasses = submitPasses
        entryMask = UInt64(entries - 1)
        precondition((0...65536).contains(keys), "a port has at most 65536 keys")
        self.keys = keys
        laneStride = keys == 0 ? UInt64(entries) : 0
        keyAnswered =
            keys == 0 ? nil : allocateShared(count: keys) { _ in SharedAtomic<UInt64>(0) }
        answers = allocateShared(count: Self.entryCount(lanes, entries, keys)) { _ in
            SharedAtomic<UInt32>(0)
        }
        answered = allocateShared(count: lanes) { _ in PaddedAtomic<UInt64>(0) }
    }

    /// Frees the memory of all copies.
    public func deallocate() {
        freeShared(answers, count: Self.entryCount(lanes, Int(entryMask) + 1, keys))
        freeShared(answered, count: lanes)
        if let keyAnswered { freeShared(keyAnswered, count: keys) }
    }

    private static func entryCount(_ lanes: Int, _ entries: Int, _ keys: Int) -> Int {
        keys == 0 ? lanes * entries : entries
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
        var amount: UInt64 = 1
        if let keyAnswered {
            amount = last.privateData1 & 0xFFFF
            keyAnswered[Int(truncatingIfNeeded: last.privateData1 >> 16 & 0xFFFF)].wrappingAdd(
                1, ordering: .relaxed)  // read after the flush that sent the answers
        }
        // ORDER port.answered, release side. Pairs with the load in answeredCount(lane:).
        // Keeps: the entry of the answer before the count that announces it.
        // If relaxed: a device can see its credit back and the entry still empty.
        answered[lane].value.wrappingAdd(amount, ordering: .releasing)
    }

    @inlinable
    func entry(_ tag: UInt64) -> Int {
        Int(truncatingIfNeeded: (tag >> 48) &* laneStride &+ (tag & entryMask))
    }

    /// Groups of a key that were answered since the start; exact for the answers that happened
    /// before the call.
    public func answeredCount(key: Int) -> UInt64 {
        keyAnswered?[key].load(ordering: .relaxed) ?? 0  // see above
    }

    /// Answers sent to a lane since the start; with keys, the pages of the groups answered.
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
