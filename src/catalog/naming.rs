//! How a request says which of its objects it acts on.
//!
//! Data, read from MLflow's protobuf messages and handlers (`mlflow/protos/service.proto`,
//! `model_registry.proto`, `mlflow/server/handlers.py` 3.17.2).

#[cfg(test)]
mod tests;

/// Where a request names what it acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By nothing that a name could be read from: the id of a run, a trace or a logged model, or not at all.
    Untied,
    /// It acts on many at once: a search or a list.
    Collection,
    /// By an artifact's path, whose first segment is an experiment's id.
    ArtifactPath,
    /// By the `path` of the query, which is such an artifact's path.
    ArtifactQuery,
    /// By fields: of the query for `GET`, else of the JSON body. All that the message may have are listed:
    /// protobuf's JSON parser stops silently at the first it dislikes, and MLflow goes on with what it has read
    /// until then, so what one field says can depend on another.
    Fields(&'static [Field]),
}

/// A field of a request by its name in snake case, and what it says.
pub type Field = (&'static str, FieldKind);

/// What a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// The name of a registered model or prompt.
    Model,
    /// The name of an experiment.
    ExperimentName,
    /// The id of an experiment.
    ExperimentId,
    /// An alias of the model.
    Alias,
    /// What a model version is made from.
    Source,
    /// The id of a logged model that is written to; may be absent.
    LoggedModelId,
    /// Where the server writes, which no name tells; must be absent.
    Location,
    /// Text that a pattern is not held against; may be absent.
    Text,
    /// A list of such text; may be absent.
    Texts,
    /// `true` or `false`; may be absent.
    Flag,
    /// A list of `{"key", "value"}`; may be absent.
    Tags,
}

impl FieldKind {
    /// Whether a request without the field names nothing.
    pub const fn is_required(self) -> bool {
        matches!(
            self,
            Self::Model | Self::ExperimentName | Self::ExperimentId | Self::Alias | Self::Source
        )
    }
}
