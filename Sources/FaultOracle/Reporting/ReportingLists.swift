import FaultModel

/// Lists of operations.
public enum ReportingLists {
    /// Every list up to a length, in which devices, PASIDs and indices are first named in ascending
    /// order (others are the same but for names) and nothing is taken or answered where nothing is
    /// there. Stops at the first for which `body` returns something.
    public static func first(
        upTo length: Int, devices: Int = 2, pasids: Int = 2, indices: Int = 2,
        _ body: ([ReportingOperation]) -> String?
    ) -> (difference: String?, count: Int) {
        let alphabet = ReportingOperation.all(devices: devices, pasids: pasids, indices: indices)
        var list: [ReportingOperation] = []
        var count = 0
        func extend(_ model: ReportingModel, _ named: (Int, Int, Int)) -> String? {
            guard list.count < length else { return nil }
            for operation in alphabet where model.allows(operation) {
                let names = operation.names
                let (device, pasid, index) = (
                    names.device ?? -1, names.pasid ?? -1, names.index ?? -1
                )
                guard device <= named.0, pasid <= named.1, index <= named.2 else { continue }
                list.append(operation)
                defer { list.removeLast() }
                count += 1
                if let difference = body(list) { return difference }
                var next = model
                next.follow(operation)
                let difference = extend(
                    next,
                    (max(named.0, device + 1), max(named.1, pasid + 1), max(named.2, index + 1))
                )
                if let difference { return difference }
            }
            return nil
        }
        let difference = extend(ReportingModel(devices: devices), (0, 0, 0))
        return (difference, count)
    }

    /// A list by chance, in which reports are as likely as everything else together.
    public static func random(_ length: Int, _ random: inout SeededGenerator)
        -> [ReportingOperation]
    {
        let alphabet = ReportingOperation.all(devices: 2, pasids: 2, indices: 2)
        let others = alphabet.filter { $0.names.index == nil }
        let reports = alphabet.filter { $0.names.index != nil }
        var model = ReportingModel(devices: 2)
        return (0..<length).map { _ in
            let kind = Bool.random(using: &random) ? reports : others
            let operation = kind.filter(model.allows).randomElement(using: &random)!
            model.follow(operation)
            return operation
        }
    }
}
