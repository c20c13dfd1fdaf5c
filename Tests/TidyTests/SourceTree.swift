import Foundation

/// A file of the package with its path relative to the root, `Sources/FaultModel/PASID.swift`.
struct SourceFile {
    let path: String
    let text: String

    /// Every line without its end, the last one too where it is not empty.
    var lines: [String] {
        var lines = text.components(separatedBy: "\n")
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    var isSwift: Bool { path.hasSuffix(".swift") }
    var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }

    /// The target that the file belongs to, nil outside `Sources`.
    var target: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }

    func isIn(_ folder: String) -> Bool { path.hasPrefix(folder + "/") }
}

/// The package as it lies on disk. Reads only what a clone has: no build product, no local run.
enum SourceTree {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Text files of the package, by path.
    static let files: [SourceFile] = {
        guard
            let walk = FileManager.default.enumerator(
                at: root, includingPropertiesForKeys: [.isDirectoryKey])
        else { return [] }
        var files: [SourceFile] = []
        for case let url as URL in walk {
            let path = String(url.path.dropFirst(root.path.count + 1))
            let isDirectory =
                (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory ?? false
            if isDirectory {
                if isLocal(path) { walk.skipDescendants() }
            } else if !isLocal(path), isText(path),
                let text = try? String(contentsOf: url, encoding: .utf8)
            {
                files.append(SourceFile(path: path, text: text))
            }
        }
        return files.sorted { $0.path < $1.path }
    }()

    /// What git ignores or keeps for itself; the patterns of `.gitignore` that matter here.
    static func isLocal(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        return name == ".git" || name.hasPrefix(".build") || path == "results/runs"
            || name == "Package.resolved" || name == ".DS_Store"
    }

    /// Whether the file is written by hand: source, script, manifest or prose.
    static func isText(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        let endings = [
            ".swift", ".c", ".h", ".modulemap", ".md", ".sh", ".yml", ".yaml", ".json", ".py",
            ".txt", ".html", ".css", ".js",
        ]
        return endings.contains { name.hasSuffix($0) }
            || ["scripts/", ".ci/"].contains { path.hasPrefix($0) }
    }
}
