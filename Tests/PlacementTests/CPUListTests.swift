import Placement
import Testing

@Suite struct CPUListTests {
    @Test(arguments: [
        ("0", [0]), ("0,2-3", [0, 2, 3]), ("3,0", [3, 0]), ("1-1", [1]), ("0-3", [0, 1, 2, 3]),
        ("2-3,0-1", [2, 3, 0, 1]), ("00,01", [0, 1]),
    ])
    func parsed(list: String, cpus: [Int]) throws {
        #expect(try machine("core:4 pu:1").cpus(inList: list) == cpus)
    }

    @Test(arguments: [
        ("", 1, ""), (",", 1, ""), ("0,", 2, ""), ("0,,1", 2, ""), ("0, 1", 2, " 1"),
        ("x", 1, "x"), ("3-2", 1, "3-2"), ("-1", 1, "-1"), ("1-", 1, "1-"), ("0-1-2", 1, "0-1-2"),
        ("+1", 1, "+1"), ("0,0x1", 2, "0x1"), ("1\n2", 1, "1\n2"), ("٣", 1, "٣"),
        ("99999999999999999999", 1, "99999999999999999999"),
    ])
    func badSyntax(list: String, item: Int, found: String) throws {
        let shape = try machine("core:4 pu:1")
        #expect(throws: PlacementError.badCPUList(list: list, item: item, found: found)) {
            try shape.cpus(inList: list)
        }
    }

    @Test func wrongCPUs() throws {
        let shape = try machine("core:4 pu:1").restricted(to: [0, 2, 3])
        #expect(throws: PlacementError.cpuNotAllowed(cpu: 1, allowed: [0, 2, 3])) {
            try shape.cpus(inList: "0-3")
        }
        #expect(throws: PlacementError.cpuNotOnMachine(cpu: 4, machine: [0, 1, 2, 3])) {
            try shape.cpus(inList: "4")
        }
        #expect(throws: PlacementError.duplicateCPU(cpu: 2, list: "2-3,0,2")) {
            try shape.cpus(inList: "2-3,0,2")
        }
        // Refused at its first CPU, and so without being expanded.
        #expect(throws: PlacementError.cpuNotOnMachine(cpu: 4, machine: [0, 1, 2, 3])) {
            try shape.cpus(inList: "2-9223372036854775807")
        }
    }

    @Test(arguments: [
        ([], "none"), ([3], "3"), ([0, 1], "0-1"), ([0, 2, 3, 1], "0,2-3,1"),
        ([0, 1, 0], "0-1,0"), ([5, 4], "5,4"),
    ])
    func text(cpus: [Int], text: String) {
        #expect(CPUList.text(cpus) == text)
    }

    @Test(arguments: [
        (
            PlacementError.cpuNotAllowed(cpu: 1, allowed: [0, 2, 3]),
            "CPU 1 is not allowed for this process: expected one of 0,2-3"
        ),
        (
            .badCPUList(list: "1\n2", item: 1, found: "1\n2"),
            "CPU list \"1\\n2\": item 1 is \"1\\n2\", expected a CPU number such as 4 or an "
                + "ascending range such as 2-3"
        ),
        (
            .thread(name: "worker", cpu: 9, call: "pthread_create", errno: 22),
            "thread \"worker\" on CPU 9: pthread_create failed with EINVAL"
        ),
        (
            .moved(
                thread: "worker", expected: 1, found: ThreadPlace(boundTo: [0, 1], runningOn: 0)),
            "thread \"worker\" was moved: expected it on CPU 1, found it bound to 0-1 and on CPU 0"
        ),
        (
            .topology(call: "f", errno: 12345, source: "s"), "s: f failed with errno 12345"
        ),
    ])
    func descriptionsAreOneLine(error: PlacementError, line: String) {
        #expect(error.description == line)
        #expect(!error.description.contains("\n"))
    }
}
