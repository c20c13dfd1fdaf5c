import FaultModel

/// The kinds of event that are read. A trace keeps to one.
enum EventFamily: String {
    /// `exceptions:page_fault_user` and `exceptions:page_fault_kernel`.
    case pageFault = "page faults (page_fault_user, page_fault_kernel)"
    /// `intel_iommu:prq_report`.
    case pageRequestQueue = "page requests (prq_report)"
    /// `iommu:io_page_fault`.
    case dmaFault = "DMA faults (io_page_fault)"

    var traceClass: TraceClass { self == .dmaFault ? .dmaFault : .pageRequest }

    /// Steps over `EVENT:` and the spaces after it.
    init(_ cursor: inout LineCursor) throws(LineProblem) {
        // `exceptions:page_fault_user:` as perf names it, `page_fault_user:` as ftrace does.
        var name = cursor
        _ = name.take("exceptions:") || name.take("intel_iommu:") || name.take("iommu:")
        let hasSystem = name.position != cursor.position
        var event = name
        if event.take("page_fault_user:") || event.take("page_fault_kernel:") {
            self = .pageFault
        } else if event.take("prq_report:") {
            self = .pageRequestQueue
        } else if event.take("io_page_fault:") {
            self = .dmaFault
        } else {
            throw Self.unknown(cursor)
        }
        var system = cursor
        let isRight =
            switch self {
            case .pageFault: system.take("exceptions:")
            case .pageRequestQueue: system.take("intel_iommu:")
            case .dmaFault: system.take("iommu:")
            }
        guard !hasSystem || isRight else { throw Self.unknown(cursor) }
        guard event.skipSpaces() > 0 else { throw Self.unknown(cursor) }
        cursor = event
    }

    private static func unknown(_ cursor: LineCursor) -> LineProblem {
        LineProblem(
            "expected the event page_fault_user, page_fault_kernel, prq_report or "
                + "io_page_fault, found \(cursor.excerpt)")
    }
}

/// One event as its line says it. For a page fault the requester, PASID, index and last-page mark
/// of `request` are made up later, from the ids.
struct ParsedEvent {
    var timeNs: UInt64
    var process: UInt32
    var thread: UInt32
    var line: Int
    var request: PageRequest
}

/// The payloads of the known events.
enum EventPayload {
    /// `address=%ps ip=%ps error_code=0x%lx`: the kernel prints a symbol instead of an address
    /// where it knows one. The instruction pointer of a kernel fault is usually a symbol, and is
    /// not used.
    static func pageFault(_ text: LineCursor) throws(LineProblem) -> PageRequest {
        var cursor = text
        guard cursor.take("address=") else {
            throw LineProblem("expected 'address=0x…', found \(cursor.excerpt)")
        }
        let addressText = cursor
        guard cursor.take("0x") else {
            throw LineProblem(
                "expected a number after 'address=', found the kernel symbol "
                    + "\(addressText.excerpt), which names no page")
        }
        guard let address = cursor.hexadecimal(), cursor.take(" ip=") else {
            throw LineProblem(
                "expected 'address=0x…' of at most 64 bits and then ' ip=', found "
                    + addressText.excerpt)
        }
        // The symbol may hold spaces (`name [module]`), so the error code is found from the end.
        var word = cursor.end
        while word > cursor.position, word[-1] != UInt8(ascii: " ") { word -= 1 }
        let pointerLength = word - cursor.position
        var code = LineCursor(from: word, to: cursor.end)
        guard pointerLength > 1, code.take("error_code=0x"), let bits = code.hexadecimal(),
            code.isAtEnd
        else {
            throw LineProblem(
                "expected 'ip=… error_code=0x…' at the line's end, found \(cursor.excerpt)")
        }
        var permissions: Permissions = bits & 2 != 0 ? .write : .read
        if bits & 16 != 0 { permissions.insert(.execute) }
        return PageRequest(
            requester: RequesterID(0), pasid: nil, index: zeroIndex, address: address,
            permissions: permissions, isLast: true)
    }

