import FaultModel
import FaultQueues

/// What the threads of a handle exercise tell each other. Words that say nothing about other
/// memory, so that the structure under test has to order by itself.
final class HandleBoard: @unchecked Sendable {
    /// What a changer says about a place.
    struct Shown: Equatable {
        /// State in the low two bits, domain above.
        let word: UInt64

        /// Nothing can be concluded but that handles older than this are gone.
        static func changing(oldest: UInt64) -> Shown { Shown(word: oldest << 2) }
        static func empty(oldest: UInt64) -> Shown { Shown(word: oldest << 2 | 1) }
        static func attached(_ domain: UInt64) -> Shown { Shown(word: domain << 2 | 2) }

        var isEmpty: Bool { word & 3 == 1 }
        var isAttached: Bool { word & 3 == 2 }
        var version: UInt64 { word >> 2 }
        var oldest: UInt64 { word >> 2 }
        var type: HandleType { HandleBoard.type(of: version) }
    }

    let places: Int
    let changersLeft: ThreadsLeft
    private let users: Int
    private let words: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    /// By user: the domain of the handle that it has; 0 for none.
    private let used: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    private let versions = SharedAtomic<UInt64>(1)

    init(places: Int, users: Int, changers: Int) {
        self.places = places
        self.users = users
        changersLeft = ThreadsLeft(changers)
        words = allocateShared(count: places) { number in
            // A contended place says something only while a handle of its stays.
            PaddedAtomic<UInt64>(Self.isContended(number) ? 0 : Shown.empty(oldest: 0).word)
        }
        used = allocateShared(count: users) { _ in PaddedAtomic<UInt64>(0) }
    }

    deinit {
        freeShared(words, count: places)
        freeShared(used, count: users)
    }

    /// Whether both changers attach there.
    static func isContended(_ place: Int) -> Bool { place % 3 == 2 }

    static func place(_ number: Int) -> HandlePlace {
        HandlePlace(group: number % 2, pasid: PASID(number / 2)!)
    }

    /// A domain that no other handle has; the later, the higher.
    func nextVersion(_ type: HandleType) -> UInt64 {
        let number = versions.wrappingAdd(1, ordering: .relaxed).oldValue
        return number << 1 | (type == .sva ? 1 : 0)
    }

    static func type(of version: UInt64) -> HandleType {
        version & 1 == 1 ? .sva : .userManaged
    }

    // Sequentially consistent, so that a user's two looks are around its lookup also for those who
    // read the words of several places; no memory but the words is ordered by it.

    func shown(_ place: Int) -> Shown {
        Shown(word: words[place].value.load(ordering: .sequentiallyConsistent))
    }

    func show(_ place: Int, _ shown: Shown, unless isSilent: Bool) {
        if !isSilent { words[place].value.store(shown.word, ordering: .sequentiallyConsistent) }
    }

    func uses(_ user: Int, _ domain: UInt64) {
        used[user].value.store(domain, ordering: .sequentiallyConsistent)
    }

    func isUsed(_ domain: UInt64) -> Bool {
        (0..<users).contains {
            used[$0].value.load(ordering: .sequentiallyConsistent) == domain
        }
    }
}
