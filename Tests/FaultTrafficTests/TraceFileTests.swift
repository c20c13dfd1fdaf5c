import FaultModel
import Foundation
import Fuzzing
import Glibc
import Testing

@testable import FaultTraffic

@Suite struct TraceFileTests {
    /// Every field at its boundaries, both classes of number, several streams.
    static let boundary: Trace = {
        var events: [TrafficEvent] = []
        func add(
            _ atNs: UInt64, _ requester: UInt16, _ pasid: UInt32?, _ index: UInt16,
            _ address: UInt64, _ permissions: UInt8, _ isLast: Bool, _ needs: Bool = true,
            _ privateData: (UInt64, UInt64) = (0, 0)
        ) {
            events.append(
                TrafficEvent(
                    arrivalNs: atNs,
                    request: PageRequest(
                        requester: RequesterID(requester), pasid: pasid.flatMap { PASID($0) },
                        index: PRGIndex(index)!, address: address,
                        permissions: Permissions(rawValue: permissions), isLast: isLast,
                        responseNeedsPASID: needs, privateData0: privateData.0,
                        privateData1: privateData.1)))
        }
        add(0, 0, nil, 0, 0, 0, false, false)
        add(0, 0xFFFF, 0xFFFFF, 511, .max, 15, true)
        add(127, 0xFFFF, 0xFFFFF, 0, 0, 1, true)
        add(255, 0xFFFF, 0, 5, 0x8000_0000_0000_0000, 2, false, true, (.max, 1))
        add(1 << 40, 0xFFFF, 0xFFFFF, 1, 0x7fff_ffff_f000, 3, true, false, (0, .max))
        add(.max, 0, nil, 1, .max, 4, true, false)
        return Trace(
            name: "boundary ±", source: "Made up.", traceClass: .pageRequest, events: events,
            hasRecordedTimes: false, skippedLineCount: 3)
    }()

    @Test func checksumHasItsKnownValue() {
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    }

    @Test func boundariesComeBack() throws {
        let bytes = try TraceFile.encode(Self.boundary)
        #expect(try TraceFile.decode(bytes) == Self.boundary)
        let faults = try imported(Sample.dmaFaults)
        #expect(try TraceFile.decode(TraceFile.encode(faults)) == faults)
    }

    /// The layout as documented, byte by byte, so that an accidental change is seen.
    @Test func layoutIsAsDocumented() throws {
        let request = PageRequest(
            requester: RequesterID(0x0102), pasid: PASID(0x30405), index: PRGIndex(7)!,
            address: 0x2000, permissions: .write, isLast: true, responseNeedsPASID: true)
        let trace = Trace(
            name: "n", source: "so", traceClass: .pageRequest,
            events: [TrafficEvent(arrivalNs: 300, request: request)], skippedLineCount: 9)
        let content: [UInt8] =
            [0x89, 0x46, 0x51, 0x54, 0x0D, 0x0A, 0x1A, 0x0A]
            + [1, 0, 1, 1, 1, 0, 0, 0]
            + [1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]
            + [1, 0, 2, 0] + Array("nso".utf8)
            + [0x02, 0x01, 0x05, 0x04, 0x33, 0x00]
            + [0x02 | 0x10 | 0x40, 7, 0xAC, 0x02, 4]
        let bytes = try TraceFile.encode(trace)
        #expect(bytes.dropLast(4) == content[...])
    }

