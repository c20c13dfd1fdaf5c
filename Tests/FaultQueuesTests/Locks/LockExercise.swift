import CPlatform
import FaultModel
import Glibc

@testable import FaultQueues
@testable import Harness

/// Every lock kind; a kind without a type here is found by `everyKindHasAType`.
let allLocks: [any LockPrimitive.Type] = [
    PthreadLock.self, PthreadAdaptiveLock.self, SwiftMutexLock.self, FutexLock.self, TTASLock.self,
    TicketLock.self, MCSLock.self,
]

/// What several threads saw who took one lock again and again.
struct ExerciseOutcome: Sendable {
    /// Sections in which another thread was found inside, or came in.
    var overlaps = 0
    /// Sections that were entered.
    var sections = 0
    /// Sections during which another thread came for the lock. Never zero with two threads or more,
    /// since the very first section lasts until one has come.
    var contended = 0
    /// A count kept by a load and a store in each section: short of `sections` where one was lost.
    var splitCount = 0
    /// A count kept by plain memory, for ThreadSanitizer to watch; nil where the exercise was told
    /// to do without.
    var plainCount: Int?

    var excludes: Bool {
        overlaps == 0 && splitCount == sections && (plainCount ?? sections) == sections
    }
}

/// How the threads of an exercise behave.
struct Exercise: Sendable {
    var threads: Int
    var sectionsPerThread: Int
    var seed: UInt64
    /// A plain counter: only for locks that are meant to be sound, since it is a data race
    /// otherwise.
    var countsPlainly = true
    /// Every thread on the CPU of the first.
    var onOneCPU = false
    /// Takes the lock by trying until it succeeds.
    var tries = false

    /// Atomics of one exercise, on lines of their own.
    struct Board: ~Copyable {
        let inside = PaddedAtomic<Int>(0)
        let overlaps = PaddedAtomic<Int>(0)
        let contended = PaddedAtomic<Int>(0)
        let coming = PaddedAtomic<Int>(0)
        let hasBegun = PaddedAtomic<Bool>(false)
        let splitCount = PaddedAtomic<Int>(0)
        let cpu = PaddedAtomic<Int>(-1)
        let misplaced = PaddedAtomic<Int>(0)
    }

    /// Runs it on a lock that it makes and destroys.
    func run<Lock: LockPrimitive>(_: Lock.Type) -> ExerciseOutcome {
        let lock = Lock()
        let board = SharedBoard(pointer: allocateShared(initial: Board()))
        let plain = PlainIntegers(repeating: 0)
        DedicatedThread.run(threads) { index in
            if onOneCPU { bindToTheOne(board) }
            var random = SeededGenerator(seed: seed, stream: UInt64(index))
            for _ in 0..<sectionsPerThread {
                board.pointer.pointee.coming.value.wrappingAdd(1, ordering: .relaxed)
                if tries {
                    var spin = SpinWait()
                    while !lock.tryLock() { spin.wait() }
                } else {
                    lock.lock()
                }
                board.pointer.pointee.coming.value.wrappingSubtract(1, ordering: .relaxed)
                section(board, plain, &random)
                lock.unlock()
                SpinWait.pause(times: UInt32(random.next() % 16))
            }
        }
        precondition(
            board.pointer.pointee.misplaced.value.load(ordering: .relaxed) == 0,
            "a thread left the CPU that it was bound to")
        let outcome = ExerciseOutcome(
            overlaps: board.pointer.pointee.overlaps.value.load(ordering: .relaxed),
            sections: threads * sectionsPerThread,
            contended: board.pointer.pointee.contended.value.load(ordering: .relaxed),
            splitCount: board.pointer.pointee.splitCount.value.load(ordering: .relaxed),
            plainCount: countsPlainly ? plain[0] : nil)
        freeShared(board.pointer, count: 1)
        plain.free()
        lock.destroy()
        return outcome
    }

    private func section(
        _ board: SharedBoard, _ plain: PlainIntegers, _ random: inout SeededGenerator
    ) {
        let board = board.pointer
        if board.pointee.inside.value.wrappingAdd(1, ordering: .relaxed).oldValue != 0 {
            board.pointee.overlaps.value.wrappingAdd(1, ordering: .relaxed)
        }
        meetAnother(board)
        let before = board.pointee.splitCount.value.load(ordering: .relaxed)
        let plainBefore = countsPlainly ? plain[0] : 0
        let choice = random.next()
        SpinWait.pause(times: UInt32(choice % 24))
        // Now and then the holder gives its CPU away inside the section.
        if choice >> 32 % 16 == 0 { SpinWait.yieldProcessor() }
        if countsPlainly { plain[0] = plainBefore + 1 }
        board.pointee.splitCount.value.store(before + 1, ordering: .relaxed)
        if board.pointee.inside.value.wrappingSubtract(1, ordering: .relaxed).oldValue != 1 {
            board.pointee.overlaps.value.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Counts whether another thread is on its way to the lock. The first holder of all waits until
    /// one is, and then lets it run, so that the slow paths are taken on any machine.
    private func meetAnother(_ board: UnsafeMutablePointer<Board>) {
        if threads > 1, !board.pointee.hasBegun.value.exchange(true, ordering: .relaxed) {
            var spin = SpinWait()
            while board.pointee.coming.value.load(ordering: .relaxed) == 0 { spin.wait() }
            for _ in 0..<10 { spin.wait() }
        }
        if board.pointee.coming.value.load(ordering: .relaxed) > 0 {
            board.pointee.contended.value.wrappingAdd(1, ordering: .relaxed)
        }
    }

    private func bindToTheOne(_ board: SharedBoard) {
        let here = Int(fq_current_cpu())
        let cpu = board.pointer.pointee.cpu.value
            .compareExchange(expected: -1, desired: here, ordering: .relaxed)
        let target = cpu.exchanged ? here : cpu.original
        if fq_bind_current_thread(Int32(target)) != 0 || Int(fq_current_cpu()) != target {
            board.pointer.pointee.misplaced.value.wrappingAdd(1, ordering: .relaxed)
        }
    }
}

/// The pointer to a board, passed to threads.
struct SharedBoard: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Exercise.Board>
}

/// A broken twin: it looks and then sets, in two steps, so two threads can both find it free. It
/// yields in between, so that this shows on one CPU too.
struct LoadThenStoreLock: LockPrimitive, @unchecked Sendable {
    let storage: UnsafeMutablePointer<TTASLockStorage>

    static var kind: LockKind { .ttas }

    init() { storage = allocateShared(initial: TTASLockStorage()) }

    func destroy() { freeShared(storage, count: 1) }

    func lock() {
        var spin = SpinWait()
        while !tryLock() { spin.wait() }
    }

    func unlock() { storage.pointee.isHeld.store(false, ordering: .releasing) }

    func tryLock() -> Bool {
        if storage.pointee.isHeld.load(ordering: .acquiring) { return false }
        SpinWait.yieldProcessor()
        storage.pointee.isHeld.store(true, ordering: .relaxed)
        return true
    }
}
