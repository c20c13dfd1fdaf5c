import ArgumentParser

@main
struct FQBench: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "fqbench")
}
