// The free list of a pool: a stack of indices (Treiber 1986) without locks.
//
// Idea: `top` holds an index and a tag, and `links[i]` the index below i. Links live beside the
// nodes, not in them: a thread that stalls in `pop` may read the link of a node that another thread
// has long been given, and what it reads must be an atomic, not that thread's data.
//
//     top, 64 bits:  63:32 tag    31:0 index, 0xFFFF_FFFF for empty
//
// Invariants
//  1. An index is in the stack at most once; one that was popped belongs to its popper.
//  2. Every pop, of one index or of a chain, adds one to the tag. So an exchange that expects a top
//     from before some pop fails, though the same index may have come back to the top with another
//     one below (the ABA problem). It takes 2³² pops during one thread's stall for the tag to
//     repeat.
//  3. Every change of `top` after `init` is an exchange, so each push heads a release sequence that
//     all later pops read from.
//
// Overlap and progress: `push` and `pop` overlap freely and are lock-free. A stalled thread blocks
// nobody.

/// The word that every thread changes, and the way to the links.
@usableFromInline
struct IndexStackStorage: ~Copyable {
    /// Index and tag; written by every push and pop.
    @usableFromInline let top: PaddedAtomic<UInt64>
    /// One per index; written by the thread that pushes the index.
    @usableFromInline let links: UnsafeMutablePointer<SharedAtomic<UInt32>>
    @usableFromInline let count: Int

    @usableFromInline
    init(count: Int) {
        self.count = count
        links = allocateShared(count: count) { index in
            SharedAtomic(index + 1 < count ? UInt32(index + 1) : IndexStack.none)
        }
        top = PaddedAtomic(IndexStack.word(tag: 0, index: 0))
    }
}

/// A lock-free stack of the indices 0 ..< count, full at the start with 0 on top.
@usableFromInline
struct IndexStack: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let storage: UnsafeMutablePointer<IndexStackStorage>
    /// The storage's own, here so that a handle reaches them in one step.
    @usableFromInline let links: UnsafeMutablePointer<SharedAtomic<UInt32>>

    /// No index.
    @inlinable static var none: UInt32 { .max }

    /// - Parameter count: 1 … 2³² − 2.
    @usableFromInline
    init(count: Int) {
        precondition(count >= 1 && count < Int(UInt32.max), "a pool has 1 to 2^32 - 2 nodes")
        storage = allocateShared(initial: IndexStackStorage(count: count))
        links = storage.pointee.links
    }

    @usableFromInline
    func destroy() {
        freeShared(links, count: storage.pointee.count)
        freeShared(storage, count: 1)
    }

    /// The word for `top`.
    @inlinable
    static func word(tag: UInt32, index: UInt32) -> UInt64 { UInt64(tag) << 32 | UInt64(index) }

    /// The index in a word.
    @inlinable
    static func index(of word: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: word) }

    /// The tag in a word.
    @inlinable
    static func tag(of word: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: word >> 32) }

    /// The top as it is now.
    @inlinable
    func observeTop() -> UInt64 {
        // ORDER pool.free-list, acquire side. Pairs with the exchange in pushChain.
        // Keeps: the link of the observed index, and the node's last use, before the top that shows
        // it. If relaxed: an old link can become the top, and an index be handed out twice.
        storage.pointee.top.value.load(ordering: .acquiring)
    }

    /// Takes the index on top, or nil where there is none.
    @inlinable
    func pop() -> UInt32? {
        var observed = observeTop()
        while Self.index(of: observed) != Self.none {
            let (exchanged, current) = replaceTop(observed)
            if exchanged { return Self.index(of: observed) }
            observed = current
        }
        return nil
    }

    /// One try to take the index of an observed top, which is not empty.
    @inlinable
    func replaceTop(_ observed: UInt64) -> (exchanged: Bool, original: UInt64) {
        // Relaxed: ordered by the acquire that observed the top; if the index has been taken since,
        // the link may be any, and the exchange fails.
        let below = links[Int(Self.index(of: observed))].load(ordering: .relaxed)
        return storage.pointee.top.value.compareExchange(
            expected: observed, desired: Self.word(tag: Self.tag(of: observed) &+ 1, index: below),
            // Relaxed: with its tag the word can only be the one that was observed, by an acquire.
            // The standard library has no such pair of orderings and makes the success acquire too.
            successOrdering: .relaxed,
            // ORDER pool.free-list, acquire side. Pairs with the exchange in pushChain.
            // Keeps: as in observeTop(), for the next try with this top.
            // If relaxed: as in observeTop().
            failureOrdering: .acquiring)
    }

    /// Takes up to `limit` indices from the top: the first, which links to the next, and how many.
    @inlinable
    func popChain(limit: UInt32) -> (first: UInt32, count: UInt32) {
        var observed = observeTop()
        while Self.index(of: observed) != Self.none {
            let first = Self.index(of: observed)
            var count: UInt32 = 1
            // If any of them was taken since the top was observed, its tag has changed and the
            // exchange fails; until then a link is some index, and there are at most `limit` steps.
            var below = link(first)
            while count < limit, below != Self.none {
                below = link(below)
                count &+= 1
            }
            let (exchanged, current) = storage.pointee.top.value.compareExchange(
                expected: observed,
                desired: Self.word(tag: Self.tag(of: observed) &+ 1, index: below),
                successOrdering: .relaxed,  // as in replaceTop(_:)
                // ORDER pool.free-list, acquire side. Pairs with the exchange in pushChain.
                // Keeps: as in observeTop(), for the next try with this top.
                failureOrdering: .acquiring)
            if exchanged { return (first, count) }
            observed = current
        }
        return (Self.none, 0)
    }

    /// The index below one that the calling thread has, or may have.
    @inlinable @inline(__always)
    func link(_ index: UInt32) -> UInt32 {
        links[Int(index)].load(ordering: .relaxed)  // own, or checked by the exchange that follows
    }

    /// Links an index of the calling thread to another of its own.
    @inlinable @inline(__always)
    func setLink(_ index: UInt32, _ below: UInt32) {
        links[Int(index)].store(below, ordering: .relaxed)  // published by pushChain
    }

    /// Puts back an index that the calling thread popped.
    @inlinable
    func push(_ index: UInt32) { pushChain(index, count: 1) }

    /// Puts back `count` linked indices of the calling thread, 1 or more.
    @inlinable
    func pushChain(_ first: UInt32, count: UInt32) {
        var last = first
        for _ in 1..<count { last = link(last) }
        // Relaxed: only a guess, the exchange checks it, and nothing is read through it.
        var observed = storage.pointee.top.value.load(ordering: .relaxed)
        while true {
            // Relaxed: the exchange publishes it.
            setLink(last, Self.index(of: observed))
            let (exchanged, current) = storage.pointee.top.value.compareExchange(
                expected: observed, desired: Self.word(tag: Self.tag(of: observed), index: first),
                // ORDER pool.free-list, release side. Pairs with observeTop() and replaceTop(_:).
                // Keeps: the index's link, and the node's last use, before the top that shows it.
                // If relaxed: an old link can become the top, and an index be handed out twice.
                successOrdering: .releasing, failureOrdering: .relaxed)
            if exchanged { return }
            observed = current
        }
    }
}
