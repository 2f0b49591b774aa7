//! A callout's reply, read from the host while its callback lasts. What it means is the engine's business.

use mlflow_authz::auth_service::{MAX_BODY_BYTES, Reply};

use crate::host::{self, Buffer, HeaderMap, HostError};

/// What the host has of a reply, while its callback lasts.
pub struct CalloutReply {
    headers: host::HeaderPairs,
    body: Vec<u8>,
    arrived: bool,
}

impl CalloutReply {
    /// Reads the reply that the root context is called with.
    pub fn read(headers: u32) -> Result<Self, HostError> {
        // Zero headers: the connection was reset in the middle of the response.
        let arrived = headers > 0;
        let headers = host::header_pairs(HeaderMap::CalloutReply)?;
        let body = host::buffer(Buffer::CalloutReply, MAX_BODY_BYTES + 1)?;
        Ok(Self {
            headers,
            body,
            arrived,
        })
    }

    /// The reply as the engine reads it.
    pub fn reply(&self) -> Reply<'_> {
        let Some(headers) = self.arrived.then(|| self.headers.pairs().ok()).flatten() else {
            return Reply::Reset;
        };
        let find = |wanted: &[u8]| {
            headers
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| *value)
        };
        let status =
            find(b":status").and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let Some(status) = status else {
            return Reply::Reset;
        };
        Reply::Response {
            status,
            from_service: find(b"x-envoy-upstream-service-time").is_some(),
            retry_after: find(b"retry-after"),
            cache_control: find(b"cache-control"),
            body: &self.body,
        }
    }
}
