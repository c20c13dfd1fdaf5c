// swift-tools-version: 6.2
import PackageDescription

// The fuzzer: a package of its own, because a program without `main`, which libFuzzer brings, can
// be no part of an ordinary build. `scripts/fuzz` builds and runs it.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "fqbench", path: "../..")],
    targets: [
        // libFuzzer's own mutations.
        .systemLibrary(name: "CFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: ["CFuzzer", .product(name: "Fuzzing", package: "fqbench")],
            swiftSettings: [.treatAllWarnings(as: .error)]),
    ],
    swiftLanguageModes: [.v6]
)
