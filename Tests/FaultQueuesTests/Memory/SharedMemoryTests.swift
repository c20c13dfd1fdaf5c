import Testing

@testable import FaultQueues

@Suite
struct SharedMemoryTests {
    @Test(arguments: [0, 1, 127, 128, 129, 4096, 100_000])
    func blocksAreAlignedAndZero(byteCount: Int) {
        let block = allocateShared(byteCount: byteCount)
        #expect(UInt(bitPattern: block) % 128 == 0)
        let bytes = UnsafeRawBufferPointer(start: block, count: byteCount)
        #expect(bytes.allSatisfy { $0 == 0 })
        freeShared(bytes: block)
    }

    /// Memory that was used before comes back zeroed: freed blocks of a size are reused at once.
    @Test
    func reusedBlocksAreZeroToo() {
        for _ in 0..<8 {
            let block = allocateShared(byteCount: 256)
            let bytes = UnsafeMutableRawBufferPointer(start: block, count: 256)
            #expect(bytes.allSatisfy { $0 == 0 })
            for index in bytes.indices { bytes[index] = 0xA5 }
            freeShared(bytes: block)
        }
    }

    @Test
    func aPaddedAtomicTakesTwoLines() {
        #expect(MemoryLayout<PaddedAtomic<UInt64>>.stride == 128)
        #expect(MemoryLayout<PaddedAtomic<UInt64>>.size == 128)
        #expect(MemoryLayout<PaddedAtomic<UInt32>>.stride == 128)
        #expect(MemoryLayout<PaddedAtomic<Bool>>.stride == 128)
        #expect(MemoryLayout<PaddedAtomic<UnsafeMutableRawPointer?>>.stride == 128)
        #expect(sharedAlignment == 128)
    }

    @Test
    func paddedAtomicsInMemoryShareNoLines() {
        let counters = allocateShared(count: 5) { PaddedAtomic($0 * 10) }
        for index in 0..<5 {
            #expect(UInt(bitPattern: counters + index) % 128 == 0)
            #expect((counters + index).pointee.value.load(ordering: .relaxed) == index * 10)
        }
        freeShared(counters, count: 5)
    }

    @Test
    func typedBlocksHoldWhatTheyWereGiven() {
        let zeroed = allocateShared(zeroed: UInt64.self, count: 33)
        #expect((0..<33).allSatisfy { zeroed[$0] == 0 })
        freeShared(zeroed, count: 33)

        let one = allocateShared(initial: SharedAtomic<Int>(42))
        #expect(UInt(bitPattern: one) % 128 == 0)
        #expect(one.pointee.load(ordering: .relaxed) == 42)
        freeShared(one, count: 1)
    }

    /// Values that own something end when their block is freed.
    @Test
    func freeingEndsTheValues() {
        final class Owned {}
        weak var observed: Owned?
        do {
            let owned = Owned()
            observed = owned
            let block = allocateShared(initial: owned)
            freeShared(block, count: 1)
        }
        #expect(observed == nil)
    }

    @Test(.enabled(if: exitTestsWork))
    func aNegativeSizeStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            _ = allocateShared(byteCount: -1)
        }
    }

    @Test(.enabled(if: exitTestsWork))
    func aCountBeyondTheAddressSpaceStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            _ = allocateShared(zeroed: UInt64.self, count: Int.max / 4)
        }
    }
}

@Suite
struct SpinWaitTests {
    @Test
    func burstsDoubleAndThenItYields() {
        var spin = SpinWait()
        var pauses: UInt32 = 0
        var waits = 0
        while !spin.isYielding {
            pauses += spin.burst
            spin.wait()
            waits += 1
        }
        #expect(waits == 7)
        #expect(pauses == SpinWait.pausesBeforeYield)
        #expect(pauses == 127)
        // It stays so, and every further wait returns.
        for _ in 0..<3 { spin.wait() }
        #expect(spin.isYielding)
    }
}
