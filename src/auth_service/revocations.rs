//! The wire contract of the poll for revoked keys: the request out, the list in.
//!
//! ```text
//! GET {revocation.path}?since=<cursor>      no `since` on the first poll
//! 200 → {"key_ids": ["key_1", …], "next": "<cursor>", "more": false}
//! 410 → the cursor has expired: any key may have been revoked since
//! ```
//!
//! Builds a [`Callout`] and reads a [`Reply`]. It neither sends nor waits.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::failure::{ContractError, Failure};
use super::parsed::read_object;
use super::reply::Reply;
use super::{Callout, KeyId, Text, request};
use crate::config::{Config, Revocation};

/// The most key ids of one list.
pub const MAX_KEY_IDS: usize = 1000;

/// The longest cursor, in bytes.
const LONGEST_CURSOR: usize = 256;

/// Where the last list ended, in the service's own words: unreserved characters of a URI (RFC 3986 section
/// 2.3) only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Cursor(String);

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let fits = (1..=LONGEST_CURSOR).contains(&text.len()) && text.bytes().all(unreserved);
        if fits {
            Ok(Self(text))
        } else {
            Err("is not a cursor")
        }
    }
}

/// What the service says of revoked keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocations {
    /// Those revoked since the cursor.
    List {
        /// Their public ids.
        key_ids: Vec<KeyId>,
        /// Where the next list begins.
        next: Cursor,
        /// Whether the next list should be requested at once.
        more: bool,
    },
    /// The service no longer knows the cursor.
    Forgotten,
    /// No answer that can be used.
    Unavailable(Failure),
}

impl Revocations {
    /// The word used as the `outcome` of a poll in metrics.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::List { .. } => "list",
            Self::Forgotten => "forgotten",
            Self::Unavailable(failure) => failure.outcome(),
        }
    }
}

/// Builds polls for one configured auth service.
#[derive(Debug)]
pub struct RevocationClient {
    revocation: Revocation,
    callout: Callout,
}

impl RevocationClient {
    /// A client, if polls are configured.
    pub fn new(config: &Config) -> Option<Self> {
        let revocation = config.revocation.clone()?;
        let service = config.auth_service.as_ref()?;
        let [cache_control, pragma] = request::UNCACHED;
        let headers = [
            (":method", "GET".into()),
            (":path", revocation.path.clone().into()),
            (":authority", service.authority.clone().into()),
            ("accept", "application/json".into()),
            (cache_control.0, cache_control.1.into()),
            (pragma.0, pragma.1.into()),
        ];
        let callout = Callout {
            cluster: service.cluster.clone(),
            headers: headers.map(|(name, value)| (name.into(), value)).into(),
            body: Vec::new(),
            timeout: service.timeout,
        };
        Some(Self {
            revocation,
            callout,
        })
    }

    /// How often one VM of the proxy polls.
    pub const fn every(&self) -> std::time::Duration {
        self.revocation.every
    }

    /// The request for the list that begins at a cursor.
    pub fn poll(&self, since: Option<&Cursor>) -> Callout {
        let mut callout = self.callout.clone();
        if let Some(Cursor(cursor)) = since {
            let path = callout.headers.iter_mut().find(|(name, _)| name == ":path");
            if let Some((_, path)) = path {
                path.to_mut().push_str("?since=");
                path.to_mut().push_str(cursor);
            }
        }
        if let Some(header) = &self.revocation.credential_header {
            let text = |text: &str| Text::Owned(text.to_owned());
            let header = (text(header.name()), text(header.expose()));
            callout.headers.push(header);
        }
        callout
    }
}

#[derive(Deserialize)]
struct Body {
    key_ids: Vec<KeyId>,
    next: String,
    #[serde(default)]
    more: bool,
}

impl Reply<'_> {
    /// Reads the reply to a poll by the contract.
    pub fn revocations(&self) -> Revocations {
        match self.usable() {
            Err(failure) => Revocations::Unavailable(failure),
            Ok((200, body)) => match parse(body) {
                Ok(list) => list,
                Err(error) => Revocations::Unavailable(Failure::Contract(error)),
            },
            Ok((410, _)) => Revocations::Forgotten,
            Ok((status, _)) => Revocations::Unavailable(Failure::of_status(status)),
        }
    }
}

fn parse(body: &[u8]) -> Result<Revocations, ContractError> {
    let body: Body = read_object(body)?;
    if body.key_ids.len() > MAX_KEY_IDS {
        return Err(ContractError::Field {
            field: "key_ids".to_owned(),
            problem: format!("holds more than {MAX_KEY_IDS} ids"),
        });
    }
    let next = Cursor::try_from(body.next).map_err(|_| ContractError::Field {
        field: "next".to_owned(),
        problem: format!(
            "is not a cursor: 1 to {LONGEST_CURSOR} letters, digits, hyphens, dots, underscores or tildes"
        ),
    })?;
    Ok(Revocations::List {
        key_ids: body.key_ids,
        next,
        more: body.more,
    })
}
