// Memory for what threads share. Swift itself aligns no type above 16 bytes: an attribute that asks
// for more is refused, and an object on its heap sits at 16 modulo 64. So whatever must not share a
// cache line lives behind a pointer from these functions, which return blocks that start on a
// multiple of `sharedAlignment` and are rounded up to a multiple of it: two blocks never share a
// line, nor the pair of lines that the adjacent-line prefetcher fetches.
//
// Elements inside a block are laid out with their own stride. Counters that different threads write
// are therefore `PaddedAtomic`s, whose stride is 128.
//
// The memory is written here once, so its pages belong to the NUMA node of the calling thread:
// call these from the thread that owns the memory, after it has been bound.

/// A block of zeroed memory that starts on a multiple of `sharedAlignment`.
///
/// Any thread may call it at any time; when there is no memory the program stops.
///
/// - Parameter byteCount: At least this many bytes, 0 or more; rounded up to a multiple of
///   `sharedAlignment`, and at least one such multiple.
/// - Returns: Raw memory, to be returned to `freeShared(bytes:)`.
public func allocateShared(byteCount: Int) -> UnsafeMutableRawPointer {
    precondition(byteCount >= 0, "a block has no negative size")
    precondition(byteCount <= Int.max - sharedAlignment, "a block this large cannot be rounded up")
    let lines = max(1, (byteCount + sharedAlignment - 1) / sharedAlignment)
    let rounded = lines * sharedAlignment
    let block = UnsafeMutableRawPointer.allocate(
        byteCount: rounded, alignment: sharedAlignment)
    block.initializeMemory(as: UInt8.self, repeating: 0, count: rounded)
    return block
}

/// Frees a block from `allocateShared(byteCount:)`. No thread may still use it.
public func freeShared(bytes block: UnsafeMutableRawPointer) {
    block.deallocate()
}

/// One value, atomics included, alone in its block.
///
/// - Returns: Memory to be returned to `freeShared(_:count:)` with count 1.
public func allocateShared<Value: ~Copyable>(
    initial: consuming Value
) -> UnsafeMutablePointer<Value> {
    let pointer = memory(for: Value.self, count: 1)
    pointer.initialize(to: initial)
    return pointer
}

/// Values side by side in one block, made in ascending order of their index.
///
/// - Parameters:
///   - count: 0 or more.
///   - make: The value for an index in 0 ..< count.
/// - Returns: Memory to be returned to `freeShared(_:count:)` with the same count.
public func allocateShared<Value: ~Copyable>(
    count: Int, _ make: (Int) -> Value
) -> UnsafeMutablePointer<Value> {
    let pointer = memory(for: Value.self, count: count)
    for index in 0..<count { (pointer + index).initialize(to: make(index)) }
    return pointer
}

/// Trivially copyable values side by side in one block, all bits zero.
///
/// - Parameter count: 0 or more.
/// - Precondition: a `Value` whose bits are all zero is valid.
/// - Returns: Memory to be returned to `freeShared(_:count:)` with the same count.
public func allocateShared<Value: BitwiseCopyable>(
    zeroed type: Value.Type, count: Int
) -> UnsafeMutablePointer<Value> {
    memory(for: type, count: count)
}

/// Ends the values' lives and frees their block. No thread may still use it.
public func freeShared<Value: ~Copyable>(_ values: UnsafeMutablePointer<Value>, count: Int) {
    values.deinitialize(count: count)
    freeShared(bytes: UnsafeMutableRawPointer(values))
}

/// Zeroed memory, bound to the type and not initialised for types that need it.
private func memory<Value: ~Copyable>(
    for type: Value.Type, count: Int
) -> UnsafeMutablePointer<Value> {
    precondition(count >= 0, "a block has no negative count")
    let (byteCount, overflows) = count.multipliedReportingOverflow(by: MemoryLayout<Value>.stride)
    precondition(!overflows, "a block of this many values exceeds the address space")
    return allocateShared(byteCount: byteCount).bindMemory(to: type, capacity: count)
}
