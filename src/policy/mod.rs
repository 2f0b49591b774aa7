//! Scopes and roles → permissions.
//!
//! A [`Policy`] is the default scope table with the configuration's entries over it, compiled so that one
//! request's question is a few look-ups. It decides from a principal and a permission and nothing else.

mod defaults;
mod narrow;
mod permission;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::config::Config;
use crate::names::Demand;
use crate::principals::Principal;

pub use narrow::NamePattern;
use permission::PermissionSet;
pub use permission::{ParsePermissionError, Permission};

/// The most scopes a denial names.
const NAMED_SCOPES: usize = 5;

/// The compiled tables.
#[derive(Debug)]
pub struct Policy {
    scopes: HashMap<String, PermissionSet>,
    roles: HashMap<String, PermissionSet>,
    /// Scopes whose narrowed forms do not search.
    without_searches: HashSet<String>,
    /// Scope names, fewest permissions first, see [`PermissionSet::width`]; equals in alphabetical order.
    by_width: Vec<String>,
}

impl Policy {
    /// Compiles the default scope table with `config`'s scopes over it, and its roles.
    pub fn new(config: &Config) -> Self {
        let mut scopes = defaults::scopes();
        scopes.extend(
            config
                .scopes
                .iter()
                .map(|(name, scope)| (name.clone(), set_of(&scope.permissions))),
        );
        let without_searches = config
            .scopes
            .iter()
            .filter(|(_, scope)| !scope.searches)
            .map(|(name, _)| name.clone())
            .collect();
        let mut by_width: Vec<String> = scopes.keys().cloned().collect();
        by_width.sort_by_key(|scope| (scopes.get(scope).map(PermissionSet::width), scope.clone()));
        Self {
            scopes,
            roles: compile(&config.roles).collect(),
            without_searches,
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

    /// The patterns of names that the principal's narrowed scopes and grants limit a permission to. A scope that
    /// refuses searches is left out where `searching`.
    pub fn narrow(
        &self,
        principal: &Principal,
        permission: Permission,
        searching: bool,
    ) -> Vec<NamePattern> {
        let granting = |scope: &str| {
            self.scopes
                .get(scope)
                .is_some_and(|set| set.contains(permission))
                && !(searching && self.without_searches.contains(scope))
        };
        let words = principal
            .scopes
            .iter()
            .filter(|word| !self.scopes.contains_key(*word));
        let scopes = words.filter_map(|word| {
            narrow::splits(word)
                .find(|(scope, _)| self.scopes.contains_key(*scope))
                .filter(|(scope, _)| granting(scope))
                .map(|(_, pattern)| pattern)
        });
        let grants = principal
            .grants
            .iter()
            .filter(|grant| granting(&grant.scope));
        let grants = grants.flat_map(|grant| grant.names.iter().map(String::as_str));
        scopes.chain(grants).map(NamePattern::new).collect()
    }

    /// Whether the principal holds what is demanded, on every object or on the one demanded.
    pub fn meets(&self, principal: &Principal, demand: &Demand) -> bool {
        self.grants(principal, demand.permission)
            || self
                .narrow(principal, demand.permission, false)
                .iter()
                .any(|pattern| pattern.covers(demand))
    }

    /// The scopes that grant a permission, fewest permissions first, at most five.
    pub fn granting_scopes(&self, permission: Permission) -> Vec<&str> {
        self.granting(permission).take(NAMED_SCOPES).collect()
    }

    /// Every scope that the tables know, fewest permissions first.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.by_width.iter().map(String::as_str)
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
    table
        .iter()
        .map(|(name, permissions)| (name.clone(), set_of(permissions)))
}

fn set_of(permissions: &[Permission]) -> PermissionSet {
    permissions.iter().copied().collect()
}
