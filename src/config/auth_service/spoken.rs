//! What the auth service speaks: the protocol, where the key stands in the request, and where things stand in the reply.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

#[cfg(feature = "schema")]
use crate::config::schema;
use crate::config::{HeaderField, fields};
use crate::pointer::Pointers;

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

/// Where values are in a reply: JSON Pointers (RFC 6901), one or a list of which the first counts that has a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Places {
    /// Whether the key is valid: `true` or `false`. One of these places must have a value, and all that have one must say
    /// `true`.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub valid: Option<Pointers>,
    /// The user. Default: as the protocol says.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub user_id: Option<Pointers>,
    /// The key's public name. Default: as the protocol says.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub key_id: Option<Pointers>,
    /// Scopes: a list of strings, or one string with spaces between them. Default: as the protocol says.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub scopes: Option<Pointers>,
    /// Grants limited to names or workspaces, `[{"scope", "names": […], "workspaces": […]}]`. Default: none.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub grants: Option<Pointers>,
    /// Roles: a list of strings. Default: none.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub roles: Option<Pointers>,
    /// Whether everything is granted: `true` or `false`. Default: none.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub is_admin: Option<Pointers>,
    /// When the key expires: RFC 3339 or seconds since 1970. The earliest of these places counts.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub expires_at: Option<Pointers>,
    /// The workspaces that the key belongs to: a list of patterns, outside which it has no right at all. Default: nowhere,
    /// so that the key is not limited.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub workspaces: Option<Pointers>,
    /// The workspace of the key's requests that name none. Without `workspaces`, the key belongs to it alone. Default:
    /// nowhere.
    #[serde(deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub workspace: Option<Pointers>,
}

impl Places {
    /// All of them by their names.
    pub fn all(&self) -> [(&'static str, Option<&Pointers>); 10] {
        [
            ("valid", self.valid.as_ref()),
            ("user_id", self.user_id.as_ref()),
            ("key_id", self.key_id.as_ref()),
            ("scopes", self.scopes.as_ref()),
            ("grants", self.grants.as_ref()),
            ("roles", self.roles.as_ref()),
            ("is_admin", self.is_admin.as_ref()),
            ("expires_at", self.expires_at.as_ref()),
            ("workspaces", self.workspaces.as_ref()),
            ("workspace", self.workspace.as_ref()),
        ]
    }
}
