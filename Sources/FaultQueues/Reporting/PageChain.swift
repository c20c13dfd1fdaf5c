import FaultModel

/// Partial requests as the kernel keeps them: a list, newest first, that is searched from end to
/// end. Whoever holds the lock that protects it may call.
@usableFromInline
struct PageChain: BitwiseCopyable {
    @usableFromInline var first: UnsafeMutablePointer<PageFault>?

    @inlinable
    init() {}

    /// Bits of a request's header that say whose it is: PASID and whether it has one.
    @inlinable static var pasidMask: UInt64 { 0xFFFFF << 16 | 1 << 49 }

    /// The same and the index: what makes requests of one device one group.
    @inlinable static var groupMask: UInt64 { pasidMask | indexMask }

    /// The index alone.
    @inlinable static var indexMask: UInt64 { 0x1FF << 36 }

    /// The header's bits under `pasidMask` in a request of this PASID, or without one.
    @inlinable
    static func bits(of pasid: PASID?) -> UInt64 {
        pasid.map { UInt64($0.rawValue) << 16 | 1 << 49 } ?? 0
    }

    @inlinable @inline(__always)
    mutating func add(_ page: UnsafeMutablePointer<PageFault>) {
        page.pointee.next = first
        first = page
    }

    /// Moves every page of the group's key to the group. Each goes to the front, which restores the
    /// order of arrival.
    ///
    /// - Parameter mask: The header's bits that are the key.
    @inlinable @inline(__always)
    mutating func move(
        to group: UnsafeMutablePointer<FaultGroup>, mask: UInt64 = Self.groupMask
    ) {
        let wanted = group.pointee.last.header & mask
        var previous: UnsafeMutablePointer<PageFault>?
        var place = first
        while let page = place {
            let next = page.pointee.next
            if page.pointee.request.header & mask == wanted {
                unlink(next, after: previous)
                page.pointee.next = group.pointee.pages
                group.pointee.pages = page
                group.pointee.pageCount &+= 1
            } else {
                previous = page
            }
            place = next
        }
    }

    /// Frees the pages whose header has `bits` under `mask`: all of them where both are zero.
    @inlinable
    mutating func free<Pages: NodeAllocator>(
        matching bits: UInt64, under mask: UInt64, with pages: inout Pages
    ) -> Int where Pages.Node == PageFault {
        var count = 0
        var previous: UnsafeMutablePointer<PageFault>?
        var place = first
        while let page = place {
            let next = page.pointee.next
            if page.pointee.request.header & mask == bits {
                unlink(next, after: previous)
                pages.free(page)
                count &+= 1
            } else {
                previous = page
            }
            place = next
        }
        return count
    }

    @inlinable @inline(__always)
    mutating func unlink(
        _ next: UnsafeMutablePointer<PageFault>?, after previous: UnsafeMutablePointer<PageFault>?
    ) {
        if let previous { previous.pointee.next = next } else { first = next }
    }

    /// Pages in it.
    @inlinable
    var count: Int {
        var count = 0
        var place = first
        while let page = place {
            count += 1
            place = page.pointee.next
        }
        return count
    }
}

extension NodeAllocator where Node == PageFault {
    /// Frees the pages of a group.
    @inlinable @inline(__always)
    mutating func freePages(of group: UnsafeMutablePointer<FaultGroup>) {
        var place = group.pointee.pages
        while let page = place {
            place = page.pointee.next
            free(page)
        }
    }
}
