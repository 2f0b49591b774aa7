//! Reads the body of a 200: whom a key belongs to. Owns the fields of the reply and their bounds; it knows no status,
//! no header and no scope's meaning.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use super::failure::{ContractError, MAX_BODY_BYTES};
use super::lifetime::Lifetime;
use super::received::Received;
use super::validity::Overview;
use crate::json::{self, Document, Problem};
use crate::principal::{Grant, Principal};

/// The most scopes, and the most roles, of one key. Each takes memory in the cache and room in a header.
const MAX_NAMES: usize = 1000;

#[derive(Deserialize)]
struct Body {
    scopes: Option<Vec<String>>,
    user_id: Option<KeyId>,
    key_id: Option<KeyId>,
    roles: Option<Vec<String>>,
    is_admin: Option<bool>,
    user: Option<User>,
    grants: Option<Vec<Grant>>,
}

#[derive(Deserialize, Default)]
struct User {
    id: Option<KeyId>,
    roles: Option<Vec<String>>,
    is_admin: Option<bool>,
}

/// An id: text, or a whole number as its digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
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

/// Whom the key belongs to and how long; `None` when the reply says that it is not valid.
pub(super) fn principal(body: &[u8]) -> Result<Option<(Principal, Lifetime)>, ContractError> {
    let document = parse(body)?;
    let overview: Overview = document.read().map_err(contract_error)?;
    if overview.is_refused {
        return Ok(None);
    }
    if let Some((field, problem)) = overview.unclear {
        return Err(ContractError::Validity { field, problem });
    }
    let lifetime = overview.lifetime;
    let body: Body = document.read().map_err(contract_error)?;
    let user = body.user.unwrap_or_default();
    let is_admin = body.is_admin.or(user.is_admin).unwrap_or_default();
    // Only an admin needs no scopes. Any other reply without them is most likely not the reply to a key validation;
    // treating it as one would refuse every caller instead of telling the operator.
    let scopes = match body.scopes {
        None if !is_admin => return Err(ContractError::NoScopes(Received::of(overview.fields))),
        scopes => scopes.unwrap_or_default(),
    };
    let roles = body.roles.or(user.roles).unwrap_or_default();
    let grants = body.grants.unwrap_or_default();
    if grants
        .iter()
        .map(|grant| grant.names.len().max(1))
        .sum::<usize>()
        > MAX_NAMES
    {
        return Err(ContractError::Field {
            field: "grants".to_owned(),
            problem: format!("holds more than {MAX_NAMES} names"),
        });
    }
    for (field, names) in [("scopes", &scopes), ("roles", &roles)] {
        if names.len() > MAX_NAMES {
            return Err(ContractError::Field {
                field: field.to_owned(),
                problem: format!("holds more than {MAX_NAMES} names"),
            });
        }
    }
    let mut principal = Principal {
        user_id: body.user_id.or(user.id).map(|id| id.0),
        key_id: body.key_id.map(|id| id.0),
        scopes,
        roles,
        is_admin,
        grants,
    };
    // Many are cached.
    principal.scopes.shrink_to_fit();
    principal.roles.shrink_to_fit();
    Ok(Some((principal, lifetime)))
}

/// Reads a reply's body: one JSON object of bounded size.
pub(super) fn read_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ContractError> {
    parse(body)?.read().map_err(contract_error)
}

fn parse(body: &[u8]) -> Result<Document<'_>, ContractError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(ContractError::TooLarge);
    }
    Document::parse(body).map_err(contract_error)
}

fn contract_error(error: json::Error) -> ContractError {
    let (path, problem) = error.into_parts();
    let (field, problem) = match problem {
        Problem::Syntax(_) => return ContractError::NotJson,
        Problem::MissingField(field) => (json::field_of(&path, field), "is missing".to_owned()),
        Problem::DuplicatedField(field) => {
            (json::field_of(&path, field), "is duplicated".to_owned())
        }
        // Only what was expected may be repeated.
        Problem::Unexpected { expected, .. } => (path, format!("expected {expected}")),
        Problem::UnknownField { .. } | Problem::Other(_) => {
            (path, "is not of the contract's type".to_owned())
        }
    };
    let field = match field.as_str() {
        "" => "(the whole body)".to_owned(),
        _ => field,
    };
    ContractError::Field { field, problem }
}
