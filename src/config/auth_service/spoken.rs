//! What the auth service speaks: the protocol, where the key stands in the request, and where things stand in the reply.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::config::HeaderField;

/// What the auth service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "schema", serde(rename_all = "kebab-case"))]
pub enum Protocol {
    /// A validation of keys, as docs/auth-service.md describes it; `method`, `key_in` and `reply` fit it to a service.
    #[default]
    Keys,
    /// OAuth 2.0 token introspection (RFC 7662).
    Introspection,
}

/// The method of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "schema", serde(rename_all = "UPPERCASE"))]
pub enum Method {
    /// With a body.
    #[default]
    Post,
    /// Without one.
    Get,
}

impl Method {
    /// As HTTP spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
        }
    }
}

/// Where the caller's key stands in a lookup.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyIn {
    /// `Authorization: Bearer <key>`.
    #[default]
    Bearer,
    /// The whole value of a header.
    Header(HeaderField),
    /// A field of the JSON body, beside `service_id`.
    Json(FieldName),
    /// A parameter of the body, which is a form then, beside `service_id`.
    Form(FieldName),
}

/// The name of a field in a body: it needs no escapes in JSON and in a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName(Box<str>);

impl FieldName {
    fn read(name: &str) -> Option<Self> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        let is_name = (1..=64).contains(&name.len()) && name.bytes().all(is_plain);
        is_name.then(|| Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyIn {
    fn read(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "bearer" => Some(Self::Bearer),
            Some(("header", name)) => HeaderField::read(name).map(Self::Header),
            Some(("json", name)) => FieldName::read(name).map(Self::Json),
            Some(("form", name)) => FieldName::read(name).map(Self::Form),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for KeyIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Somebody may have written the key.
        Self::read(&text).ok_or_else(|| {
            D::Error::custom(
                "is no place for a key; write \"bearer\", \"header:NAME\", \"json:FIELD\" or \"form:FIELD\"",
            )
        })
    }
}

/// Whom a token must be meant for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Audience {
    /// The field is absent.
    #[default]
    Absent,
    /// `null`: the endpoint checks it.
    CheckedByEndpoint,
    /// The `aud` of a token must hold this one.
    Is(Box<str>),
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            None => Ok(Self::CheckedByEndpoint),
            Some(text) if text.trim().is_empty() => Err(D::Error::custom(
                "is empty; write the audience of tokens for MLflow, or null if the endpoint checks it",
            )),
            Some(text) if text.trim() != text => Err(D::Error::custom(
                "has a blank at an end, and no token's audience has; write it without",
            )),
            Some(text) => Ok(Self::Is(text.into())),
        }
    }
}
