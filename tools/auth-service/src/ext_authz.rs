//! What Envoy's own ext_authz filter asks over HTTP, so that it can be measured beside this filter.
//!
//! That filter hands over the request's method and its path behind a prefix, with `authorization` and no body, and
//! takes any 200 for a yes. So the decision is made here, for the same keys, by the same catalog and default scopes;
//! grants limited to names, for which a body may have to be read, count for nothing.

use axum::http::header::HeaderName;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use mlflow_authz::Config;
use mlflow_authz::auth_service::{Reply, Verdict};
use mlflow_authz::catalog::CATALOG;
use mlflow_authz::config::{ConfigError, IdentityHeaders};
use mlflow_authz::policy::Policy;
use mlflow_authz::principals::Principal;
use mlflow_authz::target::{Target, below_mount};
use mlflow_authz::upstream::{HeaderEdit, HeaderEdits, IdentityValues};

use super::contract;
use super::keys::{Entry, Keys};

/// Before the path of the request that is asked about: ext_authz's `path_prefix`.
pub const PREFIX: &str = "/ext-authz";

/// Decides in the filter's place.
pub struct Checks {
    mount: String,
    policy: Policy,
    identity_headers: IdentityHeaders,
}

impl Checks {
    /// Checks of requests to an MLflow that is served at `mount`, by the defaults of the plugin configuration.
    ///
    /// # Errors
    ///
    /// None: the configuration is constant.
    pub fn new(mount: String) -> Result<Self, ConfigError> {
        let config = Config::parse(
            br#"{"version": 1, "mounts": ["/api/mlflow", "/"], "auth_service": {"cluster": "none"}}"#,
        )?;
        Ok(Self {
            mount,
            policy: Policy::new(&config),
            identity_headers: config.identity_headers,
        })
    }

    /// 200 with the identity headers, 401 for an unknown key, 403, or the status the keys file orders.
    pub fn reply(&self, keys: &Keys, head: &Parts) -> Response {
        let Some(entry) = contract::bearer(&head.headers).and_then(|key| keys.get(key)) else {
            return contract::unauthorized("the key is missing or not valid");
        };
        if entry.status != StatusCode::OK {
            return contract::entry_reply(&entry);
        }
        let Some(principal) = principal(&entry) else {
            let defect = "the keys file's entry is outside the contract";
            return contract::error(StatusCode::INTERNAL_SERVER_ERROR, defect);
        };
        if !self.grants(&principal, &head.method, &head.uri) {
            return contract::error(StatusCode::FORBIDDEN, "the key's scopes do not grant this");
        }
        let mut response = StatusCode::OK.into_response();
        let identity = IdentityValues::of(&principal);
        let mut edits = HeaderEdits::default();
        edits.assert_principal(principal.into(), identity.into(), &self.identity_headers);
        for edit in edits.iter() {
            if let HeaderEdit::Set(name, value) = edit
                && let Ok(name) = HeaderName::try_from(name)
                && let Ok(value) = HeaderValue::try_from(value)
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn grants(&self, principal: &Principal, method: &Method, uri: &Uri) -> bool {
        let path_and_query = uri.path_and_query().map_or("", |both| both.as_str());
        let asked = path_and_query.strip_prefix(PREFIX).unwrap_or_default();
        let Ok(target) = Target::parse(asked.as_bytes()) else {
            return false;
        };
        below_mount(&target.path, &self.mount)
            .and_then(|path| CATALOG.find(method.as_str(), path))
            .is_some_and(|operation| self.policy.missing(principal, operation).is_none())
    }
}

/// As the filter reads the entry's reply.
fn principal(entry: &Entry) -> Option<Principal> {
    let reply = Reply::Response {
        status: 200,
        from_service: true,
        retry_after: None,
        cache_control: None,
        body: &serde_json::to_vec(&entry.reply).ok()?,
    };
    match reply.verdict() {
        Verdict::Valid(principal, _) => Some(principal),
        _ => None,
    }
}
