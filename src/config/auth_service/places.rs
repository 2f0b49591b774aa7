//! Where things stand in a reply.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

#[cfg(feature = "schema")]
use crate::config::schema;
use crate::pointer::Pointers;

/// Where values are in a reply: JSON Pointers (RFC 6901), one or a list of which the first counts that has a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct Places {
    /// Whether the key is valid: `true` or `false`. One of these places must have a value, and all that have one must say
    /// `true`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub valid: Option<Pointers>,
    /// The user. Default: as the protocol says.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub user_id: Option<Pointers>,
    /// The key's public name. Default: as the protocol says.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub key_id: Option<Pointers>,
    /// Scopes: a list of strings, or one string with spaces between them. Default: as the protocol says.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub scopes: Option<Pointers>,
    /// Grants limited to names or workspaces, `[{"scope", "names": […], "workspaces": […]}]`. Default: none.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub grants: Option<Pointers>,
    /// Roles: a list of strings. Default: none.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub roles: Option<Pointers>,
    /// Whether everything is granted: `true` or `false`. Default: none.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub is_admin: Option<Pointers>,
    /// When the key expires: RFC 3339 or seconds since 1970. The earliest of these places counts.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub expires_at: Option<Pointers>,
    /// The workspaces that the key belongs to: a list of patterns, outside which it has no right at all. Default: nowhere,
    /// so that the key is not limited.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub workspaces: Option<Pointers>,
    /// The workspace of the key's requests that name none. Without `workspaces`, the key belongs to it alone. Default:
    /// nowhere.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub workspace: Option<Pointers>,
}

impl Places {
    /// All of them by their names.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Option<&Pointers>)> {
        let all = [
            &self.valid,
            &self.user_id,
            &self.key_id,
            &self.scopes,
            &self.grants,
            &self.roles,
            &self.is_admin,
            &self.expires_at,
            &self.workspaces,
            &self.workspace,
        ];
        FIELDS.iter().copied().zip(all.map(Option::as_ref))
    }

    fn all_mut(&mut self) -> [&mut Option<Pointers>; 10] {
        [
            &mut self.valid,
            &mut self.user_id,
            &mut self.key_id,
            &mut self.scopes,
            &mut self.grants,
            &mut self.roles,
            &mut self.is_admin,
            &mut self.expires_at,
            &mut self.workspaces,
            &mut self.workspace,
        ]
    }
}

const FIELDS: &[&str] = &[
    "valid",
    "user_id",
    "key_id",
    "scopes",
    "grants",
    "roles",
    "is_admin",
    "expires_at",
    "workspaces",
    "workspace",
];

/// By hand: what serde derives for so many fields of one type is a large part of a module.
impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PlacesVisitor;

        impl<'de> Visitor<'de> for PlacesVisitor {
            type Value = Places;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Places, A::Error> {
                let mut places = Places::default();
                while let Some(name) = map.next_key::<String>()? {
                    let mut known = FIELDS.iter().zip(places.all_mut());
                    let Some((field, place)) = known.find(|(field, _)| **field == name) else {
                        return Err(A::Error::unknown_field(&name, FIELDS));
                    };
                    if place.is_some() {
                        return Err(A::Error::duplicate_field(field));
                    }
                    *place = Some(map.next_value()?);
                }
                Ok(places)
            }
        }

        deserializer.deserialize_map(PlacesVisitor)
    }
}
