extension ResponseCode {
    /// PCI Express's own four-bit code, which VT-d's response descriptor carries: success 0,
    /// invalid 1, failure 15. The others are reserved.
    ///
    /// Source: PCI Express base specification, PRG response message; `QI_RESP_*` in
    /// drivers/iommu/intel/iommu.h.
    public var pcieCode: UInt8 {
        switch self {
        case .success: 0
        case .invalid: 1
        case .failure: 0xF
        }
    }

    /// Nil for a reserved code.
    public init?(pcieCode: UInt8) {
        guard let code = Self.allCases.first(where: { $0.pcieCode == pcieCode }) else {
            return nil
        }
        self = code
    }

    /// The two-bit code of SMMUv3's PRI response command: failure 0, invalid 1, success 2.
    ///
    /// Source: SMMUv3 specification, CMD_PRI_RESP; `CMDQ_PRI_1_RESP` in the PRI series for
    /// drivers/iommu/arm/arm-smmu-v3.
    public var smmuv3Code: UInt8 {
        switch self {
        case .failure: 0
        case .invalid: 1
        case .success: 2
        }
    }

    /// Nil for a reserved code.
    public init?(smmuv3Code: UInt8) {
        guard let code = Self.allCases.first(where: { $0.smmuv3Code == smmuv3Code }) else {
            return nil
        }
        self = code
    }
}
