import FaultModel

/// Groups that have not been answered: the list `faults` of the fault parameter, newest first.
/// Whoever holds the lock that protects it may call.
///
/// A workqueue has the group's `next` at the same time, so the links here are `previous` and
/// `context`. A group that is in no such list points to itself, as after `list_del_init`.
@usableFromInline
struct PendingGroups: BitwiseCopyable {
    @usableFromInline var first: UnsafeMutablePointer<FaultGroup>?

    @inlinable
    init() {}

    @inlinable @inline(__always)
    static func next(
        after group: UnsafeMutablePointer<FaultGroup>
    ) -> UnsafeMutablePointer<FaultGroup>? {
        group.pointee.context?.assumingMemoryBound(to: FaultGroup.self)
    }

    /// Whether the group is still in its list. With the list's lock held.
    @inlinable @inline(__always)
    static func holds(_ group: UnsafeMutablePointer<FaultGroup>) -> Bool {
        group.pointee.previous != group
    }

    @inlinable @inline(__always)
    mutating func add(_ group: UnsafeMutablePointer<FaultGroup>) {
        group.pointee.previous = nil
        group.pointee.context = first.map { UnsafeMutableRawPointer($0) }
        first?.pointee.previous = group
        first = group
    }

    /// Takes out a group that is in it.
    @inlinable @inline(__always)
    mutating func remove(_ group: UnsafeMutablePointer<FaultGroup>) {
        let next = Self.next(after: group)
        if let previous = group.pointee.previous {
            previous.pointee.context = group.pointee.context
        } else {
            first = next
        }
        next?.pointee.previous = group.pointee.previous
        group.pointee.previous = group
    }

    /// Answers and takes out the groups whose header has `bits` under `mask`: all of them where
    /// both are zero. Their owners free them.
    @inlinable
    mutating func answer(
        matching bits: UInt64, under mask: UInt64, _ code: ResponseCode, through port: ResponsePort
    ) {
        var place = first
        while let group = place {
            place = Self.next(after: group)
            if group.pointee.last.header & mask == bits {
                remove(group)
                port.send(code, to: group.pointee.last)
            }
        }
    }
}
