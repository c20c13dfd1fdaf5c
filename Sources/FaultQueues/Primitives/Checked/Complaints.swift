/// What the checked lock and the checked node memory found wrong: uses after the end, double frees,
/// warnings that a scheme raised. One list for the process, as a scheme hands nobody its checks.
///
/// Overlap: any number of threads in `note`; `take` any thread.
public enum Complaints {
    private static let lock = TTASLock()
    nonisolated(unsafe) private static let list = allocateShared(initial: [String]())
    private static let count = SharedAtomic<Int>(0)
    /// What is kept; more than this is one mistake seen again and again.
    private static let limit = 32

    /// Notes a sentence.
    public static func note(_ sentence: String) {
        lock.lock()
        if list.pointee.count < limit { list.pointee.append(sentence) }
        lock.unlock()
        count.wrappingAdd(1, ordering: .relaxed)  // a number for whoever asks
    }

    /// How many there were since the last `take()`. One load.
    public static var number: Int { count.load(ordering: .relaxed) }  // a number only

    /// What was noted since the last call, the first ones.
    public static func take() -> [String] {
        lock.lock()
        let sentences = list.pointee
        list.pointee = []
        lock.unlock()
        count.store(0, ordering: .relaxed)  // as above
        return sentences
    }
}
