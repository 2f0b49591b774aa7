//! What one principal may do, everywhere or in one workspace.
//!
//! A scope, a grant or a key without a limit counts in all workspaces; one with a limit counts in those that it covers,
//! and nowhere else.

use super::{NamePattern, Policy};
use crate::catalog::{Isolation, Operation};
use crate::names::Demand;
use crate::pattern;
use crate::permission::{Permission, PermissionSet};
use crate::principal::{Grant, Principal};
use crate::workspace;

/// Where rights are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within<'w> {
    /// In all workspaces at once, or where there are none: what is limited to some counts for nothing.
    Everywhere,
    /// In this one.
    Workspace(&'w str),
    /// In all that this pattern matches.
    Matching(&'w str),
    /// In one of them, whichever.
    Somewhere,
}

impl<'w> Within<'w> {
    /// Where the rights must hold that an operation needs in a request for a workspace. `are_own` says whether the files
    /// that it names are that workspace's.
    pub const fn of(operation: &Operation, workspace: &'w str, are_own: bool) -> Self {
        match operation.isolation {
            Isolation::Rows => Self::Workspace(workspace),
            Isolation::Files if are_own => Self::Workspace(workspace),
            Isolation::Shared => Self::Somewhere,
            Isolation::Files | Isolation::No | Isolation::List => Self::Everywhere,
        }
    }

    /// Whether a limit leaves a right here.
    fn is_covered_by(self, limit: &str) -> bool {
        match self {
            Self::Everywhere => false,
            Self::Workspace(name) => pattern::matches(limit, name),
            Self::Matching(pattern) => workspace::includes(limit, pattern),
            Self::Somewhere => workspace::is_pattern(limit),
        }
    }
}

/// The rights of one principal by one table.
#[derive(Debug, Clone, Copy)]
pub struct Rights<'a> {
    pub(super) policy: &'a Policy,
    pub(super) principal: &'a Principal,
    /// Where.
    pub within: Within<'a>,
}

impl Policy {
    /// What a principal may do.
    pub const fn rights<'a>(&'a self, principal: &'a Principal, within: Within<'a>) -> Rights<'a> {
        Rights {
            policy: self,
            principal,
            within,
        }
    }
}

impl<'a> Rights<'a> {
    /// The same in another place.
    #[must_use]
    pub const fn elsewhere(self, within: Within<'a>) -> Self {
        Self { within, ..self }
    }

    /// Whether the principal holds the permission.
    pub fn grants(&self, permission: Permission) -> bool {
        self.has_key_here()
            && (self.principal.is_admin || self.any_set(&mut |set| set.contains(permission)))
    }

    /// Whether the key is limited to workspaces, and to none.
    pub fn belongs_nowhere(&self) -> bool {
        let limit = self.principal.workspaces.as_ref();
        limit.is_some_and(|limit| !limit.iter().any(|it| workspace::is_pattern(it)))
    }

    /// Whether anything at all is granted, on all objects or on those of some names.
    pub fn holds_any(&self) -> bool {
        self.has_key_here() && self.holds_any_but_for_the_key()
    }

    /// The same whatever the limit of the key itself is.
    fn holds_any_but_for_the_key(&self) -> bool {
        let is_granting = |(scope, names): &(&str, Vec<_>)| {
            !names.is_empty() && self.policy.grants_something(scope)
        };
        self.principal.is_admin
            || self.any_set(&mut |set| !set.is_empty())
            || self.names_of_scopes().iter().any(is_granting)
    }

    /// Whether the key has rights here at all.
    fn has_key_here(&self) -> bool {
        let within = self.within;
        let limit = self.principal.workspaces.as_ref();
        limit.is_none_or(|limit| limit.iter().any(|it| within.is_covered_by(it)))
    }

    /// Whether one pattern of a limit of a scope leaves a right here. In some workspace it does where the key's own limit
    /// leaves one.
    fn is_here(&self, limit: &str) -> bool {
        let key = self.principal.workspaces.as_deref();
        self.within.is_covered_by(limit)
            && (self.within != Within::Somewhere || key.is_none_or(|key| meet(key, limit)))
    }

    /// Whether some scope, role or grant is such a set on all objects. Not generic: it is compiled once.
    fn any_set(&self, is_it: &mut dyn FnMut(&PermissionSet) -> bool) -> bool {
        let Self {
            policy, principal, ..
        } = *self;
        let mut scopes = principal.scopes.iter();
        let mut roles = principal.roles.iter();
        scopes.any(|word| self.set_of(word).is_some_and(&mut *is_it))
            || roles.any(|role| policy.roles.get(role).is_some_and(&mut *is_it))
            || self.grants_here().any(|grant| {
                let is_whole = grant.names.is_none();
                let set = policy.scope_of(principal, &grant.scope);
                set.filter(|_| is_whole).is_some_and(&mut *is_it)
            })
    }

