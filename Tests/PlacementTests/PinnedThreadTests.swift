import Glibc
import Placement
import Testing

/// What the process may use, asked once; tests never bind the threads that run them.
private let here = Result { try Topology(source: .thisMachine) }
private let hasTwoCPUs = ((try? here.get().shape.allowedCPUs.count) ?? 0) >= 2
private let needsTwoCPUs: Comment = "a thread can only be moved where two CPUs are allowed"

@Suite struct PinnedThreadTests {
    @Test func everyAllowedCPUFromTheFirstInstruction() throws {
        let topology = try here.get()
        for cpu in topology.shape.allowedCPUs {
            let before = try PinnedThread.callingThreadPlace().boundTo
            let first = Slot<ThreadPlace>()
            let thread = try PinnedThread.start(name: "first", cpu: cpu, on: topology) {
                if let place = try? PinnedThread.callingThreadPlace() { first.set(place) }
            }
            #expect(try PinnedThread.callingThreadPlace().boundTo == before)
            try thread.join()
            #expect(first.value == ThreadPlace(boundTo: [cpu], runningOn: cpu))
            #expect(thread.cpu == cpu && thread.name == "first")
        }
    }

    @Test(.enabled(if: hasTwoCPUs, needsTwoCPUs))
    func aThreadThatLeavesIsNoticed() throws {
        let topology = try here.get()
        let cpus = topology.shape.allowedCPUs
        let thread = try PinnedThread.start(name: "leaver", cpu: cpus[0], on: topology) {
            rebindCallingThread(to: [cpus[1]])
        }
        let moved = PlacementError.moved(
            thread: "leaver", expected: cpus[0],
            found: ThreadPlace(boundTo: [cpus[1]], runningOn: cpus[1]))
        #expect(throws: moved) { try thread.join() }
        #expect(throws: moved, "every join gets the same outcome") { try thread.join() }
    }

