import FaultModel
import Testing

@testable import FaultOracle

/// A history that is written by hand, one event after another, each ten ticks long.
private struct Story {
    var events: [HistoryEvent] = []
    private var clock: UInt64 = 100

    @discardableResult
    mutating func add(
        _ kind: HistoryEvent.Kind, _ tag: UInt64 = 0, pasid: Int = 1, device: UInt16 = 1,
        index: UInt16 = 0, outcome: UInt8 = 0, count: Int = 0, lasting: UInt64 = 10
    ) -> Int {
        events.append(
            HistoryEvent(
                kind, begin: clock, end: clock + lasting, tag: tag, device: device,
                pasidBits: HistoryEvent.bits(of: PASID(pasid)), index: index, outcome: outcome,
                count: count))
        clock += 20
        return events.count - 1
    }

    /// Nothing happens for so many ticks.
    mutating func wait(_ ticks: UInt64) { clock += ticks }

    mutating func report(_ tag: UInt64, last: Bool, pasid: Int = 1, outcome: ReportOutcome? = nil) {
        add(
            last ? .last : .page, tag, pasid: pasid,
            outcome: (outcome ?? (last ? .queued : .held)).rawValue)
    }

    /// Takes, answers and finishes a group of these requests.
    mutating func handle(_ tags: [UInt64], pasid: Int = 1, answer: RespondOutcome = .answered) {
        take(tags, pasid: pasid)
        add(.respond, tags.last!, pasid: pasid, outcome: answer.rawValue)
        add(.finish, tags.last!, pasid: pasid)
    }

    mutating func take(_ tags: [UInt64], pasid: Int = 1) {
        for tag in tags {
            add(.member, tag, pasid: pasid, outcome: tag == tags.last ? 1 : 0)
        }
        add(.take, tags.last!, pasid: pasid, count: tags.count)
    }

    var rules: Set<Violation.Rule> {
        Set(
            ReportingHistoryCheck.violations(
                in: ReportingHistory(events: events, threads: ["all"])
            ).map(\.rule))
    }
}

/// Every rule is seen to hold and to fail.
struct ReportingHistoryCheckTests {
    private func rules(_ tell: (inout Story) -> Void) -> Set<Violation.Rule> {
        var story = Story()
        story.add(.add)
        tell(&story)
        return story.rules
    }

