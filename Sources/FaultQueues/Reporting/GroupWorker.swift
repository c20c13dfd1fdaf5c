import FaultModel

/// A worker's end of a `GroupTable`, the same for every structure that has one.
public struct GroupWorker<Pages: NodeAllocator>: FaultWorker where Pages.Node == PageFault {
    @usableFromInline let table: GroupTable
    @usableFromInline var pages: Pages
    @usableFromInline var cursor: HandOffLanes.Cursor
    /// The slot taken last and not finished, or −1.
    @usableFromInline var running = -1

    @inlinable
    init(table: GroupTable, pages: Pages) {
        self.table = table
        self.pages = pages
        cursor = table.queue.makeWorkerCursor()
    }

    @inlinable @inline(never)
    public mutating func take() -> UnsafeMutablePointer<FaultGroup>? {
        guard let slot = table.take(&cursor) else { return nil }
        running = slot
        return table.group(slot)
    }

    @inlinable @inline(never)
    public mutating func respond(
        _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
    ) -> RespondOutcome {
        table.respond(table.slot(of: group), code, running: running, &pages)
    }

    @inlinable @inline(never)
    public mutating func finish() {
        table.finish(running)
        running = -1
    }
}
