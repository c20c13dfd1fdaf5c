import FaultModel
import Foundation
import Testing

/// The seed of the sampled tests: shown with the test's name, set with `FQBENCH_TEST_SEED`.
let testSeeds: [UInt64] = [
    ProcessInfo.processInfo.environment["FQBENCH_TEST_SEED"].flatMap { UInt64($0) } ?? 20_261_121
]

let permissionSets = (UInt8(0)...15).map { Permissions(rawValue: $0) }
let boundaryPASIDs: [PASID?] = [nil, PASID(0), PASID(1), PASID(0xFFFF), PASID(0x10000), .max]
let boundaryIndexes = [0, 1, 255, 256, 511].map { PRGIndex($0)! }
let boundaryRequesters = [0, 1, 0x6A08, 0xFFFF].map { RequesterID($0) }
let boundaryAddresses: [UInt64] = [0, 0x1000, 0x7FFF_FFFF_F000, 0xFFFF_FFFF_FFFF_F000]

/// Every boundary of every field that all three formats can carry.
func boundaryRequests() -> [PageRequest] {
    var requests: [PageRequest] = []
    for requester in boundaryRequesters {
        for pasid in boundaryPASIDs {
            for index in boundaryIndexes {
                for address in boundaryAddresses {
                    for permissions in permissionSets {
                        for isLast in [false, true] {
                            requests.append(
                                PageRequest(
                                    requester: requester, pasid: pasid, index: index,
                                    address: address, permissions: permissions, isLast: isLast,
                                    responseNeedsPASID: pasid != nil))
                        }
                    }
                }
            }
        }
    }
    return requests
}

extension PageRequest {
    /// Any valid request.
    static func random(
        using generator: inout SeededGenerator, withPrivateData: Bool
    ) -> PageRequest {
        let bits = generator.next()
        let pasid = bits & 1 == 0 ? nil : PASID(generator.next() & 0xFFFFF)
        return PageRequest(
            requester: RequesterID(UInt16(truncatingIfNeeded: bits >> 8)), pasid: pasid,
            index: PRGIndex(bits >> 24 & 511)!, address: generator.next(),
            permissions: Permissions(rawValue: UInt8(bits >> 40 & 15)), isLast: bits & 2 != 0,
            responseNeedsPASID: pasid != nil && bits & 4 != 0,
            privateData0: withPrivateData ? generator.next() : 0,
            privateData1: withPrivateData ? generator.next() : 0)
    }
}

/// Expects the outcome of every flip of one bit to be refused or another value, and returns how
/// many were refused.
func refusedFlips<Value: Equatable>(
    wordCount: Int, of value: Value, seed: UInt64,
    decode: (_ word: Int, _ mask: UInt64) throws -> Value
) -> Int {
    var refused = 0
    for word in 0..<wordCount {
        for bit in 0..<64 {
            do {
                let other = try decode(word, 1 << UInt64(bit))
                #expect(other != value, "word \(word) bit \(bit) changes nothing, seed \(seed)")
            } catch {
                #expect(error is DescriptorError)
                refused += 1
            }
        }
    }
    return refused
}
