import FaultModel
import Testing

@Suite("SMMUv3 page request entry") struct SMMUv3PageRequestEntryTests {
    @Test("each field alone sits at its bits")
    func places() throws {
        func encoded(
            requester: UInt16 = 0, pasid: PASID? = nil, index: Int = 0, address: UInt64 = 0,
            permissions: Permissions = [], isLast: Bool = false
        ) throws -> [UInt64] {
            let entry = try SMMUv3PageRequestEntry(
                PageRequest(
                    requester: RequesterID(requester), pasid: pasid, index: PRGIndex(index)!,
                    address: address, permissions: permissions, isLast: isLast))
            return [entry.word0, entry.word1]
        }
        #expect(try encoded() == [0, 0])
        #expect(try encoded(requester: 0xFFFF) == [0xFFFF, 0])
        #expect(try encoded(pasid: PASID(0)) == [1 << 63, 0])
        #expect(try encoded(pasid: .max) == [0x800F_FFFF_0000_0000, 0])
        #expect(try encoded(index: 511) == [0, 0x1FF])
        #expect(try encoded(address: .max) == [0, 0xFFFF_FFFF_FFFF_F000])
        #expect(try encoded(permissions: .privileged) == [1 << 58, 0])
        #expect(try encoded(permissions: .execute) == [1 << 59, 0])
        #expect(try encoded(permissions: .read) == [1 << 60, 0])
        #expect(try encoded(permissions: .write) == [1 << 61, 0])
        #expect(try encoded(isLast: true) == [1 << 62, 0])
    }

    @Test("reserved bits are refused by name")
    func reserved() {
        for (word, bits) in [(0, 52...57), (1, 9...11)] {
            for bit in bits {
                let mask = UInt64(1) << UInt64(bit)
                #expect(
                    throws: DescriptorError.reservedBits(
                        .smmuv3PageRequest, word: word, mask: mask)
                ) {
                    try SMMUv3PageRequestEntry(
                        word0: word == 0 ? mask : 0, word1: word == 1 ? mask : 0
                    ).decoded()
                }
            }
        }
    }

    @Test("a stream of more than 16 bits is refused", arguments: [0x10000, 0x8000_0000, .max])
    func wideStream(_ stream: UInt32) {
        #expect(
            throws: DescriptorError.requesterTooWide(.smmuv3PageRequest, stream: stream)
        ) { try SMMUv3PageRequestEntry(word0: UInt64(stream), word1: 0).decoded() }
    }

    @Test("a substream without its valid bit is refused")
    func pasidFlag() {
        #expect(
            throws: DescriptorError.pasidWithoutFlag(.smmuv3PageRequest, pasid: .max)
        ) {
            try SMMUv3PageRequestEntry(word0: 0xF_FFFF_0000_0000, word1: 0).decoded()
        }
    }
}

@Suite("AMD page request entry") struct AMDPageRequestEntryTests {
    /// Type 1 and the user flag: an unprivileged request that asks for nothing.
    static let plain: UInt64 = 1 << 60 | 1 << 54

    @Test("each field alone sits at its bits")
    func places() throws {
        func encoded(
            requester: UInt16 = 0, pasid: PASID? = nil, index: Int = 0, address: UInt64 = 0,
            permissions: Permissions = [], isLast: Bool = false
        ) throws -> [UInt64] {
            let entry = try AMDPageRequestEntry(
                PageRequest(
                    requester: RequesterID(requester), pasid: pasid, index: PRGIndex(index)!,
                    address: address, permissions: permissions, isLast: isLast))
            return [entry.word0, entry.word1]
        }
        #expect(try encoded() == [Self.plain, 0])
        #expect(try encoded(requester: 0xFFFF) == [Self.plain | 0xFFFF, 0])
        #expect(try encoded(pasid: PASID(0)) == [Self.plain | 1 << 56, 0])
        #expect(try encoded(pasid: PASID(0xFFFF)) == [Self.plain | 1 << 56 | 0xFFFF_0000, 0])
        #expect(try encoded(pasid: PASID(0xF0000)) == [Self.plain | 1 << 56 | 0xF << 42, 0])
        #expect(try encoded(index: 511) == [Self.plain | 0x1FF << 32, 0])
        #expect(try encoded(isLast: true) == [Self.plain | 1 << 41, 0])
        #expect(try encoded(address: .max) == [Self.plain, 0xFFFF_FFFF_FFFF_F000])
        #expect(try encoded(permissions: .execute) == [Self.plain | 1 << 49, 0])
        #expect(try encoded(permissions: .read) == [Self.plain | 1 << 50, 0])
        #expect(try encoded(permissions: .write) == [Self.plain | 1 << 53, 0])
        #expect(try encoded(permissions: .privileged) == [1 << 60, 0])
    }

    @Test("bits without meaning are refused by name")
    func reserved() {
        let places =
            [46, 47, 48, 51, 52, 55, 57, 58, 59].map { (0, $0) } + (0...11).map { (1, $0) }
        for (word, bit) in places {
            let mask = UInt64(1) << UInt64(bit)
            #expect(
                throws: DescriptorError.reservedBits(.amdPageRequest, word: word, mask: mask)
            ) {
                try AMDPageRequestEntry(
                    word0: Self.plain | (word == 0 ? mask : 0), word1: word == 1 ? mask : 0
                ).decoded()
            }
        }
    }

    @Test("another type is refused", arguments: [UInt8](0...15).filter { $0 != 1 })
    func type(_ type: UInt8) {
        #expect(
            throws: DescriptorError.unexpectedType(.amdPageRequest, found: type, expected: 1)
        ) {
            try AMDPageRequestEntry(
                word0: Self.plain & ~(0xF << 60) | UInt64(type) << 60, word1: 0
            ).decoded()
        }
    }

    @Test("both parts of a PASID are refused without the valid flag")
    func pasidFlag() {
        for (field, pasid) in [(UInt64(1) << 16, 1), (1 << 42, 0x10000)] {
            #expect(
                throws: DescriptorError.pasidWithoutFlag(.amdPageRequest, pasid: PASID(pasid)!)
            ) { try AMDPageRequestEntry(word0: Self.plain | field, word1: 0).decoded() }
        }
    }
}
