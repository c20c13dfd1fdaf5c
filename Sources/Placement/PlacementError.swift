import CPlatform

/// Where a thread was found: what it was bound to, and where it ran.
public struct ThreadPlace: Equatable, Sendable {
    /// CPUs of its affinity mask, ascending.
    public let boundTo: [Int]
    /// CPU that it ran on when asked; -1 where the system does not say.
    public let runningOn: Int

    public init(boundTo: [Int], runningOn: Int) {
        self.boundTo = boundTo
        self.runningOn = runningOn
    }

    /// Whether this is what a thread pinned to `cpu` must show: bound to it alone, and on it.
    public func isExactly(_ cpu: Int) -> Bool { boundTo == [cpu] && runningOn == cpu }
}

/// What can go wrong between a wish for CPUs and threads that run on them.
///
/// Each description is one line that names what was given and what was expected. `errno` values
/// keep their own name.
public enum PlacementError: Error, Equatable, Sendable, CustomStringConvertible {
    /// hwloc refused: the call that failed, its `errno`, and what it was asked to read.
    case topology(call: String, errno: Int32, source: String)
    /// hwloc's allowed CPUs and the calling thread's mask have nothing in common.
    case noAllowedCPU(topology: [Int], mask: [Int])
    /// The CPU exists, but this process may not use it.
    case cpuNotAllowed(cpu: Int, allowed: [Int])
    /// There is no such CPU, or it is offline.
    case cpuNotOnMachine(cpu: Int, machine: [Int])
    /// A list names a CPU twice; two threads on one CPU must be asked for as oversubscription.
    case duplicateCPU(cpu: Int, list: String)
    /// A list is not written as CPU numbers and ranges. `item` counts from 1.
    case badCPUList(list: String, item: Int, found: String)
    /// Threads cannot be bound on a topology that is not the one they run on.
    case foreignTopology(source: String)
    /// A thread could not be started on its CPU: the call that failed and its `errno`.
    case thread(name: String, cpu: Int, call: String, errno: Int32)
    /// Real-time scheduling was asked for where it would leave nothing to everyone else.
    case realTimeOnOnlyCPU(cpu: Int)
    /// At its end, a thread was not bound to its CPU alone or did not run there.
    case moved(thread: String, expected: Int, found: ThreadPlace)

    public var description: String {
        switch self {
        case .topology(let call, let errno, let source):
            return "\(source): \(call) failed with \(Self.name(of: errno))"
        case .noAllowedCPU(let topology, let mask):
            return
                "no CPU may be used: the topology allows \(CPUList.text(topology)), the thread's "
                + "affinity mask \(CPUList.text(mask))"
        case .cpuNotAllowed(let cpu, let allowed):
            return "CPU \(cpu) is not allowed for this process: expected one of "
                + CPUList.text(allowed)
        case .cpuNotOnMachine(let cpu, let machine):
            return "CPU \(cpu) is not on this machine or is offline: expected one of "
                + CPUList.text(machine)
        case .duplicateCPU(let cpu, let list):
            return
                "CPU list \(list.debugDescription): CPU \(cpu) is named twice, expected each CPU "
                + "once"
        case .badCPUList(let list, let item, let found):
            return "CPU list \(list.debugDescription): item \(item) is \(found.debugDescription), "
                + "expected a CPU number such as 4 or an ascending range such as 2-3"
        case .foreignTopology(let source):
            return
                "\(source) is not the machine that this process runs on: expected this machine's "
                + "own topology to bind threads"
        case .thread(let name, let cpu, let call, let errno):
            return "thread \(name.debugDescription) on CPU \(cpu): \(call) failed with "
                + Self.name(of: errno)
        case .realTimeOnOnlyCPU(let cpu):
            return "CPU \(cpu) is the only allowed one: expected at least two for real-time threads"
        case .moved(let thread, let expected, let found):
            return "thread \(thread.debugDescription) was moved: expected it on CPU \(expected), "
                + "found it bound to \(CPUList.text(found.boundTo)) and on CPU \(found.runningOn)"
        }
    }

    static func name(of errno: Int32) -> String {
        fq_errno_name(errno).map { String(cString: $0) } ?? "errno \(errno)"
    }
}
