/// One step of a list that a single thread runs. Devices and PASIDs are small numbers here.
public enum ReportingOperation: Hashable, Sendable, CustomStringConvertible {
    case page(device: Int, pasid: Int, index: Int)
    case last(device: Int, pasid: Int, index: Int)
    /// Take, respond, finish.
    case handle
    /// Take and finish: the group goes to someone who answers later.
    case keep
    /// Answers the group that was kept first.
    case answerKept
    case flush(device: Int, pasid: Int)
    case discard
    case remove(device: Int)
    case add(device: Int)

    /// As a history shows it; devices and PASIDs by their numbers in the list.
    public var description: String {
        let (device, pasid, index) = names
        let what = [("device", device), ("PASID", pasid), ("index", index)].compactMap {
            name, number in number.map { "\(name) \($0)" }
        }.joined(separator: ", ")
        switch self {
        case .page: return "report a page of \(what)"
        case .last: return "report the last page of \(what)"
        case .handle: return "take a group, answer and finish it"
        case .keep: return "take a group, finish it and keep its answer back"
        case .answerKept: return "answer the group that was kept first"
        case .flush: return "flush \(what)"
        case .discard: return "discard what is partial"
        case .remove: return "remove \(what)"
        case .add: return "add \(what)"
        }
    }

    /// Devices, PASIDs and indices that it names.
    public var names: (device: Int?, pasid: Int?, index: Int?) {
        switch self {
        case .page(let device, let pasid, let index), .last(let device, let pasid, let index):
            (device, pasid, index)
        case .flush(let device, let pasid): (device, pasid, nil)
        case .remove(let device), .add(let device): (device, nil, nil)
        case .handle, .keep, .answerKept, .discard: (nil, nil, nil)
        }
    }

    /// Every operation over so many devices, PASIDs and indices.
    public static func all(devices: Int, pasids: Int, indices: Int) -> [ReportingOperation] {
        var all: [ReportingOperation] = [.handle, .keep, .answerKept, .discard]
        for device in 0..<devices {
            all += [.remove(device: device), .add(device: device)]
            for pasid in 0..<pasids {
                all.append(.flush(device: device, pasid: pasid))
                for index in 0..<indices {
                    all.append(.page(device: device, pasid: pasid, index: index))
                    all.append(.last(device: device, pasid: pasid, index: index))
                }
            }
        }
        return all
    }
}
