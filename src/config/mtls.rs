//! Client certificates that Envoy has verified: which name of a certificate counts, and what each name may do.

use std::collections::BTreeMap;

use super::{ConfigError, fields, workspaces};
use crate::json::{self, Part};

/// Client certificates that the listener has verified.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields)
)]
pub struct Mtls {
    /// Which name of the certificate identifies the caller.
    pub by: PeerName,
    /// Names of callers, and what they may do. A name may be a pattern with `*` and `?`; an entry without them comes
    /// first, then the longest match. A certificate that no entry matches gets 401. `*` matches `/` too. A name with a
    /// backslash (an escaped character of a subject) matches only an entry without `*` and `?`.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("minProperties" = 1, "propertyNames" = {"pattern": r"\S"}))
    )]
    pub principals: BTreeMap<String, PeerRights>,
}

json::object!(Mtls, start: Self::start(), required: ["by", "principals"], {
    "by" => by,
    "principals" => principals: principals,
});

impl Mtls {
    fn start() -> Self {
        Self {
            by: PeerName::Subject,
            principals: BTreeMap::new(),
        }
    }
}

fn principals(value: Part<'_, '_>) -> Result<BTreeMap<String, PeerRights>, json::Error> {
    json::map(value, json::read_object)
}

/// Which name of a client certificate is the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "schema", serde(rename_all = "snake_case"))]
pub enum PeerName {
    /// The first URI in the subject alternative name, such as a SPIFFE ID.
    UriSan,
    /// The first DNS name in the subject alternative name, in lower case.
    DnsSan,
    /// The subject (RFC 2253).
    Subject,
}

/// What a caller may do whose certificate has a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct PeerRights {
    /// The caller's scopes; `model:write:fraud-*` is limited to names, `acme/model:write` to a workspace.
    #[cfg_attr(feature = "schema", schemars(extend("default" = [])))]
    pub scopes: Vec<String>,
    /// The caller's roles.
    #[cfg_attr(feature = "schema", schemars(extend("default" = [])))]
    pub roles: Vec<String>,
    /// Whether the caller may do everything.
    pub is_admin: bool,
    /// Patterns of the workspaces that the caller's rights are limited to. An empty list grants nothing. Absent: not
    /// limited to workspaces, unless `workspace` is there.
    #[cfg_attr(
        feature = "schema",
        schemars(schema_with = "super::schema::workspace_patterns")
    )]
    pub workspaces: Option<Vec<String>>,
    /// The workspace that the caller is pinned to: that of its requests without the header `X-MLFLOW-WORKSPACE`.
    /// Without `workspaces`, the caller's rights are also limited to it.
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::workspace"))]
    pub workspace: Option<String>,
}

json::object!(PeerRights, start: Self::default(), required: [], {
    "scopes" => scopes,
    "roles" => roles,
    "is_admin" => is_admin,
    "workspaces" => workspaces: fields::some,
    "workspace" => workspace: fields::some,
});

impl PeerName {
    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UriSan => "uri_san",
            Self::DnsSan => "dns_san",
            Self::Subject => "subject",
        }
    }
}

/// Checks what types alone cannot say.
pub(super) fn validate(mtls: &Mtls) -> Result<(), ConfigError> {
    let refuse = |problem: String| Err(ConfigError::field("mtls.principals", problem));
    if mtls.principals.is_empty() {
        return refuse(
            "is empty, so every certificate is refused; write the names of the callers' certificates".to_owned(),
        );
    }
    for (name, rights) in &mtls.principals {
        workspaces::validate(
            &format!("mtls.principals.{name}"),
            rights.workspaces.as_deref(),
            rights.workspace.as_deref(),
        )?;
        if name.trim().is_empty() {
            return refuse(
                "has an empty name; write the name of a caller's certificate".to_owned(),
            );
        }
        if mtls.by == PeerName::DnsSan && name.bytes().any(|b| b.is_ascii_uppercase()) {
            let lower = name.to_ascii_lowercase();
            return refuse(format!(
                "{name:?} must be in lower case, in which DNS names are compared; write {lower:?}"
            ));
        }
    }
    Ok(())
}
