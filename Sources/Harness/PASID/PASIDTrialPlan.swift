import FaultQueues
import Measurement
import Results

/// A trial of one PASID scheme under one workload, seen from inside the scheme's closures.
///
/// Address space 0 and task 0 are the home that threads share; after them come each thread's own.
public struct PASIDTrialPlan: Sendable {
    let workload: PASIDWorkload
    let settings: TrialSettings

    init(_ workload: PASIDWorkload, _ settings: TrialSettings) {
        self.workload = workload
        self.settings = settings
    }

    /// Two for each process: its own, and the one that exec makes.
    var spacesOfThread: Int { workload.observe == .processes ? 2 * workload.resident : 1 }
    var tasksOfThread: Int {
        workload.observe == .processes ? 2 * workload.resident : workload.tasks + 1
    }

    @usableFromInline
    var configuration: PASIDConfiguration {
        PASIDConfiguration(
            bits: workload.bits, devices: 2, lastDeviceBits: max(2, workload.bits - 1),
            spaces: 1 + workload.threads * spacesOfThread,
            tasks: 1 + workload.threads * tasksOfThread)
    }

    @usableFromInline
    func instance(_ loops: PASIDLoops) -> LifetimeInstance {
        let shared = PASIDShared(bits: workload.bits, threads: workload.threads)
        if workload.isShared && workload.observe != .exitLatency {
            loops.begin(0, 0)
            _ = loops.bind(0)
        }
        return LifetimeInstance(
            makeActor: { actor($0, shared, loops) },
            leftBehind: {
                if workload.isShared && workload.observe != .exitLatency {
                    _ = loops.exit(0)
                    _ = loops.unbind(0)
                }
                let census = loops.census()
                return ActorFindings(violations: [
                    (census.owned, "PASIDs still owned at the end"),
                    (census.entries, "entries at the end"),
                    (census.doubleFrees, "PASIDs freed though they were free"),
                ]).violations
            })
    }

    private func actor(
        _ seat: ActorSeat, _ shared: PASIDShared, _ loops: PASIDLoops
    ) -> TrialActor {
        let own = allocateShared(initial: PASIDWork(self, seat, shared, rule: loops.rule))
        let loop: PASIDLoops.Loop
        switch workload.observe {
        case .binds: loop = loops.binds
        case .taskLives: loop = loops.taskLives
        case .exitLatency: loop = loops.exits
        case .processes: loop = loops.processes
        }
        let hasHome = workload.observe == .binds || workload.observe == .taskLives
        if hasHome && !workload.isShared {
            loops.begin(own.pointee.homeSpace, own.pointee.homeTask)
            if workload.observe == .taskLives { _ = loops.bind(own.pointee.homeSpace) }
        }
        let isStorm = workload.observe == .exitLatency
        // The first storm is made by the first thread for all: the home must be there first.
        if isStorm && (!workload.isShared || seat.lane == 0) { prepareStorm(own.pointee, loops) }
        return TrialActor(
            burst: { loop(&$0, &own.pointee) },
            settle: {
                if isStorm && own.pointee.unbinds { prepareStorm(own.pointee, loops) }
            },
            finish: {
                finish(&own.pointee, loops, hasHome: hasHome)
                let findings = own.pointee.findings(settings.clock)
                own.pointee.deallocate()
                freeShared(own, count: 1)
                return findings
            })
    }

    /// Makes the tasks of the next storm, which all have used the device: those of every thread
    /// where they share the address space.
    private func prepareStorm(_ own: PASIDWork, _ loops: PASIDLoops) {
        let first = workload.isShared ? 0 : own.homeTask
        loops.begin(own.homeSpace, first)
        _ = loops.bind(own.homeSpace)
        _ = loops.firstUse(first)
        let lanes = workload.isShared ? workload.threads : 1
        for lane in 0..<lanes {
            let start = workload.isShared ? 1 + lane * tasksOfThread : own.firstTask
            for number in 0..<workload.tasks where start + number != first {
                loops.clone(start + number, first)
                _ = loops.firstUse(start + number)
            }
        }
        // A parent of none of the threads' tasks has done its part.
        if workload.isShared { _ = loops.exit(first) }
    }

    /// After the last burst: nothing of this thread lives on.
    private func finish(_ own: inout PASIDWork, _ loops: PASIDLoops, hasHome: Bool) {
        if workload.observe == .processes {
            for slot in 0..<workload.resident { loops.endProcess(&own, slot) }
        }
        if hasHome && !workload.isShared {
            _ = loops.exit(own.homeTask)
            if workload.observe == .taskLives { _ = loops.unbind(own.homeSpace) }
        }
        // The storm that was made for a burst which never came.
        if workload.observe == .exitLatency && own.unbinds {
            _ = loops.unbind(own.homeSpace)
            let lanes = workload.isShared ? workload.threads : 1
            for lane in 0..<lanes {
                let start = workload.isShared ? 1 + lane * tasksOfThread : own.firstTask
                for number in 0..<workload.tasks { _ = loops.exit(start + number) }
            }
        }
    }
}

/// What the threads of a trial know together.
final class PASIDShared: @unchecked Sendable {
    let lastUse: UnsafeMutablePointer<SharedAtomic<UInt64>>
    let closedAt: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    private let bits: Int
    private let threads: Int

    init(bits: Int, threads: Int) {
        self.bits = bits
        self.threads = threads
        lastUse = allocateShared(count: 1 << bits) { _ in SharedAtomic<UInt64>(0) }
        closedAt = allocateShared(count: threads) { _ in PaddedAtomic<UInt64>(0) }
    }

    deinit {
        freeShared(lastUse, count: 1 << bits)
        freeShared(closedAt, count: threads)
    }
}

extension PASIDWork {
    func findings(_ clock: ClockCalibration) -> ActorFindings {
        func ns(_ samples: LatencySamples) -> [UInt64] {
            samples.samples.map { clock.nanoseconds(fromTicks: $0) }
        }
        return ActorFindings(
            violations: [
                (otherOwner, "uses that reached another address space"),
                (wrong, "operations that came to what they must not"),
            ],
            counts: [
                "executed": executed, "zombie-faults": deviceFaults, "exhausted": exhausted,
                "failed-binds": failedBinds,
                // The mean is their ratio.
                "references": references, "pasids-asked": sampled,
            ],
            latenciesNs: ["zombie": ns(zombies), "reuse": ns(reuse)])
    }

    func deallocate() {
        reuse.deallocate()
        zombies.deallocate()
        closed.deallocate()
        states.deallocate()
    }
}
