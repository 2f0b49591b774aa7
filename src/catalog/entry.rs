//! The words of the catalog: what an operation is, on which object, with which access, over which routes.
//!
//! Pure data types. They know nothing of requests; `catalog::routes` compiles them into a trie.

use std::fmt;

use super::needs::{Needs, Parameter};
use super::release::Release;

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

/// Where a route is mounted under MLflow's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// `/api/…` and its twin `/ajax-api/…`.
    ApiAndAjax,
    /// `/api/…` only.
    Api,
    /// `/ajax-api/…` only.
    Ajax,
    /// The path as written.
    Root,
}

/// One path template with the methods it serves.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Methods in upper case. `GET` also stands for `HEAD`, as Flask adds it.
    pub methods: &'static [&'static str],
    /// Where the template is mounted.
    pub surface: Surface,
    /// The rest of the path: `{x}` is one segment, `{*x}` any number.
    pub template: &'static str,
    /// The query it is for, nothing else in it; empty where it is for every query.
    pub query: &'static [Parameter],
    /// The first covered release that serves it; `None` when the oldest one does.
    pub since: Option<Release>,
    /// The first covered release that no longer serves it; `None` while the newest one does.
    pub until: Option<Release>,
}

/// What a request asks MLflow to do, named as MLflow names it.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// MLflow's own name: the protobuf method, or the handler in UpperCamelCase.
    pub name: &'static str,
    /// What it acts on.
    pub object: Object,
    /// How it touches it: the stricter of MLflow's validator and its handler.
    pub access: Access,
    /// Where that was read in MLflow's sources; empty in the shipped module, where nobody reads it.
    pub source: &'static str,
    /// The routes that reach it, in the server's own registration order.
    pub routes: &'static [Route],
    /// The public group it belongs to, if any.
    pub public: Option<PublicGroup>,
    /// What a key must hold.
    pub needs: Needs,
    /// What the same `GET` does where a query asks for that alone: an operation whose routes have a query.
    pub narrowed: Option<&'static Operation>,
}

/// An operation: the shape of a row in the entry tables.
pub(super) const fn op(
    name: &'static str,
    object: Object,
    access: Access,
    source: &'static str,
    routes: &'static [Route],
) -> Operation {
    Operation {
        name,
        object,
        access,
        // A string that is not used is not linked.
        source: if cfg!(target_os = "wasi") { "" } else { source },
        routes,
        public: None,
        needs: Needs::Own,
        narrowed: None,
    }
}

impl Operation {
    /// Puts the operation into a public group.
    pub(super) const fn public(mut self, group: PublicGroup) -> Self {
        self.public = Some(group);
        self
    }

    /// Lets it need something else than its access to its object.
    pub(super) const fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    /// Names what its `GET` is where a query asks for that alone.
    pub(super) const fn narrowed(mut self, narrowed: &'static Self) -> Self {
        self.narrowed = Some(narrowed);
        self
    }
}

/// `/api/<template>` and `/ajax-api/<template>`; the template starts with the API version, `"2.0/mlflow/…"`.
pub(super) const fn api(methods: &'static [&'static str], template: &'static str) -> Route {
    route(methods, Surface::ApiAndAjax, template)
}

/// `/api/<template>` alone.
pub(super) const fn api_only(methods: &'static [&'static str], template: &'static str) -> Route {
    route(methods, Surface::Api, template)
}

/// A path that releases before 2.0 serve beside the one without `preview`; their client uses it for the registry.
pub(super) const fn preview(methods: &'static [&'static str], template: &'static str) -> Route {
    api(methods, template).until(Release(2, 0, 0))
}

/// `/ajax-api/<template>` alone.
pub(super) const fn ajax(methods: &'static [&'static str], template: &'static str) -> Route {
    route(methods, Surface::Ajax, template)
}

/// A path as written, with its leading slash.
pub(super) const fn root(methods: &'static [&'static str], template: &'static str) -> Route {
    route(methods, Surface::Root, template)
}

const fn route(
    methods: &'static [&'static str],
    surface: Surface,
    template: &'static str,
) -> Route {
    Route {
        methods,
        surface,
        template,
        query: &[],
        since: None,
        until: None,
    }
}

impl Route {
    /// For requests with this query alone.
    pub(super) const fn with(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    /// Served by this minor release and later ones.
    pub(super) const fn since(mut self, release: Release) -> Self {
        self.since = Some(release);
        self
    }

    /// Served up to, and no longer by, this minor release.
    pub(super) const fn until(mut self, release: Release) -> Self {
        self.until = Some(release);
        self
    }

    /// Whether a release serves it. Patch releases have the routes of their minor.
    pub fn is_served_by(&self, release: Release) -> bool {
        let release = release.minor();
        self.since.is_none_or(|since| since.minor() <= release)
            && self.until.is_none_or(|until| release < until.minor())
    }

    /// The full paths below MLflow's root.
    pub fn paths(&self) -> impl Iterator<Item = String> + use<> {
        let template = self.template;
        self.prefixes()
            .iter()
            .map(move |prefix| format!("{prefix}{template}"))
    }

    /// What stands before the template.
    pub(crate) const fn prefixes(&self) -> &'static [&'static str] {
        match self.surface {
            Surface::ApiAndAjax => &["/api/", "/ajax-api/"],
            Surface::Api => &["/api/"],
            Surface::Ajax => &["/ajax-api/"],
            Surface::Root => &[""],
        }
    }
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
