//! Values of the configuration in the form in which the engine needs them.

#[cfg(test)]
mod tests;

use super::{AuthService, Config, IdentityHeaders};

/// The default of `auth_service.unavailable_retry_after`, where there is no auth service.
const USUAL_RETRY_AFTER: u64 = 15;

impl Config {
    /// `Retry-After` of a 503, in seconds.
    pub fn retry_after_seconds(&self) -> u64 {
        let service = self.auth_service.as_ref();
        service.map_or(USUAL_RETRY_AFTER, AuthService::retry_after_seconds)
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
