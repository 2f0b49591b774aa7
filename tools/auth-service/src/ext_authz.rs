//! What Envoy's own ext_authz filter asks over HTTP, so that it can be measured beside this filter.
//!
//! That filter hands over the request's method and its path behind a prefix, with `authorization` and no body, and
//! takes any 200 for a yes. So the decision is made here, for the same keys and by the default configuration, which reads no
//! body: a grant limited to names counts where the request names in its path or query.

use axum::http::header::{AUTHORIZATION, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use mlflow_authz::config::ConfigError;
use mlflow_authz::decision::Effect;
use mlflow_authz::lookup::Known;
use mlflow_authz::rules::Rules;
use mlflow_authz::upstream::{HeaderEdit, HeaderEdits, IdentityValues};
use mlflow_authz::{Config, RequestHead, decide};

use super::contract;
use super::keys::{Entry, Keys};

/// Before the path of the request that is asked about: ext_authz's `path_prefix`.
pub const PREFIX: &str = "/ext-authz";

/// Decides in the filter's place.
pub struct Checks {
    rules: Rules,
}

impl Checks {
    /// Checks of requests to an MLflow that is served at `mount`, by the defaults of the plugin configuration.
    ///
    /// # Errors
    ///
    /// None: the configuration is constant.
    pub fn new(mount: String) -> Result<Self, ConfigError> {
        let mut config = Config::parse(
            br#"{"version": 1, "mounts": ["/api/mlflow", "/"], "auth_service": {"cluster": "none"}}"#,
        )?;
        config.mounts = vec![mount];
        Ok(Self {
            rules: Rules::new(config),
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
        let Some(known) = known(&entry) else {
            let defect = "the keys file's entry is outside the contract";
            return contract::error(StatusCode::INTERNAL_SERVER_ERROR, defect);
        };
        if !self.allows(&known, head) {
            return contract::error(StatusCode::FORBIDDEN, "the key's scopes do not grant this");
        }
        let mut response = StatusCode::OK.into_response();
        let values = IdentityValues::of(&known.principal);
        let mut edits = HeaderEdits::default();
        let names = &self.rules.config().identity_headers;
        edits.assert_principal(known.principal, values.into(), names);
        for edit in edits.iter() {
            if let HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value) = edit
                && let Ok(name) = HeaderName::try_from(name)
                && let Ok(value) = HeaderValue::try_from(value)
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn allows(&self, known: &Known, head: &Parts) -> bool {
        let path_and_query = head.uri.path_and_query().map_or("", |both| both.as_str());
        let asked = path_and_query.strip_prefix(PREFIX).unwrap_or_default();
        let credential = head.headers.get(AUTHORIZATION);
        let headers = [
            (&b":method"[..], head.method.as_str().as_bytes()),
            (b":path", asked.as_bytes()),
            (
                b"authorization",
                credential.map_or(&b""[..], HeaderValue::as_bytes),
            ),
        ];
        let head = RequestHead {
            headers: &headers,
            facts: None,
        };
        let decision = decide::decide(&self.rules, &head, || Ok(known.clone()), b"");
        decision.effect() == Effect::Allow
    }
}

/// As the filter reads the entry's reply.
fn known(entry: &Entry) -> Option<Known> {
    decide::caller(&serde_json::to_vec(&entry.reply).ok()?).ok()
}
