/// What a scheme models, and where it departs. A model that does not say where it departs is not a
/// model.
public struct Provenance: Sendable, Codable, Equatable {
    /// Patch, specification section or paper; `original` where there is none.
    public let models: String
    /// What is as in the original.
    public let keeps: String
    /// What differs.
    public let departs: String
    /// What is not modelled.
    public let omits: String

    /// All four are compulsory.
    public init(models: String, keeps: String, departs: String, omits: String) {
        self.models = models
        self.keeps = keeps
        self.departs = departs
        self.omits = omits
    }
}
