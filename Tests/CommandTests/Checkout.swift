import Foundation

/// What the program takes for its checkout: a folder that holds it, and an empty one of suites.
struct Checkout {
    let path: String
    var program: String { path + "/fqbench" }

    init(in folder: Folder) throws {
        path = folder.path + "/checkout"
        let files = FileManager.default
        try files.createDirectory(
            atPath: path + "/Benchmarks/suites", withIntermediateDirectories: true)
        do {
            // A second name, where one file system holds both.
            try files.linkItem(atPath: Program.path, toPath: program)
        } catch {
            try files.copyItem(atPath: Program.path, toPath: program)
        }
    }

    /// A script of the shell; its path.
    @discardableResult
    func executable(_ name: String, _ script: String) throws -> String {
        try Self.executable("\(path)/\(name)", script)
    }

    static func executable(_ path: String, _ script: String) throws -> String {
        let files = FileManager.default
        try files.createDirectory(
            atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
            withIntermediateDirectories: true)
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(fileURLWithPath: path))
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }
}
