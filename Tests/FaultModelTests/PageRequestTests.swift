import FaultModel
import Testing

@Suite("Page request") struct PageRequestTests {
    /// Everything that a request says, field by field.
    struct Fields: Equatable {
        var requester = RequesterID(0)
        var pasid: PASID?
        var index = PRGIndex(0)!
        var address: UInt64 = 0
        var permissions = Permissions()
        var isLast = false
        var responseNeedsPASID = false
        var privateData0: UInt64 = 0
        var privateData1: UInt64 = 0

        var request: PageRequest {
            PageRequest(
                requester: requester, pasid: pasid, index: index, address: address,
                permissions: permissions, isLast: isLast, responseNeedsPASID: responseNeedsPASID,
                privateData0: privateData0, privateData1: privateData1)
        }

        init() {}

        init(_ request: PageRequest) {
            requester = request.requester
            pasid = request.pasid
            index = request.index
            address = request.address
            permissions = request.permissions
            isLast = request.isLast
            responseNeedsPASID = request.responseNeedsPASID
            privateData0 = request.privateData0
            privateData1 = request.privateData1
        }
    }

    /// Each entry sets one field to a value other than that of `Fields()`.
    static func makeChanges() -> [(Fields) -> Fields] {
        var changes: [(Fields) -> Fields] = []
        func change<Value>(_ path: WritableKeyPath<Fields, Value>, to values: [Value]) {
            for value in values {
                changes.append { fields in
                    var fields = fields
                    fields[keyPath: path] = value
                    return fields
                }
            }
        }
        change(\.requester, to: (0..<16).map { RequesterID(1 << $0) } + [RequesterID(0xFFFF)])
        change(\.pasid, to: [PASID(0)] + (0..<20).map { PASID(1 << $0) } + [.max])
        change(\.index, to: (0..<9).map { PRGIndex(1 << $0)! } + [.max])
        change(\.address, to: (12..<64).map { 1 << $0 } + [0xFFFF_FFFF_FFFF_F000])
        change(\.permissions, to: permissionSets.filter { !$0.isEmpty })
        change(\.isLast, to: [true])
        change(\.responseNeedsPASID, to: [true])
        change(\.privateData0, to: [1, .max])
        change(\.privateData1, to: [1, .max])
        return changes
    }

    @Test("layout is 32 bytes with no padding, trivially copyable")
    func layout() {
        #expect(MemoryLayout<PageRequest>.size == 32)
        #expect(MemoryLayout<PageRequest>.stride == 32)
        func isTrivial(_: (some BitwiseCopyable).Type) -> Bool { true }
        #expect(isTrivial(PageRequest.self))
        #expect(isTrivial(PageResponse.self))
    }

    @Test("each field, and each pair of fields, round trips and disturbs no other")
    func fieldsAreIndependent() {
        let changes = Self.makeChanges()
        for first in changes {
            for second in changes {
                let fields = second(first(Fields()))
                #expect(Fields(fields.request) == fields)
            }
        }
    }

    @Test("requests are equal exactly when their fields are")
    func equality() {
        let all = [Fields()] + Self.makeChanges().map { $0(Fields()) }
        for (i, left) in all.enumerated() {
            for (j, right) in all.enumerated() {
                #expect((left.request == right.request) == (i == j))
            }
        }
        #expect(Set(all.map(\.request)).count == all.count)
    }

    @Test("the address is cut to its page")
    func addressIsCut() {
        var fields = Fields()
        fields.address = 0x1234_5FFF
        #expect(fields.request.address == 0x1234_5000)
        fields.address = .max
        #expect(fields.request.address == 0xFFFF_FFFF_FFFF_F000)
    }

    @Test("PASID 0 and no PASID differ")
    func absentPASID() {
        var fields = Fields()
        #expect(!fields.request.hasPASID && fields.request.pasid == nil)
        #expect(fields.request.pasidBits == PASID(0))
        fields.pasid = PASID(0)
        #expect(fields.request.hasPASID && fields.request.pasid == PASID(0))
    }

    @Test("private words can be replaced in place and touch nothing else")
    func privateDataInPlace() {
        var fields = Fields()
        fields.pasid = .max
        fields.isLast = true
        fields.address = 0x5000
        var request = fields.request
        request.privateData0 = 7
        request.privateData1 = 8
        fields.privateData0 = 7
        fields.privateData1 = 8
        #expect(Fields(request) == fields)
    }