    @Test func everyTruncationAndExtensionIsRefused() throws {
        let bytes = try TraceFile.encode(Self.boundary)
        for length in 0..<bytes.count {
            #expect(throws: TraceError.self, "length \(length)") {
                try TraceFile.decode(Array(bytes[..<length]))
            }
        }
        #expect(throws: TraceError.self) { try TraceFile.decode(bytes + [0]) }
    }

    @Test func everyFlippedBitIsRefused() throws {
        let bytes = try TraceFile.encode(Self.boundary)
        for bit in 0..<bytes.count * 8 {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: TraceError.self, "bit \(bit)") { try TraceFile.decode(flipped) }
        }
    }

    @Test func aNewerVersionIsNamed() throws {
        var bytes = try TraceFile.encode(Self.boundary)
        bytes[8] = 2
        let message = line { _ = try TraceFile.decode(bytes, file: "t.fqtrace") }
        #expect(message?.contains("version 1 or older, found version 2") == true)
        bytes[8] = 0
        #expect(throws: TraceError.self) { try TraceFile.decode(TraceFilePromises.sealed(bytes)) }
    }

    /// Fields of a file with a right checksum that promise what is not there.
    @Test(
        arguments: [
            (10, [3], "class"), (10, [0], "class"), (11, [2], "flags"),
            (12, [0xFF, 0xFF, 0xFF, 0xFF], "streams"), (12, [0, 0, 0, 0], "0 streams"),
            (16, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "events"),
            (16, [0, 0, 0, 0, 0, 0, 0, 0], "events"), (16, [5, 0, 0, 0, 0, 0, 0, 0], "more bytes"),
            (24, [0, 0, 0, 0, 0, 0, 0, 0x80], "skipped"), (32, [0xFF, 0xFF], "more bytes"),
            (34, [0xFF, 0xFF], "more bytes"), (36, [0xFF], "UTF-8"),
        ] as [(Int, [UInt8], String)])
    func fieldsThatLie(_ offset: Int, _ field: [UInt8], _ word: String) throws {
        var bytes = try TraceFile.encode(Self.boundary)
        bytes.replaceSubrange(offset..<offset + field.count, with: field)
        let sealed = TraceFilePromises.sealed(bytes)
        let message = try #require(line { _ = try TraceFile.decode(sealed) })
        #expect(message.contains(word), "\(message)")
    }

    /// A trace of DMA faults with what only page requests have, here a PASID, an index, a group
    /// and an answer: nothing could be made of it but a page request.
    @Test func dmaFaultsAreNoPageRequests() throws {
        var bytes = try TraceFile.encode(Self.boundary)
        bytes[10] = TraceClass.dmaFault.rawValue
        let sealed = TraceFilePromises.sealed(bytes)
        #expect(
            line { _ = try TraceFile.decode(sealed) }
                == "trace: expected DMA faults alone, found a page request: event 0")
        let wrong = Trace(
            name: "w", source: "", traceClass: .dmaFault, events: Self.boundary.events)
        #expect(line { _ = try TraceFile.encode(wrong) }?.contains("event 0") == true)
    }

    @Test func nothingIsOverwrittenUnasked() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("t.fqtrace", "precious")
        let message = line { try TraceFile.write(Self.boundary, to: path) }
        #expect(
            message == "\(path): exists already; expected a new name, or to be told to replace it")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
        try TraceFile.write(Self.boundary, to: path, replacing: true)
        #expect(try TraceFile.read(path: path) == Self.boundary)
        try TraceFile.write(Self.boundary, to: folder.path + "/new.fqtrace")
        #expect(folder.names == ["new.fqtrace", "t.fqtrace"])
    }

    @Test func failedWritesLeaveNothing() throws {
        let folder = try TemporaryFolder()
        let missing = line { try TraceFile.write(Self.boundary, to: folder.path + "/no/t.fqtrace") }
        #expect(missing?.contains("No such file or directory") == true)
        let taken = folder.path + "/folder"
        try FileManager.default.createDirectory(
            atPath: taken, withIntermediateDirectories: false)
        #expect(throws: TraceError.self) {
            try TraceFile.write(Self.boundary, to: taken, replacing: true)
        }
        let empty = Trace(name: "", source: "", traceClass: .pageRequest, events: [])
        #expect(throws: TraceError.self) { try TraceFile.write(empty, to: folder.path + "/e") }
        var long = Self.boundary
        long.name = String(repeating: "n", count: 65536)
        #expect(throws: TraceError.self) { try TraceFile.write(long, to: folder.path + "/l") }
        #expect(folder.names == ["folder"])
    }

    @Test func aFullDiskIsReported() throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        defer { close(full) }
        let code = [UInt8](repeating: 1, count: 100).withUnsafeBytes {
            AtomicFile.writeAll($0, to: full)
        }
        #expect(code == ENOSPC)
    }
}
