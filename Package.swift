// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours compiles without a warning; a new warning stops the build.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
/// Where schemes are specialised: the pass that merges similar functions would turn the one direct
/// call of a measured loop into a call through a register, for some schemes and not for others.
let measured: [SwiftSetting] =
    strict + [.unsafeFlags(["-Xllvm", "-swiftmergefunc-threshold=0"])]
let strictC: [CSetting] = [
    .define("_GNU_SOURCE"), .enableWarning("all"), .enableWarning("extra"),
    .treatAllWarnings(as: .error),
]

let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")
let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "fqbench",
    products: [
        .executable(name: "fqbench", targets: ["fqbench"]),
        // For the package of the fuzzer, Tests/Fuzzer, alone.
        .library(name: "Fuzzing", targets: ["Fuzzing"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // System libraries, and C for what Swift cannot say.
        .systemLibrary(
            name: "CHwloc", pkgConfig: "hwloc", providers: [.apt(["libhwloc-dev"])]),
        .systemLibrary(
            name: "CJemalloc", pkgConfig: "jemalloc", providers: [.apt(["libjemalloc-dev"])]),
        .target(name: "CPlatform", cSettings: strictC),
        .target(name: "CControl", cSettings: strictC),
        .target(
            name: "CURCU", dependencies: ["CPlatform"], cSettings: strictC,
            linkerSettings: [.linkedLibrary("urcu-bp"), .linkedLibrary("urcu-common")]),

        // The vocabulary, the algorithms, their traffic and their checks.
        .target(name: "FaultModel", swiftSettings: strict),
        .target(
            name: "FaultQueues",
            dependencies: ["FaultModel", "CPlatform", "CControl", "CJemalloc", "CURCU"],
            swiftSettings: measured),
        .target(name: "Decompression", swiftSettings: strict),
        .target(
            name: "FaultTraffic", dependencies: ["FaultModel", "Decompression"],
            swiftSettings: strict),
        .target(name: "FaultOracle", dependencies: ["FaultModel"], swiftSettings: strict),

        // The machine and the measuring of it.
        .target(name: "Placement", dependencies: ["CHwloc", "CPlatform"], swiftSettings: strict),
        .target(
            name: "Measurement", dependencies: ["CPlatform", "CJemalloc", "CHwloc", histogram],
            swiftSettings: strict),
        .target(
            name: "Results", dependencies: ["FaultModel", "Decompression", histogram],
            swiftSettings: strict),
        .target(
            name: "Harness",
            dependencies: [
                "FaultModel", "FaultQueues", "FaultTraffic", "FaultOracle", "Placement",
                "Measurement", "Results", "CPlatform",
            ],
            swiftSettings: measured),
        .target(
            name: "SchemeCatalogue", dependencies: ["FaultQueues", "Harness"],
            swiftSettings: measured),
        .target(name: "Reports", dependencies: ["Results"], swiftSettings: strict),
        .executableTarget(
            name: "fqbench",
            dependencies: [
                "FaultModel", "FaultQueues", "FaultTraffic", "FaultOracle", "Placement",
                "Measurement", "Results", "Harness", "SchemeCatalogue", "Reports", argumentParser,
            ],
            swiftSettings: strict),

        // What the fuzzer and the tests share: the parsers' promises, and inputs to try them with.
        .target(
            name: "Fuzzing",
            dependencies: [
                "FaultModel", "Decompression", "FaultTraffic", "Placement", "Results", "Harness",
                "SchemeCatalogue", "Reports", histogram,
            ],
            path: "Tests/Fuzzing", swiftSettings: strict),
        .testTarget(name: "FuzzingTests", dependencies: ["Fuzzing"]),

        .testTarget(name: "FaultModelTests", dependencies: ["FaultModel"]),
        .testTarget(
            name: "FaultQueuesTests",
            dependencies: ["FaultModel", "FaultQueues", "FaultOracle", "Harness", "CPlatform"]),
        .testTarget(
            name: "FaultTrafficTests", dependencies: ["FaultTraffic", "Decompression", "Fuzzing"]),
        .testTarget(name: "FaultOracleTests", dependencies: ["FaultOracle"]),
        .testTarget(name: "PlacementTests", dependencies: ["Placement", "CHwloc"]),
        .testTarget(name: "MeasurementTests", dependencies: ["Measurement", "CPlatform"]),
        .testTarget(name: "ResultsTests", dependencies: ["Results"]),
        .testTarget(name: "HarnessTests", dependencies: ["Harness", "SchemeCatalogue"]),
        .testTarget(name: "ReportsTests", dependencies: ["Reports"]),
        .testTarget(name: "CommandTests", dependencies: ["fqbench"]),
        .testTarget(name: "TidyTests"),
    ],
    swiftLanguageModes: [.v6]
)
