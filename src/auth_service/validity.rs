//! Whether a reply with status 200 says that the key is valid, and which fields it has.
//!
//! Read before all else of the body: a service that answers `{"valid": false}` need not send anything more. [`NAMES`]
//! lists the names, [`Kind`] what each may say. Names are compared without case, `_` and `-`, and without `is`, `key`,
//! `api_key` and `token` before them: at the top and in the objects [`NESTED`].
//!
//! A duplicated field counts twice, and one "not valid" decides. What cannot be read is outside the
//! contract, since it may have said "not valid".

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::lifetime::{A_TIME, Lifetime, time};
use super::scalar::Scalar;

/// What a field says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    TrueWhenValid,
    FalseWhenValid,
    Expiry,
    ExpiresIn,
    NotBefore,
    /// When the key stopped being valid.
    EndedAt,
    Error,
    Status,
}

#[rustfmt::skip]
const NAMES: &[(Kind, &[&str])] = &[
    (Kind::TrueWhenValid, &[
        "valid", "active", "enabled", "authenticated", "authorized", "allowed", "allow", "verified", "success", "ok",
    ]),
    (Kind::FalseWhenValid, &[
        "revoked", "expired", "disabled", "deleted", "blocked", "suspended", "inactive", "invalid", "locked", "banned",
        "deactivated", "terminated",
    ]),
    (Kind::Expiry, &[
        "exp", "expiresat", "expireat", "expires", "expiry", "expiration", "expirydate", "expirationdate", "expirytime",
        "expirationtime", "expireson", "validuntil", "validto", "notafter",
    ]),
    (Kind::ExpiresIn, &["expiresin", "expirein"]),
    (Kind::NotBefore, &["nbf", "notbefore", "validfrom"]),
    (Kind::EndedAt, &[
        "revokedat", "expiredat", "disabledat", "deletedat", "blockedat", "suspendedat", "invalidatedat", "lockedat",
        "bannedat", "deactivatedat", "terminatedat",
    ]),
    (Kind::Error, &["error", "errors"]),
    (Kind::Status, &["status", "state"]),
];

/// What these say in `user` is about the person: an address, or whether the e-mail address was verified.
const OF_A_PERSON: &[&str] = &["state", "verified"];

/// Objects that are looked into, at most [`DEEPEST`] below the top.
const NESTED: &[&str] = &["user", "key", "apikey", "token", "data", "result"];

const DEEPEST: usize = 3;

/// Longer than any name that is read.
const LONGEST_NAME: usize = 32;

/// The words of a status are compared without case, `_`, `-` and spaces.
#[rustfmt::skip]
const GOOD: &[&str] = &[
    "active", "valid", "enabled", "ok", "success", "succeeded", "approved", "authorized", "authenticated", "verified",
    "allowed", "granted", "200",
];

#[rustfmt::skip]
const BAD: &[&str] = &[
    "revoked", "expired", "disabled", "inactive", "invalid", "suspended", "blocked", "deleted", "deactivated",
    "terminated", "notactive", "notvalid", "denied", "rejected", "refused", "unauthorized", "unauthenticated",
    "forbidden", "notfound", "unknown", "banned", "locked", "archived", "removed", "cancelled", "canceled", "closed",
    "expiredtoken", "expiredkey", "invalidtoken", "invalidkey", "error", "failed", "failure", "fail", "pending", "401",
    "403", "404",
];

const A_STATUS: &str = "expected a status that is known (active, valid, enabled, ok, success, succeeded, approved, authorized, authenticated, verified, allowed, granted, 200), or one that says that the key is not valid, such as revoked";

/// What a reply says on the whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Overview {
    /// A field says that the key is not valid.
    pub(super) is_refused: bool,
    /// The first field that should say whether the key is valid and cannot be read, and what was expected.
    pub(super) unclear: Option<(String, &'static str)>,
    /// The limits in time.
    pub(super) lifetime: Lifetime,
    /// The names of the fields at the top.
    pub(super) fields: Vec<String>,
}

impl<'de> Deserialize<'de> for Overview {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reader {
            depth: 0,
            in_user: false,
        }
        .deserialize(deserializer)
    }
}

