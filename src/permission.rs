//! `<object>:<access>`, either side perhaps `*`, and sets of them.

mod operation;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

use crate::catalog::{Access, Object};

/// A permission: access to an object. `None` stands for `*`.
///
/// As a grant, `*` covers everything on its side. As a demand, an object of `*` is met only by a grant
/// whose object is `*`: what an endpoint needs that the catalog does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permission {
    /// The object, or every object.
    pub object: Option<Object>,
    /// The access, or every access.
    pub access: Option<Access>,
}

impl Permission {
    /// A permission with both sides named.
    pub const fn new(object: Object, access: Access) -> Self {
        Self {
            object: Some(object),
            access: Some(access),
        }
    }

    /// Its text in parts, for those who write many.
    pub(crate) fn parts(self) -> [&'static str; 3] {
        [
            self.object.map_or("*", Object::as_str),
            ":",
            self.access.map_or("*", Access::as_str),
        ]
    }

    /// Access to every object.
    pub const fn on_everything(access: Access) -> Self {
        Self {
            object: None,
            access: Some(access),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts()
            .into_iter()
            .try_for_each(|part| f.write_str(part))
    }
}

/// A text that is not a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsePermissionError(String);

impl fmt::Display for ParsePermissionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParsePermissionError {}

impl FromStr for Permission {
    type Err = ParsePermissionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (object, access) = text.split_once(':').ok_or_else(|| {
            ParsePermissionError(format!(
                "{text:?} is not a permission; write \"object:access\""
            ))
        })?;
        let object = side(text, object, "object", Object::from_word, Object::ALL)?;
        let access = side(text, access, "access", Access::from_word, Access::ALL)?;
        Ok(Self { object, access })
    }
}

fn side<T: Copy + fmt::Display>(
    text: &str,
    word: &str,
    kind: &str,
    read: fn(&str) -> Option<T>,
    all: &[T],
) -> Result<Option<T>, ParsePermissionError> {
    if word == "*" {
        return Ok(None);
    }
    read(word).map(Some).ok_or_else(|| {
        let known: Vec<String> = all.iter().map(T::to_string).collect();
        ParsePermissionError(format!(
            "{text:?}: {word:?} is not an {kind}; write one of *, {}",
            known.join(", ")
        ))
    })
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Permissions as one bit per object and access.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PermissionSet {
    /// Accesses granted on `*`.
    everything: AccessSet,
    objects: [AccessSet; Object::ALL.len()],
}

type AccessSet = u8;

fn bits(access: Option<Access>) -> AccessSet {
    match access {
        Some(access) => 1 << access as u8,
        None => Access::ALL
            .iter()
            .fold(0, |set, access| set | 1 << *access as u8),
    }
}

fn in_words(object: Option<Object>, set: AccessSet) -> Vec<Permission> {
    if set == bits(None) {
        return vec![Permission {
            object,
            access: None,
        }];
    }
    let held = Access::ALL
        .iter()
        .filter(|access| set & bits(Some(**access)) != 0);
    held.map(|access| Permission {
        object,
        access: Some(*access),
    })
    .collect()
}

impl PermissionSet {
    pub(crate) fn insert(&mut self, permission: Permission) {
        let access = bits(permission.access);
        match permission.object {
            None => self.everything |= access,
            Some(object) => {
                if let Some(set) = self.objects.get_mut(object as usize) {
                    *set |= access;
                }
            }
        }
    }

    pub(crate) fn contains(&self, demand: Permission) -> bool {
        let on_object = demand
            .object
            .and_then(|object| self.objects.get(object as usize));
        let granted = self.everything | on_object.copied().unwrap_or_default();
        let access = bits(demand.access);
        granted & access == access
    }

    /// The permissions it holds, in as few words as there are.
    pub(crate) fn permissions(&self) -> Vec<Permission> {
        let every = bits(None);
        let mut permissions = in_words(None, self.everything);
        for object in Object::ALL {
            let held = self.objects.get(*object as usize).copied();
            let held = held.unwrap_or_default();
            let whole = held | self.everything;
            // All accesses are one word, unless `*` has them all already.
            let said = if whole == every && self.everything != every {
                every
            } else {
                held & !self.everything
            };
            permissions.extend(in_words(Some(*object), said));
        }
        permissions
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What it grants and another does not.
    pub(crate) fn beyond(&self, other: &Self) -> Self {
        self.map(|mine, index| {
            let theirs = other.on(index);
            mine & !theirs
        })
    }

    /// What it grants of the accesses that another grants on `*`.
    pub(crate) fn within_star_of(&self, other: &Self) -> Self {
        self.map(|mine, _| mine & other.everything)
    }

    /// Accesses granted on `*`, for `None`, or on the object at an index.
    fn on(&self, index: Option<usize>) -> AccessSet {
        let on_object = index.and_then(|index| self.objects.get(index));
        self.everything | on_object.copied().unwrap_or_default()
    }

    fn map(&self, change: impl Fn(AccessSet, Option<usize>) -> AccessSet) -> Self {
        let mut changed = Self {
            everything: change(self.everything, None),
            ..Self::default()
        };
        for (index, set) in changed.objects.iter_mut().enumerate() {
            *set = change(self.on(Some(index)), Some(index));
        }
        changed
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.everything |= other.everything;
        for (mine, theirs) in self.objects.iter_mut().zip(other.objects) {
            *mine |= theirs;
        }
    }

    /// How many permissions with both sides named are in the set: first those that do more than read.
    /// A caller who lacks a read is then told to ask for a scope that only reads, however wide.
    pub(crate) fn width(&self) -> (u32, u32) {
        let reads = bits(Some(Access::Read));
        let count = |counted: AccessSet| -> u32 {
            let granted = |set: &AccessSet| (set | self.everything) & counted;
            self.objects
                .iter()
                .map(|set| granted(set).count_ones())
                .sum()
        };
        (count(!reads), count(reads))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let mut set = Self::default();
        permissions
            .into_iter()
            .for_each(|permission| set.insert(permission));
        set
    }
}
