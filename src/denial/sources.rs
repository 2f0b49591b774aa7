//! What the configured sources of identity expect of a request, in words for its caller: an API key, an access token, a
//! client certificate. One word for each, in every text.

use crate::config::{Config, CredentialKind, PeerName};
use crate::decision::Decision;
use crate::principal::{IdentitySource, Principal};
use crate::printable::printable;

/// The MLflow client's settings for each kind of credential.
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
const USER_AND_PASSWORD: &str = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD";
const CERTIFICATE: &str = "MLFLOW_TRACKING_CLIENT_CERT_PATH";

/// What a caller presents.
const KEY_WORD: &str = "API key";
const TOKEN_WORD: &str = "access token";

/// The sources of one configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a>(pub(super) &'a Config);

impl Sources<'_> {
    /// Keys are all that there is.
    fn is_keys_only(self) -> bool {
        self.0.jwt.is_none() && self.0.mtls.is_none()
    }

    /// What a request presents in the places of `credentials`.
    pub(super) fn presented(self) -> &'static str {
        match (self.0.takes_api_keys(), self.0.introspects()) {
            (true, true) => "API key or access token",
            (false, true) => TOKEN_WORD,
            (_, false) => KEY_WORD,
        }
    }

    /// What the auth service is asked about.
    pub(super) fn asked_about(self) -> &'static str {
        if self.0.introspects() {
            TOKEN_WORD
        } else {
            KEY_WORD
        }
    }

    pub(super) fn missing(self) -> String {
        if self.is_keys_only() {
            format!("No {}. {}", self.presented(), self.how_to_send_it())
        } else {
            format!("No credential. {}", self.accepted())
        }
    }

    pub(super) fn malformed(self) -> String {
        if self.is_keys_only() {
            format!(
                "The credential is not an {}. {}",
                self.presented(),
                self.how_to_send_it()
            )
        } else {
            format!("The credential cannot be read. {}", self.accepted())
        }
    }

    pub(super) fn ambiguous(self) -> String {
        if self.0.jwt.is_none() {
            let presented = self.presented();
            format!("The request carries more than one {presented}. Send exactly one.")
        } else if self.0.takes_api_keys() {
            "The request carries more than one credential, such as an API key beside an access token. Send one API key \
             or one access token, in one place."
                .to_owned()
        } else {
            "The request carries more than one credential. Send one access token, in one place."
                .to_owned()
        }
    }

    pub(super) fn invalid(self) -> String {
        if self.is_keys_only() {
            let presented = self.presented();
            let elsewhere = if self.0.introspects() {
                ", or it was not issued for this server"
            } else {
                ""
            };
            return format!(
                "The {presented} is not valid: it is unknown, expired or revoked{elsewhere}."
            );
        }
        let mut causes = Vec::new();
        if self.0.takes_api_keys() {
            causes.push("the API key is unknown, expired or revoked");
        }
        if self.0.introspects() {
            causes.push(
                "the access token is unknown, expired or revoked, or was not issued for this server",
            );
        }
        if self.0.jwt.is_some() {
            causes.push(
                "the access token has expired or was revoked, or the proxy could not verify its signature, issuer or \
                 audience",
            );
        }
        if self.0.mtls.is_some() {
            causes.push("the name of the client certificate is not listed here or was revoked");
        }
        if !self.0.takes_api_keys() {
            causes.push("this server accepts no API keys");
        }
        format!(
            "The credential is not valid. Possible causes: {}.",
            causes.join("; ")
        )
    }

    /// What a request may present, and where.
    fn accepted(self) -> String {
        let mut kinds = Vec::new();
        let mut settings = Vec::new();
        if self.0.has_keys() {
            kinds.push(format!("an {} as {}", self.presented(), self.place()));
            settings.extend(self.setting_of_a_key());
        }
        if self.0.jwt.is_some() {
            kinds.push("an access token (JWT) as \"Authorization: Bearer <token>\"".to_owned());
            settings.push(TOKEN);
        }
        if let Some(mtls) = &self.0.mtls {
            let name = match mtls.by {
                PeerName::UriSan => "a URI in its subject alternative name",
                PeerName::DnsSan => "a DNS name in its subject alternative name",
                PeerName::Subject => "a subject",
            };
            kinds.push(format!("a client certificate with {name}"));
            settings.push(CERTIFICATE);
        }
        settings.dedup();
        let settings = match settings.as_slice() {
            [] => String::new(),
            settings => format!(" For the MLflow client set {}.", settings.join(" or ")),
        };
        format!("This server accepts {}.{settings}", kinds.join(", or "))
    }

    fn has(self, kind: CredentialKind) -> bool {
        self.0.credentials.contains(&kind)
    }

    fn place(self) -> String {
        let it = match (self.0.takes_api_keys(), self.0.introspects()) {
            (true, true) => "key or token",
            (false, true) => "token",
            (_, false) => "key",
        };
        if self.has(CredentialKind::Bearer) {
            format!("\"Authorization: Bearer <{it}>\"")
        } else if self.has(CredentialKind::Basic) {
            "the password of HTTP Basic".to_owned()
        } else if self.has(CredentialKind::XApiKey) {
            format!("\"X-API-Key: <{it}>\"")
        } else {
            "the query parameter api_key".to_owned()
        }
    }

    fn setting_of_a_key(self) -> Option<&'static str> {
        if self.has(CredentialKind::Bearer) {
            Some(TOKEN)
        } else if self.has(CredentialKind::Basic) {
            Some(USER_AND_PASSWORD)
        } else {
            None
        }
    }

    fn how_to_send_it(self) -> String {
        let place = self.place();
        match self.setting_of_a_key() {
            Some(setting) => format!("Send it as {place}; for the MLflow client set {setting}."),
            None => format!("Send it as {place}."),
        }
    }
}

/// How texts speak of whoever is refused: an API key is named itself, the owner of a token or of a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// An API key.
    Key,
    /// A caller who presents something else.
    Caller,
}

impl Called {
    /// How texts speak of the caller that a decision is about.
    pub fn of(decision: &Decision) -> Self {
        let has_foreign_words = |it: &Principal| it.has_foreign_words;
        match decision.identity {
            Some(IdentitySource::Jwt | IdentitySource::Mtls) => Self::Caller,
            // Introspected: what was presented is a token.
            _ if decision.principal.as_deref().is_some_and(has_foreign_words) => Self::Caller,
            _ => Self::Key,
        }
    }

    /// As the subject of what it has.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Caller => "caller",
        }
    }

    /// At the start of a sentence.
    pub(super) const fn this(self) -> &'static str {
        match self {
            Self::Key => "This key",
            Self::Caller => "This caller",
        }
    }

    /// The caller by its public name, at the start of a sentence.
    pub(super) fn subject(decision: &Decision) -> String {
        let this = Self::of(decision);
        let key_id = decision.principal.as_deref();
        let key_id = key_id.and_then(|principal| principal.key_id.as_deref());
        match (this, key_id.map(printable)) {
            (Self::Key, Some(key_id)) => format!("API key {key_id}"),
            (Self::Key, None) => "This API key".to_owned(),
            (Self::Caller, Some(key_id)) => format!("Caller {key_id}"),
            (Self::Caller, None) => this.this().to_owned(),
        }
    }
}
