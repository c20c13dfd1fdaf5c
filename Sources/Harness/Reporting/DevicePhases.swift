import FaultModel
import FaultQueues
import Measurement

/// Whether each device is served, as the one thread that removes and adds them says: by steps of a
/// number, two to a removal and two to an addition.
///
///     number mod 4   0 served   1 being removed   2 removed   3 being added
///
/// Overlap: one thread in `step`, any number in `number`.
public struct DevicePhases: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let numbers: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    private let devices: Int

    init(devices: Int) {
        self.devices = devices
        numbers = allocateShared(count: devices) { _ in PaddedAtomic<UInt64>(0) }
    }

    func deallocate() { freeShared(numbers, count: devices) }

    /// The device's number now. Unchanged over a call: so was the phase.
    @inlinable @inline(__always)
    func number(_ device: Int) -> UInt64 {
        // ORDER device.phase, reporter's side; sequentially consistent. Pairs with the addition in
        // step(_:). Keeps: this load on its side of the report before or after it.
        // If weaker: a device can seem served throughout a report that found it gone.
        numbers[device].value.load(ordering: .sequentiallyConsistent)
    }

    @inlinable @inline(__always)
    func step(_ device: Int) {
        // ORDER device.phase, the churning thread's side; sequentially consistent. Pairs with the
        // load in number(_:). Keeps: the step before the removal or addition that it announces, and
        // behind the one that it says is complete.
        numbers[device].value.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }
}

/// What the thread that removes and adds devices carries through a burst. One thread.
public struct ChurnBurst {
    @usableFromInline let phases: DevicePhases
    @usableFromInline let devices: Int
    @usableFromInline var pace: BystanderPace
    @usableFromInline let removals: LatencySamples
    @usableFromInline let additions: LatencySamples
    /// The device whose turn it is, and whether it is out.
    @usableFromInline var device = 0
    @usableFromInline var isOut = false
    @usableFromInline var done = 0
    /// Removals of a device that was there, and additions of one that was not, that failed.
    @usableFromInline var failures = 0

    /// - Parameter devices: Those that come and go: the first so many of the workload's.
    init(
        phases: DevicePhases, devices: Int, pace: BystanderPace, removals: LatencySamples,
        additions: LatencySamples
    ) {
        self.phases = phases
        self.devices = devices
        self.pace = pace
        self.removals = removals
        self.additions = additions
    }

    @inlinable @inline(__always)
    var requester: RequesterID { RequestPattern.device(device) }

    @inlinable @inline(__always)
    mutating func noteRemoval(_ outcome: RemoveDeviceOutcome) {
        if outcome != .removed { failures &+= 1 }
        isOut = true
        done &+= 1
    }

    @inlinable @inline(__always)
    mutating func noteAddition(_ outcome: AddDeviceOutcome) {
        if outcome != .added { failures &+= 1 }
        isOut = false
        done &+= 1
        device &+= 1
        if device == devices { device = 0 }
    }
}
