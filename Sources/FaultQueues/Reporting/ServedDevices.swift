import FaultModel

/// Which devices are served, by their places, as a trivially copyable handle.
///
/// A report claims its slot first and asks after; a removal ends the service first and looks at the
/// slots after. So of a report and a removal that overlap, at least one sees the other.
///
/// Overlap: any number of threads in `isServed`; adding and removing one device do not overlap, by
/// the caller's duty.
@usableFromInline
struct ServedDevices: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let directory: DeviceDirectory
    /// One where the device is served. Written by addDevice and removeDevice, read by reports.
    @usableFromInline let served: UnsafeMutablePointer<PaddedAtomic<Int>>
    @usableFromInline let count: Int

    @usableFromInline
    init(count: Int) {
        self.count = count
        directory = DeviceDirectory(capacity: count)
        served = allocateShared(count: count) { _ in PaddedAtomic<Int>(0) }
    }

    @usableFromInline
    func deallocate() {
        directory.deallocate()
        freeShared(served, count: count)
    }

    @inlinable @inline(__always)
    func isServed(_ place: Int) -> Bool {
        // ORDER device.served, reporter's side; sequentially consistent with the claim before it.
        // Pairs with the exchange in remove(_:). Keeps: this load behind the claim.
        // If weaker: the load can go ahead of the claim, and a removal see neither.
        served[place].value.load(ordering: .sequentiallyConsistent) != 0
    }

    @usableFromInline
    func add(_ device: RequesterID) -> AddDeviceOutcome {
        guard let place = directory.place(for: device) else { return .noRoom }
        // Relaxed: adds and removals of a device are ordered by the caller; reports need no more
        // than the number.
        return served[place].value.exchange(1, ordering: .relaxed) == 0 ? .added : .busy
    }

    /// The device's place if it was served; it is not from now on.
    @usableFromInline
    func remove(_ device: RequesterID) -> Int? {
        guard let place = directory.find(device) else { return nil }
        // ORDER device.served, removal's side; sequentially consistent with the loads of the
        // bitmap and of slots' words that follow. Pairs with isServed(_:).
        // Keeps: the end of the service ahead of those loads.
        let was = served[place].value.exchange(0, ordering: .sequentiallyConsistent)
        return was == 0 ? nil : place
    }
}
