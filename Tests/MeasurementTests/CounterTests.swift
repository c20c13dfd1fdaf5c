import CPlatform
import Glibc
import Testing

@testable import Measurement

/// Whether jemalloc is what `malloc` calls here; it is not under a sanitizer.
let countsAllocations = AllocationCounters.current() != nil

/// A block that the optimiser must believe is looked at.
private func allocated(_ bytes: Int) -> UnsafeMutableRawPointer? {
    let block = malloc(bytes)
    fq_opaque(UInt64(UInt(bitPattern: block)))
    return block
}

@Suite struct AllocationCountersTests {
    @Test func areThereExactlyWhereNoSanitizerIs() {
        let isSanitized = fq_tsan_enabled() || fq_asan_enabled()
        #expect((AllocationCounters.current() == nil) == isSanitized)
    }

    // Sizes and their classes in jemalloc 5: steps of 16 to 128, then four steps to each doubling.
    @Test(
        .enabled(if: countsAllocations),
        arguments: [(1, 8), (40, 48), (48, 48), (129, 160), (4097, 5120), (100_000, 114_688)])
    func seeASizeClass(size: Int, sizeClass: UInt64) throws {
        let counters = try #require(AllocationCounters.current())
        let allocatedBefore = counters.allocatedBytes
        let deallocatedBefore = counters.deallocatedBytes
        let block = allocated(size)
        let allocatedAfter = counters.allocatedBytes
        let deallocatedBetween = counters.deallocatedBytes
        free(block)
        let deallocatedAfter = counters.deallocatedBytes
        #expect(deallocatedBetween == deallocatedBefore)
        #expect(allocatedAfter - allocatedBefore == sizeClass)
        #expect(deallocatedAfter - deallocatedBefore == sizeClass)
    }

    @Test(.enabled(if: countsAllocations)) func standStillWithoutAllocation() throws {
        let counters = try #require(AllocationCounters.current())
        let allocatedBefore = counters.allocatedBytes
        let deallocatedBefore = counters.deallocatedBytes
        var sum: UInt64 = 0
        var rounds = 0
        // Not over a range: its iterator allocates in a debug build.
        while rounds < 100_000 {
            sum &+= sum ^ Ticks.now()
            fq_opaque(sum)
            rounds += 1
        }
        let allocatedAfter = counters.allocatedBytes
        let deallocatedAfter = counters.deallocatedBytes
        #expect(allocatedAfter == allocatedBefore)
        #expect(deallocatedAfter == deallocatedBefore)
    }

    @Test func theProcessCountsWhatIsAlive() throws {
        guard AllocationCounters.current() != nil else {
            #expect(ProcessMemory.allocatedBytes() == nil)
            return
        }
        let before = try #require(ProcessMemory.allocatedBytes())
        let block = allocated(256 << 20)
        let during = try #require(ProcessMemory.allocatedBytes())
        free(block)
        // Other tests run beside this one, but free no such amount.
        #expect(during >= before + (200 << 20))
    }

    @Test func versionIsThreeNumbers() throws {
        let version = try #require(ProcessMemory.jemallocVersion())
        #expect(version.split(separator: ".").count == 3)
        #expect(version.allSatisfy { $0.isNumber || $0 == "." })
    }
}

@Suite struct ProcessMemoryTests {
    @Test func peakComesFromTheStatusFile() throws {
        let tree = try FakeTree([
            "proc/self/status": "Name:\tx\nVmHWM:\t    1700 kB\nVmRSS:\t 9 kB\n"
        ])
        #expect(ProcessMemory.peakResidentBytes(root: tree.root) == 1_740_800)
        #expect(try #require(ProcessMemory.peakResidentBytes()) > 1 << 20)
    }

    @Test(arguments: ["", "VmHWM:\n", "VmHWM: 12 pages\n", "VmHWM: many kB\n", "VmHWM: -1 kB\n"])
    func aStatusWithoutPeakIsNil(status: String) throws {
        let tree = try FakeTree(["proc/self/status": status])
        #expect(ProcessMemory.peakResidentBytes(root: tree.root) == nil)
    }
}

@Suite struct ThreadCountersTests {
    @Test func waitIsTheSecondNumber() throws {
        let tree = try FakeTree(["proc/thread-self/schedstat": "123456 789 42\n"])
        let probe = ThreadProbe(root: tree.root)
        #expect(probe.counters().runQueueWaitNs == 789)
        // The file stays open and is read anew.
        try tree.write("223456 1789 43\n", to: "proc/thread-self/schedstat")
        let later = probe.counters()
        #expect(later.runQueueWaitNs == 1789)
    }

    @Test(arguments: ["", "\n", "0 0 0\n", "12 x 3\n", "12\n", "1 99999999999999999999 3\n"])
    func withoutStatisticsTheWaitIsNil(content: String) throws {
        let tree = try FakeTree(["proc/thread-self/schedstat": content])
        let probe = ThreadProbe(root: tree.root)
        #expect(probe.counters().runQueueWaitNs == nil)
    }

    @Test func aMissingFileIsNil() throws {
        let tree = try FakeTree()
        let probe = ThreadProbe(root: tree.root)
        #expect(probe.counters().runQueueWaitNs == nil)
    }

    @Test func faultsOfThisThreadAreSeen() {
        let probe = ThreadProbe()
        let before = probe.counters()
        let pages = 64
        let size = pages * 4096
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else {
            Issue.record("mmap failed")
            return
        }
        // Huge pages would answer all of it with one fault.
        madvise(memory, size, 15)
        for page in 0..<pages {
            memory.storeBytes(of: 1, toByteOffset: page * 4096, as: UInt8.self)
        }
        let after = probe.counters()
        munmap(memory, size)
        let change = after - before
        #expect(change.minorFaults + change.majorFaults >= 4)
    }

