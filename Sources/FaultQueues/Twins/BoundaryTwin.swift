import FaultModel

/// What is wrong at the boundary of a scheme that is sound inside.
public enum BoundaryFault: Sendable {
    /// All drains share one completion, which each of them re-initialises.
    case sharedCompletion
    /// Reading a group fails half-way: the group goes back to the head of the list and is read
    /// again, and so delivered twice.
    case readRepeats
    /// Reading a group fails after it was unlinked: nobody has it any more.
    case readLoses
    /// A flush settles every PASID of the device.
    case flushTakesAll
    /// Every answer is sent twice.
    case answersTwice
}

/// A boundary fault as a type.
public protocol BoundaryTwinFault: Sendable {
    static var fault: BoundaryFault { get }
    static var name: String { get }
}

/// A sound scheme with a fault around it.
public final class BoundaryTwin<Fault: BoundaryTwinFault>: FaultReporting {
    public typealias Base = RCURefcountReporting<CheckedLock, CheckedNodes>

    public static var structure: String { Fault.name }
    public static var lockKind: LockKind? { Base.lockKind }
    public static var nodeMemory: NodeMemory { Base.nodeMemory }
    public static var provenance: Provenance { Base.provenance }

    private let base: Base
    private let port: ResponsePort
    /// Groups queued and not finished, and the shared completion: 1 where it is complete.
    private let unfinished = SharedAtomic<Int>(0)
    private let completion = SharedAtomic<Int>(0)
    private let taken = SharedAtomic<Int>(0)

    public init(_ configuration: ReportingConfiguration) {
        base = Base(configuration)
        port = configuration.port
    }

    public func makeReporter() -> Reporter {
        Reporter(twin: Unmanaged.passUnretained(self), base: base.makeReporter())
    }
    public func makeWorker() -> Worker {
        Worker(twin: Unmanaged.passUnretained(self), base: base.makeWorker())
    }
    public func retire(_ reporter: Reporter) { base.retire(reporter.base) }
    public func retire(_ worker: Worker) { base.retire(worker.base) }
    public func census() -> ReportingCensus { base.census() }
    public func addDevice(_ device: RequesterID) -> AddDeviceOutcome { base.addDevice(device) }
    public func removeDevice(_ device: RequesterID) -> RemoveDeviceOutcome {
        base.removeDevice(device)
    }
    public func discardPartial() -> Int { base.discardPartial() }

    public func flush(_ device: RequesterID, _ pasid: PASID?) {
        switch Fault.fault {
        case .sharedCompletion: waitForCompletion()
        case .flushTakesAll:
            for number in 0...8 where PASID(number) != pasid { base.flush(device, PASID(number)) }
        default: break
        }
        base.flush(device, pasid)
    }

    /// One wake-up for however many wait.
    private func waitForCompletion() {
        // NO ORDER: the base's own drain follows. The fault is the wake-up that another takes.
        completion.store(0, ordering: .relaxed)
        guard unfinished.load(ordering: .relaxed) > 0 else { return }
        Disturbance.gap()
        var wait = SpinWait()
        while completion.exchange(0, ordering: .relaxed) == 0 { wait.wait() }
    }

    private func finished() {
        if unfinished.wrappingSubtract(1, ordering: .relaxed).newValue == 0 {  // as above
            completion.store(1, ordering: .relaxed)  // as above
        }
    }

    /// A fault thread's end.
    public struct Reporter: FaultReporter {
        let twin: Unmanaged<BoundaryTwin>
        var base: Base.Reporter

        public mutating func report(_ request: PageRequest) -> ReportOutcome {
            let twin = twin._withUnsafeGuaranteedRef { $0 }
            if request.isLast { twin.unfinished.wrappingAdd(1, ordering: .relaxed) }  // a count
            let outcome = base.report(request)
            if request.isLast && outcome != .queued { twin.finished() }
            return outcome
        }
    }

    /// A worker's end.
    public struct Worker: FaultWorker {
        let twin: Unmanaged<BoundaryTwin>
        var base: Base.Worker
        /// The group that is read once more.
        var repeated: UnsafeMutablePointer<FaultGroup>?

        init(twin: Unmanaged<BoundaryTwin>, base: Base.Worker) {
            self.twin = twin
            self.base = base
        }

        public mutating func take() -> UnsafeMutablePointer<FaultGroup>? {
            if let group = repeated {
                repeated = nil
                return group
            }
            guard let group = base.take() else { return nil }
            let twin = twin._withUnsafeGuaranteedRef { $0 }
            // The copy fails for one group in a few.
            let copy = twin.taken.wrappingAdd(1, ordering: .relaxed).newValue  // a count
            guard copy % 7 == 3 else { return group }
            if Fault.fault == .readRepeats { repeated = group }
            guard Fault.fault == .readLoses else { return group }
            base.finish()
            twin.finished()
            return nil
        }

        public mutating func respond(
            _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
        ) -> RespondOutcome {
            let last = group.pointee.last
            let outcome = base.respond(group, code)
            if Fault.fault == .answersTwice && outcome == .answered {
                twin._withUnsafeGuaranteedRef { $0.port.send(code, to: last) }
            }
            return outcome
        }

        public mutating func finish() {
            base.finish()
            twin._withUnsafeGuaranteedRef { $0.finished() }
        }
    }
}
