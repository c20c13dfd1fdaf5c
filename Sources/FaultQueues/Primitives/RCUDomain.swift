import CPlatform
import CURCU

/// Read-copy-update: readers that never wait, and writers that let memory live until no reader can
/// still see it.
///
/// There is one domain in a program, liburcu's "bulletproof" flavour. A thread registers itself at
/// its first read section, so endpoints may be made on any thread; the price is one more load a
/// section than with explicit registration.
///
/// Overlap: read sections and all other operations run at the same time on any number of threads.
/// Progress: read sections are wait-free once the thread is known. A thread that stalls inside one
/// holds up every grace period, and thereby the freeing of memory, but no reader.
public enum RCUDomain {
    /// Enters a read section: what is reachable from here on stays allocated until it ends.
    @inlinable @inline(__always)
    public static func readLock() { fq_rcu_read_lock() }

    /// Leaves the read section entered last.
    @inlinable @inline(__always)
    public static func readUnlock() {
        // ORDER rcu.grace-period, release side. Pairs with the calls that end a grace period.
        // Keeps: the section's reads before the memory is freed. liburcu's own, told to
        // ThreadSanitizer, which sees neither its barriers nor its volatile words.
        fq_tsan_release(fq_rcu_domain())
        fq_rcu_read_unlock()
    }

    /// Returns when every read section that began before the call has ended. Not from inside one.
    public static func synchronize() {
        fq_rcu_synchronize()
        // ORDER rcu.grace-period, acquire side. Pairs with readUnlock().
        // Keeps: the readers' sections before what follows.
        fq_tsan_acquire(fq_rcu_domain())
    }

    /// Makes the thread that ends deferred releases. Without it the first release makes the thread,
    /// which inherits the CPUs of whoever calls.
    public static func prepare() { fq_rcu_prepare() }

    /// Gives up one reference to an object once every read section that began before the call has
    /// ended, on a thread of the domain's own. Never waits.
    ///
    /// - Parameter object: From `Unmanaged.passRetained(_:).toOpaque()`.
    public static func releaseAfterGracePeriod(_ object: UnsafeMutableRawPointer) {
        // ORDER rcu.deferred, release side. Pairs with the acquire below.
        // Keeps: what the caller did to the object before its end.
        fq_tsan_release(object)
        fq_rcu_call(
            { object in
                guard let object else { return }
                // ORDER rcu.deferred, acquire side. Pairs with the release above.
                fq_tsan_acquire(object)
                // ORDER rcu.grace-period, acquire side. Pairs with readUnlock().
                fq_tsan_acquire(fq_rcu_domain())
                Unmanaged<AnyObject>.fromOpaque(object).release()
            }, object)
    }

    /// Returns when every release deferred before the call has been made. Not from inside a read
    /// section.
    public static func barrier() { fq_rcu_barrier() }
}