    @Test func aSleepIsAVoluntarySwitch() {
        let probe = ThreadProbe()
        let before = probe.counters()
        for _ in 0..<3 { usleep(2000) }
        let change = probe.counters() - before
        #expect(change.voluntarySwitches >= 3)
    }

    @Test func differencesNeverWrap() {
        let small = ThreadCounters(
            involuntarySwitches: 1, voluntarySwitches: 2, minorFaults: 3, majorFaults: 4,
            runQueueWaitNs: 5)
        let large = ThreadCounters(
            involuntarySwitches: 11, voluntarySwitches: 22, minorFaults: 33, majorFaults: 44,
            runQueueWaitNs: 55)
        #expect(
            large - small
                == ThreadCounters(
                    involuntarySwitches: 10, voluntarySwitches: 20, minorFaults: 30,
                    majorFaults: 40, runQueueWaitNs: 50))
        #expect(
            small - large
                == ThreadCounters(
                    involuntarySwitches: 0, voluntarySwitches: 0, minorFaults: 0, majorFaults: 0,
                    runQueueWaitNs: 0))
        var blind = small
        blind.runQueueWaitNs = nil
        #expect((large - blind).runQueueWaitNs == nil)
        #expect((blind - large).runQueueWaitNs == nil)
    }

    @Test(.enabled(if: countsAllocations)) func snapshotsAllocateNothing() throws {
        let counters = try #require(AllocationCounters.current())
        let probe = ThreadProbe()
        _ = probe.counters()
        let before = counters.allocatedBytes
        var rounds = 0
        while rounds < 100 {
            fq_opaque(probe.counters().minorFaults)
            rounds += 1
        }
        let after = counters.allocatedBytes
        #expect(after == before)
    }

    @Test func probesCloseTheirFiles() throws {
        let tree = try FakeTree([
            "proc/thread-self/schedstat": "1 2 3\n", "proc/stat": "cpu0 1 2 3 4 5 6 7 8 0 0\n",
        ])
        func openFiles() -> Int {
            SystemFiles(root: "/").names(in: "proc/self/fd").count { name in
                var bytes = [CChar](repeating: 0, count: 4096)
                return readlink("/proc/self/fd/\(name)", &bytes, bytes.count - 1) > 0
                    && SystemFiles.text(ofCString: bytes).hasPrefix(tree.root)
            }
        }
        do {
            let thread = ThreadProbe(root: tree.root)
            let machine = MachineProbe(cpus: [0], root: tree.root)
            #expect(openFiles() == 2)
            #expect(thread.counters().runQueueWaitNs == 2)
            #expect(machine.counters().stealNs.count == 1)
        }
        #expect(openFiles() == 0)
    }
}

@Suite struct MachineCountersTests {
    private static let unitNs = 1_000_000_000 / UInt64(sysconf(Int32(_SC_CLK_TCK)))

    @Test func stealIsTheEighthNumberOfTheCPUsLine() throws {
        let tree = try FakeTree([
            "proc/stat": """
            cpu  90 0 20 140 3 0 3 77 0 0
            cpu0 11 0 8 71 20 0 7 31 5 5
            cpu1 21 0 11 73 3 0 26 46 6 6
            cpu10 1 2 3 4 5 6 7 8 9 10
            intr 155 0 0 99
            cpu2 1 1 1 1 1 1 1 1

            """
        ])
        let probe = MachineProbe(cpus: [1, 10, 2, 5], root: tree.root)
        let before = probe.counters()
        // CPU 2 stands where no CPU can, and CPU 5 nowhere.
        #expect(before.stealNs == [1: 46 * Self.unitNs, 10: 8 * Self.unitNs])
        try tree.write("cpu  1 1 1 1 1 1 1 1\ncpu1 21 0 11 73 3 0 26 49 6 6\n", to: "proc/stat")
        let change = probe.counters() - before
        #expect(change.stealNs == [1: 3 * Self.unitNs])
        #expect(change.totalStealNs == 3 * Self.unitNs)
    }

    @Test(arguments: ["", "cpu0 1 2 3\n", "cpu0 1 2 3 4 5 6 seven 8\n", "cpux 1 2 3 4 5 6 7 8\n"])
    func aLineWithoutStealIsAbsent(content: String) throws {
        let tree = try FakeTree(["proc/stat": content])
        let probe = MachineProbe(cpus: [0], root: tree.root)
        #expect(probe.counters().stealNs.isEmpty)
    }

    @Test func aMissingFileIsEmpty() throws {
        let tree = try FakeTree()
        let probe = MachineProbe(cpus: [0], root: tree.root)
        #expect(probe.counters().stealNs.isEmpty)
    }

    @Test func stolenTimeNeverRunsBackwards() {
        let later = MachineCounters(stealNs: [0: 5, 1: 9, 2: 1])
        let earlier = MachineCounters(stealNs: [0: 7, 1: 4])
        #expect((later - earlier).stealNs == [0: 0, 1: 5])
    }

    @Test func thisMachineHasItsOwnCPU() {
        let cpu = Int(fq_current_cpu())
        guard cpu >= 0 else { return }
        let probe = MachineProbe(cpus: [cpu])
        let counters = probe.counters()
        #expect(counters.stealNs.keys.contains(cpu))
    }
}
