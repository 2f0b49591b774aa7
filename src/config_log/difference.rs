//! What a configuration grants more and less than another.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::listed_keys::{KeyChanged, ListedKeys};
use super::summary::{Granted, Grants, Summary};
use crate::permission::{Permission, PermissionSet};

/// The most scopes, roles and fields that a line names of each.
const MOST_NAMES: usize = 20;
/// The most permissions that it names in one list.
const MOST_PERMISSIONS: usize = 12;
/// The longest name of a scope or role, in bytes.
const LONGEST_NAME: usize = 100;

/// What is different, with bounds on every list.
#[derive(Debug)]
pub struct Difference<'a> {
    /// `before`, or `defaults` where no configuration was in force.
    pub compared_with: &'static str,
    /// Scopes that grant more or less.
    pub scopes: Vec<GrantsChanged<'a>>,
    /// Roles that do.
    pub roles: Vec<GrantsChanged<'a>>,
    /// Keys of the configuration that are new, gone or different.
    pub keys: Vec<KeyChanged<'a>>,
    /// Other fields of the configuration with another value.
    pub changed: Vec<&'a str>,
    /// How many more there are.
    pub omitted: Omitted,
    /// The grants or keys before were too many to be kept: they are not compared.
    pub not_compared: bool,
}

/// What a line has no room for.
#[derive(Debug, Default, Serialize)]
pub struct Omitted {
    scopes: usize,
    roles: usize,
    #[serde(skip_serializing_if = "is_zero")]
    keys: usize,
    changed: usize,
}

impl Omitted {
    /// Whether the line names all.
    pub const fn is_nothing(&self) -> bool {
        self.scopes + self.roles + self.keys + self.changed == 0
    }
}

/// One scope or role.
#[derive(Debug, Serialize)]
pub struct GrantsChanged<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    added: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<String>,
    /// What it holds still where `removed` says `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kept: Vec<String>,
    /// Permissions beyond those named.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: usize,
    /// Whether it searches where it is limited to names, if that is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    searches: Option<bool>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl<'a> Difference<'a> {
    /// From `old` to `new`.
    pub fn between(old: &'a Summary, new: &'a Summary, is_first: bool) -> Self {
        let mut omitted = Omitted::default();
        let scopes = entries(old.scopes.as_ref(), new.scopes.as_ref());
        let roles = entries(old.roles.as_ref(), new.roles.as_ref());
        let keys = keys(old.keys.as_ref(), new.keys.as_ref());
        let not_compared = scopes.is_none() || roles.is_none() || keys.is_none();
        let changed = names_of(&old.fields, &new.fields)
            .into_iter()
            .filter(|field| old.fields.get(*field) != new.fields.get(*field))
            .map(String::as_str)
            .collect();
        Self {
            compared_with: if is_first { "defaults" } else { "before" },
            scopes: first(scopes.unwrap_or_default(), &mut omitted.scopes),
            roles: first(roles.unwrap_or_default(), &mut omitted.roles),
            keys: first(keys.unwrap_or_default(), &mut omitted.keys),
            changed: first(changed, &mut omitted.changed),
            omitted,
            not_compared,
        }
    }
}

fn first<T>(mut all: Vec<T>, omitted: &mut usize) -> Vec<T> {
    *omitted = all.len().saturating_sub(MOST_NAMES);
    all.truncate(MOST_NAMES);
    all
}

/// Not collected, which sorts: a sort is a large part of a module.
fn names_of<'a, T>(
    old: &'a BTreeMap<String, T>,
    new: &'a BTreeMap<String, T>,
) -> BTreeSet<&'a String> {
    let mut names = BTreeSet::new();
    names.extend(old.keys());
    names.extend(new.keys());
    names
}

fn entries<'a>(old: Option<&'a Grants>, new: Option<&'a Grants>) -> Option<Vec<GrantsChanged<'a>>> {
    let (old, new) = (old?, new?);
    let entries = names_of(old, new)
        .into_iter()
        .filter_map(|name| entry(name, old.get(name), new.get(name)));
    Some(entries.collect())
}

fn keys<'a>(
    old: Option<&'a ListedKeys>,
    new: Option<&'a ListedKeys>,
) -> Option<Vec<KeyChanged<'a>>> {
    let (old, new) = (old?, new?);
    let changes = names_of(old, new).into_iter().filter_map(|name| {
        let shown = name.get(..name.floor_char_boundary(LONGEST_NAME))?;
        KeyChanged::between(shown, old.get(name), new.get(name))
    });
    Some(changes.collect())
}

fn entry<'a>(
    name: &'a str,
    old: Option<&Granted>,
    new: Option<&Granted>,
) -> Option<GrantsChanged<'a>> {
    if old == new {
        // Most are: spare the reading of their words.
        return None;
    }
    let (before, after) = (set_of(old), set_of(new));
    let (mut added, mut removed) = (after.beyond(&before), before.beyond(&after));
    let mut kept = after.within_star_of(&removed);
    let searches = match (old, new) {
        (Some(old), Some(new)) if old.searches != new.searches => Some(new.searches),
        (None, Some(new)) if !new.searches => Some(false),
        _ => None,
    };
    let is_known_otherwise = old.is_some() != new.is_some();
    if added.is_empty() && removed.is_empty() && searches.is_none() && !is_known_otherwise {
        return None;
    }
    let mut omitted = 0;
    let mut words = |set: &mut PermissionSet| {
        let held = set.permissions();
        omitted += held.len().saturating_sub(MOST_PERMISSIONS);
        let named = held.iter().take(MOST_PERMISSIONS);
        named.map(ToString::to_string).collect::<Vec<_>>()
    };
    Some(GrantsChanged {
        added: words(&mut added),
        removed: words(&mut removed),
        kept: words(&mut kept),
        name: name.get(..name.floor_char_boundary(LONGEST_NAME))?,
        omitted,
        searches,
    })
}

/// A word that this release does not know grants nothing here.
fn set_of(granted: Option<&Granted>) -> PermissionSet {
    let words = granted.map(|granted| granted.permissions.as_slice());
    let words = words.unwrap_or_default().iter();
    words
        .filter_map(|word| word.parse::<Permission>().ok())
        .collect()
}
