//! A request to explain, and whom its caller is said to be.

use serde::Serialize;

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
}

impl Claims {
    /// `None` when nothing is said.
    pub fn given(
        scopes: Option<Vec<String>>,
        roles: Option<Vec<String>>,
        is_admin: Option<bool>,
    ) -> Option<Self> {
        let said = scopes.is_some() || roles.is_some() || is_admin.is_some();
        said.then(|| Self {
            scopes: scopes.unwrap_or_default(),
            roles: roles.unwrap_or_default(),
            is_admin: is_admin.unwrap_or_default(),
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
    /// `None` when nothing is said of the caller.
    pub claims: Option<Claims>,
}

impl Request {
    /// A `host` header becomes the host, as Envoy makes it `:authority`; a host named beside it wins.
    pub fn new(
        method: Vec<u8>,
        target: Vec<u8>,
        host: Option<Vec<u8>>,
        mut headers: Vec<Header>,
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
        Self {
            method,
            target,
            host,
            headers,
            claims,
        }
    }
}
