import FaultModel

/// A linked list of page requests: a device's partial list or its pending list. Some lock protects
/// it; which one is in the scheme's file.
///
/// F1. `last` is the node without a `next`; nil exactly where `first` is nil.
/// F2. A node is in one list at most, and whoever takes it out owns it.
@usableFromInline
struct FaultList: BitwiseCopyable {
    @usableFromInline typealias Node = UnsafeMutablePointer<PageFault>

    @usableFromInline var first: Node?
    @usableFromInline var last: Node?

    @inlinable
    init() {}

    /// `list_add`: at the front.
    @inlinable @inline(__always)
    mutating func prepend(_ node: Node) {
        node.pointee.next = first
        if first == nil { last = node }
        first = node
    }

    /// `list_add_tail`: at the end.
    @inlinable @inline(__always)
    mutating func append(_ node: Node) {
        node.pointee.next = nil
        if let last {
            last.pointee.next = node
        } else {
            first = node
        }
        last = node
    }

    /// Takes out every request that matches and hands it to `body`; walks the whole list.
    @inlinable @inline(__always)
    mutating func removeAll(_ pattern: RequestPattern, _ body: (Node) -> Void) {
        var previous: Node?
        var place = first
        while let node = place {
            place = node.pointee.next
            if pattern.matches(node.pointee.request) {
                unlink(node, after: previous)
                body(node)
            } else {
                previous = node
            }
        }
    }

    /// Searches for a node among the requests that match, and takes it out.
    ///
    /// - Returns: False where it is not in the list. The search compares addresses only to tell
    ///   the node from a later one with the same PASID and index.
    @inlinable
    mutating func remove(_ wanted: Node, _ pattern: RequestPattern) -> Bool {
        var previous: Node?
        var place = first
        while let node = place {
            if pattern.matches(node.pointee.request), node == wanted {
                unlink(node, after: previous)
                return true
            }
            previous = node
            place = node.pointee.next
        }
        return false
    }

    @inlinable @inline(__always)
    mutating func unlink(_ node: Node, after previous: Node?) {
        if let previous {
            previous.pointee.next = node.pointee.next
        } else {
            first = node.pointee.next
        }
        if node.pointee.next == nil { last = previous }
    }

    /// Nodes, counted.
    var count: Int {
        var count = 0
        var place = first
        while let node = place {
            count += 1
            place = node.pointee.next
        }
        return count
    }

    func contains(_ wanted: Node) -> Bool {
        var place = first
        while let node = place {
            if node == wanted { return true }
            place = node.pointee.next
        }
        return false
    }
}
