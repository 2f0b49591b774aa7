//! Reads a reply whose fields stand where the configuration, or RFC 7662, says. Owns what each of them may be; a field
//! that is duplicated on the way to it, or is something else, is outside the contract.

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::contract::{Contract, Resolved};
use super::failure::ContractError;
use super::fields::{Fields, KeyId};
use super::lifetime::{A_TIME, Lifetime, time};
use super::parsed::{contract_error, contract_error_at, found, unreadable};
use super::scalar::Scalar;
use crate::config::Protocol;
use crate::json::{Document, Found};
use crate::pointer::{Pointer, Pointers};
use crate::principal::scopes_of_text;
use crate::token_kind;
use crate::workspace::Stated;

/// What the named places say of whether the key is valid.
#[derive(Debug)]
pub(super) enum Validity {
    /// Nothing against it.
    Until(Lifetime),
    NotValid,
    /// The token names no audience.
    NoAudience,
    /// The token is for another audience.
    OtherAudience,
    /// This field says that it is no access token for whoever bears it.
    OtherKind(&'static str),
}

const A_FLAG: &str = "expected true or false; a key is valid only with true";

/// Whether the key is valid, by the places that say so.
pub(super) fn validity(
    document: &Document<'_>,
    contract: &Contract,
    places: &Resolved,
) -> Result<Validity, ContractError> {
    let mut flags: Vec<Pointers> = vec![places.valid.clone()];
    if contract.protocol == Protocol::Introspection {
        flags.push(["/active"].into_iter().collect());
    }
    let mut unclear = None;
    for pointers in &flags {
        let mut is_said = pointers.is_empty();
        for pointer in pointers.iter() {
            match flag(document, pointer) {
                Ok(Some(true)) => is_said = true,
                Ok(Some(false)) => return Ok(Validity::NotValid),
                Ok(None) => {}
                Err(error) => {
                    unclear.get_or_insert(error);
                }
            }
        }
        if !is_said && unclear.is_none() {
            let pointer = pointers.iter().next();
            unclear = pointer.map(|pointer| unreadable(pointer, "is missing"));
        }
    }
    if let Some(error) = unclear {
        return Err(error);
    }
    if contract.protocol == Protocol::Introspection
        && let Some(field) = token_kind::other_kind(&Reply(document))?
    {
        return Ok(Validity::OtherKind(field));
    }
    let mut lifetime = Lifetime::default();
    for pointer in places.expires_at.iter() {
        let Some(found) = found(document, pointer)?.filter(|it| !it.is_null()) else {
            continue;
        };
        let value = found.read::<Scalar>().ok();
        let at = value.as_ref().and_then(time);
        let at = at.ok_or_else(|| unreadable(pointer, A_TIME))?;
        lifetime = lifetime.and(Lifetime {
            expires_at: Some(at),
            ..Lifetime::default()
        });
    }
    let audience = contract.audience.as_deref();
    audience.map_or(Ok(Validity::Until(lifetime)), |audience| {
        Ok(match is_meant_for(document, audience)? {
            None => Validity::NoAudience,
            Some(false) => Validity::OtherAudience,
            Some(true) => Validity::Until(lifetime),
        })
    })
}

fn flag(document: &Document<'_>, pointer: &Pointer) -> Result<Option<bool>, ContractError> {
    let Some(found) = found(document, pointer)? else {
        return Ok(None);
    };
    let flag = found.read::<bool>();
    flag.map(Some).map_err(|_| unreadable(pointer, A_FLAG))
}

/// Whether `aud` (RFC 7519 section 4.1.3) holds the audience; `None` where it is absent.
fn is_meant_for(document: &Document<'_>, audience: &str) -> Result<Option<bool>, ContractError> {
    let Some(pointer) = Pointer::parse("/aud") else {
        return Ok(None);
    };
    let Some(found) = found(document, &pointer)?.filter(|it| !it.is_null()) else {
        return Ok(None);
    };
    let audiences = found.read::<Audiences>();
    let audiences =
        audiences.map_err(|_| unreadable(&pointer, "expected text or a list of texts"))?;
    Ok(Some(audiences.0.iter().any(|it| it == audience)))
}

#[derive(Deserialize)]
struct AnyObject {}

/// Whom the key belongs to, by the places that say so.
pub(super) fn fields(document: &Document<'_>, places: &Resolved) -> Result<Fields, ContractError> {
    let AnyObject {} = document.read().map_err(contract_error)?;
    let is_admin = first(document, &places.is_admin)?.unwrap_or_default();
    let Stated {
        said: (workspaces, workspace),
        is_missing,
    } = places.limit.read(is_admin, |[workspaces, workspace]| {
        Ok((first(document, workspaces)?, first(document, workspace)?))
    })?;
    Ok(Fields {
        user_id: id(document, &places.user_id)?,
        key_id: id(document, &places.key_id)?,
        scopes: scopes(document, places)?,
        roles: first(document, &places.roles)?.unwrap_or_default(),
        is_admin,
        grants: first(document, &places.grants)?.unwrap_or_default(),
        workspaces,
        workspace,
        misses_workspaces: is_missing,
    })
}

/// Scopes in one text are RFC 7662's, or what the configuration names a place for; elsewhere the contract has a list.
fn scopes(
    document: &Document<'_>,
    places: &Resolved,
) -> Result<Option<Vec<String>>, ContractError> {
    if places.scopes_may_be_text {
        let scopes = first(document, &places.scopes)?;
        return Ok(scopes.map(|Words(words)| words));
    }
    first(document, &places.scopes)
}

fn id(document: &Document<'_>, pointers: &Pointers) -> Result<Option<KeyId>, ContractError> {
    pointers.first(|pointer| Ok(at(document, pointer)?.and_then(KeyId::named)))
}

/// The value of the first place that has one.
fn first<'a, T: Deserialize<'a>>(
    document: &Document<'a>,
    pointers: &Pointers,
) -> Result<Option<T>, ContractError> {
    pointers.first(|pointer| at(document, pointer))
}

fn at<'a, T: Deserialize<'a>>(
    document: &Document<'a>,
    pointer: &Pointer,
) -> Result<Option<T>, ContractError> {
    let found = document.at(pointer);
    let found = found.map_err(|error| contract_error_at(pointer, error))?;
    let value = found.filter(|it| !it.is_null()).map(|it| it.read());
    let value = value.transpose();
    value.map_err(|error| contract_error_at(pointer, error))
}

/// A list of texts, or one text with spaces between them.
struct Words(Vec<String>);

/// A list of texts, or one text.
struct Audiences(Vec<String>);

struct Texts(fn(&str) -> Vec<String>);

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of strings, or one string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(self.0(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = list.next_element()? {
            words.push(word);
        }
        Ok(words)
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Texts(scopes_of_text))
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Audiences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let one = |text: &str| vec![text.to_owned()];
        deserializer.deserialize_any(Texts(one)).map(Self)
    }
}

/// A reply as what is known of a token.
struct Reply<'d, 't>(&'d Document<'t>);

impl Reply<'_, '_> {
    fn value<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Found<'_, '_>, &Pointer) -> Result<T, ContractError>,
    ) -> Result<Option<T>, ContractError> {
        let Some(pointer) = Pointer::parse(&format!("/{name}")) else {
            return Ok(None);
        };
        match found(self.0, &pointer)?.filter(|it| !it.is_null()) {
            Some(found) => read(&found, &pointer).map(Some),
            None => Ok(None),
        }
    }
}

impl token_kind::Fields for Reply<'_, '_> {
    type Error = ContractError;

    fn has(&self, name: &'static str) -> Result<bool, ContractError> {
        Ok(self.value(name, |_, _| Ok(()))?.is_some())
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, ContractError> {
        self.value(name, |found, pointer| {
            let text = found.read::<String>();
            text.map_err(|_| unreadable(pointer, "expected text"))
        })
    }
}
