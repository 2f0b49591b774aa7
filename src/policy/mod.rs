//! Scopes and roles → permissions.
//!
//! A [`Policy`] is the default scope table with the configuration's entries over it, compiled so that one
//! request's question is a few look-ups. It decides from a principal and a permission and nothing else.

mod defaults;
mod permission;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use crate::config::Config;
use crate::principals::Principal;

use permission::PermissionSet;
pub use permission::{ParsePermissionError, Permission};

/// The most scopes a denial names.
const NAMED_SCOPES: usize = 5;

/// The compiled tables.
#[derive(Debug)]
pub struct Policy {
    scopes: HashMap<String, PermissionSet>,
    roles: HashMap<String, PermissionSet>,
    /// Scope names, fewest permissions first, see [`PermissionSet::width`]; equals in alphabetical order.
    by_width: Vec<String>,
}

impl Policy {
    /// Compiles the default scope table with `config`'s scopes over it, and its roles.
    pub fn new(config: &Config) -> Self {
        let mut scopes = defaults::scopes();
        scopes.extend(compile(&config.scopes));
        let mut by_width: Vec<String> = scopes.keys().cloned().collect();
        by_width.sort_by_key(|scope| (scopes.get(scope).map(PermissionSet::width), scope.clone()));
        Self {
            scopes,
            roles: compile(&config.roles).collect(),
            by_width,
        }
    }

    /// Whether the principal holds the permission.
    pub fn grants(&self, principal: &Principal, permission: Permission) -> bool {
        let any = |table: &HashMap<String, PermissionSet>, names: &[String]| {
            names
                .iter()
                .filter_map(|name| table.get(name))
                .any(|set| set.contains(permission))
        };
        principal.is_admin
            || any(&self.scopes, &principal.scopes)
            || any(&self.roles, &principal.roles)
    }

    /// The scopes that grant a permission, fewest permissions first, at most five.
    pub fn granting_scopes(&self, permission: Permission) -> Vec<&str> {
        self.granting(permission).take(NAMED_SCOPES).collect()
    }

    /// Every scope that grants a permission, fewest permissions first.
    pub fn granting(&self, permission: Permission) -> impl Iterator<Item = &str> {
        self.by_width
            .iter()
            .filter(move |scope| {
                self.scopes
                    .get(*scope)
                    .is_some_and(|set| set.contains(permission))
            })
            .map(String::as_str)
    }
}

fn compile(
    table: &BTreeMap<String, Vec<Permission>>,
) -> impl Iterator<Item = (String, PermissionSet)> + '_ {
    table.iter().map(|(name, permissions)| {
        (
            name.clone(),
            permissions.iter().copied().collect::<PermissionSet>(),
        )
    })
}
