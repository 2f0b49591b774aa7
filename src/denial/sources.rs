//! What the configured sources of identity expect of a request, in words for its caller.

use crate::config::{Config, CredentialKind, PeerName};
use crate::decision::Decision;
use crate::principal::IdentitySource;
use crate::printable::printable;

/// The MLflow client's settings for each kind of credential.
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
const USER_AND_PASSWORD: &str = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD";
const CERTIFICATE: &str = "MLFLOW_TRACKING_CLIENT_CERT_PATH";

/// The sources of one configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a>(pub(super) &'a Config);

impl Sources<'_> {
    /// Keys are all that there is.
    fn is_keys_only(self) -> bool {
        self.0.jwt.is_none() && self.0.mtls.is_none()
    }

    pub(super) fn missing(self) -> String {
        if self.is_keys_only() {
            format!("No API key. {}", self.how_to_send_a_key())
        } else {
            format!("No credential. {}", self.accepted())
        }
    }

    pub(super) fn malformed(self) -> String {
        if self.is_keys_only() {
            format!(
                "The credential is not an API key. {}",
                self.how_to_send_a_key()
            )
        } else {
            format!("The credential cannot be read. {}", self.accepted())
        }
    }

    pub(super) fn ambiguous(self) -> &'static str {
        if self.0.jwt.is_none() {
            "The request carries more than one API key. Send exactly one."
        } else {
            "The request carries more than one credential, such as an API key beside an access token. Send one API key \
             or one access token, in one place."
        }
    }

    pub(super) fn invalid(self) -> String {
        if self.is_keys_only() {
            return "The API key is not valid: it is unknown, expired or revoked.".to_owned();
        }
        let mut causes = Vec::new();
        if self.0.has_keys() {
            causes.push("the API key is unknown, expired or revoked");
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
        if !self.0.has_keys() {
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
            kinds.push(format!("an API key as {}", self.place_of_a_key()));
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

    fn place_of_a_key(self) -> &'static str {
        if self.has(CredentialKind::Bearer) {
            "\"Authorization: Bearer <key>\""
        } else if self.has(CredentialKind::Basic) {
            "the password of HTTP Basic"
        } else if self.has(CredentialKind::XApiKey) {
            "\"X-API-Key: <key>\""
        } else {
            "the query parameter api_key"
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

    fn how_to_send_a_key(self) -> String {
        let place = self.place_of_a_key();
        match self.setting_of_a_key() {
            Some(setting) => format!("Send it as {place}; for the MLflow client set {setting}."),
            None => format!("Send it as {place}."),
        }
    }
}

/// What a caller is called, in itself and in what it has.
pub(super) fn called(decision: &Decision) -> (String, &'static str) {
    let key_id = decision
        .principal
        .as_deref()
        .and_then(|it| it.key_id.as_deref())
        .map(printable);
    match (decision.identity, key_id) {
        (Some(IdentitySource::Jwt | IdentitySource::Mtls), Some(name)) => {
            (format!("Caller {name}"), "this caller")
        }
        (Some(IdentitySource::Jwt | IdentitySource::Mtls), None) => {
            ("This caller".to_owned(), "this caller")
        }
        (_, Some(key_id)) => (format!("API key {key_id}"), "this key"),
        (_, None) => ("This API key".to_owned(), "this key"),
    }
}
