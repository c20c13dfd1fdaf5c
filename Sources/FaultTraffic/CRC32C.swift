/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as iSCSI and ext4 use it. It finds every
/// error burst of up to 32 bits, so every flip of a single bit.
package struct CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in
            value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78
        }
    }

    /// The checksum of the bytes; 0xE3069283 for "123456789".
    package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let table = Self.table
        var value = ~UInt32(0)
        for byte in bytes {
            value = value >> 8 ^ table[Int(UInt8(truncatingIfNeeded: value) ^ byte)]
        }
        return ~value
    }
}
