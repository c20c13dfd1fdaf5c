import FaultModel

extension ReportingHistoryCheck {
    /// One answer to each completed group, by its owner or by who may take it from him, in time.
    mutating func checkAnswers() {
        for lane in requests.indices {
            for number in requests[lane].indices where requests[lane][number].report >= 0 {
                let request = requests[lane][number]
                let report = history.events[request.report]
                checkCount(request, report)
                guard report.kind == .last, report.outcome == ReportOutcome.queued.rawValue else {
                    continue
                }
                checkOwner(request, report)
                checkBarrier(
                    request, report, Self.first(flushes[report.owner], after: report.end),
                    answered: 13, "the flush of its PASID", isFlush: true)
                checkBarrier(
                    request, report,
                    Self.first(removals[UInt64(report.device)], after: report.end),
                    answered: 29, "the removal of its device", isFlush: false)
            }
        }
        checkLooks()
    }

    private mutating func checkCount(_ request: Request, _ report: HistoryEvent) {
        let places = [request.report, request.respond]
        let isRefused = report.outcome == ReportOutcome.refused.rawValue
        guard report.kind == .last else {
            if request.answers != 0 {
                complain(
                    isRefused ? 25 : 2,
                    "a request that is not its group's last was answered \(request.answers) times",
                    places)
            }
            return
        }
        let isAnswered = isRefused || report.outcome == ReportOutcome.queued.rawValue
        if request.answers != (isAnswered ? 1 : 0) {
            complain(
                isRefused ? 24 : isAnswered ? 1 : 23,
                "a group was answered \(request.answers) times, expected \(isAnswered ? 1 : 0)",
                places)
        } else if isRefused && request.codes != Int(ResponseCode.failure.rawValue) {
            complain(24, "a group without memory was answered with code \(request.codes)", places)
        }
    }

    /// An owner who answered gave the code; one who did not was too late, after a flush or removal.
    private mutating func checkOwner(_ request: Request, _ report: HistoryEvent) {
        guard request.respond >= 0 else { return }
        let respond = history.events[request.respond]
        let places = [request.report, request.respond]
        if respond.outcome == RespondOutcome.answered.rawValue {
            if request.answers == 1, request.codes != Int(respond.count) {
                complain(14, "a group was answered with a code that is not its owner's", places)
            }
        } else if Self.overlapping(flushes[report.owner], report.begin, respond.end) == nil,
            Self.overlapping(removals[UInt64(report.device)], report.begin, respond.end) == nil
        {
            complain(14, "another answer completed the group before its owner's", places)
        }
    }

    /// A flush or removal that began after the group was queued has answered it when it returns,
    /// and a flush has waited for its handler.
    private mutating func checkBarrier(
        _ request: Request, _ report: HistoryEvent, _ barrier: Interval?, answered: Int,
        _ name: String, isFlush: Bool
    ) {
        guard let barrier else { return }
        let places = [request.report, barrier.event]
        if request.respond >= 0 {
            let respond = history.events[request.respond]
            if respond.begin > barrier.end, respond.outcome == RespondOutcome.answered.rawValue {
                complain(
                    answered, "an answer was sent after \(name)", places + [request.respond])
            }
        }
        guard isFlush, request.take >= 0 else { return }
        if history.events[request.take].begin > barrier.end {
            complain(9, "a group was taken after \(name)", places + [request.take])
        } else if request.finish >= 0, history.events[request.finish].begin > barrier.end {
            complain(9, "\(name) returned while a handler ran", places + [request.finish])
        }
    }

    /// Whoever looks after a flush or a removal finds the answer.
    private mutating func checkLooks() {
        var seen: [UInt64: Int] = [:]
        for (place, event) in history.events.enumerated() where event.kind == .look {
            seen[event.tag, default: 0] += Int(event.outcome)
            guard seen[event.tag] == 0, requests.indices.contains(event.lane),
                requests[event.lane].indices.contains(event.number)
            else { continue }
            let request = requests[event.lane][event.number]
            guard request.report >= 0 else { continue }
            let report = history.events[request.report]
            guard report.kind == .last, report.outcome == ReportOutcome.queued.rawValue else {
                continue
            }
            if let flush = Self.first(flushes[report.owner], after: report.end),
                flush.end < event.begin
            {
                complain(
                    1, "a flush returned before a group of its PASID was answered",
                    [request.report, flush.event, place])
            }
            if let removal = Self.first(removals[UInt64(report.device)], after: report.end),
                removal.end < event.begin
            {
                complain(
                    29, "a removal returned before a group of its device was answered",
                    [request.report, removal.event, place])
            }
        }
    }

    /// Adding and removing a device, which one thread does in turn.
    mutating func checkDevices() {
        var served: [UInt16: Bool] = [:]
        for (place, event) in history.events.enumerated() {
            if event.kind == .add {
                let isNew = served[event.device] != true
                if (event.outcome == AddDeviceOutcome.added.rawValue) != isNew {
                    complain(
                        27, isNew ? "a device was not added" : "a device was added twice", [place])
                }
                served[event.device] = true
            } else if event.kind == .remove {
                let isServed = served[event.device] == true
                if (event.outcome == RemoveDeviceOutcome.removed.rawValue) != isServed {
                    complain(28, "a removal failed, or of a device that was not there", [place])
                }
                served[event.device] = false
            }
        }
    }
}
