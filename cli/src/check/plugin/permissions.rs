//! Permissions that no operation needs, and names that grant nothing.

use mlflow_authz::Config;
use mlflow_authz::catalog::{self, Access, Object};
use mlflow_authz::policy::{Permission, Policy};

use super::super::finding::Findings;
use super::super::rules;
use super::Origin;

/// Checks every scope and role.
pub fn check(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    let defaults = default_scopes();
    for (name, scope) in &config.scopes {
        // Emptying a scope of the default table switches it off.
        if scope.permissions.is_empty() && !defaults.contains(name) {
            grants_nothing(findings, origin, "scopes", name);
        }
        let listed = origin.has(&["scopes", name, "permissions"]);
        let path: &[&str] = if listed {
            &["scopes", name, "permissions"]
        } else {
            &["scopes", name]
        };
        each(findings, origin, path, &scope.permissions);
    }
    for (name, permissions) in &config.roles {
        if permissions.is_empty() {
            grants_nothing(findings, origin, "roles", name);
        }
        each(findings, origin, &["roles", name], permissions);
    }
}

/// The scopes of the default table.
pub fn default_scopes() -> Vec<String> {
    let least = br#"{"mounts": ["/"], "auth_service": {"cluster": "c"}}"#;
    let Ok(config) = Config::parse(least) else {
        return Vec::new();
    };
    let policy = Policy::new(&config);
    let mut scopes: Vec<String> = demands()
        .flat_map(|permission| {
            policy
                .granting(permission)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

fn demands() -> impl Iterator<Item = Permission> {
    let pairs = Object::ALL
        .iter()
        .flat_map(|object| Access::ALL.iter().map(|access| (*object, *access)));
    pairs.map(|(object, access)| Permission::new(object, access))
}

fn grants_nothing(findings: &mut Findings, origin: &Origin<'_>, table: &str, name: &str) {
    findings.add_at(
        rules::GRANTS_NOTHING,
        origin.field(&[table, name]),
        "grants nothing",
        "list permissions, or remove it: a name that no table knows grants nothing either",
    );
}

/// Checks a list of permissions.
pub fn each(
    findings: &mut Findings,
    origin: &Origin<'_>,
    path: &[&str],
    permissions: &[Permission],
) {
    for (index, permission) in permissions.iter().enumerate() {
        if is_needed(*permission) {
            continue;
        }
        let index = format!("[{index}]");
        let spot = origin.field(&[path, &[index.as_str()]].concat());
        findings.add_at(
            rules::PERMISSION_UNUSED,
            spot,
            format!("no operation of MLflow needs {permission}"),
            format!(
                "remove it, or take what the operations need{}",
                alternatives(*permission)
            ),
        );
    }
}

fn is_needed(permission: Permission) -> bool {
    // An endpoint outside the catalog may need every access on `*`.
    permission.object.is_none()
        || catalog::operations().any(|operation| {
            permission.object == Some(operation.object)
                && permission
                    .access
                    .is_none_or(|access| access == operation.access)
        })
}

/// The accesses that operations on the same object need.
fn alternatives(permission: Permission) -> String {
    let needed = Access::ALL.iter().filter_map(|access| {
        let other = Permission {
            access: Some(*access),
            ..permission
        };
        is_needed(other).then(|| other.to_string())
    });
    let needed: Vec<String> = needed.collect();
    if needed.is_empty() {
        String::new()
    } else {
        format!(": {}", needed.join(", "))
    }
}
