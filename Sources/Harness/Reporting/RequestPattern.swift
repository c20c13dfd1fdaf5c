import FaultModel
import FaultQueues

/// The requests that a reporter sends over and over: groups of a size, so many of them assembled at
/// the same time, page by page in turn. A value behind one pointer, read by its reporter alone.
///
/// A request of the pattern has a note for its reporter where its tag will be; the last of a group
/// carries the number of its pages in the low half of the second private word, where the handler
/// finds it.
public struct RequestPattern: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let requests: UnsafeMutablePointer<PageRequest>
    @usableFromInline let count: Int

    /// Groups of one pass: more than the indices that a device would have in use.
    static let groupsPerPass = 512

    /// Where a request stands: the note in the place of its tag.
    ///
    ///     15:0  slot   16  is first   63:32 device
    @usableFromInline
    struct Place {
        @usableFromInline let word: UInt64

        @inlinable
        init(word: UInt64) { self.word = word }

        init(slot: Int, isFirst: Bool, device: Int) {
            word = UInt64(slot) | (isFirst ? 1 << 16 : 0) | UInt64(device) << 32
        }

        /// Which of the groups that are assembled at the same time.
        @inlinable var slot: Int { Int(truncatingIfNeeded: word & 0xFFFF) }
        /// First request of its group.
        @inlinable var isFirst: Bool { word & 1 << 16 != 0 }
        /// Number of its device.
        @inlinable var device: Int { Int(truncatingIfNeeded: word >> 32) }
    }

    /// The note of a request.
    @inlinable @inline(__always)
    func place(_ number: Int) -> Place { Place(word: requests[number].privateData0) }

    /// - Parameters:
    ///   - lane: The reporter's number; keeps its PASIDs apart from the other reporters'.
    init(_ workload: ReportingWorkload, lane: Int) {
        let size = workload.groupSize
        let open = workload.openGroups
        let batches = max(1, Self.groupsPerPass / open)
        var all: [PageRequest] = []
        all.reserveCapacity(batches * open * size)
        for batch in 0..<batches {
            for page in 0..<size {
                for place in 0..<open {
                    let number = batch * open + place
                    let isLast = page == size - 1
                    all.append(
                        PageRequest(
                            requester: Self.device(number % workload.devices),
                            pasid: Self.pasid(
                                lane: lane, number / workload.devices % workload.pasids),
                            index: PRGIndex(number % 512)!, address: 0, permissions: .read,
                            isLast: isLast, responseNeedsPASID: true,
                            privateData0: Place(
                                slot: place, isFirst: page == 0,
                                device: number % workload.devices
                            ).word,
                            privateData1: isLast ? UInt64(size) : 0))
                }
            }
        }
        count = all.count
        requests = allocateShared(zeroed: PageRequest.self, count: count)
        for (place, request) in all.enumerated() { requests[place] = request }
    }

    func deallocate() { freeShared(requests, count: count) }

    /// The requester of a workload's device.
    @inlinable
    static func device(_ number: Int) -> RequesterID {
        RequesterID(UInt16(truncatingIfNeeded: 0x100 &+ number &* 8))
    }

    /// PASIDs of a lane: 8192 apart, from 1.
    static func pasid(lane: Int, _ number: Int) -> PASID { PASID(1 + lane * 8192 + number)! }

    /// The PASID that flushes are for, which no pattern uses.
    @inlinable
    static var flushedPASID: PASID { PASID(flushedPASIDBits).unsafelyUnwrapped }

    @inlinable
    static var flushedPASIDBits: UInt64 { 0xF_0000 }
}
