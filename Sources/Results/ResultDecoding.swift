import Foundation

/// JSON to values, with errors that name the field, or the line and column of a syntax error.
enum ResultDecoding {
    /// Only what says whether the rest can be understood.
    private struct Header: Decodable {
        let tool: String?
        let schemaVersion: Int?
    }

    /// Refuses foreign and newer files before any other field is looked at: a newer schema may have
    /// renamed them all.
    static func checkHeader(of bytes: [UInt8], path: String) throws(ResultFileError) {
        let header: Header
        do throws(ResultFileError) {
            header = try decode(Header.self, from: bytes, path: path)
        } catch {
            // `tool` is not a string, or the whole is not an object.
            if case .wrongType(let field, _) = error.reason, field != "schemaVersion" {
                throw ResultFileError(path: path, reason: .notOurs)
            }
            throw error
        }
        guard header.tool == "fqbench" else {
            throw ResultFileError(path: path, reason: .notOurs)
        }
        guard let version = header.schemaVersion else {
            throw ResultFileError(path: path, reason: .missingField("schemaVersion"))
        }
        try checkVersion(version, supported: RunDocument.currentSchemaVersion, path: path)
    }

    static func checkVersion(
        _ version: Int, supported: Int, path: String
    ) throws(ResultFileError) {
        guard version <= supported else {
            throw ResultFileError(
                path: path, reason: .newerSchema(found: version, supported: supported))
        }
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], path: String
    ) throws(ResultFileError) -> Value {
        if let problem = JSONGuard.problem(in: bytes) {
            throw ResultFileError(path: path, reason: .notJSON(problem))
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw ResultFileError(
                path: path,
                reason: reason(of: error, bytes: bytes) { candidate in
                    isWellFormed(type, candidate)
                })
        } catch {
            throw ResultFileError(path: path, reason: .notJSON(oneLine("\(error)")))
        }
    }

    private static func reason(
        of error: DecodingError, bytes: [UInt8], isWellFormed: ([UInt8]) -> Bool
    ) -> ResultFileError.Reason {
        switch error {
        case .keyNotFound(let key, let context):
            return .missingField(fieldPath(context.codingPath + [key]))
        case .valueNotFound(let type, let context), .typeMismatch(let type, let context):
            return .wrongType(field: fieldPath(context.codingPath), expected: words(for: type))
        case .dataCorrupted(let context):
            let detail = oneLine(context.debugDescription)
            guard context.codingPath.isEmpty else {
                return .invalid(
                    field: fieldPath(context.codingPath), problem: "is not valid: \(detail)")
            }
            let scan = JSONScan(bytes)
            if let problem = scan.syntaxProblem { return .notJSON(oneLine(problem)) }
            if let unfit = unfitNumber(scan.numbers, in: bytes, isWellFormed: isWellFormed) {
                let expected = unfit.mayBeFraction ? "a number" : "a whole number, or one"
                return .wrongType(
                    field: oneLine(unfit.field), expected: expected + " that is not so large")
            }
            return .notJSON(detail)
        @unknown default:
            return .notJSON(oneLine("\(error)"))
        }
    }

    /// Whether the decoder finds nothing wrong, or something that it can name the field of.
    private static func isWellFormed<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) -> Bool
    {
        do {
            _ = try JSONDecoder().decode(type, from: Data(bytes))
            return true
        } catch DecodingError.dataCorrupted(let context) {
            return !context.codingPath.isEmpty
        } catch {
            return true
        }
    }

    /// The field whose number does not fit its type, which the decoder reports without the field.
    /// With enough of the numbers put to zero the error goes away; the last one needed is unfit.
    /// Whether its type holds fractions shows with one in its place.
    private static func unfitNumber(
        _ numbers: [Range<Int>], in bytes: [UInt8], isWellFormed: ([UInt8]) -> Bool
    ) -> (field: String, mayBeFraction: Bool)? {
        func zeroing(_ count: Int) -> [UInt8] {
            var changed = bytes
            for number in numbers[..<count] {
                for index in number { changed[index] = UInt8(ascii: " ") }
                changed[number.lowerBound] = UInt8(ascii: "0")
            }
            return changed
        }
        func isFit(zeroing count: Int) -> Bool { isWellFormed(zeroing(count)) }
        guard isFit(zeroing: numbers.count) else { return nil }
        var bad = 0
        var good = numbers.count
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2
            if isFit(zeroing: middle) { good = middle } else { bad = middle }
        }
        guard good > 0, let field = JSONScan.field(ofNumberAt: numbers[good - 1], in: bytes) else {
            return nil
        }
        var fraction = zeroing(good - 1)
        fraction.replaceSubrange(numbers[good - 1], with: Array("0.5".utf8))
        return (field, isWellFormed(fraction))
    }

    /// `cells[3].rounds[1].index`.
    private static func fieldPath(_ path: [any CodingKey]) -> String {
        let text = path.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : "." + key.stringValue
            }
        }
        return text.isEmpty ? "the document" : text
    }

    private static func words(for type: Any.Type) -> String {
        switch type {
        case is Int.Type, is UInt64.Type: "a whole number"
        case is Double.Type: "a number"
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any Collection.Type where "\(type)".hasPrefix("Array"): "a list"
        default: "an object"
        }
    }
}
