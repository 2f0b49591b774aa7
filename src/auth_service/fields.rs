//! What a reply says of whom a key belongs to: its fields in the places of docs/auth-service.md, their types and bounds.
//! It knows no status, no header and no scope's meaning.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use super::failure::ContractError;
use super::received::{Received, Remark};
use crate::principal::{Grant, Principal};

/// The most scopes, and the most roles, of one key. Each takes memory in the cache and room in a header.
const MAX_NAMES: usize = 1000;

#[derive(Deserialize)]
pub(super) struct Body {
    scopes: Option<Vec<String>>,
    user_id: Option<KeyId>,
    key_id: Option<KeyId>,
    roles: Option<Vec<String>>,
    is_admin: Option<bool>,
    user: Option<User>,
    grants: Option<Vec<Grant>>,
    workspaces: Option<Vec<String>>,
    workspace: Option<String>,
}

#[derive(Deserialize, Default)]
struct User {
    id: Option<KeyId>,
    roles: Option<Vec<String>>,
    is_admin: Option<bool>,
    workspaces: Option<Vec<String>>,
    workspace: Option<String>,
}

/// An id: text, or a whole number as its digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Unless nothing stands in it: a place without a name must not hide one that has it.
    pub(super) fn named(self) -> Option<Self> {
        (!self.0.trim().is_empty()).then_some(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl Visitor<'_> for IdVisitor {
            type Value = KeyId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a whole number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<KeyId, E> {
                Ok(KeyId(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<KeyId, E> {
                Ok(KeyId(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<KeyId, E> {
                Ok(KeyId(number.to_string()))
            }
        }

        deserializer.deserialize_any(IdVisitor)
    }
}

/// What a reply says of whom the key belongs to.
pub(super) struct Fields {
    pub(super) user_id: Option<KeyId>,
    pub(super) key_id: Option<KeyId>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) roles: Vec<String>,
    pub(super) is_admin: bool,
    pub(super) grants: Vec<Grant>,
    pub(super) workspaces: Option<Vec<String>>,
    pub(super) workspace: Option<String>,
    /// Whether the configuration names a place for one of the last two, and nothing stands there.
    pub(super) misses_workspaces: bool,
}

impl From<Body> for Fields {
    fn from(body: Body) -> Self {
        let user = body.user.unwrap_or_default();
        let (workspaces, workspace) = match (body.workspaces, body.workspace) {
            (None, None) => (user.workspaces, user.workspace),
            of_key => of_key,
        };
        Self {
            user_id: body.user_id.and_then(KeyId::named).or(user.id),
            key_id: body.key_id,
            scopes: body.scopes,
            roles: body.roles.or(user.roles).unwrap_or_default(),
            is_admin: body.is_admin.or(user.is_admin).unwrap_or_default(),
            grants: body.grants.unwrap_or_default(),
            workspaces,
            workspace,
            misses_workspaces: false,
        }
    }
}

impl Fields {
    /// Whom the key belongs to, and what an operator should know of it. `received` are the names of the reply's fields.
    pub(super) fn principal(
        self,
        received: Vec<String>,
    ) -> Result<(Principal, Option<Remark>), ContractError> {
        let Fields {
            user_id,
            key_id,
            scopes,
            mut roles,
            is_admin,
            grants,
            workspaces,
            workspace,
            misses_workspaces,
        } = self;
        // No rights at all is most likely another endpoint's reply, or another shape of it.
        let has_no_rights = scopes.is_none() && roles.is_empty() && grants.is_empty() && !is_admin;
        let remark = match (has_no_rights, misses_workspaces) {
            (true, _) => Some(Remark::NoScopes(Received::of(received))),
            (false, true) => Some(Remark::NoWorkspaces),
            (false, false) => None,
        };
        let mut scopes = scopes.unwrap_or_default();
        let granted = grants.iter().map(Grant::size).sum();
        for (field, names) in [
            ("grants", granted),
            ("workspaces", workspaces.as_ref().map_or(0, Vec::len)),
            ("scopes", scopes.len()),
            ("roles", roles.len()),
        ] {
            if names > MAX_NAMES {
                return Err(ContractError::Field {
                    field: field.to_owned(),
                    problem: format!("holds more than {MAX_NAMES} names"),
                });
            }
        }
        // Many are cached.
        scopes.shrink_to_fit();
        roles.shrink_to_fit();
        let text = |id: Option<KeyId>| id.and_then(KeyId::named).map(|id| id.0);
        let principal = Principal {
            user_id: text(user_id),
            key_id: text(key_id),
            scopes,
            roles,
            is_admin,
            grants,
            ..Principal::default()
        };
        Ok((principal.within(workspaces, workspace), remark))
    }
}
