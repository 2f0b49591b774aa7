//! The words of the catalog: MLflow's objects, the kinds of access to them, and the groups of public endpoints.

use std::fmt;

/// What an operation acts on: MLflow's own entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A finetuned or evaluated LLM assistant session (`mlflow/server/assistant`).
    Assistant,
    /// A file below an artifact root, read or written through the tracking server.
    Artifact,
    /// An evaluation dataset or a dataset input.
    Dataset,
    /// An experiment.
    Experiment,
    /// The AI gateway: endpoints, models, routes, budgets.
    Gateway,
    /// An issue found in traces.
    Issue,
    /// A job run by the server.
    Job,
    /// A label schema.
    LabelSchema,
    /// A logged model (MLflow 3).
    LoggedModel,
    /// An MCP server in the registry.
    McpServer,
    /// A version of a registered model.
    ModelVersion,
    /// A registered model or a prompt.
    RegisteredModel,
    /// A review queue.
    ReviewQueue,
    /// A run, with its metrics, parameters and tags.
    Run,
    /// A scorer.
    Scorer,
    /// The server itself: pages, health, GraphQL.
    Server,
    /// A skill in the registry, with its versions.
    Skill,
    /// A trace, its spans and assessments.
    Trace,
    /// A user, role or permission of MLflow's own auth plugin.
    User,
    /// A webhook.
    Webhook,
    /// A workspace.
    Workspace,
}

/// How an operation touches its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    /// Returns what is stored.
    Read,
    /// Creates or changes.
    Write,
    /// Moves traffic to a version: aliases and stages.
    Promote,
    /// Deletes or restores.
    Delete,
    /// Spends money or has effects outside MLflow.
    Use,
    /// Users, permissions, secrets, workspaces, webhooks, agents.
    Admin,
}

/// A set of endpoints that config may open to callers without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublicGroup {
    /// `/health`, `/version` and server info.
    Health,
    /// The web page and its static files.
    Ui,
}

macro_rules! words {
    ($type:ty, $all:ident: $($variant:ident => $word:literal),+ $(,)?) => {
        impl $type {
            /// Every value, in the order of its words.
            pub const $all: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in permissions, records and metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of a word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(Object, ALL:
    Artifact => "artifact",
    Assistant => "assistant",
    Dataset => "dataset",
    Experiment => "experiment",
    Gateway => "gateway",
    Issue => "issue",
    Job => "job",
    LabelSchema => "label_schema",
    LoggedModel => "logged_model",
    McpServer => "mcp_server",
    ModelVersion => "model_version",
    RegisteredModel => "registered_model",
    ReviewQueue => "review_queue",
    Run => "run",
    Scorer => "scorer",
    Server => "server",
    Skill => "skill",
    Trace => "trace",
    User => "user",
    Webhook => "webhook",
    Workspace => "workspace",
);

words!(Access, ALL:
    Read => "read",
    Write => "write",
    Promote => "promote",
    Delete => "delete",
    Use => "use",
    Admin => "admin",
);

words!(PublicGroup, ALL:
    Health => "health",
    Ui => "ui",
);
