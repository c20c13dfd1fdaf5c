import Testing

@testable import Harness

@Suite("Workloads about lifetimes are read as written, or refused in one line")
struct LifetimeSuiteTests {
    private func file(_ field: String, _ workload: String) -> SuiteFile {
        var file = SuiteFile()
        file.fields[field] = "[\(workload)]"
        file.fields["ring"] = "[]"
        return file
    }

    @Test("fields left out take their defaults")
    func defaults() throws {
        let suite = try file("release", #"{"name": "cell", "observe": "release-latency"}"#).read()
        let workload = try #require(suite.release.first)
        #expect(workload.threads == 2 && workload.backlog == 0 && workload.serviceNs == 1000)
        #expect(suite.subjects == ["release"] && suite.workloadNames == ["cell"])
        let handles = try file("attachHandle", #"{"name": "cell", "observe": "lookups"}"#).read()
        #expect(handles.attachHandle.first?.threads == 1)
        #expect(handles.attachHandle.first?.places == 64)
        let pasids = try file("pasid", #"{"name": "cell", "observe": "processes"}"#).read()
        #expect(pasids.pasid.first?.bits == 16 && pasids.pasid.first?.counted == 2)
    }

    @Test(
        "what cannot be is named",
        arguments: [
            ("pasid", #"{"name": "cell", "observe": "binds", "bits": 21}"#, "bits"),
            ("pasid", #"{"name": "cell", "observe": "binds", "threads": 0}"#, "threads"),
            ("pasid", #"{"name": "cell", "observe": "bindings"}"#, "observe"),
            (
                "pasid",
                #"{"name": "c", "observe": "processes", "resident": 65536, "threads": 64}"#,
                "threads"
            ),
            ("attachHandle", #"{"name": "cell", "observe": "lookups", "users": 0}"#, "users"),
            ("attachHandle", #"{"name": "cell", "observe": "detach-latency"}"#, "churners"),
            (
                "attachHandle",
                #"{"name": "cell", "observe": "lookups", "churners": 3, "places": 2}"#, "churners"
            ),
            ("attachHandle", #"{"name": "cell", "observe": "lookups", "useNs": -1}"#, "useNs"),
            ("attachHandle", #"{"name": "Cell", "observe": "lookups"}"#, "name"),
            (
                "release", #"{"name": "cell", "observe": "release-latency", "workers": 0}"#,
                "workers"
            ),
            ("release", #"{"name": "cell", "observe": "release-latency", "jobNs": 2e6}"#, "jobNs"),
            (
                "release", #"{"name": "cell", "observe": "release-latency", "burstMs": 0}"#,
                "burstMs"
            ),
            ("release", #"{"name": "cell", "observe": "release-latency", "more": 1}"#, "more"),
        ])
    func refusals(field: String, workload: String, word: String) throws {
        let refusal = try file(field, workload).refusal()
        #expect(refusal?.contains(word) == true, "\(refusal ?? "accepted")")
        #expect(refusal?.contains("\n") == false)
    }

    @Test("a subject is chosen by its name, and must have workloads")
    func selecting() throws {
        let suite = try file("pasid", #"{"name": "cell", "observe": "binds"}"#).read()
        #expect(try suite.selecting(subjects: []) == suite)
        #expect(try suite.selecting(subjects: ["pasid"]).pasid.count == 1)
        #expect(throws: SuiteError.self) { try suite.selecting(subjects: ["release"]) }
        #expect(throws: SuiteError.self) { try suite.selecting(subjects: ["pasidd"]) }
    }
}