    /// `dmar0/0000:00:0a.0 seq# 1: rid=0x50 addr=0x559ef6f97 r---- pasid=0x2 index=0x1`, in older
    /// kernels followed by ` private=0x…/0x…`. The address is a page number. The sequence
    /// number counts per device from 1 or per unit from 0, by version, and may be negative.
    static func pageRequest(
        _ text: LineCursor
    ) throws(LineProblem) -> (request: PageRequest, segment: UInt32) {
        var cursor = text
        guard let slash = cursor.firstIndex(of: UInt8(ascii: "/")), slash > cursor.position else {
            throw LineProblem("expected 'UNIT/DEVICE seq# N:', found \(text.excerpt)")
        }
        cursor.advance(slash - cursor.position + 1)
        let device = try pciDevice(&cursor)
        guard cursor.take(" seq# ") else {
            throw LineProblem("expected ' seq# N:' after the device, found \(cursor.excerpt)")
        }
        _ = cursor.take("-")
        guard cursor.decimal(upTo: UInt64.max) != nil, cursor.take(": ") else {
            throw LineProblem("expected a sequence number and ':', found \(cursor.excerpt)")
        }
        let requester = try field("rid=0x", &cursor, upTo: 0xFFFF, "a requester of 16 bits")
        let page = try field(" addr=0x", &cursor, upTo: 1 << 52 - 1, "a page number of 52 bits")
        let flags = try flagLetters(&cursor)
        let pasid = try field(" pasid=0x", &cursor, upTo: 0xFFFFF, "a PASID of 20 bits")
        let index = try field(" index=0x", &cursor, upTo: 511, "an index of 9 bits")
        var privateData: (UInt64, UInt64) = (0, 0)
        if !cursor.isAtEnd {
            privateData.0 = try field(" private=0x", &cursor, upTo: .max, "private data")
            privateData.1 = try field("/0x", &cursor, upTo: .max, "private data")
        }
        guard cursor.isAtEnd else {
            throw LineProblem("expected the end of the line, found \(cursor.excerpt)")
        }
        guard let prgIndex = PRGIndex(index), let addressSpace = PASID(pasid) else {
            throw LineProblem("expected a PASID of 20 bits and an index of 9 bits")
        }
        // The line does not say if a PASID was present. Zero stands for requests without one.
        let hasPASID = pasid != 0
        let request = PageRequest(
            requester: RequesterID(UInt16(requester)), pasid: hasPASID ? addressSpace : nil,
            index: prgIndex, address: page << 12, permissions: flags.permissions,
            isLast: flags.isLast, responseNeedsPASID: hasPASID, privateData0: privateData.0,
            privateData1: privateData.1)
        return (request, device.segment)
    }

    /// `IOMMU:<driver> <device> iova=0x%016x flags=0x%04x`; flags 0 is a read, 1 a write.
    static func dmaFault(
        _ text: LineCursor
    ) throws(LineProblem) -> (request: PageRequest, segment: UInt32) {
        var cursor = text
        guard cursor.take("IOMMU:"), let space = cursor.firstIndex(of: UInt8(ascii: " ")),
            space > cursor.position
        else { throw LineProblem("expected 'IOMMU:DRIVER DEVICE', found \(text.excerpt)") }
        cursor.advance(space - cursor.position + 1)
        let device = try pciDevice(&cursor)
        let address = try field(" iova=0x", &cursor, upTo: .max, "an address of 64 bits")
        let flags = try field(" flags=0x", &cursor, upTo: 1, "the flags 0x0000 or 0x0001")
        guard cursor.isAtEnd else {
            throw LineProblem("expected the end of the line, found \(cursor.excerpt)")
        }
        let request = PageRequest(
            requester: device.requester, pasid: nil, index: zeroIndex, address: address,
            permissions: flags == 1 ? .write : .read, isLast: true)
        return (request, device.segment)
    }

    private static let zeroIndex = PRGIndex(0)!

    /// `0000:05:00.0`: segment of 4 to 8 digits, bus, device, function.
    private static func pciDevice(
        _ cursor: inout LineCursor
    ) throws(LineProblem) -> (segment: UInt32, requester: RequesterID) {
        let start = cursor
        let problem = LineProblem(
            "expected a PCI device such as 0000:05:00.0, found \(start.excerpt)")
        guard let segment = cursor.hexadecimal(),
            (4...8).contains(cursor.position - start.position), cursor.take(":"),
            let bus = cursor.hexadecimal(digits: 2), cursor.take(":"),
            let device = cursor.hexadecimal(digits: 2), cursor.take("."),
            let function = cursor.hexadecimal(digits: 1),
            let requester = RequesterID(
                bus: UInt8(bus), device: UInt8(device), function: UInt8(function))
        else { throw problem }
        return (UInt32(segment), requester)
    }

    private static func field(
        _ label: StaticString, _ cursor: inout LineCursor, upTo limit: UInt64, _ what: String
    ) throws(LineProblem) -> UInt64 {
        let start = cursor
        guard cursor.take(label) else {
            throw LineProblem("expected '\(label)' with \(what), found \(start.excerpt)")
        }
        guard let value = cursor.hexadecimal(), value <= limit else {
            throw LineProblem("expected \(what) after '\(label)', found \(cursor.excerpt)")
        }
        return value
    }

    /// ` rwxpl`, each letter or a dash in its place.
    private static func flagLetters(
        _ cursor: inout LineCursor
    ) throws(LineProblem) -> (permissions: Permissions, isLast: Bool) {
        let start = cursor
        var bits: UInt8 = 0
        guard cursor.take(" ") else { throw Self.flagProblem(start) }
        for (bit, letter) in [
            UInt8(ascii: "r"), UInt8(ascii: "w"), UInt8(ascii: "x"), UInt8(ascii: "p"),
            UInt8(ascii: "l"),
        ].enumerated() {
            switch cursor.first {
            case letter: bits |= 1 << UInt8(bit)
            case UInt8(ascii: "-"): break
            default: throw Self.flagProblem(start)
            }
            cursor.advance(1)
        }
        return (Permissions(rawValue: bits & 15), bits & 16 != 0)
    }

    private static func flagProblem(_ cursor: LineCursor) -> LineProblem {
        LineProblem(
            "expected the five flags 'rwxpl' in this order, '-' where clear, found "
                + cursor.excerpt)
    }
}
