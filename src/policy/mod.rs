//! Scopes and roles → permissions.
//!
//! A [`Policy`] is the default scope table with the configuration's entries over it, compiled so that one
//! request's question is a few look-ups. It decides from a principal and a permission and nothing else.

mod defaults;
mod name_scoped;
mod needs;
mod rights;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::config::{Config, Scope};
use crate::permission::PermissionSet;
use crate::principal::Principal;
use crate::workspace;

pub use crate::permission::{ParsePermissionError, Permission};
pub use name_scoped::NamePattern;
pub use rights::{Rights, Within};

/// The most scopes a denial names.
const NAMED_SCOPES: usize = 5;

/// The compiled tables.
#[derive(Debug)]
pub struct Policy {
    scopes: HashMap<String, PermissionSet>,
    roles: HashMap<String, PermissionSet>,
    /// The bare words of the default table that the configuration does not name.
    bare: HashSet<&'static str>,
    /// Scopes that do not search where they are limited to names.
    without_searches: HashSet<String>,
    /// Scope names, fewest permissions first, see [`PermissionSet::width`]; equals in alphabetical order.
    by_width: Vec<(String, PermissionSet)>,
}

impl Policy {
    /// Compiles the default scope table with `config`'s scopes over it, and its roles.
    pub fn new(config: &Config) -> Self {
        Self::with_scopes(config, &BTreeMap::new())
    }

    /// The same with `more` over it, entry by entry.
    pub fn with_scopes(config: &Config, more: &BTreeMap<String, Scope>) -> Self {
        Self::compiled(config.scopes.iter().chain(more), &config.roles)
    }

    /// The default scope table alone.
    pub fn of_defaults() -> Self {
        Self::compiled(std::iter::empty(), &BTreeMap::new())
    }

    fn compiled<'c>(
        configured: impl Iterator<Item = (&'c String, &'c Scope)>,
        roles: &BTreeMap<String, Vec<Permission>>,
    ) -> Self {
        let mut scopes = defaults::scopes();
        let mut without_searches = HashSet::new();
        let mut bare: HashSet<&'static str> = defaults::BARE.iter().copied().collect();
        for (name, scope) in configured {
            bare.remove(name.as_str());
            scopes.insert(name.clone(), set_of(&scope.permissions));
            if scope.searches {
                without_searches.remove(name);
            } else {
                without_searches.insert(name.clone());
            }
        }
        let mut by_width: Vec<(String, PermissionSet)> = Vec::with_capacity(scopes.len());
        // Not sorted as a whole: the standard library's sort takes five kilobytes of the filter's module.
        for (name, set) in &scopes {
            let place = (set.width(), name);
            let is_before = |(other, set): &(String, PermissionSet)| (set.width(), other) < place;
            let at = by_width.partition_point(is_before);
            by_width.insert(at, (name.clone(), set.clone()));
        }
        let roles = roles.iter();
        let roles = roles.map(|(name, permissions)| (name.clone(), set_of(permissions)));
        Self {
            roles: roles.collect(),
            scopes,
            bare,
            without_searches,
            by_width,
        }
    }

    /// Whether the principal holds the permission without a limit to workspaces.
    pub fn grants(&self, principal: &Principal, permission: Permission) -> bool {
        self.rights(principal, Within::Everywhere)
            .grants(permission)
    }

    /// What a word grants to this principal, where a table names it as a whole.
    fn scope_of(&self, principal: &Principal, word: &str) -> Option<&PermissionSet> {
        let is_no_right = principal.has_foreign_words && self.bare.contains(word);
        self.scopes.get(word).filter(|_| !is_no_right)
    }

    /// What a word is by this table: a scope as a whole, one limited to names, or either limited to workspaces, in this
    /// order. `None` where it is none of them.
    fn read<'w>(&self, word: &'w str) -> Option<Word<'w>> {
        self.read_without_limit(word).or_else(|| {
            let (limit, rest) = workspace::split(word)?;
            Some(Word {
                limit: Some(limit),
                ..self.read_without_limit(rest)?
            })
        })
    }

    fn read_without_limit<'w>(&self, word: &'w str) -> Option<Word<'w>> {
        let (scope, names) = if self.scopes.contains_key(word) {
            (word, None)
        } else {
            let mut splits = name_scoped::splits(word);
            let (scope, names) = splits.find(|(scope, _)| self.scopes.contains_key(*scope))?;
            (scope, Some(names))
        };
        Some(Word {
            limit: None,
            scope,
            names,
        })
    }

    fn grants_something(&self, scope: &str) -> bool {
        self.scopes.get(scope).is_some_and(|set| !set.is_empty())
    }

    /// What a scope grants.
    pub fn permissions_of_scope(&self, scope: &str) -> Vec<Permission> {
        let set = self.scopes.get(scope);
        set.map(PermissionSet::permissions).unwrap_or_default()
    }

    /// The principal's scopes that no table names, those of its grants included.
    pub fn unknown_scopes<'p>(&self, principal: &'p Principal) -> Vec<&'p str> {
        let is_unknown = |word: &&String| {
            self.read(word)
                .is_none_or(|it| self.scope_of(principal, it.scope).is_none())
        };
        let words = principal.scopes.iter().filter(is_unknown);
        let granted = principal.grants.iter().map(|grant| &grant.scope);
        let granted = granted.filter(|scope| self.scope_of(principal, scope).is_none());
        words.chain(granted).map(String::as_str).collect()
    }

    /// The principal's roles that no table names.
    pub fn unknown_roles<'p>(&self, principal: &'p Principal) -> Vec<&'p str> {
        let roles = principal.roles.iter().map(String::as_str);
        roles
            .filter(|role| !self.roles.contains_key(*role))
            .collect()
    }

    /// Every scope that the tables know, fewest permissions first.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.by_width.iter().map(|(scope, _)| scope.as_str())
    }

    /// Every role, and what it grants.
    pub fn roles(&self) -> impl Iterator<Item = (&str, Vec<Permission>)> {
        let roles = self.roles.iter();
        roles.map(|(name, set)| (name.as_str(), set.permissions()))
    }

    /// Whether a scope searches where it is limited to names.
    pub fn searches(&self, scope: &str) -> bool {
        !self.without_searches.contains(scope)
    }

    /// Every scope that grants a permission, fewest permissions first.
    pub fn granting(&self, permission: Permission) -> impl Iterator<Item = &str> {
        self.by_width
            .iter()
            .filter(move |(_, set)| set.contains(permission))
            .map(|(scope, _)| scope.as_str())
    }
}

/// A word that a principal has for a scope.
#[derive(Debug, Clone, Copy)]
struct Word<'w> {
    /// The pattern of workspaces that it is limited to.
    limit: Option<&'w str>,
    /// The scope, which the table names.
    scope: &'w str,
    /// The pattern of names that it is limited to.
    names: Option<&'w str>,
}

fn set_of(permissions: &[Permission]) -> PermissionSet {
    permissions.iter().copied().collect()
}
