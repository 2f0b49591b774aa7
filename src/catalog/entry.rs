//! The rows of the catalog: what an operation is, on which object, with which access, over which routes.
//!
//! Pure data types. They know nothing of requests; `catalog::routes` compiles them into a trie.

use super::isolation::Isolation;
use super::naming::Naming;
use super::needs::{Needs, Parameter};
use super::object::{Access, Object, PublicGroup};
use super::release::Release;

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
    /// Where its requests name what they act on.
    pub naming: Naming,
    /// Whether it stays within the workspace of its request.
    pub isolation: Isolation,
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
        // A string that is not used is not linked; in the module nothing uses it.
        source: if cfg!(all(target_os = "wasi", not(test))) {
            ""
        } else {
            source
        },
        routes,
        public: None,
        needs: Needs::Own,
        naming: Naming::Untied,
        isolation: Isolation::No,
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

    /// Says where its requests name what they act on.
    pub(super) const fn named_by(mut self, naming: Naming) -> Self {
        self.naming = naming;
        self
    }

    /// Says that MLflow, in every covered release with workspaces, keeps it within the workspace of its request.
    pub(super) const fn isolated(self) -> Self {
        self.within(Isolation::Rows)
    }

    /// Says what keeps it within a workspace, or that it is the same in all.
    pub(super) const fn within(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
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