    @Test(.enabled(if: hasTwoCPUs, needsTwoCPUs))
    func aWidenedMaskIsNoticed() throws {
        let topology = try here.get()
        let cpus = Array(topology.shape.allowedCPUs.prefix(2))
        let thread = try PinnedThread.start(name: "widened", cpu: cpus[0], on: topology) {
            rebindCallingThread(to: cpus)
        }
        #expect {
            try thread.join()
        } throws: { error in
            guard case .moved("widened", cpus[0], let found)? = error as? PlacementError else {
                return false
            }
            return found.boundTo == cpus && cpus.contains(found.runningOn)
        }
    }

    @Test func aPlaceIsExactInBothHalves() {
        #expect(ThreadPlace(boundTo: [3], runningOn: 3).isExactly(3))
        #expect(!ThreadPlace(boundTo: [3], runningOn: 2).isExactly(3))
        #expect(!ThreadPlace(boundTo: [2, 3], runningOn: 3).isExactly(3))
        #expect(!ThreadPlace(boundTo: [2], runningOn: 2).isExactly(3))
        #expect(!ThreadPlace(boundTo: [], runningOn: -1).isExactly(3))
    }

    /// A bound thread is a process with one CPU, on any machine.
    @Test func aBoundThreadSeesOneAllowedCPU() throws {
        let topology = try here.get()
        let cpu = topology.shape.allowedCPUs[topology.shape.allowedCPUs.count - 1]
        let seen = Slot<MachineShape>()
        let thread = try PinnedThread.start(name: "inner", cpu: cpu, on: topology) {
            if let shape = try? Topology(source: .thisMachine).shape { seen.set(shape) }
        }
        try thread.join()
        let shape = try #require(seen.value)
        #expect(shape == topology.shape.restricted(to: [cpu]))
        #expect(shape.placements(threads: 2).map(\.name) == [.oversubscribed])
    }

    @Test func foreignTopologiesAreRefused() throws {
        let synthetic = try Topology(source: .synthetic("core:1 pu:1"))
        #expect(
            throws: PlacementError.foreignTopology(
                source: "synthetic topology \"core:1 pu:1\"")
        ) {
            try PinnedThread.start(name: "foreign", cpu: 0, on: synthetic) {}
        }
        try withFile(hybridXML) { path in
            let file = try Topology(source: .xml(path))
            #expect(
                throws: PlacementError.foreignTopology(source: "topology file \(path)")
            ) {
                try PinnedThread.start(name: "foreign", cpu: 0, on: file) {}
            }
        }
        let replaced = Topology(
            source: .thisMachine, shape: synthetic.shape, isThisSystem: false)
        #expect(
            throws: PlacementError.foreignTopology(
                source: "the topology that hwloc's environment variables name")
        ) {
            try PinnedThread.start(name: "foreign", cpu: 0, on: replaced) {}
        }
    }

    @Test func cpusThatAreNotOursAreRefused() throws {
        let topology = try here.get()
        let allowed = topology.shape.allowedCPUs
        #expect {
            try PinnedThread.start(name: "beyond", cpu: 1 << 20, on: topology) {}
        } throws: { error in
            guard case .cpuNotOnMachine(1 << 20, _)? = error as? PlacementError else {
                return false
            }
            return true
        }
        if allowed.count > 1 {
            let fewer = topology.restricted(to: [allowed[0]])
            #expect(throws: PlacementError.cpuNotAllowed(cpu: allowed[1], allowed: [allowed[0]])) {
                try PinnedThread.start(name: "taken", cpu: allowed[1], on: fewer) {}
            }
        }
    }

    /// The system has the last word: a CPU that only the shape claims gives no thread at all.
    @Test func aFailedBindingIsAnErrorAndRunsNothing() throws {
        let unit = ProcessingUnit(cpu: 8000, core: 0, l3Group: 0, numaNode: 0, package: 0)
        let claimed = Topology(
            source: .thisMachine, shape: MachineShape(pus: [unit]), isThisSystem: true)
        let ran = Slot<Bool>()
        #expect(
            throws: PlacementError.thread(
                name: "nowhere", cpu: 8000, call: "pthread_create", errno: EINVAL)
        ) {
            try PinnedThread.start(name: "nowhere", cpu: 8000, on: claimed) { ran.set(true) }
        }
        #expect(ran.value == nil)
    }

    @Test func realTimeIsRefusedOnTheOnlyCPU() throws {
        let topology = try here.get()
        let cpu = topology.shape.allowedCPUs[0]
        #expect(throws: PlacementError.realTimeOnOnlyCPU(cpu: cpu)) {
            try PinnedThread.start(
                name: "fifo", cpu: cpu, on: topology.restricted(to: [cpu]),
                policy: .fifo(priority: 1)
            ) {}
        }
    }

    @Test(.enabled(if: hasTwoCPUs, "real time is refused on the only CPU"))
    func realTimeIsGrantedOrNamedAsForbidden() throws {
        let topology = try here.get()
        let scheduler = Slot<Int32>()
        do throws(PlacementError) {
            let thread = try PinnedThread.start(
                name: "fifo", cpu: topology.shape.allowedCPUs[0], on: topology,
                policy: .fifo(priority: 1)
            ) { scheduler.set(sched_getscheduler(0)) }
            try thread.join()
            #expect(scheduler.value == SCHED_FIFO)
        } catch {
            guard case .thread("fifo", _, "pthread_create", EPERM) = error else { throw error }
        }
    }

    @Test func theSystemShowsTheName() throws {
        let topology = try here.get()
        let shown = Slot<String>()
        let thread = try PinnedThread.start(
            name: "a-name-longer-than-fifteen", cpu: topology.shape.allowedCPUs[0], on: topology
        ) {
            var buffer = [UInt8](repeating: 0, count: 64)
            let descriptor = open("/proc/thread-self/comm", O_RDONLY)
            let count = read(descriptor, &buffer, buffer.count)
            close(descriptor)
            shown.set(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self))
        }
        try thread.join()
        #expect(shown.value == "a-name-longer-t\n")
    }

    @Test func aThreadThatNobodyJoinsStillRuns() throws {
        let topology = try here.get()
        let cpu = topology.shape.allowedCPUs[0]
        let ran = Slot<Bool>()
        _ = try PinnedThread.start(name: "alone", cpu: cpu, on: topology) { ran.set(true) }
        while ran.value == nil { sched_yield() }
    }
}
