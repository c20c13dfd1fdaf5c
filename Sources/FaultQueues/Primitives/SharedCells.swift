/// Plain memory that several threads use and that a lock or an ordering protects: slots of a ring,
/// links of a list. In a normal build this is a bare pointer, read and written by plain subscript,
/// which ThreadSanitizer sees.
public typealias SharedCells<Value: BitwiseCopyable> = UnsafeMutablePointer<Value>
