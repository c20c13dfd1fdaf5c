import CPlatform
import FaultQueues
import Glibc

/// CPUs that are online.
let onlineCPUCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

/// Enough threads for some of them to be waiting for a CPU, and not so many that a small machine
/// takes long.
let crowd = min(onlineCPUCount + 2, 6)

/// The seed of this run: FQBENCH_TEST_SEED (or, as some tests print it, FQ_TEST_SEED), or one from
/// the clock. Tests name it in what they report.
let testSeed: UInt64 = {
    for name in ["FQBENCH_TEST_SEED", "FQ_TEST_SEED"] {
        if let text = getenv(name), let seed = UInt64(String(cString: text)) { return seed }
    }
    return fq_ticks()
}()

/// ThreadSanitizer's runtime stops in the child that an exit test makes.
let exitTestsWork = !fq_tsan_enabled()

/// Plain integers that a test's threads share and its author answers for. Not generic: in a debug
/// build ThreadSanitizer does not see what goes through a generic accessor, and would find no race.
struct PlainIntegers: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Int>

    init(repeating value: Int, count: Int = 1) {
        pointer = .allocate(capacity: count)
        pointer.initialize(repeating: value, count: count)
    }

    subscript(index: Int) -> Int {
        get { pointer[index] }
        nonmutating set { pointer[index] = newValue }
    }

    func free() { pointer.deallocate() }
}
