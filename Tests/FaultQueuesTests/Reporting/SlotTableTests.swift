import FaultModel
import Testing

@testable import FaultQueues

@Suite(.serialized)
struct SlotTableTests {
    @Test
    func everyGuaranteeHoldsOnOneThread() {
        GroupCases<SlotTableReporting<PoolNodes>>.all()
        GroupCases<SlotTableReporting<GlibcNodes>>.sizes()
        GroupCases<SlotTableReporting<JemallocNodes>>.flushes()
    }

    @Test
    func anOwnerAndARemovalThatMeetAnswerOnce() {
        GroupCases<SlotTableReporting<PoolNodes>>.duel(rounds: 2_000)
    }

    @Test
    func everythingAtOnceKeepsTheGuarantees() {
        ReportingChecks.expectShortListsAgree(SlotTableReporting<PoolNodes>.self)
        ReportingChecks.expectSound(SlotTableReporting<PoolNodes>.self, seed: groupSeed)
    }

    @Test
    func theWordKeepsItsPartsApart() {
        let request = PageRequest(
            requester: RequesterID(0xFFFF), pasid: .max, index: .max, address: 0,
            permissions: [.read, .write, .execute, .privileged], isLast: true,
            responseNeedsPASID: true)
        let key = GroupWord.key(place: 4095, header: request.header)
        #expect(key == GroupWord.keyMask)
        #expect(key & GroupWord.ownerMask == GroupWord.owner(place: 4095, pasid: .max))
        let word = key | GroupWord.pending | GroupWord.handOff | 0xFFFF << 48
        #expect(GroupWord.freed(word) == 0)
        #expect(GroupWord.freed(word &- 1 << 48) == 0xFFFF << 48)
        #expect(GroupWord.done(word) & GroupWord.stageMask == GroupWord.answered)
        #expect(GroupWord.done(GroupWord.with(word, holder: GroupWord.nobody)) == 0)
    }

    /// Two PASIDs whose windows share buckets flush apart, and a window that had to grow still
    /// finds its groups.
    @Test
    func aFlushFindsEveryGroupOfAWideWindow() {
        let bench = GroupBench<SlotTableReporting<PoolNodes>>(pages: 512)
        let mine = (0..<300).map { bench.report(5, $0, isLast: $0 % 3 != 0) }
        let others = (0..<200).map { bench.report(6 + $0, 1, isLast: true) }
        #expect(bench.scheme.table.selection(place: 0, pasid: PASID(5)!).width! * 8 >= 300)
        bench.flush(5)
        for (number, tag) in mine.enumerated() where number % 3 != 0 {
            #expect(bench.isAnswered(tag, .invalid))
        }
        for tag in others { #expect(bench.handle() == [tag]) }
        bench.expectEmpty()
    }

    /// A PASID that is flushed over and over while no worker comes gives its slots back each time,
    /// so its window does not grow; workers skip what is left in the queue.
    @Test(arguments: [1, 100, 5_000])
    func flushedGroupsGiveTheirSlotsBack(flushes: Int) {
        // More flushes than an entry of the queue can tell generations of a slot apart.
        let bench = GroupBench<SlotTableReporting<PoolNodes>>(pages: 8_000)
        for number in 0..<flushes {
            let tag = bench.report(5, number % 512, isLast: true)
            bench.flush(5)
            #expect(bench.isAnswered(tag, .invalid))
        }
        let table = bench.scheme.table
        #expect(table.selection(place: 0, pasid: PASID(5)!).width == 1)
        #expect(table.voidEntries.pointee.value.load(ordering: .relaxed) == flushes)  // alone
        let last = [bench.report(5, 1, isLast: true), bench.report(6, 1, isLast: true)]
        let handled = [bench.handle(), bench.handle()]
        #expect(Set(handled) == Set(last.map { [$0] }))
        #expect(bench.handle() == nil)
        #expect(table.voidEntries.pointee.value.load(ordering: .relaxed) == 0)  // alone
        bench.expectEmpty()
    }

    /// Where the queue can hold no more void entries, a flushed group keeps its slot for a worker.
    @Test
    func withoutRoomForVoidEntriesAWorkerFreesTheSlot() {
        let bench = GroupBench<SlotTableReporting<PoolNodes>>(pages: 32)
        let slots = bench.scheme.table.count
        for number in 0..<slots + 8 {
            let tag = bench.report(5, number % 512, isLast: true)
            bench.flush(5)
            #expect(bench.isAnswered(tag, .invalid))
        }
        #expect(bench.scheme.table.selection(place: 0, pasid: PASID(5)!).width! >= 1)
        #expect(bench.handle() == nil)
        let tag = bench.report(5, 1, isLast: true)
        #expect(bench.handle() == [tag])
        bench.expectEmpty()
    }

    /// What looks at all groups looks at the buckets of the windows in use, each once.
    @Test(arguments: [0, 1, 60, 2_000])
    func allGroupsAreInTheBucketsOfWindows(groups: Int) {
        let bench = GroupBench<SlotTableReporting<PoolNodes>>(pages: 4_000)
        let table = bench.scheme.table
        let owners = max(1, groups / 40)
        for number in 0..<groups {
            _ = bench.report(5 + number % owners, number / owners, isLast: number % 3 == 0)
        }
        var slots = Set<Int>()
        var cursor = BucketCursor()
        while let bucket = table.nextBucket(&cursor, of: table.everything) {
            for slot in bucket { #expect(slots.insert(slot).inserted) }
        }
        let used = (0..<table.count).filter { table.words[$0].load(ordering: .relaxed) != 0 }
        #expect(used.count == groups)
        #expect(slots.isSuperset(of: used))
        var widths = 0
        for owner in 0..<owners {
            widths += table.selection(place: 0, pasid: PASID(5 + owner)!).width!
        }
        #expect(slots.count <= widths * 8)
        #expect(slots.count < table.count / 2)
        let dropped = bench.scheme.discardPartial()
        #expect(dropped == (0..<groups).count { $0 % 3 != 0 })
        while bench.handle() != nil {}
        bench.expectEmpty()
    }

    /// Windows that begin at one home share their width and not their steps.
    @Test
    func aRemovalFindsGroupsOfWindowsThatShareTheirHome() throws {
        let bench = GroupBench<SlotTableReporting<PoolNodes>>(pages: 64)
        let table = bench.scheme.table
        let home = table.selection(place: 0, pasid: PASID(5)!).window.home
        let other = try #require(
            (6..<5000).first { number in
                let window = table.selection(place: 0, pasid: PASID(number)!).window
                let mine = table.selection(place: 0, pasid: PASID(5)!).window
                return window.home == home && (window.step - mine.step) % 16 != 0
            })
        // The one widens the window of both, the other uses what is new of its own.
        let tags =
            (0..<24).map { bench.report(5, $0, isLast: true) }
            + (0..<24).map { bench.report(other, $0, isLast: true) }
        #expect(table.selection(place: 0, pasid: PASID(other)!).width! >= 4)
        #expect(bench.scheme.removeDevice(RequesterID(1)) == .removed)
        for tag in tags { #expect(bench.isAnswered(tag, .invalid)) }
        #expect(bench.handle() == nil)
        bench.expectEmpty()
    }
}