    @Test("a Stop Marker is last and neither reads nor writes", arguments: permissionSets)
    func stopMarker(_ permissions: Permissions) {
        var fields = Fields()
        fields.permissions = permissions
        #expect(!fields.request.isStopMarker)
        fields.isLast = true
        let accesses = permissions.contains(.read) || permissions.contains(.write)
        #expect(fields.request.isStopMarker == !accesses)
    }

    @Test("five bits of permissions are a caller's mistake")
    func permissionsPrecondition() async {
        await #expect(processExitsWith: .failure) {
            _ = PageRequest(
                requester: RequesterID(0), pasid: nil, index: PRGIndex(0)!, address: 0,
                permissions: Permissions(rawValue: 16), isLast: false)
        }
    }

    @Test("a response takes its PASID only where the function needs it")
    func response() {
        var fields = Fields()
        fields.requester = RequesterID(0x6A08)
        fields.index = .max
        fields.pasid = PASID(5)
        #expect(PageResponse(to: fields.request, code: .invalid).pasid == nil)
        fields.responseNeedsPASID = true
        let response = PageResponse(to: fields.request, code: .invalid)
        #expect(
            response
                == PageResponse(
                    requester: RequesterID(0x6A08), pasid: PASID(5), index: .max, code: .invalid))
        fields.pasid = nil
        #expect(PageResponse(to: fields.request, code: .success).pasid == nil)
    }
}

@Suite("Identifiers") struct IdentifierTests {
    @Test("a PASID has 20 bits")
    func pasid() {
        #expect(PASID(-1) == nil)
        #expect(PASID(0)?.rawValue == 0)
        #expect(PASID(0xFFFFF) == .max)
        #expect(PASID(0x100000) == nil)
        #expect(PASID(UInt64.max) == nil)
        #expect(PASID(0x2A)!.description == "0x2a")
        #expect(PASID(1)! < PASID(2)!)
    }

    @Test("a PRG index has 9 bits")
    func index() {
        #expect(PRGIndex(-1) == nil)
        #expect(PRGIndex(0)?.rawValue == 0)
        #expect(PRGIndex(511) == .max)
        #expect(PRGIndex(512) == nil)
        #expect(PRGIndex(1)! < PRGIndex(2)!)
    }

    @Test("a requester is bus, device and function, written as lspci does")
    func requester() throws {
        let requester = try #require(RequesterID(bus: 0x6A, device: 1, function: 0))
        #expect(requester.rawValue == 0x6A08)
        #expect(requester.description == "6a:01.0")
        #expect(RequesterID(0xFFFF).description == "ff:1f.7")
        #expect(RequesterID(bus: 0, device: 32, function: 0) == nil)
        #expect(RequesterID(bus: 0, device: 0, function: 8) == nil)
        for raw in 0...UInt16.max {
            let id = RequesterID(raw)
            let again = RequesterID(bus: id.bus, device: id.device, function: id.function)
            guard again == id else {
                Issue.record("requester \(raw) does not round trip")
                return
            }
        }
    }
}

@Suite("Seeded generator") struct SeededGeneratorTests {
    @Test("equal seeds give equal sequences, other seeds and streams others")
    func reproducible() {
        func first(_ make: () -> SeededGenerator) -> [UInt64] {
            var generator = make()
            return (0..<8).map { _ in generator.next() }
        }
        let sequences = [
            first { SeededGenerator(seed: 0) }, first { SeededGenerator(seed: 1) },
            first { SeededGenerator(seed: 1, stream: 0) },
            first { SeededGenerator(seed: 1, stream: 1) },
        ]
        #expect(Set(sequences).count == sequences.count)
        #expect(first { SeededGenerator(seed: 1, stream: 1) } == sequences[3])
    }

    @Test("the sequence of seed 0 is that of the published algorithm")
    func publishedVector() {
        var generator = SeededGenerator(seed: 0)
        let expected: [UInt64] = [
            0x99EC_5F36_CB75_F2B4, 0xBF6E_1F78_4956_452A, 0x1A5F_849D_4933_E6E0,
            0x6AA5_94F1_262D_2D2C,
        ]
        #expect(expected.map { _ in generator.next() } == expected)
    }

    @Test("a unit is in 0 ..< 1", arguments: testSeeds)
    func unit(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let units = (0..<10_000).map { _ in generator.nextUnit() }
        #expect(units.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(units.reduce(0, +) / 10_000 - 0.5) < 0.02)
    }
}
