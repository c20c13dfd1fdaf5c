import FaultModel
import FaultQueues

/// One lookup of a user's round, and what may come of it.
public struct HandleQuestion: BitwiseCopyable {
    @usableFromInline let place: HandlePlace
    @usableFromInline let type: HandleType
    /// What always comes of it; `anything` for a place that comes and goes.
    @usableFromInline let answer: Answer

    @usableFromInline
    enum Answer: UInt8, BitwiseCopyable {
        case found, none, otherType, anything
    }
}

/// The places of a workload: which come and go, and what is attached to the others.
struct HandleTraffic: Sendable {
    let workload: HandleWorkload

    static let pasidsPerGroup = 64
    var groups: Int { (workload.places + Self.pasidsPerGroup - 1) / Self.pasidsPerGroup }

    /// PASID 0 of each group is reserved and the one after the last never attached.
    func place(_ number: Int) -> HandlePlace {
        HandlePlace(
            group: number / Self.pasidsPerGroup,
            pasid: PASID(1 + number % Self.pasidsPerGroup)!)
    }

    private func emptyPlace(near number: Int) -> HandlePlace {
        HandlePlace(
            group: number / Self.pasidsPerGroup, pasid: PASID(Self.pasidsPerGroup + 1)!)
    }

    var configuration: HandleConfiguration {
        HandleConfiguration(
            groups: groups, pasids: Self.pasidsPerGroup + 2,
            // Ended handles may wait for a grace period.
            maximumHandles: workload.places + 4096,
            maximumUsers: workload.users + 1)
    }

    /// Of a place that stays.
    func type(_ number: Int) -> HandleType {
        (number * 37) % 100 < workload.otherTypePercent ? .userManaged : .sva
    }

    /// The places of a churner.
    func churned(by churner: Int) -> [HandlePlace] {
        (0..<workload.churned).filter { $0 % workload.churners == churner }.map(place)
    }

    /// A user's round of lookups: most want `.sva` where something is, some look where nothing is.
    func questions(seed: UInt64) -> UnsafeMutablePointer<HandleQuestion> {
        var random = SeededGenerator(seed: seed, stream: 77)
        let questions = UnsafeMutablePointer<HandleQuestion>.allocate(capacity: Self.round)
        for slot in 0..<Self.round {
            let number = Int.random(in: 0..<workload.places, using: &random)
            let isEmpty = slot % 16 == 15
            let answer: HandleQuestion.Answer =
                isEmpty
                ? .none
                : number < workload.churned
                    ? .anything : type(number) == .sva ? .found : .otherType
            (questions + slot).initialize(
                to: HandleQuestion(
                    place: isEmpty ? emptyPlace(near: number) : place(number), type: .sva,
                    answer: answer))
        }
        return questions
    }

    /// Lookups of a user's round.
    static var round: Int { 1024 }
}