/// Reads an object; what is none says nothing.
struct Reader {
    depth: usize,
    in_user: bool,
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Overview;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Overview, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Overview;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Overview, A::Error> {
        let mut overview = Overview::default();
        while let Some(name) = map.next_key::<String>()? {
            let plain = folded(&name);
            let kind = Kind::of(&plain)
                .filter(|_| !(self.in_user && OF_A_PERSON.contains(&plain.as_str())));
            if let Some(kind) = kind {
                overview.take(&name, kind, &map.next_value::<Scalar>()?);
            } else if self.depth < DEEPEST && NESTED.contains(&plain.as_str()) {
                let inner = Self {
                    depth: self.depth + 1,
                    in_user: plain == "user",
                };
                overview.take_nested(&name, map.next_value_seed(inner)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            overview.fields.push(name);
        }
        Ok(overview)
    }

    fn visit_unit<E>(self) -> Result<Overview, E> {
        Ok(Overview::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Overview, E> {
        Ok(Overview::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Overview, E> {
        Ok(Overview::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Overview, E> {
        Ok(Overview::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Overview, E> {
        Ok(Overview::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Overview, E> {
        Ok(Overview::default())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, _: A) -> Result<Overview, A::Error> {
        Ok(Overview::default())
    }
}

impl Overview {
    fn take(&mut self, name: &str, kind: Kind, value: &Scalar) {
        match kind.read(value) {
            Says::Nothing => {}
            Says::NotValid => self.is_refused = true,
            Says::Limits(limits) => self.lifetime = self.lifetime.and(limits),
            Says::Unclear(expected) => {
                self.unclear
                    .get_or_insert_with(|| (name.to_owned(), expected));
            }
        }
    }

    fn take_nested(&mut self, name: &str, inner: Self) {
        self.is_refused |= inner.is_refused;
        self.lifetime = self.lifetime.and(inner.lifetime);
        if self.unclear.is_none() {
            self.unclear = inner
                .unclear
                .map(|(field, expected)| (format!("{name}.{field}"), expected));
        }
    }
}

enum Says {
    Nothing,
    NotValid,
    Limits(Lifetime),
    Unclear(&'static str),
}

impl Kind {
    fn of(plain: &str) -> Option<Self> {
        let plain = plain.strip_prefix("is").unwrap_or(plain);
        let plain = ["apikey", "key", "token"]
            .iter()
            .find_map(|prefix| plain.strip_prefix(prefix))
            .unwrap_or(plain);
        let (kind, _) = NAMES.iter().find(|(_, names)| names.contains(&plain))?;
        Some(*kind)
    }

    fn read(self, value: &Scalar) -> Says {
        let limit = |lifetime: fn(Duration) -> Lifetime| {
            time(value).map_or(Says::Unclear(A_TIME), |at| Says::Limits(lifetime(at)))
        };
        match (self, value) {
            (Self::TrueWhenValid, Scalar::Flag(true))
            | (Self::FalseWhenValid, Scalar::Flag(false))
            | (Self::Error, Scalar::Flag(false) | Scalar::Empty | Scalar::Whole(0)) => {
                Says::Nothing
            }
            (Self::TrueWhenValid, Scalar::Flag(false))
            | (Self::FalseWhenValid, Scalar::Flag(true)) => Says::NotValid,
            (Self::TrueWhenValid, _) => {
                Says::Unclear("expected a boolean; a key is valid only with true")
            }
            (_, Scalar::Null) => Says::Nothing,
            (Self::FalseWhenValid, _) => {
                Says::Unclear("expected a boolean; a key is valid only with false")
            }
            (Self::Error, Scalar::Text(text)) if text.trim().is_empty() => Says::Nothing,
            (Self::Error | Self::EndedAt, _) => Says::NotValid,
            (Self::Status, status) => of_status(status),
            (Self::ExpiresIn, seconds) => of_seconds_left(seconds),
            (Self::Expiry, _) => limit(|at| Lifetime {
                expires_at: Some(at),
                ..Lifetime::default()
            }),
            (Self::NotBefore, _) => limit(|at| Lifetime {
                not_before: Some(at),
                ..Lifetime::default()
            }),
        }
    }
}

fn of_status(status: &Scalar) -> Says {
    let word = match status {
        Scalar::Flag(true) => return Says::Nothing,
        Scalar::Flag(false) => return Says::NotValid,
        Scalar::Text(text) => folded(text.trim()),
        Scalar::Whole(number) => number.to_string(),
        _ => String::new(),
    };
    if GOOD.contains(&word.as_str()) {
        Says::Nothing
    } else if BAD.contains(&word.as_str()) {
        Says::NotValid
    } else {
        Says::Unclear(A_STATUS)
    }
}

fn of_seconds_left(seconds: &Scalar) -> Says {
    let left = match seconds {
        Scalar::Whole(seconds) => Duration::from_secs(*seconds),
        Scalar::Number(seconds) => match Duration::try_from_secs_f64(seconds.max(0.0)) {
            Ok(left) => left,
            Err(_) => return Says::Unclear("expected a number of seconds"),
        },
        _ => return Says::Unclear("expected a number of seconds"),
    };
    if left.is_zero() {
        return Says::NotValid;
    }
    Says::Limits(Lifetime {
        expires_in: Some(left),
        ..Lifetime::default()
    })
}

/// Without case and what joins words; empty where it is longer than any that is read.
fn folded(name: &str) -> String {
    if name.len() > LONGEST_NAME {
        return String::new();
    }
    let mut folded = String::with_capacity(name.len());
    let letters = name.chars().filter(|it| !matches!(it, '_' | '-' | ' '));
    folded.extend(letters.map(|it| it.to_ascii_lowercase()));
    folded
}
