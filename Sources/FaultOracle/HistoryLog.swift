/// Where one thread writes what it did: memory of a fixed size, no lock, nothing shared. Adding an
/// event is four stores and a comparison.
///
/// One thread appends; `events` is read when that thread has ended or stands still for good.
public struct HistoryLog: @unchecked Sendable {
    @usableFromInline let storage: UnsafeMutablePointer<HistoryEvent>
    @usableFromInline let header: UnsafeMutablePointer<Header>
    public let capacity: Int

    @usableFromInline
    struct Header: BitwiseCopyable {
        @usableFromInline var count = 0
        @usableFromInline var dropped = 0
    }

    /// - Parameter capacity: Events that fit; more are counted and dropped.
    public init(capacity: Int) {
        self.capacity = capacity
        storage = .allocate(capacity: capacity)
        header = .allocate(capacity: 1)
        header.initialize(to: Header())
    }

    public func deallocate() {
        storage.deallocate()
        header.deallocate()
    }

    @inlinable @inline(__always)
    public func append(_ event: HistoryEvent) {
        let count = header.pointee.count
        guard count < capacity else {
            header.pointee.dropped &+= 1
            return
        }
        (storage + count).initialize(to: event)
        header.pointee.count = count &+ 1
    }

    /// Forgets everything.
    public func clear() { header.pointee = Header() }

    public var events: UnsafeBufferPointer<HistoryEvent> {
        UnsafeBufferPointer(start: storage, count: header.pointee.count)
    }

    /// Events that still fit.
    public var room: Int { capacity - header.pointee.count }

    /// Events that did not fit. A history with some proves nothing.
    public var dropped: Int { header.pointee.dropped }
}
