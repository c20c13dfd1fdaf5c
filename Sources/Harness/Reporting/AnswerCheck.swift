import FaultModel
import FaultOracle
import FaultQueues

/// Looks, between bursts, whether every group of a reporter was answered exactly once, and with the
/// code that its tags call for.
struct AnswerCheck {
    let port: ResponsePort
    let pattern: RequestPattern
    /// Pages whose handling fails, and groups that nobody answers in time.
    let failing: TagShare
    let silent: TagShare
    private let groupSize: Int
    /// By slot of the pattern, whether a page of the group there fails.
    private var fails: [Bool]
    private var unanswered = 0
    private var repeated = 0
    private var miscoded = 0
    private var uncalledFor = 0
    private var incomplete = 0
    private var unhandled = 0
    /// Groups that have failed.
    private(set) var failed = 0
    /// Groups that a removal answered.
    private(set) var settled = 0

    init(
        port: ResponsePort, pattern: RequestPattern, workload: ReportingWorkload,
        failing: TagShare, silent: TagShare
    ) {
        self.port = port
        self.pattern = pattern
        self.failing = failing
        self.silent = silent
        groupSize = workload.groupSize
        fails = [Bool](repeating: false, count: workload.openGroups)
    }

    /// The requests from one tag up to another, the first at a place of the pattern. They go on
    /// where those of the call before ended.
    mutating func check(from first: SequenceTag, place: Int, to end: SequenceTag) {
        forEachRequest(from: first, place: place, to: end) { check, tag, isLast, place in
            let answers = check.port.takeAnswers(tag: tag)
            guard isLast else {
                if answers.count > 0 { check.uncalledFor += 1 }
                return
            }
            check.count(answers.count)
            let expected = check.code(tag, place)
            if answers.count == 1 && answers.codes != Int(expected.rawValue) {
                check.miscoded += 1
            }
            if expected == .invalid { check.failed += 1 }
        }
    }

    /// The same where devices come and go: groups may have been given up, cut short, or answered
    /// by a removal, each only where a removal was there to do it.
    mutating func check(
        from first: SequenceTag, place: Int, to end: SequenceTag, _ churned: ChurnedReports,
        _ seen: SeenPages
    ) {
        forEachRequest(from: first, place: place, to: end) { check, tag, _, place in
            let answers = check.port.takeAnswers(tag: tag)
            let pages = seen.take(tag: tag)
            guard let completion = churned.takeCompletion(tag: tag) else {
                if answers.count > 0 || pages > 0 { check.uncalledFor += 1 }
                return
            }
            check.count(answers.count)
            let expected = completion.isRefused ? .failure : check.code(tag, place)
            let isSettled =
                !completion.isRefused && answers.codes == Int(ResponseCode.invalid.rawValue)
                && churned.wasRemoved(place.device, since: completion)
            if isSettled { check.settled += 1 }
            if answers.count == 1 && !isSettled && answers.codes != Int(expected.rawValue) {
                check.miscoded += 1
            }
            if completion.isRefused {
                if pages > 0 { check.uncalledFor += 1 }
            } else if pages == 0 {
                if !isSettled { check.unhandled += 1 }
            } else if pages != check.groupSize && !completion.mayBeShort {
                check.incomplete += 1
            }
        }
    }

    private mutating func forEachRequest(
        from first: SequenceTag, place: Int, to end: SequenceTag,
        _ body: (inout AnswerCheck, UInt64, Bool, RequestPattern.Place) -> Void
    ) {
        var tag = first
        var number = place
        while tag != end {
            let place = pattern.place(number)
            if place.isFirst { fails[place.slot] = false }
            if failing.contains(tag.rawValue) { fails[place.slot] = true }
            body(&self, tag.rawValue, pattern.requests[number].isLast, place)
            tag.advance()
            number += 1
            if number == pattern.count { number = 0 }
        }
    }

    private mutating func count(_ answers: Int) {
        if answers == 0 { unanswered += 1 }
        if answers > 1 { repeated += 1 }
    }

    /// What the group that ends with a tag must be answered by its owner.
    private func code(_ tag: UInt64, _ place: RequestPattern.Place) -> ResponseCode {
        silent.contains(tag) ? .failure : fails[place.slot] ? .invalid : .success
    }

    var violations: [String] {
        [
            (unanswered, "groups never answered"), (repeated, "groups answered more than once"),
            (miscoded, "groups answered with another code than theirs"),
            (uncalledFor, "answers to requests that were not last, or were not taken"),
            (incomplete, "groups cut short with their device there throughout"),
            (unhandled, "groups not handled, and not answered by a removal"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    }
}
