import Foundation
import Testing

@testable import Results

/// A folder of its own for one test, removed with it.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("\(NSTemporaryDirectory())/fqbench-results-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        path = String(cString: made)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    func text(_ name: String) throws -> String {
        try String(contentsOfFile: self(name), encoding: .utf8)
    }
}

/// A file system of 64 KiB in memory.
enum SmallDisk {
    static let canBeMade: Bool = {
        guard let folder = try? TemporaryFolder(), mount(at: folder.path) else { return false }
        unmount(folder.path)
        return true
    }()

    static func mount(at path: String) -> Bool {
        Glibc.mount("tmpfs", path, "tmpfs", 0, "size=64k") == 0
    }

    static func unmount(_ path: String) { umount2(path, Int32(MNT_DETACH)) }
}

struct ResultStoreTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func whatIsWrittenIsRead() throws {
        let round = Sample.round(
            1, threads: [Sample.thread("producer", operations: 7)], histogram: Sample.ramp(3000),
            blame: TailBlame(preemption: 3, scheme: 4), violations: ["two requests lost"])
        let document = Sample.document(cells: [Sample.cell("spsc", rounds: [round])])
        try ResultStore.write(document, to: folder("run.json"))
        #expect(try ResultStore.read(folder("run.json")) == document)
        #expect(folder.names == ["run.json"])
        let text = try folder.text("run.json")
        #expect(text.hasSuffix("}\n"))
        #expect(text.contains("\n  \"build\" : {\n    \"commit\" : \"4f1fe0b9ff50\"\n"))
        let keys = try ["build", "cells", "schemaVersion", "topology"].map {
            try #require(text.range(of: "\n  \"\($0)\"")).lowerBound
        }
        #expect(keys == keys.sorted())
    }

    @Test func anExistingFileIsKeptUnlessAsked() throws {
        let document = Sample.document()
        try ResultStore.write(document, to: folder("run.json"))
        var other = document
        other.notes = ["other"]
        let error = #expect(throws: ResultFileError.self) {
            try ResultStore.write(other, to: folder("run.json"))
        }
        #expect(error?.reason == .exists)
        #expect(try ResultStore.read(folder("run.json")) == document)
        try ResultStore.write(other, to: folder("run.json"), overwrite: true)
        #expect(try ResultStore.read(folder("run.json")) == other)
        #expect(folder.names == ["run.json"])
    }

    @Test func linksAreFollowedAndKept() throws {
        try ResultStore.write(Sample.document(), to: folder("run.json"))
        #expect(symlink("run.json", folder("latest.json")) == 0)
        let finished = Sample.document(rounds: 9)
        try ResultStore.write(finished, to: folder("latest.json"), overwrite: true)
        #expect(try ResultStore.read(folder("run.json")) == finished)
        #expect(folder.names == ["latest.json", "run.json"])
    }

    @Test(arguments: [true, false])
    func devicesAndFoldersAreNotReplaced(overwrite: Bool) throws {
        let device = #expect(throws: ResultFileError.self) {
            try ResultStore.write(Sample.document(), to: "/dev/null", overwrite: overwrite)
        }
        #expect(device?.reason == .notRegular)
        let folderError = #expect(throws: ResultFileError.self) {
            try ResultStore.write(Sample.document(), to: folder.path, overwrite: overwrite)
        }
        #expect(folderError?.reason == .isFolder)
        #expect(folder.names.isEmpty)
    }

    @Test func aPathIsTriedWithoutATrace() throws {
        let path = folder("gate.xml")
        try AtomicFile.checkWritable(path)
        #expect(folder.names.isEmpty)
        try AtomicFile.write([1], to: path, overwrite: true)
        try AtomicFile.checkWritable(path)
        #expect(try AtomicFile.read(path, limit: 10) == [1])
        #expect(throws: ResultFileError(path: folder.path, reason: .isFolder)) {
            try AtomicFile.checkWritable(folder.path)
        }
        #expect(throws: ResultFileError(path: "/dev/null", reason: .notRegular)) {
            try AtomicFile.checkWritable("/dev/null")
        }
        #expect(throws: ResultFileError.self) {
            try AtomicFile.checkWritable(folder("no/gate.xml"))
        }
        #expect(folder.names == ["gate.xml"])
    }

    @Test func aLinkToWhatIsNotThereYetIsFollowed() throws {
        for (name, goal) in [("a", "b"), ("b", folder("c"))] {
            try FileManager.default.createSymbolicLink(
                atPath: folder(name), withDestinationPath: goal)
        }
        try AtomicFile.write([1], to: folder("a"), overwrite: true)
        #expect(try AtomicFile.read(folder("c"), limit: 10) == [1])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder("a")) == "b")
    }

    @Test func aFolderThatDoesNotExist() throws {
        let error = #expect(throws: ResultFileError.self) {
            try ResultStore.write(Sample.document(), to: folder("no/run.json"))
        }
        let line = try #require(error?.description)
        #expect(line.hasPrefix(folder("no/run.json") + ": could not create a file in "))
        #expect(line.hasSuffix("No such file or directory (2)"))
        #expect(throws: ResultFileError.self) {
            try ResultStore.write(Sample.document(), to: "/proc/run.json")
        }
    }

    @Test func resultsOfAFolder() throws {
        let names = [
            "b.json.xz", "a.json", "c.json.zst", "d.json.gz", ".e.json", "json", "f.json.bz2",
        ]
        for name in names {
            try "".write(toFile: folder(name), atomically: false, encoding: .utf8)
        }
        let found = try ResultStore.fileNames(in: folder.path)
        #expect(found == ["a.json", "b.json.xz", "c.json.zst", "d.json.gz"])
        let error = #expect(throws: ResultFileError.self) {
            try ResultStore.fileNames(in: folder("a.json"))
        }
        #expect(error?.description.hasSuffix("could not open: Not a directory (20)") == true)
    }

    @Test(.enabled(if: geteuid() != 0, "root may write anywhere"))
    func anUnwritableFolder() throws {
        #expect(chmod(folder.path, 0o555) == 0)
        defer { chmod(folder.path, 0o755) }
        let error = #expect(throws: ResultFileError.self) {
            try ResultStore.write(Sample.document(), to: folder("run.json"))
        }
        #expect(error?.description.hasSuffix("Permission denied (13)") == true)
    }

    @Test func aFullDeviceKeepsTheSystemsWords() throws {
        let descriptor = open("/dev/full", O_WRONLY)
        try #require(descriptor >= 0)
        let error = #expect(throws: ResultFileError.self) {
            try AtomicFile.fill(descriptor, with: [1, 2, 3], path: "run.json")
        }
        #expect(error?.description == "run.json: could not write: No space left on device (28)")
    }

    /// A disk that fills up in the middle: nothing stays behind, the older file is whole.
    @Test(.enabled(if: SmallDisk.canBeMade, "only a privileged process may mount"))
    func aFullDiskDamagesNothing() throws {
        let disk = folder("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
        try #require(SmallDisk.mount(at: disk))
        defer { SmallDisk.unmount(disk) }
        let small = Sample.document()
        try ResultStore.write(small, to: "\(disk)/run.json")
        var large = small
        large.notes = [String(repeating: "x", count: 200_000)]
        for (name, overwrite) in [("run.json", true), ("new.json", false)] {
            let error = #expect(throws: ResultFileError.self) {
                try ResultStore.write(large, to: "\(disk)/\(name)", overwrite: overwrite)
            }
            #expect(error?.description.contains("No space left on device (28)") == true)
        }
        #expect(try ResultStore.read("\(disk)/run.json") == small)
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == ["run.json"])
    }

    @Test func checkpointsReplaceOnlyTheSameRun() throws {
        var document = Sample.document()
        try ResultStore.checkpoint(document, to: folder("run.json"))
        document.cells[0].rounds.append(Sample.round(0))
        try ResultStore.checkpoint(document, to: folder("run.json"))
        #expect(try ResultStore.read(folder("run.json")) == document)
        var other = document
        other.seed = 7
        let error = #expect(throws: ResultFileError.self) {
            try ResultStore.checkpoint(other, to: folder("run.json"))
        }
        #expect(error?.reason == .otherRun("seed \(UInt64.max)"))
        try "not a result".write(
            toFile: folder("notes.txt"), atomically: false, encoding: .utf8)
        #expect(throws: ResultFileError.self) {
            try ResultStore.checkpoint(document, to: folder("notes.txt"))
        }
        #expect(try folder.text("notes.txt") == "not a result")
        #expect(folder.names == ["notes.txt", "run.json"])
    }

    @Test func impossibleValuesAreNotWritten() {
        var document = Sample.document()
        document.floor.stampingNs = .nan
        let error = #expect(throws: ResultFileError.self) {
            try ResultStore.write(document, to: folder("run.json"))
        }
        #expect(error?.description.contains("floor.stampingNs is nan") == true)
        #expect(folder.names.isEmpty)
    }

    @Test(arguments: [
        ("epyc-2c", "quick", "4f1fe0b9ff50", "20261121T073000Z.epyc-2c.quick.4f1fe0b.json"),
        ("a/../b", "my.suite", "", "20261121T073000Z.a----b.my-suite.nocommit.json"),
        ("", "é\n", "4f1", "20261121T073000Z.unknown.--.4f1.json"),
    ])
    func fileNames(machine: String, suite: String, commit: String, expected: String) {
        let name = ResultStore.fileName(
            startedAt: "2026-11-21T07:30:00Z", machineClass: machine, suite: suite, commit: commit)
        #expect(name == expected)
    }
}
