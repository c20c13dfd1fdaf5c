import FaultModel
import Testing

@Suite("Responses on the wire") struct ResponseTests {
    typealias Descriptor = VTdPageGroupResponseDescriptor

    static let response = PageResponse(
        requester: RequesterID(0x6A08), pasid: PASID(0x12345), index: PRGIndex(0x155)!,
        code: .failure)
    static let word0: UInt64 = 0x0001_2345_6A08_F019
    static let word1: UInt64 = 0x155 << 3 | 4

    @Test("codes have the values of their wires")
    func codes() {
        #expect(ResponseCode.success.pcieCode == 0)
        #expect(ResponseCode.invalid.pcieCode == 1)
        #expect(ResponseCode.failure.pcieCode == 15)
        #expect(ResponseCode.failure.smmuv3Code == 0)
        #expect(ResponseCode.invalid.smmuv3Code == 1)
        #expect(ResponseCode.success.smmuv3Code == 2)
        for value in UInt8.min...UInt8.max {
            let pcie = ResponseCode(pcieCode: value)
            #expect((pcie != nil) == [0, 1, 15].contains(value))
            #expect(pcie.map { $0.pcieCode == value } ?? true)
            let smmu = ResponseCode(smmuv3Code: value)
            #expect((smmu != nil) == (value <= 2))
            #expect(smmu.map { $0.smmuv3Code == value } ?? true)
        }
    }

    @Test("words written by hand mean what the layout says")
    func handWritten() throws {
        #expect(MemoryLayout<Descriptor>.size == Descriptor.byteCount)
        let descriptor = Descriptor(Self.response)
        #expect(descriptor == Descriptor(word0: Self.word0, word1: Self.word1))
        #expect(descriptor.isLast)
        #expect(try descriptor.decoded() == Self.response)
    }

    @Test("every boundary of every field round trips", arguments: ResponseCode.allCases)
    func boundaries(_ code: ResponseCode) throws {
        for requester in boundaryRequesters {
            for pasid in boundaryPASIDs {
                for index in boundaryIndexes {
                    for isLast in [false, true] {
                        let response = PageResponse(
                            requester: requester, pasid: pasid, index: index, code: code)
                        let descriptor = Descriptor(response, isLast: isLast)
                        #expect(try descriptor.decoded() == response)
                        #expect(descriptor.isLast == isLast)
                    }
                }
            }
        }
    }

    @Test("a reserved code is refused", arguments: UInt8(2)...14)
    func reservedCode(_ code: UInt8) {
        #expect(
            throws: DescriptorError.reservedResponseCode(.vtdPageGroupResponse, code: code)
        ) {
            try Descriptor(
                word0: Self.word0 & ~0xF000 | UInt64(code) << 12, word1: Self.word1
            ).decoded()
        }
    }

    @Test("another type is refused", arguments: [UInt8](0...15).filter { $0 != 9 })
    func type(_ type: UInt8) {
        #expect(
            throws: DescriptorError.unexpectedType(
                .vtdPageGroupResponse, found: type, expected: 9)
        ) { try Descriptor(word0: Self.word0 & ~15 | UInt64(type), word1: Self.word1).decoded() }
    }

    @Test("no flip of one bit goes unnoticed")
    func flips() throws {
        struct Meaning: Equatable {
            let response: PageResponse
            let isLast: Bool
        }
        let meaning = Meaning(response: Self.response, isLast: true)
        let refused = refusedFlips(wordCount: 4, of: meaning, seed: 0) { word, mask in
            var words = [Self.word0, Self.word1, 0, 0]
            words[word] ^= mask
            let descriptor = Descriptor(
                word0: words[0], word1: words[1], word2: words[2], word3: words[3])
            return Meaning(response: try descriptor.decoded(), isLast: descriptor.isLast)
        }
        // Type 4, PASID flag 1, reserved 7 + 12, code 15 ± one bit 4; then 2 + 52 and two words.
        #expect(refused == 4 + 1 + 19 + 4 + 54 + 128)
    }

    @Test("a PASID without its flag is refused")
    func pasidFlag() {
        #expect(
            throws: DescriptorError.pasidWithoutFlag(
                .vtdPageGroupResponse, pasid: PASID(0x12345)!)
        ) { try Descriptor(word0: Self.word0 & ~0x10, word1: Self.word1).decoded() }
    }
}

@Suite("Descriptor errors") struct DescriptorErrorTests {
    static let errors: [(DescriptorError, String)] = [
        (
            .unexpectedType(.vtdPageRequest, found: 2, expected: 1),
            "VT-d page request: type is 2, expected 1"
        ),
        (
            .reservedBits(.vtdPageRequest, word: 0, mask: 0xFFC0_0000_0000_0400),
            "VT-d page request: reserved bits of word 0 must be clear, found set: 63:54, 10"
        ),
        (
            .reservedBits(.amdPageRequest, word: 1, mask: .max),
            "AMD page request: reserved bits of word 1 must be clear, found set: 63:0"
        ),
        (
            .reservedBits(.amdPageRequest, word: 1, mask: 0b101),
            "AMD page request: reserved bits of word 1 must be clear, found set: 2, 0"
        ),
        (
            .pasidWithoutFlag(.amdPageRequest, pasid: PASID(42)!),
            "AMD page request: PASID is 0x2a, expected 0 while its valid flag is clear"
        ),
        (
            .privateDataWithoutFlag(.vtdPageRequest),
            "VT-d page request: words 2 and 3 must be zero while the private-data flag is clear"
        ),
        (
            .emptyPrivateData(.vtdPageRequest),
            "VT-d page request: words 2 and 3 are zero, expected private data as the flag says"
        ),
        (
            .requesterTooWide(.smmuv3PageRequest, stream: 0x10000),
            "SMMUv3 page request: stream is 0x10000, expected at most 0xffff"
        ),
        (
            .reservedResponseCode(.vtdPageGroupResponse, code: 2),
            "VT-d page group response: response code is 2, expected 0, 1 or 15"
        ),
        (
            .inexpressible(.smmuv3PageRequest, .privateData),
            "SMMUv3 page request: the format cannot carry private data"
        ),
    ]

    @Test("each is one line that names the format, what was found and what was expected")
    func descriptions() {
        for (error, text) in Self.errors { #expect(error.description == text) }
    }
}
