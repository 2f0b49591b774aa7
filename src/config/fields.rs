//! How single fields are read: durations, whole numbers, header names, words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use super::{CredentialKind, Scope};
use crate::catalog::PublicGroup;
use crate::json::{self, Part};
use crate::pattern::Pattern;
use crate::permission::Permission;

/// A header name, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderField(Arc<str>);

impl HeaderField {
    pub(super) fn from_static(name: &'static str) -> Self {
        Self(name.into())
    }

    /// A token (RFC 9110 section 5.6.2).
    pub(super) fn read(name: &str) -> Option<Self> {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let is_name = !name.is_empty() && name.bytes().all(is_token);
        is_name.then(|| Self(name.to_ascii_lowercase().into()))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for HeaderField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is not a header name; write one such as \"x-mlflow-authz-user\""
            ))
        })
    }
}

json::object!(Scope, start: Self::start(), required: ["permissions"], {
    "permissions" => permissions,
    "searches" => searches,
});

impl Scope {
    fn start() -> Self {
        Self {
            permissions: Vec::new(),
            searches: true,
        }
    }
}

/// `["run:write"]`, or `{"permissions": ["run:write"], "searches": false}`.
fn scope(value: Part<'_, '_>) -> Result<Scope, json::Error> {
    if value.is_object() {
        return json::read_object(value);
    }
    if !value.is_list() {
        return Err(
            value.is_not("a list of permissions, or an object with `permissions` and `searches`")
        );
    }
    Vec::deserialize(value).map(|permissions| Scope {
        permissions,
        ..Scope::start()
    })
}

pub(super) fn scopes(value: Part<'_, '_>) -> Result<BTreeMap<String, Scope>, json::Error> {
    json::map(value, scope)
}

pub(super) fn roles(value: Part<'_, '_>) -> Result<BTreeMap<String, Vec<Permission>>, json::Error> {
    json::map(value, |permissions| Vec::deserialize(permissions))
}

/// A header whose value is nobody's to read: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHeader {
    name: HeaderField,
    value: String,
}

impl SecretHeader {
    /// The name in lower case.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether the value has the form of a credential (RFC 9110 section 11.4), whatever the header is called.
    pub fn is_credential(&self) -> bool {
        let scheme = self.value.split_once(' ').map(|(scheme, _)| scheme);
        let is = |known: &&str| scheme.is_some_and(|it| it.eq_ignore_ascii_case(known));
        ["basic", "bearer", "digest", "apikey", "token"]
            .iter()
            .any(is)
    }

    /// The value, for the request that carries it and for nothing else.
    pub(crate) fn expose(&self) -> &str {
        &self.value
    }
}

impl std::fmt::Debug for SecretHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: hidden", self.name())
    }
}

impl<'de> Deserialize<'de> for SecretHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Nothing of the text goes into the error: it may be the secret.
        let refused = || D::Error::custom("must be \"name: value\" in visible ASCII characters");
        let text = String::deserialize(deserializer).map_err(|_| refused())?;
        let (name, value) = text.split_once(':').ok_or_else(refused)?;
        let name = HeaderField::read(name.trim()).ok_or_else(refused)?;
        let value = value.trim();
        let visible = value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        if value.is_empty() || !visible {
            return Err(refused());
        }
        Ok(Self {
            name,
            value: value.to_owned(),
        })
    }
}

/// A pattern of keys; not empty, since no key is.
pub(super) fn some_pattern<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Pattern>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(D::Error::custom(
            "must be one or more visible ASCII characters; * stands for any characters, ? for one",
        ));
    }
    Ok(Some(Pattern::new(&text)))
}

/// `"250ms"`, `"2s"`, `"5m"`, `"1h"`; more than nothing and at most a day.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&duration_text(deserializer)?)
}

/// The same, or `"0s"`.
pub(super) fn duration_or_zero<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    match duration_text(deserializer)?.as_str() {
        "0" | "0s" | "0ms" => Ok(Duration::ZERO),
        text => parse_duration(text),
    }
}

fn duration_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer)
        .map_err(|_| D::Error::custom("must be a duration in quotes, such as \"2s\""))
}

fn parse_duration<E: Error>(text: &str) -> Result<Duration, E> {
    const LONGEST: Duration = Duration::from_secs(86_400);
    let duration = humantime::parse_duration(text).map_err(|error| {
        E::custom(format!(
            "{text:?} is not a duration: {error}; write \"250ms\", \"2s\", \"5m\" or \"1h\""
        ))
    })?;
    if duration < Duration::from_millis(1) || duration > LONGEST {
        return Err(E::custom(format!("must be from 1ms to 24h, not {text:?}")));
    }
    Ok(duration)
}

/// A whole number, also spelled `1e6` or `1000000.0`.
pub(super) fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    whole_number_up_to(u32::MAX, deserializer)
}

fn whole_number_up_to<'de, D: Deserializer<'de>>(
    most: u32,
    deserializer: D,
) -> Result<u64, D::Error> {
    struct WholeNumber {
        most: u32,
    }

    impl Visitor<'_> for WholeNumber {
        type Value = u64;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "a whole number from 0 to {}", self.most)
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
            if value <= u64::from(self.most) {
                Ok(value)
            } else {
                Err(E::invalid_value(Unexpected::Unsigned(value), &self))
            }
        }

        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be whole and in range"
        )]
        fn visit_f64<E: Error>(self, value: f64) -> Result<u64, E> {
            if value.fract() == 0.0 && (0.0..=f64::from(self.most)).contains(&value) {
                Ok(value as u64)
            } else {
                Err(E::invalid_value(Unexpected::Float(value), &self))
            }
        }
    }

    deserializer.deserialize_any(WholeNumber { most })
}

/// A share in percent.
pub(super) fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    whole_number_up_to(100, deserializer)
}

pub(super) fn some_percent<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    percent(deserializer).map(Some)
}

/// A field that may be absent, and is no `null` where it is there.
pub(super) fn some<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

pub(super) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match whole_number(deserializer)? {
        1 => Ok(1),
        other => Err(D::Error::custom(format!(
            "must be 1, the only version that this module reads, not {other}"
        ))),
    }
}

pub(super) fn public_groups<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<PublicGroup>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|word| {
            PublicGroup::from_word(word).ok_or_else(|| {
                D::Error::custom(format!(
                    "{word:?} is not a group; write \"health\" or \"ui\""
                ))
            })
        })
        .collect()
}

impl CredentialKind {
    /// Whether the kind stands in the `Authorization` header.
    pub const fn in_authorization(self) -> bool {
        matches!(self, Self::Bearer | Self::Basic)
    }
}
