import Glibc
import SchemeCatalogue
import Testing

@testable import Harness

extension Trials {
    /// Broken twins whose fault is a race of memory: `scripts/sanitize` runs each by its name in
    /// the builds with ThreadSanitizer, which must report it. They run for nobody else.
    @Suite(.enabled(if: getenv("FQBENCH_PLANTED_TWIN") != nil))
    struct PlantedTwinTests {
        @Test
        func planted() throws {
            let name = String(cString: try #require(getenv("FQBENCH_PLANTED_TWIN")))
            let items = LifetimeCase.all(of: SchemeCatalogue.lifetimeTwins)
                .filter { $0.name.hasPrefix(name + " ") }
            try #require(!items.isEmpty, "no twin \(name)")
            // Whether a check sees it as well does not matter here.
            for item in items {
                for _ in 0..<5 { _ = try item.round(onOneCPU: false) }
            }
        }
    }
}
