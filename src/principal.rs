//! Whom a key belongs to, as everybody in the engine speaks of it. Data: it decides nothing and knows no key.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    /// Scopes limited to names.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// Whether its scopes are words of an authorization server that need not have MLflow in mind: of these, the bare words
    /// of the default table (`read`, `admin`) grant only what the configuration says.
    pub has_foreign_words: bool,
}

/// The scopes in one text, separated by spaces (RFC 6749 section 3.3).
pub fn scopes_of_text(text: &str) -> Vec<String> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// A scope limited to names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The scope.
    pub scope: String,
    /// Patterns of names.
    pub names: Vec<String>,
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
