//! The self-service answer: what a key may do, told to whoever holds it.
//!
//! `GET {mount}/.well-known/mlflow-authz/whoami` (RFC 8615) is answered by the filter itself. It tells what the
//! source of the identity says of the key and what the scope tables make of it, and never the key.

#[cfg(test)]
mod tests;

use http::Method;
use serde::{Serialize, Serializer};

use crate::catalog::{self, Naming, Needs, Operation};
use crate::config::{Config, GraphQl};
use crate::decision::Decision;
use crate::denial::Answer;
use crate::permission::Permission;
use crate::policy::{Policy, Rights, Within};
use crate::principal::{IdentitySource, Principal};
use crate::printable;

/// The path below a mount.
pub const PATH: &str = "/.well-known/mlflow-authz/whoami";

/// What a principal may do.
#[derive(Debug, Serialize)]
struct Whoami<'a> {
    key_id: Option<&'a str>,
    user_id: Option<&'a str>,
    /// Who says so: a field of the configuration.
    identity: Option<&'static str>,
    scopes: &'a [String],
    roles: &'a [String],
    is_admin: bool,
    /// Where there are workspaces: the one of this request, which `permissions`, `limited`, `objects` and `operations` are
    /// about.
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<&'a str>,
    /// What is granted in each workspace that the key's rights are limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    workspaces: Option<Vec<InWorkspace<'a>>>,
    /// What is granted without a limit to workspaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    unlimited: Option<Vec<String>>,
    /// What scopes and roles grant on all objects.
    permissions: Vec<String>,
    /// What they grant on objects of some names.
    limited: Vec<Limited<'a>>,
    /// Scopes that grant nothing here.
    unknown_scopes: Vec<&'a str>,
    /// For each object, each access that some operation needs.
    objects: Table<Table<Allowed>>,
    /// Operations that need something else than their access to their object.
    operations: Table<Apart>,
    /// Whether the auth service could not be asked, and this is what it said before.
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_url: Option<&'a str>,
}

/// Values by their names, in alphabetical order.
#[derive(Debug)]
struct Table<T>(Vec<(&'static str, T)>);

impl<T> Table<T> {
    fn entry(&mut self, name: &'static str, new: T) -> Option<&mut T> {
        let at = self.0.partition_point(|(other, _)| *other < name);
        if self.0.get(at).is_none_or(|(other, _)| *other != name) {
            self.0.insert(at, (name, new));
        }
        self.0.get_mut(at).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// An operation by itself.
#[derive(Debug, Serialize)]
struct Apart {
    allowed: bool,
    /// All of these permissions, either of two, or any at all.
    needs: String,
    missing: Vec<String>,
}

/// What is granted in one workspace, or in all that a pattern matches.
#[derive(Debug, Serialize)]
struct InWorkspace<'a> {
    workspace: &'a str,
    permissions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limited: Vec<Limited<'a>>,
}

#[derive(Debug, Serialize)]
struct Limited<'a> {
    scope: &'a str,
    names: Vec<&'a str>,
    /// What it grants on objects of these names: what `objects` says, too.
    permissions: Vec<String>,
    /// What the scope grants only without a limit, since no request names such an object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    only_unlimited: Vec<String>,
}

/// Whether an access is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    Everywhere,
    /// On objects whose names match one of these patterns.
    On(Vec<String>),
    Nowhere,
}

impl Serialize for Allowed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Everywhere => serializer.serialize_bool(true),
            Self::On(patterns) => patterns.serialize(serializer),
            Self::Nowhere => serializer.serialize_bool(false),
        }
    }
}

/// Whether a request, by its path below a mount, asks for this.
pub fn is_asked(method: &str, path: &str) -> bool {
    path == PATH && [Method::GET, Method::HEAD].iter().any(|it| it == method)
}

/// The answer to a caller who is known.
pub fn answer(decision: &Decision, policy: &Policy, config: &Config) -> Answer {
    let nobody = Principal::default();
    let principal = decision.principal.as_deref().unwrap_or(&nobody);
    let workspace = decision.workspace.as_deref();
    let rights = policy.rights(
        principal,
        workspace.map_or(Within::Everywhere, Within::Workspace),
    );
    let whoami = Whoami {
        key_id: principal.key_id.as_deref(),
        user_id: principal.user_id.as_deref(),
        identity: decision.identity.map(IdentitySource::as_str),
        scopes: &principal.scopes,
        roles: &principal.roles,
        is_admin: principal.is_admin,
        workspace,
        workspaces: workspace.map(|_| in_workspaces(policy, principal)),
        unlimited: workspace.map(|_| words(rights.elsewhere(Within::Everywhere).permissions())),
        permissions: words(rights.permissions()),
        limited: limited(policy, &rights),
        unknown_scopes: policy.unknown_scopes(principal),
        objects: objects(&rights),
        operations: operations(rights, workspace, config),
        stale: decision.stale,
        help_url: config.help_url.as_deref(),
    };
    Answer {
        status: 200,
        headers: vec![
            ("content-type", "application/json".into()),
            ("cache-control", "no-store".into()),
        ],
        body: printable::json(&whoami).unwrap_or_default(),
    }
}

