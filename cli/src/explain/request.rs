//! A request to explain, and whom its caller is said to be.

use http::HeaderName;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use serde::{Deserialize, Serialize};

use super::headers::Header;

/// What the auth service would say of the caller: the body of its reply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The key's scopes.
    pub scopes: Vec<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// Whether everything is granted.
    pub is_admin: bool,
    /// Scopes that are limited to names.
    pub grants: Vec<Grant>,
    /// The key's public name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

/// What is said of a caller, `None` where nothing is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub scopes: Option<Vec<String>>,
    pub roles: Option<Vec<String>>,
    pub is_admin: Option<bool>,
    pub grants: Option<Vec<Grant>>,
    pub key_id: Option<String>,
    pub user_id: Option<String>,
}

/// A scope and the patterns of names that it is limited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    scope: String,
    names: Vec<String>,
}

impl Claims {
    /// `None` when nothing is said.
    pub fn given(said: Said) -> Option<Self> {
        if said == Said::default() {
            return None;
        }
        Some(Self {
            scopes: said.scopes.unwrap_or_default(),
            roles: said.roles.unwrap_or_default(),
            is_admin: said.is_admin.unwrap_or_default(),
            grants: said.grants.unwrap_or_default(),
            key_id: said.key_id,
            user_id: said.user_id,
        })
    }
}

/// One request.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Vec<u8>,
    /// The target as it arrives.
    pub target: Vec<u8>,
    /// The host, where one is named.
    pub host: Option<Vec<u8>>,
    /// Headers, without pseudo-headers and `host`.
    pub headers: Vec<Header>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
    /// `None` when nothing is said of the caller.
    pub claims: Option<Claims>,
}

impl Request {
    /// A `host` header becomes the host, as Envoy makes it `:authority`; a host named beside it wins. With a body
    /// come the headers that clients send with one, unless others of the name are there.
    pub fn new(
        method: Vec<u8>,
        target: Vec<u8>,
        host: Option<Vec<u8>>,
        mut headers: Vec<Header>,
        body: Option<Vec<u8>>,
        claims: Option<Claims>,
    ) -> Self {
        let mut host = host;
        headers.retain_mut(|(name, value)| {
            let is_host = *name == http::header::HOST;
            if is_host && host.is_none() {
                host = Some(std::mem::take(value));
            }
            !is_host
        });
        if let Some(body) = &body {
            let has = |name: &HeaderName| headers.iter().any(|(other, _)| other == name);
            let (typed, framed) = (
                has(&CONTENT_TYPE),
                has(&CONTENT_LENGTH) || has(&TRANSFER_ENCODING),
            );
            if !typed {
                headers.push((CONTENT_TYPE, b"application/json".to_vec()));
            }
            if !framed {
                headers.push((CONTENT_LENGTH, body.len().to_string().into_bytes()));
            }
        }
        Self {
            method,
            target,
            host,
            headers,
            body: body.unwrap_or_default(),
            claims,
        }
    }
}
