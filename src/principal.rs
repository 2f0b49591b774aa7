//! Whom a key belongs to, as everybody in the engine speaks of it. Data: it decides nothing and knows no key.

use std::time::Duration;

use serde::de::{Deserializer, Error, Unexpected};
use serde::{Deserialize, Serialize};

use crate::workspace;

/// Time since the UNIX epoch, as the host's clock tells it.
pub type Timestamp = Duration;

/// Whom a key belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The user.
    pub user_id: Option<String>,
    /// The key's public name.
    pub key_id: Option<String>,
    /// The key's scopes, as the service gave them.
    pub scopes: Vec<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// Whether everything is granted.
    pub is_admin: bool,
    /// Scopes limited to names or workspaces.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// Patterns of the workspaces outside which the key has no right at all; `None` where there is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<Vec<String>>,
    /// The workspace of a request that names none; `None` where that is the default one. Always a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Whether its scopes are words of an authorization server that need not have MLflow in mind: of these, the bare words
    /// of the default table (`read`, `admin`) grant only what the configuration says.
    pub has_foreign_words: bool,
}

impl Principal {
    /// The same, limited to the workspaces that its source names, and pinned to one of them.
    #[must_use]
    pub fn within(self, workspaces: Option<Vec<String>>, workspace: Option<String>) -> Self {
        let (workspaces, workspace) = workspace::membership(workspaces, workspace);
        Self {
            workspaces,
            workspace,
            ..self
        }
    }
}

/// The scopes in one text, separated by spaces (RFC 6749 section 3.3).
pub fn scopes_of_text(text: &str) -> Vec<String> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// A scope limited to names, to workspaces, or to names in workspaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// The scope.
    pub scope: String,
    /// Patterns of names; `None` where it holds on all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Patterns of workspaces; `None` where it holds in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<Vec<String>>,
}

impl Grant {
    /// How many patterns it has, at least one.
    pub fn size(&self) -> usize {
        let size = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
        (size(&self.names) + size(&self.workspaces)).max(1)
    }
}

/// One without any limit is none: what was lost on the way to it may have been its limit.
impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            scope: String,
            #[serde(default, deserialize_with = "some")]
            names: Option<Vec<String>>,
            #[serde(default, deserialize_with = "some")]
            workspaces: Option<Vec<String>>,
            #[serde(default, rename = "workspace")]
            _workspace: Unreadable,
        }

        let Fields {
            scope,
            names,
            workspaces,
            ..
        } = Fields::deserialize(deserializer)?;
        if names.is_none() && workspaces.is_none() {
            return Err(D::Error::missing_field("names"));
        }
        Ok(Self {
            scope,
            names,
            workspaces,
        })
    }
}

/// What has the name of a key's limit, and is none of a grant: to pass over it would drop a limit.
#[derive(Default)]
struct Unreadable;

impl<'de> Deserialize<'de> for Unreadable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::invalid_type(
            Unexpected::Other("a workspace"),
            &"`workspaces`, a list, in its place",
        ))
    }
}

/// A list that is no null where it is there.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Vec::deserialize(deserializer).map(Some)
}

/// Who says who a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentitySource {
    /// An entry of the configuration's `keys`.
    Keys,
    /// The claims of an access token that the proxy has verified.
    Jwt,
    /// The name of a client certificate that the proxy has verified.
    Mtls,
    /// The auth service.
    AuthService,
}

impl IdentitySource {
    /// The word used in records, metrics and answers: the field of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Jwt => "jwt",
            Self::Mtls => "mtls",
            Self::AuthService => "auth_service",
        }
    }
}

/// How the auth service turned a key down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 401.
    Invalid,
    /// 403.
    Refused,
}

#[cfg(test)]
mod tests {

    use super::scopes_of_text;

    #[test]
    fn scopes_in_one_text_are_separated_by_spaces_alone() {
        for (text, expected) in [
            ("", &[][..]),
            (" ", &[]),
            ("model:read", &["model:read"]),
            ("model:read openid", &["model:read", "openid"]),
            ("  model:read  openid ", &["model:read", "openid"]),
            ("a,b", &["a,b"]),
            ("a\tb", &["a\tb"]),
            ("a\nb", &["a\nb"]),
            ("a\u{a0}b", &["a\u{a0}b"]),
            ("[\"admin\"]", &["[\"admin\"]"]),
        ] {
            assert_eq!(scopes_of_text(text), expected, "{text:?}");
        }
    }
}
