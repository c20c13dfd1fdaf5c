import FaultModel

extension ReportingHistoryCheck {
    /// Outcomes of reports: a device that is served takes them, one that is not does not.
    mutating func checkReports() {
        for (place, event) in history.events.enumerated() {
            guard event.kind == .page || event.kind == .last,
                let outcome = ReportOutcome(rawValue: event.outcome)
            else { continue }
            if outcome == (event.kind == .page ? .queued : .held) {
                complain(2, "a report said \(outcome)", [place])
            }
            let device = UInt64(event.device)
            if outcome == .noDevice {
                if !mayBeGone(device, event.begin, event.end) {
                    complain(23, "a device that is served was refused", [place])
                }
            } else if let removal = isGone(device, event.begin, event.end) {
                complain(29, "a removed device took a request", [removal.event, place])
            }
        }
    }

    /// Whether some part of the time lies between a removal's beginning and the next adding's end.
    private func mayBeGone(_ device: UInt64, _ from: UInt64, _ to: UInt64) -> Bool {
        guard let removals = removals[device] else { return false }
        return removals.contains { removal in
            guard removal.begin <= to else { return false }
            let back = Self.first(additions[device], after: removal.begin)
            return back.map { $0.end >= from } ?? true
        }
    }

    /// The removal after which, and before the next adding, all of the time lies.
    private func isGone(_ device: UInt64, _ from: UInt64, _ to: UInt64) -> Interval? {
        removals[device]?.last { removal in
            guard removal.end < from else { return false }
            let back = Self.first(additions[device], after: removal.end)
            return back.map { $0.begin > to } ?? true
        }
    }

    /// What came out: one key, in order, all of it, and nothing that was dropped before.
    mutating func checkGroups() {
        var members: [UInt8: [Int]] = [:]
        for (place, event) in history.events.enumerated() {
            switch event.kind {
            case .member: members[event.thread, default: []].append(place)
            case .take: checkGroup(place, members.removeValue(forKey: event.thread) ?? [])
            default: break
            }
        }
    }

    private mutating func checkGroup(_ take: Int, _ members: [Int]) {
        let event = history.events[take]
        guard requests.indices.contains(event.lane),
            requests[event.lane].indices.contains(event.number),
            requests[event.lane][event.number].report >= 0
        else { return complain(5, "a group ends with a request that nobody reported", [take]) }
        let report = requests[event.lane][event.number].report
        let last = history.events[report]
        if Int(event.count) != min(members.count, 255) {
            complain(4, "a group says \(event.count) pages and has \(members.count)", [take])
        }
        var previous: UInt64?
        for (position, place) in members.enumerated() {
            let member = history.events[place]
            if member.key != last.key {
                complain(5, "a group has a page of another key", [report, place])
                continue
            }
            if let previous, member.tag <= previous {
                complain(4, "a group has its pages out of order", [place, take])
            }
            previous = member.tag
            if (member.outcome == 1) != (position == members.count - 1) {
                complain(4, "the last request is not at the end of its group", [place, take])
            }
            checkMember(place, of: report, take)
        }
        checkAllThere(report, take)
    }

    /// A page that came out belongs to this group and was not dropped before it was complete.
    private mutating func checkMember(_ place: Int, of report: Int, _ take: Int) {
        let member = history.events[place]
        guard requests.indices.contains(member.lane),
            requests[member.lane].indices.contains(member.number)
        else { return complain(5, "a group has a page that nobody reported", [place]) }
        let earlier = requests[member.lane][member.number].memberOf
        if earlier >= 0 { complain(45, "a page came out twice", [earlier, take]) }
        requests[member.lane][member.number].memberOf = take
        let source = requests[member.lane][member.number].report
        guard source >= 0, source != report else { return }
        let from = history.events[source].end
        let to = history.events[report].begin
        let last = history.events[report]
        if let flush = Self.between(flushes[last.owner], from, to) {
            complain(11, "a page outlived the flush of its PASID", [source, flush.event, take])
        }
        if let discard = Self.between(discards, from, to) {
            complain(18, "a page outlived a discard", [source, discard.event, take])
        }
        if let removal = Self.between(removals[UInt64(last.device)], from, to) {
            complain(29, "a page outlived its device", [source, removal.event, take])
        }
        let own = requests[last.lane][last.number]
        if !held[own.heldFrom..<own.heldTo].contains(member.tag) {
            complain(22, "a page of an earlier group that was given up came out", [source, take])
        }
    }

    /// Every page held for the group came out, unless something dropped it.
    private mutating func checkAllThere(_ report: Int, _ take: Int) {
        let last = history.events[report]
        let own = requests[last.lane][last.number]
        for tag in held[own.heldFrom..<own.heldTo] {
            let lane = Int(tag >> 48)
            let number = Int(tag & (1 << 48 - 1))
            guard requests[lane][number].memberOf != take else { continue }
            let page = requests[lane][number].report
            let from = history.events[page].begin
            if Self.overlapping(flushes[last.owner], from, last.end) == nil,
                Self.overlapping(discards, from, last.end) == nil,
                Self.overlapping(removals[UInt64(last.device)], from, last.end) == nil
            {
                complain(12, "a page was lost, and nothing had dropped it", [page, take])
            }
        }
    }
}
