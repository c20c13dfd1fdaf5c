import Foundation
import Glibc

/// A gate's own temporary folder: copies of both programs, so that a build in the meantime changes
/// neither, at paths of one length, since the length of a path moves the stack.
final class GateScratch {
    let path: String
    private static let prefix = "fqbench-gate-"

    /// Makes the folder, and removes those that killed gates left behind.
    init() throws {
        let parent = FileManager.default.temporaryDirectory.path
        Self.removeStale(in: parent)
        path = "\(parent)/\(Self.prefix)\(getpid())-\(UUID().uuidString.prefix(8))"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false)
        } catch {
            throw CommandFailure(.unfit, "\(path): cannot be made: \(error.localizedDescription)")
        }
    }

    deinit { remove() }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// A copy of a program; `side` is one word.
    func copy(program: String, side: String) throws -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: program, isDirectory: &isFolder) else {
            throw CommandFailure(.badInput, "\(program): no such program")
        }
        guard !isFolder.boolValue, access(program, X_OK) == 0 else {
            throw CommandFailure(.badInput, "\(program): expected a program that can be run")
        }
        let target = "\(path)/\(side)/fqbench"
        do {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(side)", withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: URL(fileURLWithPath: program).resolvingSymlinksInPath().path,
                toPath: target)
        } catch {
            throw CommandFailure(
                .unfit, "\(program): cannot be copied: \(error.localizedDescription)")
        }
        return target
    }

    /// A copy of the suite's file, the same for both builds.
    func copy(suite: String) throws -> String {
        let source =
            suite.contains("/") || suite.hasSuffix(".json")
            ? suite : "\(ProjectFiles.root ?? ".")/Benchmarks/suites/\(suite).json"
        let target = "\(path)/suite.json"
        do {
            try FileManager.default.copyItem(atPath: source, toPath: target)
        } catch {
            throw CommandFailure(
                .badInput, "\(source): cannot be copied: \(error.localizedDescription)")
        }
        return target
    }

    /// The process number is in the name: a folder whose process is gone has no owner.
    private static func removeStale(in parent: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] {
            guard name.hasPrefix(prefix),
                let owner = name.dropFirst(prefix.count).split(separator: "-").first,
                let pid = pid_t(owner), kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
        }
    }
}
