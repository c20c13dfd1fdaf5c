import FaultModel
import FaultOracle
import FaultQueues

/// Runs every sequence of calls of a given length, on a ring and on the model beside it.
///
/// One ring serves all sequences: after each it is drained, which the model checks too, and the
/// next one begins at another slot and with whatever the endpoints have cached.
struct RingPaths {
    let configuration: RingConfiguration
    let batching: Batching
    /// Dequeue limits are 1 ... this.
    var longestBatch = 3
    /// How many requests producer 0 enqueues ahead of each sequence: the states to begin from.
    var fills: [Int]
    /// Calls of a sequence after that.
    let length: Int

    private struct Step {
        var call: RingCall
        var answer: RingAnswer
    }

    /// The first sequence, in a fixed order, whose answers are not the model's; nil where they are.
    func firstDivergence<Ring: PageRequestRing>(
        _ make: (RingConfiguration) -> Ring = Ring.init
    ) -> String? {
        let subject = RingSubject(configuration, bufferCount: longestBatch + 1, make: make)
        var walk = Walk(paths: self, subject: subject)
        for fill in fills {
            if let divergence = walk.begin(filledWith: fill) { return divergence }
        }
        return nil
    }

    /// Sequences that `firstDivergence` runs.
    var count: Int {
        let calls = configuration.producers + longestBatch + 1
        return fills.count * (0..<length).reduce(1) { product, _ in product * calls }
    }

    private struct Walk<Ring: PageRequestRing> {
        let paths: RingPaths
        let subject: RingSubject<Ring>
        let calls: [RingCall]
        var steps: [Step] = []
        /// Sequences run so far.
        var run: UInt64 = 0

        init(paths: RingPaths, subject: RingSubject<Ring>) {
            self.paths = paths
            self.subject = subject
            calls =
                (0..<paths.configuration.producers).map { .enqueue(producer: $0) }
                + (1...paths.longestBatch).map { .dequeue(limit: $0) } + [.acknowledge]
        }

        mutating func begin(filledWith fill: Int) -> String? {
            var model = RingModel(
                usable: paths.configuration.usable, policy: paths.configuration.overflow,
                producers: paths.configuration.producers, batching: paths.batching)
            steps = []
            for number in 0..<fill {
                let call = RingCall.enqueue(producer: 0)
                steps.append(
                    Step(call: call, answer: model.answer(to: call, number: UInt64(number))))
            }
            return descend(model, left: paths.length)
        }

        private mutating func descend(_ model: RingModel, left: Int) -> String? {
            guard left > 0 else { return runToTheEnd(model) }
            for call in calls {
                var next = model
                let answer = next.answer(to: call, number: UInt64(steps.count))
                steps.append(Step(call: call, answer: answer))
                if let divergence = descend(next, left: left - 1) { return divergence }
                steps.removeLast()
            }
            return nil
        }

        /// Runs the steps on the ring, then drains it.
        private mutating func runToTheEnd(_ model: RingModel) -> String? {
            run += 1
            for (number, step) in steps.enumerated() {
                if let divergence = perform(step, number: number) { return divergence }
            }
            var rest = model
            var number = steps.count
            func next(_ call: RingCall) -> Step {
                Step(call: call, answer: rest.answer(to: call, number: UInt64(number)))
            }
            var isEmpty = false
            while !isEmpty {
                let step = next(.dequeue(limit: paths.longestBatch))
                isEmpty = step.answer == .delivered([])
                if let divergence = perform(step, number: number) { return divergence }
                number += 1
            }
            var ending: [RingCall] = [.acknowledge]
            // The next sequence expects the consumer at lane 0.
            if rest.current != 0 { ending += [.enqueue(producer: 0), .dequeue(limit: 1)] }
            for call in ending {
                if let divergence = perform(next(call), number: number) { return divergence }
                number += 1
            }
            return nil
        }

        /// What the ring did differently, with the whole sequence.
        private func perform(_ step: Step, number: Int) -> String? {
            let base = run << 8
            let got: RingAnswer?
            switch step.call {
            case .enqueue(let producer):
                got = .outcome(subject.enqueue(base | UInt64(number), by: producer))
            case .dequeue(let limit):
                got = subject.dequeue(limit: limit).map {
                    .delivered($0.map { $0 >> 8 == run ? $0 & 0xFF : $0 })
                }
            case .acknowledge:
                got = .acknowledged(subject.acknowledge())
            }
            if got == step.answer { return nil }
            let path = steps.prefix(number).map { "\($0.call) \($0.answer)" }
            let ending = number > steps.count ? ["and \(number - steps.count) calls to drain"] : []
            return """
                \(Ring.name), capacity \(subject.configuration.capacity), \
                \(subject.configuration.overflow), \(subject.configuration.headUpdate.rawValue), \
                sequence \(run): \((path + ending).joined(separator: "; ")); then \(step.call) \
                gave \(got.map(\.description) ?? "a request that nobody sent"), \
                expected \(step.answer)
                """
        }
    }
}
