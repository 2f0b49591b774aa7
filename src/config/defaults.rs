//! What a field is where the configuration does not say, and the most it can be.

use std::time::Duration;

use super::CredentialKind;
use crate::catalog::PublicGroup;

/// The most slots of shared data; see the README for what they take.
pub(super) const MOST_SHARED_SLOTS: u64 = 65_536;

/// Where Istio has the claims of a verified token.
pub(super) const METADATA_KEY: &str = "payload";

/// Where common issuers write whom a token is about, its scopes and its roles.
pub(super) const TOKEN_SUBJECT: &[&str] = &["/sub"];
pub(super) const TOKEN_SCOPES: &[&str] = &["/scope", "/scp"];
pub(super) const TOKEN_ROLES: &[&str] = &["/roles", "/realm_access/roles", "/groups"];

pub(super) fn version() -> u64 {
    1
}

pub(super) fn enforce_percent() -> u64 {
    100
}

pub(super) fn credentials() -> Vec<CredentialKind> {
    vec![
        CredentialKind::Bearer,
        CredentialKind::XApiKey,
        CredentialKind::Basic,
    ]
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn public() -> Vec<PublicGroup> {
    vec![PublicGroup::Health]
}

pub(super) fn auth_path() -> String {
    "/api/v1/keys/validate".to_owned()
}

pub(super) fn service_id() -> String {
    "mlflow".to_owned()
}

pub(super) fn timeout() -> Duration {
    Duration::from_secs(2)
}

pub(super) fn shadow_timeout() -> Duration {
    Duration::from_millis(100)
}

pub(super) fn retry_after() -> Duration {
    Duration::from_secs(15)
}

pub(super) fn max_in_flight() -> u64 {
    64
}

pub(super) fn body_limit() -> u64 {
    64 * 1024
}

pub(super) fn every() -> Duration {
    Duration::from_secs(10)
}
