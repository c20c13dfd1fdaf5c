import FaultQueues
import Harness

extension SchemeCatalogue {
    /// Every scheme about lifetimes as `fqbench verify` checks it.
    static var verifiedLifetimes: [VerifySubject] { verified(all) }

    private static func verified(_ schemes: SchemeSet) -> [VerifySubject] {
        schemes.pasid.map(\.verified) + schemes.attachHandle.map(\.verified)
            + schemes.release.map(\.verified)
    }

    /// The twins about lifetimes as `fqbench verify` kills them: those of `lifetimeTwins`, by the
    /// names of their structures, and a sound scheme whose caller does what it forbids.
    static var verifiedLifetimeTwins: [VerifyTwin] {
        let subjects = verified(lifetimeTwins)
        precondition(subjects.count == stories.count, "each twin about lifetimes has its story")
        return zip(subjects, stories).map { subject, story in
            VerifyTwin(
                subject.named(story.name), hazard: story.hazard, base: story.base,
                source: story.source)
        } + [
            VerifyTwin(
                VerifySubject(
                    release: SpaceRelease<CheckedLock, DrainInRelease, SoundRelease>.self,
                    checked: SpaceRelease<CheckedLock, DrainInRelease, SoundRelease>.self,
                    holdsHandlersLock: true
                ).named("last-put-under-lock"),
                hazard: "–", base: "drain-in-release",
                source:
                    "a last put with a lock held that handlers take, which the drain waits for; "
                    + "review of the mmu-notifier series, March 2020")
        ]
    }

    /// A twin's name, the hazard that it has, the sound scheme, and what is wrong.
    private typealias Story = (name: String, hazard: String, base: String, source: String)

    /// In the order of `lifetimeTwins`.
    private static let stories: [Story] = [
        (
            "free-on-failed-bind", "–", "per-mm",
            "a bind that fails frees the PASID, whoever uses it; asked for in the review of v4"
        ),
        (
            "free-while-used", "–", "lazy-refcount",
            "the last unbind frees the PASID with tasks' registers still filled"
        ),
        (
            "per-mm-users", "–", "per-mm",
            "freed with the last task, and drivers unbind when files are closed, which is later; "
                + "5.18 before its fix"
        ),
        (
            "double-free", "–", "lazy-refcount",
            "a task's exit drops a reference that it never took"
        ),
        ("fork-inherits", "–", "global-ida", "fork copies the parent's PASID register"),
        (
            "exec-leaks", "–", "lazy-refcount",
            "exec leaves the old address space with the task's reference"
        ),
        (
            "check-after-unlock", "H24", "mutex-refcount",
            "look up, drop the lock, then compare the type; proposal of April 2024"
        ),
        (
            "lost-reference", "–", "mutex-refcount",
            "a lookup that finds another type keeps its reference"
        ),
        (
            "half-built", "H26", "rcu-refcount", "published first, filled in afterwards"
        ),
        (
            "late-device", "H27", "typed-under-lock",
            "the device is set after the lock was dropped"
        ),
        ("no-drain", "H25", "reader-slots", "detach frees what users still have"),
        (
            "release-holding-lock", "–", "drain-in-release",
            "release itself drains with a lock held that handlers take"
        ),
        (
            "no-invalidation", "–", "dummy-table",
            "the entry is changed, and accesses under way are not waited for"
        ),
        (
            "unbind-without-drain", "–", "dummy-table",
            "unbind frees the PASID with its page requests still queued"
        ),
        ("entry-left", "–", "quiet", "unbind forgets the PASID's entry"),
    ]
}
