import FaultModel
import Testing

@Suite("VT-d page request descriptor") struct VTdPageRequestDescriptorTests {
    /// Requester 00:0a.0, PASID 2, read and write, last, index 1, page 0x559ef6f9c.
    static let word0: UInt64 = 0x0000_0002_0050_0101
    static let word1: UInt64 = 0x5_59EF_6F9C_00F

    static func decode(
        _ word0: UInt64 = word0, _ word1: UInt64 = word1, _ word2: UInt64 = 0, _ word3: UInt64 = 0
    ) throws -> PageRequest {
        try VTdPageRequestDescriptor(word0: word0, word1: word1, word2: word2, word3: word3)
            .decoded()
    }

    static let request = PageRequest(
        requester: RequesterID(bus: 0, device: 10, function: 0)!, pasid: PASID(2),
        index: PRGIndex(1)!, address: 0x559_EF6F_9C000, permissions: [.read, .write],
        isLast: true, responseNeedsPASID: true)

    @Test("words written by hand mean what the layout says")
    func handWritten() throws {
        #expect(try Self.decode() == Self.request)
        let descriptor = try VTdPageRequestDescriptor(Self.request)
        #expect(descriptor.word0 == Self.word0)
        #expect(descriptor.word1 == Self.word1)
        #expect(descriptor.word2 == 0)
        #expect(descriptor.word3 == 0)
    }

    @Test("each field alone sits at its bits")
    func places() throws {
        let plain = PageRequest(
            requester: RequesterID(0), pasid: nil, index: PRGIndex(0)!, address: 0,
            permissions: [], isLast: false)
        #expect(
            try VTdPageRequestDescriptor(plain) == VTdPageRequestDescriptor(word0: 1, word1: 0))
        func encoded(
            requester: UInt16 = 0, pasid: PASID? = nil, index: Int = 0, address: UInt64 = 0,
            permissions: Permissions = [], isLast: Bool = false, privateData0: UInt64 = 0,
            privateData1: UInt64 = 0
        ) throws -> [UInt64] {
            let descriptor = try VTdPageRequestDescriptor(
                PageRequest(
                    requester: RequesterID(requester), pasid: pasid, index: PRGIndex(index)!,
                    address: address, permissions: permissions, isLast: isLast,
                    privateData0: privateData0, privateData1: privateData1))
            return [descriptor.word0, descriptor.word1, descriptor.word2, descriptor.word3]
        }
        #expect(try encoded(requester: 0xFFFF) == [0xFFFF_0001, 0, 0, 0])
        #expect(try encoded(pasid: PASID(0)) == [0x101, 0, 0, 0])
        #expect(try encoded(pasid: .max) == [0xF_FFFF_0000_0101, 0, 0, 0])
        #expect(try encoded(index: 511) == [1, 0xFF8, 0, 0])
        #expect(try encoded(address: .max) == [1, 0xFFFF_FFFF_FFFF_F000, 0, 0])
        #expect(try encoded(permissions: .read) == [1, 1, 0, 0])
        #expect(try encoded(permissions: .write) == [1, 2, 0, 0])
        #expect(try encoded(isLast: true) == [1, 4, 0, 0])
        #expect(try encoded(permissions: .execute) == [1 | 1 << 52, 0, 0, 0])
        #expect(try encoded(permissions: .privileged) == [1 | 1 << 53, 0, 0, 0])
        #expect(try encoded(privateData0: 5) == [0x201, 0, 5, 0])
        #expect(try encoded(privateData1: 6) == [0x201, 0, 0, 6])
    }

    @Test("another type is refused", arguments: [UInt8](0...255).filter { $0 != 1 })
    func type(_ type: UInt8) {
        #expect(
            throws: DescriptorError.unexpectedType(.vtdPageRequest, found: type, expected: 1)
        ) { try Self.decode(Self.word0 & ~0xFF | UInt64(type)) }
    }

    @Test("reserved bits are refused by name", arguments: Array(10...15) + Array(54...63))
    func reserved(_ bit: Int) {
        let mask = UInt64(1) << UInt64(bit)
        #expect(throws: DescriptorError.reservedBits(.vtdPageRequest, word: 0, mask: mask)) {
            try Self.decode(Self.word0 | mask)
        }
        let error = DescriptorError.reservedBits(.vtdPageRequest, word: 0, mask: mask)
        #expect(error.description.hasSuffix("found set: \(bit)"))
    }

    @Test("a PASID without its flag is refused")
    func pasidFlag() throws {
        #expect(
            throws: DescriptorError.pasidWithoutFlag(.vtdPageRequest, pasid: PASID(2)!)
        ) { try Self.decode(Self.word0 & ~0x100) }
        #expect(try Self.decode(0x0000_0000_0050_0001).pasid == nil)
        #expect(try Self.decode(0x0000_0000_0050_0101).pasid == PASID(0))
    }

    @Test("private data comes with its flag, or not at all")
    func privateData() throws {
        let old = try Self.decode(Self.word0 | 0x200, Self.word1, 7, 8)
        #expect(old.privateData0 == 7 && old.privateData1 == 8)
        for words: (UInt64, UInt64) in [(7, 0), (0, 8), (7, 8)] {
            #expect(throws: DescriptorError.privateDataWithoutFlag(.vtdPageRequest)) {
                try Self.decode(Self.word0, Self.word1, words.0, words.1)
            }
            #expect(throws: Never.self) {
                try Self.decode(Self.word0 | 0x200, Self.word1, words.0, words.1)
            }
        }
        #expect(throws: DescriptorError.emptyPrivateData(.vtdPageRequest)) {
            try Self.decode(Self.word0 | 0x200)
        }
    }

    @Test("a flip of a bit without meaning is refused, any other changes the request")
    func refusedCount() {
        let refused = refusedFlips(wordCount: 4, of: Self.request, seed: 0) { word, mask in
            var words = [Self.word0, Self.word1, 0, 0]
            words[word] ^= mask
            return try Self.decode(words[0], words[1], words[2], words[3])
        }
        // Type 8, PASID flag 1 (the field is 2), private flag 1, reserved 6 + 10, private 128.
        #expect(refused == 8 + 1 + 1 + 16 + 128)
    }
}

