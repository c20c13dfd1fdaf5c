import FaultModel

// The state of one group slot in one atomic word. Everything that is done to a slot begins and ends
// with a change of this word.
//
//     3:0  stage    5:4  holder    25:6 PASID    34:26 PRG index    35 has PASID
//     47:36 device's place         63:48 generation, one more each time the slot is freed
//
// Stages; what is in brackets does it, and owns the slot's memory until the next stage:
//
//     empty ──────► filling ◄─────► assembling ──────► dropping ──────► empty
//        (reporter)    │   (reporter)      (flush, discard, removal)
//                      ▼
//                   pending ──────► answering ──────► answered ──────► empty
//                      │   (owner)                        ▲   with no holder left
//                      ▼                                  │
//                   revoking ─────► revoked ──────────────┤
//                 (flush, removal)         (owner, late)  │
//                      └──────────► abandoned ────────────┘
//                          (owner, in the midst of it)
//
// The holder says who still refers to the slot: the hand-off queue, or a worker whose handler has
// not returned, or nobody. It changes hand-off → handler → nobody; for a group that was answered
// before a worker saw it hand-off → nobody, or the slot is freed with its entry left void. The
// owner of a group is who may answer it: while it is in the hand-off, a flush or removal may become
// its owner by the exchange pending → answering; after that, the worker or whoever he gave it to.
//
//     queued    = pending, hand-off      running   = pending, handler
//     cancelled = answered, hand-off     detached  = pending, nobody: to be answered later

/// How to read and make a slot's word.
@usableFromInline
enum GroupWord {
    @usableFromInline typealias Word = UInt64

    @inlinable static var stageMask: Word { 0xF }
    @inlinable static var empty: Word { 0 }
    /// A reporter works on it.
    @inlinable static var filling: Word { 1 }
    /// Waits for more pages.
    @inlinable static var assembling: Word { 2 }
    /// Its pages are being freed without an answer.
    @inlinable static var dropping: Word { 3 }
    /// Complete and not answered.
    @inlinable static var pending: Word { 4 }
    /// Its owner sends the answer.
    @inlinable static var answering: Word { 5 }
    /// The owner is done with it.
    @inlinable static var answered: Word { 6 }
    /// Another than its owner sends the answer.
    @inlinable static var revoking: Word { 7 }
    /// As revoking, and the owner has been told and is done with it.
    @inlinable static var abandoned: Word { 8 }
    /// Answered, and the owner does not know it yet.
    @inlinable static var revoked: Word { 9 }

    @inlinable static var holderMask: Word { 3 << 4 }
    @inlinable static var nobody: Word { 0 }
    @inlinable static var handOff: Word { 1 << 4 }
    @inlinable static var handler: Word { 2 << 4 }

    @inlinable static var indexMask: Word { 0x1FF << 26 }
    @inlinable static var placeMask: Word { 0xFFF << 36 }
    /// Device, PASID and PRG index: what G3 groups by.
    @inlinable static var keyMask: Word { (1 << 48 - 1) & ~0x3F }
    /// Device and PASID: what a flush goes by.
    @inlinable static var ownerMask: Word { keyMask & ~indexMask }

    /// The key of a request: PASID and PRG index lie side by side in the header.
    @inlinable @inline(__always)
    static func key(place: Int, header: UInt64) -> Word {
        (header >> 16 & 0x1FFF_FFFF) << 6 | (header >> 49 & 1) << 35
            | Word(truncatingIfNeeded: place) << 36
    }

    /// What all keys of a device and PASID, or of a device without one, have in common.
    @inlinable
    static func owner(place: Int, pasid: PASID?) -> Word {
        (pasid.map { Word($0.rawValue) << 6 | 1 << 35 } ?? 0)
            | Word(truncatingIfNeeded: place) << 36
    }

    @inlinable @inline(__always)
    static func stage(_ word: Word) -> Word { word & stageMask }

    @inlinable @inline(__always)
    static func holder(_ word: Word) -> Word { word & holderMask }

    /// The same slot in another stage.
    @inlinable @inline(__always)
    static func with(_ word: Word, stage: Word) -> Word { word & ~stageMask | stage }

    @inlinable @inline(__always)
    static func with(_ word: Word, holder: Word) -> Word { word & ~holderMask | holder }

    @inlinable @inline(__always)
    static func generation(_ word: Word) -> Word { word >> 48 }

    /// What follows when the slot's holder lets go of it.
    @inlinable @inline(__always)
    static func letGo(_ word: Word) -> Word {
        stage(word) == answered ? freed(word) : with(word, holder: nobody)
    }

    /// The word of the empty slot, of the next generation.
    @inlinable @inline(__always)
    static func freed(_ word: Word) -> Word { (word >> 48 &+ 1) << 48 }

    /// What follows when the owner of a group is done with it.
    @inlinable @inline(__always)
    static func done(_ word: Word) -> Word {
        holder(word) == nobody ? freed(word) : with(word, stage: answered)
    }
}
