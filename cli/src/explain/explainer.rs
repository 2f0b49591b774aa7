//! What the filter would decide about one request.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mlflow_authz::config::CredentialKind;
use mlflow_authz::credential::{self, CredentialError};
use mlflow_authz::decision::Effect;
use mlflow_authz::denial::Denials;
use mlflow_authz::rules::Rules;
use mlflow_authz::workspace;
use mlflow_authz::{Config, RequestHead, decide};

use super::explanation::Explanation;
use super::request::Request;

/// The key of a caller of whom only scopes, roles or admin are said, where any text may be a key.
const KEY: &str = "explain";

/// Explains requests, each by itself.
#[derive(Debug)]
pub struct Explainer {
    rules: Rules,
    credential: Credential,
}

/// Where the added key stands: the configuration's credentials decide.
#[derive(Debug)]
enum Credential {
    Header(&'static str, String),
    Query(String),
}

impl Credential {
    fn of_a_kind(kinds: &[CredentialKind], key: String) -> Self {
        if kinds.contains(&CredentialKind::Bearer) {
            Self::Header("authorization", format!("Bearer {key}"))
        } else if kinds.contains(&CredentialKind::XApiKey) {
            Self::Header("x-api-key", key)
        } else if kinds.contains(&CredentialKind::Basic) {
            Self::Header(
                "authorization",
                format!("Basic {}", STANDARD.encode(format!(":{key}"))),
            )
        } else {
            Self::Query(key)
        }
    }
}

impl Explainer {
    /// An explainer under a configuration.
    pub fn new(config: Config) -> Self {
        let pattern = config.key_pattern.as_ref();
        let key = pattern.map_or_else(|| KEY.to_owned(), |pattern| pattern.example());
        let credential = Credential::of_a_kind(&config.credentials, key);
        Self {
            rules: Rules::new(config),
            credential,
        }
    }

    /// What the filter would decide.
    ///
    /// # Errors
    ///
    /// A caller that the configuration does not know.
    pub fn explain(&self, request: &Request) -> Result<Explanation<'_>, String> {
        let mut target = Cow::Borrowed(request.target.as_slice());
        let mut added = None;
        if request.workspace.is_some() && !self.rules.config().workspaces.enabled {
            return Err(
                "the configuration does not enable workspaces, so no request is for one: set workspaces.enabled to true"
                    .to_owned(),
            );
        }
        let facts = request.caller.facts(self.rules.config())?;
        if request.caller.has_key() && !self.brings_credential(request) {
            match &self.credential {
                Credential::Header(name, value) => added = Some((*name, value.clone())),
                Credential::Query(key) => target = Cow::Owned(with_query_key(&target, key)),
            }
        }
        let added = added
            .as_ref()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let headers: Vec<_> = head(request, &target).chain(added).collect();
        let asked = RequestHead {
            headers: &headers,
            facts: Some(&facts),
        };
        let lookup = request.caller.look_up(&self.rules, &asked)?;
        let decision = decide::decide(&self.rules, &asked, || lookup, &request.body);
        let answer = decide::answer(&self.rules, &decision, &asked);
        let policy = self.rules.policy(&decision.terms);
        let would_be = (decision.effect() == Effect::WouldDeny).then(|| {
            let config = self.rules.config();
            Denials { config, policy }.answer(&decision, &asked)
        });
        let status = answer.as_ref().map(|answer| answer.status);
        let shown = answer.or(would_be);
        Ok(Explanation::new(
            &decision,
            status,
            shown.as_ref(),
            policy,
            &asked,
        ))
    }

    fn brings_credential(&self, request: &Request) -> bool {
        let headers: Vec<_> = head(request, &request.target).collect();
        let head = RequestHead {
            headers: &headers,
            facts: None,
        };
        let query = std::str::from_utf8(&request.target)
            .ok()
            .and_then(|target| target.split_once('?'))
            .map(|(_, query)| query);
        let found = credential::extract(&head, query, &self.rules.config().credentials);
        found != Err(CredentialError::Missing)
    }
}

fn head<'a>(request: &'a Request, target: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let pseudo = [
        (":method", Some(request.method.as_slice())),
        (":path", Some(target)),
        (":authority", request.host.as_deref()),
    ];
    let pseudo = pseudo
        .into_iter()
        .filter_map(|(name, value)| Some((name.as_bytes(), value?)));
    // They choose between JSON and a page, and the explanation is made of the JSON.
    let of_a_browser = |name: &[u8]| name == b"accept" || name == b"sec-fetch-mode";
    let workspace = request.workspace.as_deref();
    let workspace = workspace.map(|name| (workspace::HEADER.as_bytes(), name));
    let headers = request.headers.iter();
    pseudo.chain(workspace).chain(
        headers
            .filter(move |(name, _)| !of_a_browser(name.as_ref()))
            .map(|(name, value)| (name.as_ref(), value.as_slice())),
    )
}

fn with_query_key(target: &[u8], key: &str) -> Vec<u8> {
    let separator: &[u8] = if target.contains(&b'?') { b"&" } else { b"?" };
    [target, separator, b"api_key=", key.as_bytes()].concat()
}
