//! Reads what came back from the auth service. Nothing of a reply's content goes into an error: a service
//! that echoes the key must not bring it into a log.

use super::body::{self, Said};
use super::contract::Contract;
use super::failure::Failure;
use super::lifetime::Lifetime;
use super::no_connection::NoConnection;
use super::received::Remark;
use crate::config::Protocol;
use crate::principal::Principal;

/// The longest `Retry-After` of a 429 that is handed on, in seconds.
const LONGEST_RETRY_AFTER: u64 = 60;

/// What a shell reports about a callout.
#[derive(Debug, Clone, Copy)]
pub enum Reply<'a> {
    /// A response arrived.
    Response {
        /// `:status`.
        status: u16,
        /// Whether the service answered, rather than the proxy in its place: Envoy's own 503 and 504 lack
        /// `x-envoy-upstream-service-time`.
        from_service: bool,
        /// `Retry-After` as it came.
        retry_after: Option<&'a [u8]>,
        /// `Cache-Control` as it came.
        cache_control: Option<&'a [u8]>,
        /// The body, or its first `MAX_BODY_BYTES + 1` bytes.
        body: &'a [u8],
    },
    /// The connection ended without a response.
    Reset,
    /// The host would not send it: an unknown or empty cluster.
    NotSent,
}

/// What the auth service says of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// 200: whom the key belongs to, and how long that holds.
    Valid(Principal, Lifetime),
    /// 401, or a 200 that says so: the key is not valid.
    Invalid,
    /// 403: the service refuses the key.
    Refused,
    /// 429: the caller is rate limited.
    RateLimited {
        /// Seconds, at most 60; `None` when the service gave none.
        retry_after: Option<u64>,
    },
    /// No answer that can be used.
    Unavailable(Failure),
}

impl Verdict {
    /// The word used as the `outcome` of a callout in metrics.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Valid(..) => "valid",
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable(failure) => failure.outcome(),
        }
    }

    /// Takes the key out of a principal, which logs, answers and upstream are told of, wherever the service put it.
    /// Whether the principal had it.
    pub(crate) fn hide(&mut self, is_key: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Valid(principal, _) => hide_in(principal, is_key),
            _ => false,
        }
    }
}

fn hide_in(principal: &mut Principal, is_key: impl Fn(&str) -> bool) -> bool {
    let mut found = false;
    for id in [&mut principal.user_id, &mut principal.key_id] {
        found |= id.take_if(|id| is_key(id)).is_some();
    }
    for words in [&mut principal.scopes, &mut principal.roles] {
        let before = words.len();
        words.retain(|word| !is_key(word));
        found |= words.len() < before;
    }
    found |= principal.workspace.take_if(|it| is_key(it)).is_some();
    if let Some(workspaces) = &mut principal.workspaces {
        let before = workspaces.len();
        workspaces.retain(|it| !is_key(it));
        found |= workspaces.len() < before;
    }
    let before = principal.grants.len();
    principal.grants.retain(|grant| {
        let limits = [&grant.names, &grant.workspaces].into_iter().flatten();
        let mut words = std::iter::once(&grant.scope).chain(limits.flatten());
        !words.any(|word| is_key(word))
    });
    found | (principal.grants.len() < before)
}

impl Reply<'_> {
    /// Reads the reply by the contract.
    pub fn verdict(&self, contract: &Contract) -> Verdict {
        self.read(contract).0
    }

    /// The same, with what an operator should know of the reply.
    pub(crate) fn read(&self, contract: &Contract) -> (Verdict, Option<Remark>) {
        let (status, body) = match self.usable() {
            Ok(response) => response,
            Err(failure) => return (Verdict::Unavailable(failure), None),
        };
        let Self::Response {
            retry_after,
            cache_control,
            ..
        } = *self
        else {
            return (Verdict::Unavailable(Failure::Reset), None);
        };
        let verdict = match status {
            200 => match body::read(body, contract) {
                Ok(Said { valid, remark }) => {
                    let valid = valid.map(|(principal, lifetime)| {
                        let lifetime = lifetime.with_cache_control(cache_control);
                        Verdict::Valid(principal, contract.of_protocol(lifetime))
                    });
                    return (valid.unwrap_or(Verdict::Invalid), remark);
                }
                Err(error) => Verdict::Unavailable(Failure::Contract(error)),
            },
            // The caller's token is in the body: these are about who sent it.
            401 | 403 if contract.protocol == Protocol::Introspection => {
                Verdict::Unavailable(Failure::RefusesUs(status))
            }
            429 if contract.protocol == Protocol::Introspection => {
                Verdict::Unavailable(Failure::LimitsUs)
            }
            401 => Verdict::Invalid,
            403 => Verdict::Refused,
            429 => Verdict::RateLimited {
                retry_after: retry_after.and_then(seconds),
            },
            status => Verdict::Unavailable(Failure::of_status(status)),
        };
        (verdict, None)
    }

    /// The status and body that the service itself sent.
    pub(super) fn usable(&self) -> Result<(u16, &[u8]), Failure> {
        match *self {
            Self::Reset => Err(Failure::Reset),
            Self::NotSent => Err(Failure::NotSent),
            Self::Response {
                status: 504,
                from_service: false,
                ..
            } => Err(Failure::Timeout),
            Self::Response {
                status: 503,
                from_service: false,
                body,
                ..
            } => Err(Failure::Unreachable(NoConnection::of(body))),
            Self::Response {
                status: 502,
                from_service: false,
                body,
                ..
            } if NoConnection::is_protocol_error(body) => {
                Err(Failure::Unreachable(NoConnection::Protocol))
            }
            Self::Response { status, body, .. } => Ok((status, body)),
        }
    }
}

/// `Retry-After` in its form of seconds (RFC 9110 section 10.2.3).
fn seconds(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // A number too long to read is a long time.
    digits.then(|| text.parse().unwrap_or(u64::MAX).min(LONGEST_RETRY_AFTER))
}
