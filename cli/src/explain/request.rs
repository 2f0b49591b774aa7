//! A request to explain.

use http::HeaderName;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};

use super::caller::Caller;
use super::headers::Header;

/// One request.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Vec<u8>,
    /// The target as it arrives.
    pub target: Vec<u8>,
    /// The host, where one is named.
    pub host: Option<Vec<u8>>,
    /// The workspace that it names, beside what its headers name.
    pub workspace: Option<Vec<u8>>,
    /// Headers, without pseudo-headers and `host`.
    pub headers: Vec<Header>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
    /// Who sends it.
    pub caller: Caller,
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
        caller: Caller,
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
            workspace: None,
            headers,
            body: body.unwrap_or_default(),
            caller,
        }
    }

    /// The same, for a workspace that it names.
    pub fn in_workspace(self, workspace: Option<Vec<u8>>) -> Self {
        Self { workspace, ..self }
    }
}
