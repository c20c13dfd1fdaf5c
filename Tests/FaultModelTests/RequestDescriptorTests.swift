import FaultModel
import Testing

/// The three request formats behind one shape, so that one test covers them.
struct Format: Sendable, CustomTestStringConvertible {
    let name: DescriptorFormat
    let wordCount: Int
    let carriesPrivateData: Bool
    let encode: @Sendable (PageRequest) throws -> [UInt64]
    let decode: @Sendable ([UInt64], Bool) throws -> PageRequest

    var testDescription: String { name.rawValue }

    static let all = [
        Format(
            name: .vtdPageRequest, wordCount: 4, carriesPrivateData: true,
            encode: {
                let descriptor = try VTdPageRequestDescriptor($0)
                return [descriptor.word0, descriptor.word1, descriptor.word2, descriptor.word3]
            },
            decode: {
                try VTdPageRequestDescriptor(
                    word0: $0[0], word1: $0[1], word2: $0[2], word3: $0[3]
                ).decoded(responseNeedsPASID: $1)
            }),
        Format(
            name: .smmuv3PageRequest, wordCount: 2, carriesPrivateData: false,
            encode: {
                let entry = try SMMUv3PageRequestEntry($0)
                return [entry.word0, entry.word1]
            },
            decode: {
                try SMMUv3PageRequestEntry(word0: $0[0], word1: $0[1])
                    .decoded(responseNeedsPASID: $1)
            }),
        Format(
            name: .amdPageRequest, wordCount: 2, carriesPrivateData: false,
            encode: {
                let entry = try AMDPageRequestEntry($0)
                return [entry.word0, entry.word1]
            },
            decode: {
                try AMDPageRequestEntry(word0: $0[0], word1: $0[1])
                    .decoded(responseNeedsPASID: $1)
            }),
    ]
}

@Suite("Request descriptors") struct RequestDescriptorTests {
    @Test("sizes are the hardware's")
    func sizes() {
        #expect(MemoryLayout<VTdPageRequestDescriptor>.size == VTdPageRequestDescriptor.byteCount)
        #expect(VTdPageRequestDescriptor.byteCount == 32)
        #expect(MemoryLayout<SMMUv3PageRequestEntry>.size == SMMUv3PageRequestEntry.byteCount)
        #expect(SMMUv3PageRequestEntry.byteCount == 16)
        #expect(MemoryLayout<AMDPageRequestEntry>.size == AMDPageRequestEntry.byteCount)
        #expect(AMDPageRequestEntry.byteCount == 16)
    }

    @Test("every boundary of every field round trips", arguments: Format.all)
    func boundaries(_ format: Format) throws {
        var seen: Set<[UInt64]> = []
        let requests = boundaryRequests()
        for request in requests {
            let words = try format.encode(request)
            seen.insert(words)
            let decoded = try format.decode(words, true)
            guard decoded == request else {
                Issue.record("\(request) became \(decoded)")
                return
            }
        }
        #expect(seen.count == requests.count)
    }

    @Test("any valid request round trips", arguments: Format.all, testSeeds)
    func identity(_ format: Format, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let request = PageRequest.random(
                using: &generator, withPrivateData: format.carriesPrivateData)
            let words = try format.encode(request)
            let decoded = try format.decode(words, request.responseNeedsPASID)
            #expect(decoded == request, "seed \(seed)")
            #expect(try format.encode(decoded) == words, "seed \(seed)")
        }
    }

    @Test("no flip of one bit goes unnoticed", arguments: Format.all, testSeeds)
    func flips(_ format: Format, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 1)
        for round in 0..<40 {
            let request = PageRequest.random(
                using: &generator, withPrivateData: format.carriesPrivateData && round % 2 == 0)
            let words = try format.encode(request)
            _ = refusedFlips(wordCount: format.wordCount, of: request, seed: seed) { word, mask in
                var changed = words
                changed[word] ^= mask
                return try format.decode(changed, request.responseNeedsPASID)
            }
        }
    }

    @Test("random words are refused or mean exactly themselves", arguments: Format.all, testSeeds)
    func canonicalForm(_ format: Format, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 2)
        // Few random words are valid, so valid ones are damaged in a few bits instead.
        var accepted = 0
        for _ in 0..<5_000 {
            let request = PageRequest.random(
                using: &generator, withPrivateData: format.carriesPrivateData)
            var words = try format.encode(request)
            for word in words.indices where generator.next() & 1 == 0 {
                words[word] ^= 1 << (generator.next() & 63)
            }
            guard let decoded = try? format.decode(words, true) else { continue }
            accepted += 1
            #expect(try format.encode(decoded) == words, "seed \(seed)")
        }
        #expect(accepted > 0)
    }

    @Test("whether responses need the PASID is the function's to say", arguments: Format.all)
    func responseNeedsPASID(_ format: Format) throws {
        func request(pasid: PASID?, needsPASID: Bool) -> PageRequest {
            PageRequest(
                requester: RequesterID(1), pasid: pasid, index: .max, address: 0x3000,
                permissions: .read, isLast: true, responseNeedsPASID: needsPASID)
        }
        let with = try format.encode(request(pasid: PASID(4), needsPASID: true))
        #expect(try format.encode(request(pasid: PASID(4), needsPASID: false)) == with)
        #expect(try format.decode(with, true).responseNeedsPASID)
        #expect(try !format.decode(with, false).responseNeedsPASID)

        let without = try format.encode(request(pasid: nil, needsPASID: false))
        #expect(try !format.decode(without, true).responseNeedsPASID)
        #expect(
            throws: DescriptorError.inexpressible(format.name, .pasidNeedWithoutPASID)
        ) { try format.encode(request(pasid: nil, needsPASID: true)) }
    }

    @Test("a format without private words says so", arguments: Format.all)
    func privateData(_ format: Format) throws {
        for words: (UInt64, UInt64) in [(1, 0), (0, 1), (.max, .max)] {
            let request = PageRequest(
                requester: RequesterID(1), pasid: nil, index: .max, address: 0,
                permissions: .read, isLast: true, privateData0: words.0, privateData1: words.1)
            if format.carriesPrivateData {
                #expect(try format.decode(format.encode(request), true) == request)
            } else {
                #expect(throws: DescriptorError.inexpressible(format.name, .privateData)) {
                    try format.encode(request)
                }
            }
        }
    }

    @Test("a Stop Marker stays one", arguments: Format.all)
    func stopMarker(_ format: Format) throws {
        let marker = PageRequest(
            requester: RequesterID(1), pasid: PASID(9), index: PRGIndex(0)!, address: 0,
            permissions: [], isLast: true, responseNeedsPASID: true)
        #expect(try format.decode(format.encode(marker), true).isStopMarker)
    }
}