@Suite("VT-d driver's verdict") struct VTdDriverVerdictTests {
    static func verdict(
        _ permissions: Permissions, address: UInt64 = 0x1000, isLast: Bool = false, bits: Int = 48
    ) -> VTdDriverVerdict {
        PageRequest(
            requester: RequesterID(8), pasid: PASID(1), index: PRGIndex(3)!, address: address,
            permissions: permissions, isLast: isLast
        ).vtdDriverVerdict(virtualAddressBits: bits)
    }

    @Test("every set of permissions, last and not", arguments: permissionSets, [false, true])
    func permissions(_ permissions: Permissions, isLast: Bool) {
        let reads = permissions.contains(.read)
        let writes = permissions.contains(.write)
        var reasons: [VTdDriverVerdict.Reason] = []
        if permissions.contains(.privileged), reads || writes {
            reasons.append(.privilegedAccess)
        }
        if permissions.contains(.execute), reads { reasons.append(.executeWithRead) }
        let expected: VTdDriverVerdict =
            if !reasons.isEmpty {
                .refused(reasons)
            } else if isLast, !reads, !writes {
                .dropped
            } else {
                .reported
            }
        #expect(Self.verdict(permissions, isLast: isLast) == expected)
    }

    @Test(
        "an address is canonical where its high bits repeat the highest translated one",
        arguments: [48, 57])
    func canonical(_ bits: Int) {
        let half = UInt64(1) << UInt64(bits - 1)
        let refused = VTdDriverVerdict.refused([.addressNotCanonical])
        #expect(Self.verdict(.read, address: 0, bits: bits) == .reported)
        #expect(Self.verdict(.read, address: half - 4096, bits: bits) == .reported)
        #expect(Self.verdict(.read, address: half, bits: bits) == refused)
        #expect(Self.verdict(.read, address: 0 &- half &- 4096, bits: bits) == refused)
        #expect(Self.verdict(.read, address: 0 &- half, bits: bits) == .reported)
        #expect(Self.verdict(.read, address: .max, bits: bits) == .reported)
    }

    @Test("reasons come in the driver's order, and before the Stop Marker")
    func order() {
        let address: UInt64 = 1 << 60
        #expect(
            Self.verdict([.read, .execute, .privileged], address: address)
                == .refused([.addressNotCanonical, .privilegedAccess, .executeWithRead]))
        #expect(
            Self.verdict([], address: address, isLast: true) == .refused([.addressNotCanonical]))
        #expect(Self.verdict([], isLast: true) == .dropped)
    }

    @Test("every reason reads as a sentence of its own")
    func sentences() {
        let texts = Set(VTdDriverVerdict.Reason.allCases.map(\.description))
        #expect(texts.count == VTdDriverVerdict.Reason.allCases.count)
    }
}
