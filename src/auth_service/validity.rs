//! Whether a reply with status 200 says that the key is valid, and which fields it has.
//!
//! Read before all else of the body: a service that answers `{"valid": false}` need not send anything more. The names
//! are compared without case, `_` and `-`, at the top and in `user`:
//!
//! | field | the key is valid only with | not valid | outside the contract |
//! |---|---|---|---|
//! | `valid`, `is_valid`, `active`, `is_active`, `enabled`, `is_enabled` | `true` | `false` | anything else, null too |
//! | `revoked`, `expired`, `disabled`, each also with `is_` | `false` or null | `true` | anything else |
//! | `status`, `state` | any but these words | `revoked`, `expired`, `disabled`, `inactive`, `invalid`, `suspended`, `blocked`, `deleted` | |
//!
//! A field that stands there twice counts twice, and one "not valid" decides. `status` is free text in many services
//! ("ok", 200), so a word that is not listed says nothing.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

const TRUE_WHEN_VALID: &[&str] = &[
    "valid",
    "isvalid",
    "active",
    "isactive",
    "enabled",
    "isenabled",
];

const FALSE_WHEN_VALID: &[&str] = &[
    "revoked",
    "isrevoked",
    "expired",
    "isexpired",
    "disabled",
    "isdisabled",
];

const STATUS: &[&str] = &["status", "state"];

const STATUS_OF_NO_VALID_KEY: &[&str] = &[
    "revoked",
    "expired",
    "disabled",
    "inactive",
    "invalid",
    "suspended",
    "blocked",
    "deleted",
];

/// What a reply says on the whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Overview {
    /// A field says that the key is not valid.
    pub(super) is_refused: bool,
    /// The first field that should say whether the key is valid and cannot be read, and what was expected.
    pub(super) unclear: Option<(String, &'static str)>,
    /// The names of the fields at the top.
    pub(super) fields: Vec<String>,
}

impl<'de> Deserialize<'de> for Overview {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reader { in_user: false }.deserialize(deserializer)
    }
}

/// Reads an object; what is none says nothing.
struct Reader {
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
            match Kind::of(&name) {
                Some(kind) => overview.take(&name, kind, &map.next_value::<Scalar>()?),
                None if name == "user" && !self.in_user => {
                    overview.take_user(map.next_value_seed(Self { in_user: true })?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
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
        let expected = match (kind, value) {
            (Kind::TrueWhenValid, Scalar::Flag(true))
            | (Kind::FalseWhenValid, Scalar::Flag(false) | Scalar::Null)
            | (Kind::Status, _) => {
                self.is_refused |= kind == Kind::Status && value.is_status_of_no_valid_key();
                return;
            }
            (Kind::TrueWhenValid, Scalar::Flag(false))
            | (Kind::FalseWhenValid, Scalar::Flag(true)) => {
                self.is_refused = true;
                return;
            }
            (Kind::TrueWhenValid, _) => "expected a boolean; a key is valid only with true",
            (Kind::FalseWhenValid, _) => "expected a boolean; a key is valid only with false",
        };
        self.unclear
            .get_or_insert_with(|| (name.to_owned(), expected));
    }

    fn take_user(&mut self, user: Self) {
        self.is_refused |= user.is_refused;
        if self.unclear.is_none() {
            self.unclear = user
                .unclear
                .map(|(name, expected)| (format!("user.{name}"), expected));
        }
    }
}

/// What a field says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    TrueWhenValid,
    FalseWhenValid,
    Status,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        // Longer than any of them.
        if name.len() > 16 {
            return None;
        }
        let folded = folded(name);
        let is_one_of = |names: &[&str]| names.contains(&folded.as_str());
        if is_one_of(TRUE_WHEN_VALID) {
            Some(Self::TrueWhenValid)
        } else if is_one_of(FALSE_WHEN_VALID) {
            Some(Self::FalseWhenValid)
        } else if is_one_of(STATUS) {
            Some(Self::Status)
        } else {
            None
        }
    }
}

fn folded(name: &str) -> String {
    name.chars()
        .filter(|it| !matches!(it, '_' | '-'))
        .map(|it| it.to_ascii_lowercase())
        .collect()
}

/// A value as far as it matters here.
enum Scalar {
    Null,
    Flag(bool),
    Text(String),
    Other,
}

impl Scalar {
    fn is_status_of_no_valid_key(&self) -> bool {
        let Self::Text(text) = self else { return false };
        let text = text.trim();
        STATUS_OF_NO_VALID_KEY
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;

        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Null)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar::Flag(flag))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, _: A) -> Result<Scalar, A::Error> {
                Ok(Scalar::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Scalar, A::Error> {
                Ok(Scalar::Other)
            }
        }

        deserializer.deserialize_any(ScalarVisitor)
    }
}
