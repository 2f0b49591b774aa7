//! Headers that nothing but the filter may write.

use mlflow_authz::Config;
use mlflow_authz::request::same_header;

/// Where callers' keys are.
const KEYS: [&str; 2] = ["authorization", "x-api-key"];
/// What chooses a workspace.
const WORKSPACE: &str = "x-mlflow-workspace";

/// Headers that say who the caller is, whatever the configuration.
pub fn credentials() -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().chain([WORKSPACE])
}

/// What a header is to the filter, if it is anything.
pub fn role(config: &Config, name: &str) -> Option<&'static str> {
    let is = |other: &str| same_header(other.as_bytes(), name.as_bytes());
    if is_identity(config, name) {
        Some("an identity header")
    } else if KEYS.into_iter().any(is) {
        Some("where a caller's key is")
    } else if is(WORKSPACE) {
        Some("which chooses a workspace")
    } else {
        None
    }
}

/// Whether MLflow must receive a header that the filter writes: without it, MLflow's own default chooses the workspace.
pub fn is_needed(config: &Config, name: &str) -> bool {
    config.workspaces.enabled && same_header(WORKSPACE.as_bytes(), name.as_bytes())
}

/// What is wrong where a header that MLflow must receive is removed, and what to do.
pub const REMOVED: (&str, &str) = (
    "removes X-MLFLOW-WORKSPACE, which the filter writes: MLflow then uses its own default workspace, and not the one that the filter decided about",
    "remove it from this list",
);

/// The identity headers' names.
pub fn identity(config: &Config) -> [&str; 3] {
    let headers = &config.identity_headers;
    [&headers.user_id, &headers.key_id, &headers.scopes].map(|header| header.as_str())
}

/// Whether a name is that of an identity header.
pub fn is_identity(config: &Config, name: &str) -> bool {
    let is = |header: &str| same_header(header.as_bytes(), name.as_bytes());
    identity(config).into_iter().any(is)
}
