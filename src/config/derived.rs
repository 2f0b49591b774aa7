//! Values of the configuration in the form in which the engine needs them.

#[cfg(test)]
mod tests;

use super::{AuthService, Config, CredentialKind, IdentityHeaders, Protocol};

/// The default of `auth_service.unavailable_retry_after`, where there is no auth service.
const USUAL_RETRY_AFTER: u64 = 15;

impl Config {
    /// `Retry-After` of a 503, in seconds.
    pub fn retry_after_seconds(&self) -> u64 {
        let service = self.auth_service.as_ref();
        service.map_or(USUAL_RETRY_AFTER, AuthService::retry_after_seconds)
    }

    /// Whether what a request presents in the places of `credentials` can be valid here: a key that the configuration
    /// lists, or whatever the auth service validates.
    pub const fn has_keys(&self) -> bool {
        !self.keys.is_empty() || self.auth_service.is_some()
    }

    /// Whether an API key can be valid here.
    pub fn takes_api_keys(&self) -> bool {
        let asks_about_keys = |service: &AuthService| service.protocol == Protocol::Keys;
        !self.keys.is_empty() || self.auth_service.as_ref().is_some_and(asks_about_keys)
    }

    /// Whether the auth service introspects access tokens.
    pub fn introspects(&self) -> bool {
        let service = self.auth_service.as_ref();
        service.is_some_and(|it| it.protocol == Protocol::Introspection)
    }

    /// Whether a browser can log in: it only knows HTTP Basic.
    pub fn takes_passwords(&self) -> bool {
        self.has_keys() && self.credentials.contains(&CredentialKind::Basic)
    }

    /// The most bytes of a body that are looked at.
    pub fn most_body_bytes(&self) -> usize {
        usize::try_from(self.body_limit).unwrap_or(usize::MAX)
    }
}

impl IdentityHeaders {
    /// Their names: user, key, scopes.
    pub fn names(&self) -> [&str; 3] {
        [&self.user_id, &self.key_id, &self.scopes].map(|header| header.as_str())
    }
}

impl AuthService {
    /// `Retry-After` of a 503, in seconds, rounded up.
    pub fn retry_after_seconds(&self) -> u64 {
        let milliseconds = self.unavailable_retry_after.as_millis();
        milliseconds.div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }
}