    @Test func aSoundHistoryPasses() {
        #expect(
            rules {
                $0.report(0, last: false)
                $0.report(1, last: true)
                $0.handle([0, 1])
                $0.add(.look, 1, outcome: 1)
                $0.report(2, last: false)
                $0.add(.flush)
                $0.report(3, last: true)
                $0.add(.discard)
                $0.handle([3])
                $0.add(.look, 3, outcome: 1)
                $0.add(.remove)
                $0.report(4, last: true, outcome: .noDevice)
                $0.add(.add)
            }.isEmpty)
    }

    @Test(arguments: [0, 2])
    func oneAnswer(_ answers: Int) {
        #expect(
            rules {
                $0.report(0, last: true)
                $0.handle([0])
                $0.add(.look, 0, outcome: UInt8(answers))
            }.contains(.invariant(1)))
    }

    @Test func aPageIsNotAnswered() {
        let found = rules {
            $0.report(0, last: false)
            $0.add(.look, 0, outcome: 1)
        }
        #expect(found == [.invariant(2)])
        let refused = rules {
            $0.report(0, last: false, outcome: .refused)
            $0.add(.look, 0, outcome: 1)
        }
        #expect(refused == [.invariant(25)])
    }

    @Test func orderAndKeyOfAGroup() {
        let reversed = rules {
            $0.report(0, last: false)
            $0.report(1, last: false)
            $0.report(2, last: true)
            $0.handle([1, 0, 2])
            $0.add(.look, 2, outcome: 1)
        }
        #expect(reversed == [.invariant(4)])
        let mixed = rules {
            $0.report(0, last: false, pasid: 2)
            $0.report(1, last: true)
            $0.add(.member, 0, pasid: 2)
            $0.add(.member, 1, outcome: 1)
            $0.add(.take, 1, count: 2)
            $0.add(.look, 1, outcome: 1)
        }
        #expect(mixed == [.invariant(5)])
    }

    /// A machine may stand still for seconds, which are more ticks than 32 bits hold.
    @Test func anOperationMayTakeSeconds() {
        let overlapping = rules {
            $0.add(.remove, lasting: 6_000_000_000)
            $0.wait(5_000_000_000)
            $0.report(0, last: false)
            $0.wait(2_000_000_000)
            $0.add(.add)
        }
        #expect(overlapping.isEmpty)
        let after = rules {
            $0.add(.remove, lasting: 6_000_000_000)
            $0.wait(6_000_001_000)
            $0.report(0, last: false)
            $0.add(.add)
        }
        #expect(after == [.invariant(29)])
    }

    @Test func endsAreExactOrLate() {
        let short: [UInt64] = [0, 1, 10, 1 << 27 - 1]
        let long: [UInt64] = [
            1 << 27, 1 << 27 + 1, 1 << 28 - 1, 1 << 32 - 1, 1 << 32, 6_000_000_001, 1 << 55,
        ]
        for ticks in short + long {
            let event = HistoryEvent(.flush, begin: 1000, end: 1000 + ticks)
            let excess = Int64(event.end - 1000) - Int64(ticks)
            #expect(excess >= 0 && excess <= Int64(ticks >> 25), "\(ticks)")
            if short.contains(ticks) { #expect(excess == 0) }
        }
        let years = HistoryEvent(.flush, begin: 0, end: UInt64.max)
        #expect(years.end == 1 << 56)
    }

    @Test func aFlushWaitsForTheHandler() {
        let found = rules {
            $0.report(0, last: true)
            $0.take([0])
            $0.add(.respond, 0)
            $0.add(.flush)
            $0.add(.finish, 0)
            $0.add(.look, 0, outcome: 1)
        }
        #expect(found == [.invariant(9)])
    }

    @Test func aPageThatOutlivesAFlushOrADiscard() {
        for (kind, rule) in [(HistoryEvent.Kind.flush, 11), (.discard, 18)] {
            let found = rules {
                $0.report(0, last: false)
                $0.add(kind)
                $0.report(1, last: true)
                $0.handle([0, 1])
                $0.add(.look, 1, outcome: 1)
            }
            #expect(found == [.invariant(rule)])
        }
    }

    @Test func aPageThatIsLost() {
        let found = rules {
            $0.report(0, last: false)
            $0.add(.flush, pasid: 2)
            $0.report(1, last: true)
            $0.handle([1])
            $0.add(.look, 1, outcome: 1)
        }
        #expect(found == [.invariant(12)])
    }

    @Test func lateAnswers() {
        let sent = rules {
            $0.report(0, last: true)
            $0.take([0])
            $0.add(.finish, 0)
            $0.add(.flush)
            $0.add(.respond, 0)
            $0.add(.look, 0, outcome: 1)
        }
        #expect(sent == [.invariant(13)])
        let stolen = rules {
            $0.report(0, last: true)
            $0.handle([0], answer: .notPending)
            $0.add(.look, 0, outcome: 1)
        }
        #expect(stolen == [.invariant(14)])
        let missing = rules {
            $0.report(0, last: true)
            $0.add(.flush)
            $0.add(.look, 0)
            $0.add(.look, 0, outcome: 1)
        }
        #expect(missing == [.invariant(1)])
    }

    @Test func refusals() {
        let stale = rules {
            $0.report(0, last: false)
            $0.report(1, last: true, outcome: .refused)
            $0.add(.look, 1, outcome: 1, count: 2)
            $0.report(2, last: true)
            $0.handle([0, 2])
            $0.add(.look, 2, outcome: 1)
        }
        #expect(stale == [.invariant(22)])
        let silent = rules { $0.report(0, last: true, outcome: .refused) }
        #expect(silent == [.invariant(24)])
        let unknown = rules { $0.report(0, last: true, outcome: .noDevice) }
        #expect(unknown == [.invariant(23)])
    }

    @Test func devices() {
        #expect(rules { $0.add(.add) } == [.invariant(27)])
        #expect(rules { $0.add(.remove, outcome: 1) } == [.invariant(28)])
        let gone = rules {
            $0.add(.remove)
            $0.report(0, last: false)
        }
        #expect(gone == [.invariant(29)])
        let pending = rules {
            $0.report(0, last: true)
            $0.take([0])
            $0.add(.finish, 0)
            $0.add(.remove)
            $0.add(.respond, 0)
            $0.add(.look, 0, outcome: 1)
        }
        #expect(pending == [.invariant(29)])
    }

    @Test func deliveredOrAnsweredTwice() {
        let found = rules {
            $0.report(0, last: true)
            $0.handle([0])
            $0.handle([0], answer: .notPending)
            $0.add(.look, 0, outcome: 1)
        }
        #expect(found.isSuperset(of: [.invariant(44), .invariant(45)]))
    }

    /// Operations that overlap may have happened in either order.
    @Test func overlapExcuses() {
        #expect(
            rules {
                $0.add(.flush, lasting: 1000)
                $0.report(0, last: false)
                $0.report(1, last: true)
                $0.handle([1])
                $0.add(.look, 1, outcome: 1)
            }.isEmpty)
    }

    @Test func anEventIsThirtyTwoBytes() {
        #expect(MemoryLayout<HistoryEvent>.size == 32)
        #expect(MemoryLayout<HistoryEvent>.stride == 32)
    }

    @Test func aFullLogCountsWhatItDrops() {
        let log = HistoryLog(capacity: 2)
        for _ in 0..<5 { log.append(HistoryEvent(.flush, begin: 1, end: 2)) }
        #expect(log.events.count == 2 && log.dropped == 3)
        log.clear()
        #expect(log.events.isEmpty && log.dropped == 0)
        log.deallocate()
    }

    @Test func logsMergeByTheirClock() {
        let logs = [
            [
                HistoryEvent(.flush, begin: 3, end: 4, thread: 0),
                HistoryEvent(.flush, begin: 9, end: 9),
            ],
            [HistoryEvent(.discard, begin: 5, end: 6, thread: 1)],
        ]
        let history = ReportingHistory(logs, threads: ["one", "two"])
        #expect(history.events.map(\.begin) == [3, 5, 9])
        #expect(history.sentence(1) == "two discards what is partial: 0 dropped")
    }
}