fn words(permissions: Vec<Permission>) -> Vec<String> {
    permissions.iter().map(ToString::to_string).collect()
}

fn in_workspaces<'a>(policy: &'a Policy, principal: &'a Principal) -> Vec<InWorkspace<'a>> {
    let named = policy.rights(principal, Within::Somewhere).workspaces();
    named
        .into_iter()
        .map(|workspace| {
            let rights = policy.rights(principal, Within::Matching(workspace));
            InWorkspace {
                workspace,
                permissions: words(rights.permissions()),
                limited: limited(policy, &rights),
            }
        })
        .collect()
}

fn limited<'a>(policy: &Policy, rights: &Rights<'a>) -> Vec<Limited<'a>> {
    let limited = rights.name_scoped().into_iter();
    limited
        .map(|(scope, names)| {
            let granted = policy.permissions_of_scope(scope);
            let (named, unnamed): (Vec<_>, Vec<_>) = granted
                .into_iter()
                .map(|permission| (permission, named_by_requests(permission)))
                .partition(|(_, named)| !named.is_empty());
            let named: Vec<Permission> = named.into_iter().flat_map(|(_, named)| named).collect();
            Limited {
                scope,
                names,
                permissions: words(named),
                only_unlimited: words(unnamed.into_iter().map(|(it, _)| it).collect()),
            }
        })
        .collect()
}

/// What of a permission a limit to names can grant: requests that need it name their object.
fn named_by_requests(permission: Permission) -> Vec<Permission> {
    let mut named = Vec::new();
    for operation in catalog::operations() {
        let needed = Permission::new(operation.object, operation.access);
        if can_be_limited(operation) && includes(permission, needed) && !named.contains(&needed) {
            named.push(needed);
        }
    }
    named
}

fn includes(permission: Permission, needed: Permission) -> bool {
    (permission.object.is_none() || permission.object == needed.object)
        && (permission.access.is_none() || permission.access == needed.access)
}

/// Whether requests for the operation name an object.
fn can_be_limited(operation: &Operation) -> bool {
    operation.naming != Naming::Untied
}

fn operations(rights: Rights<'_>, workspace: Option<&str>, config: &Config) -> Table<Apart> {
    let mut operations = Table(Vec::new());
    for operation in catalog::all_operations().filter(|it| it.needs != Needs::Own) {
        let within = workspace.map(|name| Within::of(operation, name, true));
        let rights = rights.elsewhere(within.unwrap_or(Within::Everywhere));
        let first_missing = rights.missing(operation);
        let missing = operation
            .required()
            .filter(|it| first_missing.is_some() && !rights.grants(*it));
        let is_off = operation.name == catalog::GRAPHQL && config.graphql == GraphQl::Deny;
        let apart = Apart {
            allowed: !is_off && first_missing.is_none(),
            needs: operation.required_in_words(),
            missing: words(missing.collect()),
        };
        operations.entry(operation.name, apart);
    }
    operations
}

fn objects(rights: &Rights<'_>) -> Table<Table<Allowed>> {
    let mut objects = Table(Vec::new());
    for operation in catalog::operations().filter(|it| it.needs == Needs::Own) {
        let accesses = objects.entry(operation.object.as_str(), Table(Vec::new()));
        let allowed = accesses.and_then(|it| it.entry(operation.access.as_str(), Allowed::Nowhere));
        let Some(allowed) = allowed else { continue };
        let permission = Permission::new(operation.object, operation.access);
        if rights.grants(permission) {
            *allowed = Allowed::Everywhere;
        } else if can_be_limited(operation) {
            let patterns = rights.name_patterns(permission, false);
            if !patterns.is_empty() {
                let patterns = patterns.iter().map(|it| it.as_str().to_owned());
                *allowed = Allowed::On(patterns.collect());
            }
        }
    }
    objects
}
