extension DeliveryCheck {
    /// What was wrong with a finished run, a sentence each, producers in order; empty where every
    /// accepted request was delivered exactly once and in order.
    ///
    /// The guarantee for each producer, with `n` accepted: every consumer's deliveries of it are
    /// strictly increasing, and those of all consumers together are 0 ..< n. For a single consumer
    /// that is exactly the sequence 0, 1, 2, …, n − 1.
    ///
    /// - Parameters:
    ///   - views: One per consumer, taken when the subject was empty and every thread had stopped.
    ///   - accepted: How many requests of each producer the subject accepted. Takes about a
    ///     nanosecond for each of them.
    /// - Precondition: Every view has as many producers as `accepted`.
    public static func violations(in views: [DeliveryView], accepted: [UInt64]) -> [String] {
        precondition(
            views.allSatisfy { $0.producers.count == accepted.count },
            "every view has as many producers as the run")
        var sentences: [String] = []
        for (producer, count) in accepted.enumerated() {
            let seen = views.map { $0.producers[producer] }
            sentences += orderViolations(of: producer, in: seen)
            sentences += conservationViolations(of: producer, in: seen, accepted: count)
        }
        let strays = views.map(\.strays).filter { $0.count > 0 }
        if let first = strays.first {
            let tag = SequenceTag(rawValue: first.firstTag)
            let count = strays.reduce(0) { $0 + $1.count }
            sentences.append(
                "\(requests(count)) delivered of no producer in 0 ..< \(accepted.count), first "
                    + "producer \(tag.producer) sequence \(tag.sequence)")
        }
        return sentences
    }

    private static func orderViolations(
        of producer: Int, in seen: [DeliveryView.ProducerView]
    ) -> [String] {
        var sentences: [String] = []
        for (consumer, view) in seen.enumerated() {
            let place = seen.count == 1 ? "" : " at consumer \(consumer)"
            if view.orderBreaks > 0 {
                let more = view.orderBreaks > 1 ? ", and \(view.orderBreaks - 1) more" : ""
                let first = view.firstBreak
                sentences.append(
                    "producer \(producer): sequence \(first.sequence) after \(first.after)"
                        + place + more)
            }
            if view.torn > 0 {
                sentences.append(
                    "producer \(producer): \(requests(view.torn)) torn\(place), first with "
                        + "sequence \(view.firstTornSequence) and the address of another")
            }
        }
        return sentences
    }

    private static func conservationViolations(
        of producer: Int, in seen: [DeliveryView.ProducerView], accepted: UInt64
    ) -> [String] {
        var delivered = SequenceTotals()
        for view in seen { delivered.add(view.totals) }
        let sent = SequenceTotals(accepted: accepted)
        guard delivered != sent else { return [] }

        let name = "producer \(producer)"
        let past = seen.map(\.nextSequence).max() ?? 0
        var sentences: [String] = []
        if past > accepted {
            sentences.append(
                "\(name): sequence \(past - 1) delivered, but only \(accepted) accepted")
        }
        if delivered.count < sent.count {
            let which = difference(sent, delivered).map { " (sequence \($0))" } ?? ""
            sentences.append("\(name): \(requests(sent.count - delivered.count)) lost\(which)")
        } else if delivered.count > sent.count {
            let which = difference(delivered, sent).map { " (sequence \($0))" } ?? ""
            sentences.append(
                "\(name): \(requests(delivered.count - sent.count)) too many\(which)")
        } else {
            sentences.append(
                "\(name): \(requests(sent.count)) delivered as accepted, but not the same ones")
        }
        return sentences
    }

    /// The one sequence that `larger` has more than `smaller`, where it is one.
    private static func difference(
        _ larger: SequenceTotals, _ smaller: SequenceTotals
    ) -> UInt64? {
        guard larger.count == smaller.count + 1 else { return nil }
        let sequence = larger.sum &- smaller.sum
        var completed = smaller
        completed.add(sequence)
        return completed == larger ? sequence : nil
    }

    private static func requests(_ count: UInt64) -> String {
        count == 1 ? "1 request" : "\(count) requests"
    }
}