    /// What a word grants here on all objects.
    fn set_of(&self, word: &str) -> Option<&'a PermissionSet> {
        let whole = self.policy.scope_of(self.principal, word);
        if whole.is_some() || self.within == Within::Everywhere {
            return whole;
        }
        let word = self.policy.read(word).filter(|it| it.names.is_none())?;
        self.is_here(word.limit?)
            .then(|| self.policy.scope_of(self.principal, word.scope))?
    }

    fn grants_here(&self) -> impl Iterator<Item = &'a Grant> + use<'a> {
        let this = *self;
        this.principal.grants.iter().filter(move |grant| {
            let limit = grant.workspaces.as_ref();
            limit.is_none_or(|limit| limit.iter().any(|it| this.is_here(it)))
        })
    }

    /// The scopes that are limited to names, with their patterns.
    pub fn name_scoped(&self) -> Vec<(&'a str, Vec<&'a str>)> {
        if self.has_key_here() {
            self.names_of_scopes()
        } else {
            Vec::new()
        }
    }

    fn names_of_scopes(&self) -> Vec<(&'a str, Vec<&'a str>)> {
        let Self {
            policy, principal, ..
        } = *self;
        let words = principal.scopes.iter().filter_map(|word| {
            let word = policy.read(word)?;
            let is_here = word.limit.is_none_or(|limit| self.is_here(limit));
            let names = word.names.filter(|_| is_here)?;
            Some((word.scope, vec![names]))
        });
        let grants = self.grants_here().filter_map(|grant| {
            let names = grant.names.as_ref()?.iter().map(String::as_str);
            Some((grant.scope.as_str(), names.collect()))
        });
        words
            .chain(grants)
            .filter(|(scope, _)| policy.scope_of(principal, scope).is_some())
            .collect()
    }

    /// The patterns of names that grants limit a permission to. A scope that refuses searches is left out where
    /// `searching`.
    pub fn name_patterns(&self, permission: Permission, searching: bool) -> Vec<NamePattern> {
        let granting = |scope: &str| {
            let set = self.policy.scopes.get(scope);
            set.is_some_and(|set| set.contains(permission))
                && (!searching || self.policy.searches(scope))
        };
        let limited = self.name_scoped().into_iter();
        limited
            .filter(|(scope, _)| granting(scope))
            .flat_map(|(_, names)| names)
            .map(NamePattern::new)
            .collect()
    }

    /// Whether the principal holds what is demanded, on every object or on the one demanded.
    pub fn meets(&self, demand: &Demand) -> bool {
        self.grants(demand.permission)
            || self
                .name_patterns(demand.permission, false)
                .iter()
                .any(|pattern| pattern.covers(demand))
    }

    /// What the principal holds on every object, in as few words as there are.
    pub fn permissions(&self) -> Vec<Permission> {
        if !self.has_key_here() {
            return Vec::new();
        }
        if self.principal.is_admin {
            return vec![Permission {
                object: None,
                access: None,
            }];
        }
        let mut held = PermissionSet::default();
        self.any_set(&mut |set| {
            held.extend(set);
            false
        });
        held.permissions()
    }

    /// The patterns of workspaces that the rights are limited to, wherever: each once, as far as anything is granted
    /// there, and at most `MOST_LIMITS`.
    pub fn workspaces(&self) -> Vec<&'a str> {
        let Self {
            policy, principal, ..
        } = *self;
        let grants_something = |scope: &str| {
            let set = policy.scope_of(principal, scope);
            set.is_some_and(|set| !set.is_empty())
        };
        let words = principal.scopes.iter().filter_map(|word| {
            let word = policy.read(word)?;
            word.limit.filter(|_| grants_something(word.scope))
        });
        let grants = principal.grants.iter();
        let grants = grants.filter(|it| {
            let names = it.names.as_ref();
            names.is_none_or(|names| !names.is_empty()) && grants_something(&it.scope)
        });
        let grants = grants.filter_map(|it| it.workspaces.as_ref()).flatten();
        let mut limits = Vec::new();
        words.for_each(|limit| add(&mut limits, limit));
        grants.for_each(|limit| add(&mut limits, limit));
        let Some(key) = &principal.workspaces else {
            return limits;
        };
        let pin = principal.workspace.as_deref();
        let pin = pin.filter(|pin| workspace::covers(key, pin));
        let mut of_key = Vec::new();
        key.iter().for_each(|limit| add(&mut of_key, limit));
        pin.into_iter().for_each(|limit| add(&mut of_key, limit));
        let unlimited = Self {
            within: Within::Everywhere,
            ..*self
        };
        let has_unlimited = unlimited.holds_any_but_for_the_key();
        let meet = |limit: &str, others: &[&str]| {
            let mut others = others.iter();
            others.any(|other| workspace::includes(other, limit))
        };
        let mut found = Vec::new();
        for limit in &of_key {
            if has_unlimited || meet(limit, &limits) {
                add(&mut found, limit);
            }
        }
        for limit in &limits {
            if meet(limit, &of_key) {
                add(&mut found, limit);
            }
        }
        found
    }
}

/// The most limits that are looked at where all of a key's are: what is shown, and not what is granted, depends on it.
const MOST_LIMITS: usize = 200;

fn add<'t>(found: &mut Vec<&'t str>, limit: &'t str) {
    if found.len() < MOST_LIMITS && workspace::is_pattern(limit) && !found.contains(&limit) {
        found.push(limit);
    }
}

/// Whether some workspace may be within a limit and a pattern, as far as that can be told.
fn meet(limit: &[String], pattern: &str) -> bool {
    limit
        .iter()
        .any(|it| workspace::includes(it, pattern) || workspace::includes(pattern, it))
}
