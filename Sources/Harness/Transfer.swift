import FaultModel
import FaultQueues
import Measurement
import Placement
import Results
import Synchronization

/// The path between two cores without a protocol: one writes a block of requests into its cache,
/// the other reads it, while the first writes the next. What is left per request is the cost of
/// moving half a cache line, the bound of every ring's throughput.
enum Transfer {
    /// 16 KiB a block: far over the cost of handing it over, and two fit a first-level cache.
    private static let requestsPerBlock = 512
    private static let blocks = 2
    private static let handOvers: UInt64 = 20_000

    /// Nanoseconds per 32-byte request: the median over stretches of 256 blocks.
    static func measure(
        from writer: Int, to reader: Int, topology: Topology, clock: ClockCalibration
    ) throws -> Double {
        let path = Path()
        let reading = try PinnedThread.start(name: "transfer", cpu: reader, on: topology) {
            path.read(clock)
        }
        do {
            try PinnedThread.start(name: "transfer", cpu: writer, on: topology) { path.write() }
                .join()
        } catch {
            path.cancel()
            try? reading.join()
            throw error
        }
        try reading.join()
        return path.nsPerRequest.withLock { $0 }
    }

    private final class Path: @unchecked Sendable {
        /// Blocks written, blocks read; the writer is at most `blocks` ahead.
        private let written = allocateShared(initial: PaddedAtomic<UInt64>(0))
        private let read = allocateShared(initial: PaddedAtomic<UInt64>(0))
        private let cells = allocateShared(
            zeroed: PageRequest.self, count: Transfer.blocks * Transfer.requestsPerBlock)
        let nsPerRequest = Mutex<Double>(0)

        deinit {
            freeShared(written, count: 1)
            freeShared(read, count: 1)
            freeShared(cells, count: Transfer.blocks * Transfer.requestsPerBlock)
        }

        private func block(_ number: UInt64) -> UnsafeMutablePointer<PageRequest> {
            cells + Int(number % UInt64(Transfer.blocks)) * Transfer.requestsPerBlock
        }

        func cancel() { written.pointee.value.store(.max, ordering: .releasing) }

        func write() {
            for number in 0..<Transfer.handOvers {
                var wait = PollWait(isOversubscribed: false)
                while number &- read.pointee.value.load(ordering: .acquiring)
                    >= UInt64(Transfer.blocks)
                {
                    wait.failed()
                }
                let cells = block(number)
                for place in 0..<Transfer.requestsPerBlock {
                    let word = number &+ UInt64(truncatingIfNeeded: place)
                    cells[place] = PageRequest(
                        header: word, address: word, privateData0: word, privateData1: word)
                }
                written.pointee.value.store(number + 1, ordering: .releasing)
            }
        }

        func read(_ clock: ClockCalibration) {
            var stretches: [Double] = []
            var start = Ticks.now()
            var sum: UInt64 = 0
            for number in 0..<Transfer.handOvers {
                var wait = PollWait(isOversubscribed: false)
                while true {
                    let ready = written.pointee.value.load(ordering: .acquiring)
                    if ready == .max { return }
                    if ready > number { break }
                    wait.failed()
                }
                let cells = block(number)
                for place in 0..<Transfer.requestsPerBlock { sum &+= cells[place].privateData1 }
                read.pointee.value.store(number + 1, ordering: .releasing)
                if number % 256 == 255 {
                    let now = Ticks.now()
                    stretches.append(Double(clock.nanoseconds(fromTicks: now &- start)))
                    start = now
                }
            }
            // The sum has to be wanted by somebody, or the reads would not be made.
            let perRequest = 256 * Double(Transfer.requestsPerBlock)
            let median = (Statistics.median(stretches) ?? 0) / perRequest
            nsPerRequest.withLock { $0 = sum == .max ? 0 : median }
        }
    }
}
