/// CPU lists as people and the kernel write them: `0,2-3`.
public enum CPUList {
    /// The numbers in the order given, ascending runs folded: `[0, 2, 3, 1]` is `0,2-3,1`, and an
    /// empty list is `none`.
    public static func text(_ cpus: [Int]) -> String {
        cpus.isEmpty ? "none" : runs(cpus).map(text).joined(separator: ",")
    }

    /// Parses comma-separated CPU numbers and ascending ranges, without blanks; nothing is
    /// expanded, so a hostile range costs no memory.
    ///
    /// - Throws: `PlacementError.badCPUList`.
    static func parse(_ list: String) throws(PlacementError) -> [ClosedRange<Int>] {
        var ranges: [ClosedRange<Int>] = []
        let items = list.split(separator: ",", omittingEmptySubsequences: false)
        for (index, item) in items.enumerated() {
            let ends = item.split(separator: "-", omittingEmptySubsequences: false).map(number)
            switch ends.count {
            case 1:
                if let only = ends[0] {
                    ranges.append(only...only)
                    continue
                }
            case 2:
                if let first = ends[0], let last = ends[1], first <= last {
                    ranges.append(first...last)
                    continue
                }
            default: break
            }
            throw .badCPUList(list: list, item: index + 1, found: String(item))
        }
        return ranges
    }

    /// Digits only: the standard library's own conversion would also take a sign.
    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            ? Int(text) : nil
    }

    static func runs(_ cpus: [Int]) -> [ClosedRange<Int>] {
        var runs: [ClosedRange<Int>] = []
        for cpu in cpus {
            if let last = runs.last, last.upperBound + 1 == cpu {
                runs[runs.count - 1] = last.lowerBound...cpu
            } else {
                runs.append(cpu...cpu)
            }
        }
        return runs
    }

    private static func text(_ run: ClosedRange<Int>) -> String {
        run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)-\(run.upperBound)"
    }
}

extension MachineShape {
    /// The CPUs of a list that a user typed, in the order typed: thread `i` goes to the `i`th.
    ///
    /// - Parameter list: CPU numbers and ascending ranges, comma-separated, without blanks.
    /// - Throws: `badCPUList`, `cpuNotOnMachine`, `cpuNotAllowed` or `duplicateCPU`, for the first
    ///   item that is wrong.
    public func cpus(inList list: String) throws(PlacementError) -> [Int] {
        var result: [Int] = []
        var seen: Set<Int> = []
        for range in try CPUList.parse(list) {
            for cpu in range {
                try check(cpu)
                guard seen.insert(cpu).inserted else { throw .duplicateCPU(cpu: cpu, list: list) }
                result.append(cpu)
            }
        }
        return result
    }

    /// Whether this process may run on the CPU.
    ///
    /// - Throws: `cpuNotOnMachine` or `cpuNotAllowed`.
    public func check(_ cpu: Int) throws(PlacementError) {
        guard isAllowed(cpu) else {
            let machine = pus.map(\.cpu).sorted()
            throw machine.contains(cpu)
                ? .cpuNotAllowed(cpu: cpu, allowed: allowedCPUs)
                : .cpuNotOnMachine(cpu: cpu, machine: machine)
        }
    }
}
