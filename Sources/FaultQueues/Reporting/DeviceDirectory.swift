import FaultModel

/// Finds a device's place by its requester: direct, for all 65536 requesters.
///
/// A device keeps the place that it was given at its first adding, so an entry is written once.
/// Overlap: any number of readers; `place(for:)` any number of threads.
public struct DeviceDirectory: BitwiseCopyable, @unchecked Sendable {
    /// Place plus one; 0 for a requester never seen.
    @usableFromInline let places: UnsafeMutablePointer<SharedAtomic<UInt16>>
    @usableFromInline let taken: UnsafeMutablePointer<PaddedAtomic<Int>>
    @usableFromInline let capacity: Int

    public init(capacity: Int) {
        self.capacity = capacity
        places = allocateShared(count: 1 << 16) { _ in SharedAtomic<UInt16>(0) }
        taken = allocateShared(initial: PaddedAtomic<Int>(0))
    }

    public func deallocate() {
        freeShared(places, count: 1 << 16)
        freeShared(taken, count: 1)
    }

    /// The device's place, 0 ..< capacity; nil where it was never added.
    @inlinable
    public func find(_ device: RequesterID) -> Int? {
        // ORDER directory.place, acquire side. Pairs with the exchange in place(for:).
        // Keeps: what the adder wrote before it published the place.
        // If relaxed: a place can be found whose contents are not there yet.
        let place = places[Int(device.rawValue)].load(ordering: .acquiring)
        return place == 0 ? nil : Int(place) - 1
    }

    /// The device's place, given now if it has none; nil where all are taken.
    public func place(for device: RequesterID) -> Int? {
        if let place = find(device) { return place }
        let next = taken.pointee.value.wrappingAdd(1, ordering: .relaxed).oldValue  // a number only
        guard next < capacity else { return nil }
        // ORDER directory.place, release side. Pairs with the load in find().
        let (exchanged, now) = places[Int(device.rawValue)].compareExchange(
            expected: 0, desired: UInt16(next + 1),
            successOrdering: .releasing, failureOrdering: .acquiring)
        // Two adders of one device: the loser's number stays unused.
        return exchanged ? next : Int(now) - 1
    }
}
