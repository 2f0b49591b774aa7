//! Which workspace a request is for, and whose files it names: only where the configuration says that there are
//! workspaces.

use std::sync::Arc;

use http::Method;

use super::Reader;
use crate::authority;
use crate::catalog::{Access, Isolation, Naming, Operation};
use crate::names::query::Query;
use crate::names::without_body;
use crate::pending::InWorkspace;
use crate::request::RequestHead;
use crate::target::{Ambiguity, Files};
use crate::workspace;

/// What MLflow compares the end of a path with: behind it, no header selects a workspace
/// (`resolve_workspace_for_request_if_enabled`, mlflow/server/workspace_helpers.py).
const WITHOUT_WORKSPACE: &str = "/mlflow/server-info";

impl Reader<'_, '_, '_> {
    /// The workspace that the request is for; `None` where there are none.
    ///
    /// # Errors
    /// A header that names none, or two.
    pub(super) fn workspace(&self) -> Result<Option<Box<InWorkspace>>, workspace::Ambiguous> {
        let Some(default) = self.rules.default_workspace() else {
            return Ok(None);
        };
        let named = workspace::named(self.head)?;
        Ok(Some(Box::new(InWorkspace {
            name: named.map_or_else(|| Arc::clone(default), Into::into),
            default: Arc::clone(default),
            is_named: named.is_some(),
            files: Files::Own,
        })))
    }

    /// Whose files a request names, of whatever operation it is.
    ///
    /// # Errors
    /// A path that MLflow may read as another.
    pub(super) fn files(
        &self,
        operation: Option<&'static Operation>,
        path: &str,
        query: Option<&str>,
    ) -> Result<Files, Ambiguity> {
        if authority::begins_a_path(self.head) {
            return Err(Ambiguity::Host);
        }
        let is_shared = operation.is_some_and(|it| it.isolation == Isolation::Shared);
        if !is_shared && is_without_workspace(path) {
            return Err(Ambiguity::WithoutWorkspace);
        }
        operation.map_or(Ok(Files::Own), |it| files(it, path, query, self.head))
    }
}

/// Whether MLflow would take a path for one without a workspace. Some releases see it only up to a decoded `?` or `#`.
fn is_without_workspace(path: &str) -> bool {
    let cut = path.split(['?', '#']).next().unwrap_or_default();
    [path, cut]
        .iter()
        .any(|it| it.trim_end_matches('/').ends_with(WITHOUT_WORKSPACE))
}

fn files(
    operation: &Operation,
    path: &str,
    query: Option<&str>,
    head: &RequestHead<'_>,
) -> Result<Files, Ambiguity> {
    if operation.isolation != Isolation::Files {
        return Ok(Files::Own);
    }
    if operation.access == Access::Delete {
        return Files::of_deleted(path);
    }
    if operation.naming != Naming::ArtifactQuery {
        return Files::of_path(path);
    }
    // Without a query, and by `HEAD`, MLflow reads the path from the body.
    let is_by_query = head.method() == Method::GET.as_str() && without_body(head).is_ok();
    let query = Query::parse(query.unwrap_or_default());
    match query.as_ref().map(|query| query.get("path")) {
        Ok(Ok(path)) if is_by_query => Files::of_query(path.unwrap_or_default()),
        _ => Err(Ambiguity::ArtifactPath),
    }
}
