import FaultModel
import Foundation
import Glibc

@testable import FaultTraffic

/// Text as a trace, in one piece.
func imported(
    _ text: String, _ options: ImportOptions = ImportOptions()
) throws(TraceError) -> Trace {
    try imported(Array(text.utf8), pieceSize: .max, options)
}

/// Bytes as a trace, handed over in pieces.
func imported(
    _ bytes: [UInt8], pieceSize: Int, _ options: ImportOptions = ImportOptions()
) throws(TraceError) -> Trace {
    var text = TextImport(options: options, file: "sample.txt")
    var start = 0
    while start < bytes.count {
        let end = pieceSize < bytes.count - start ? start + pieceSize : bytes.count
        try Array(bytes[start..<end]).withBytes { (piece) throws(TraceError) in
            try text.consume(piece)
        }
        start = end
    }
    return try text.finish()
}

/// What the import of the text is refused with; nil where it is accepted.
func refusal(_ text: String, _ options: ImportOptions = ImportOptions()) -> TraceError? {
    do throws(TraceError) {
        _ = try imported(text, options)
        return nil
    } catch {
        return error
    }
}

/// What the call throws, as its one line; nil where it returns.
func line(of body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return String(describing: error)
    }
}

/// A folder of its own that is removed in the end.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array((NSTemporaryDirectory() + "/fqbench-test-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file; its path.
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let target = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: target))
        return target
    }

    func file(_ name: String, _ text: String) throws -> String {
        try file(name, Array(text.utf8))
    }

    var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }
}

/// The folder of the shipped traces.
func shippedTrace(_ name: String) -> String {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    return url.appendingPathComponent("traces/\(name).fqtrace").path
}

/// The seed of randomised tests: `FQBENCH_TEST_SEED`, or a fixed one.
let testSeed = ProcessInfo.processInfo.environment["FQBENCH_TEST_SEED"].flatMap(UInt64.init) ?? 20

/// Lines as the tools print them.
enum Sample {
    static let perfWithProcess = """
                      sh  7423/7423  [000]   637.984011403: exceptions:page_fault_user: \
        address=0x7f273f4f5b70 ip=0x7f273f4f5b70 error_code=0x14
                      sh  7423/7424  [000]   637.984018487: exceptions:page_fault_user: \
        address=0x7f273f50ee06 ip=0x7f273f4f67ad error_code=0x6
            GC Thread#0  7210/7213  [001]   637.984021001: exceptions:page_fault_user: \
        address=0x7faf1b927b70 ip=0x7faf1b927b70 error_code=0x4

        """

    static let perfWithThread = """
                      sh  9141 [001]  1057.377103: exceptions:page_fault_kernel: \
        address=0x55a9f7c95240 ip=elf_load error_code=0x2
                      sh  9141 [001]  1057.377153:   exceptions:page_fault_user: \
        address=0x7fe3c99a7b70 ip=0x7fe3c99a7b70 error_code=0x14
                      ls  9143 [000]  1057.377851: exceptions:page_fault_kernel: \
        address=0x55d06d2735c0 ip=kvm_fault [kvm] error_code=0x0

        """

    static let ftrace = """
        # tracer: nop
        #
        # entries-in-buffer/entries-written: 179/179   #P:2
        #
        #           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
        #              | |         |   |||||     |         |
                    bash-9193    [000] d....  1075.254055: page_fault_user: \
        address=0x55e9fe97eedc ip=0x55e9f1e872c3 error_code=0x7
                      ls-9199    [001] d...  1075.254314: page_fault_kernel: \
        address=0x7f94e0e0ba10 ip=__put_user_4 error_code=0x3

        """

    static let mailedPageRequests = """
        | prq_report: dmar0/0000:00:0a.0 seq# 1: rid=0x50 addr=0x559ef6f97 r---- pasid=0x2 index=0x1
        | prq_report: dmar0/0000:00:0a.0 seq# 2: rid=0x50 addr=0x559ef6f9c rw--l pasid=0x2 index=0x1
        | prq_report: dmar0/0000:00:0a.0 seq# 3: rid=0x50 addr=0x559ef6f98 r---- pasid=0x2 index=0x1
        | prq_report: dmar0/0000:00:0a.0 seq# 4: rid=0x50 addr=0x559ef6f9d rw--l pasid=0x2 index=0x1

        """

    static let dmaFaults = """
           irq/24-AMD-Vi-48    [002] ....   978.554289: io_page_fault: \
        IOMMU:[drvname] 0000:05:00.0 iova=0x0000000091482640 flags=0x0000
        irq/26-AMD-Vi-154     [006] .....   978.753942: io_page_fault: \
        IOMMU:ath12k_pci 0000:c2:00.0 iova=0x00000000fe980000 flags=0x0001

        """

    /// One framed page request with the payload given.
    static func pageRequest(_ payload: String) -> String {
        "     irq/24-dmar0-48    [000] ..... 1.000001: prq_report: \(payload)\n"
    }

    /// One page fault of perf's long form.
    static func fault(
        comm: String = "worker", process: Int = 10, thread: Int = 10,
        seconds: String = "1.000000000",
        address: String = "0x1000", code: Int = 4
    ) -> String {
        "    \(comm)  \(process)/\(thread)  [000] \(seconds): exceptions:page_fault_user: "
            + "address=\(address) ip=0x1 error_code=0x\(String(code, radix: 16))\n"
    }
}
