//! Reads what came back from the auth service. Nothing of a reply's content goes into an error: a service
//! that echoes the key must not bring it into a log.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use super::lifetime::{ExpiresAt, Lifetime};
use crate::json::{self, Problem};
use crate::principals::{Grant, Principal, Timestamp};

/// The largest reply that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The most scopes, and the most roles, of one key. Each takes memory in the cache and room in a header.
const MAX_NAMES: usize = 1000;

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
    /// 401: the key is not valid.
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
}

/// Why there is no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The callout took longer than its timeout.
    Timeout,
    /// No connection.
    Unreachable,
    /// The connection ended without a response.
    Reset,
    /// The service answered with a status of its own trouble (5xx).
    Status(u16),
    /// The service answered with a status outside the contract.
    UnexpectedStatus(u16),
    /// The body is outside the contract.
    Contract(ContractError),
    /// The host would not send the callout.
    NotSent,
}

impl Failure {
    /// The failure that a status outside the contract is.
    pub(super) const fn of_status(status: u16) -> Self {
        match status {
            500.. => Self::Status(status),
            _ => Self::UnexpectedStatus(status),
        }
    }

    /// The word used in metrics.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
            Self::Status(_) => "error",
            Self::UnexpectedStatus(_) => "unexpected_status",
            Self::Contract(_) => "contract",
            Self::NotSent => "not_sent",
        }
    }

    /// Whether the service as a whole is in trouble. What it answers outside its contract may be about one
    /// key only, and one key must not take the service from all others.
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Timeout | Self::Unreachable | Self::Reset | Self::Status(_) | Self::NotSent => {
                true
            }
            Self::UnexpectedStatus(_) | Self::Contract(_) => false,
        }
    }

    /// Whether an operator has to act: it will not pass by itself.
    pub const fn is_misconfiguration(&self) -> bool {
        matches!(
            self,
            Self::UnexpectedStatus(_) | Self::Contract(_) | Self::NotSent
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("the callout timed out"),
            Self::Unreachable => f.write_str("no connection to the auth service"),
            Self::Reset => f.write_str("the connection ended without a response"),
            Self::Status(status) => write!(f, "the auth service answered {status}"),
            Self::UnexpectedStatus(status) => write!(
                f,
                "the auth service answered {status}, which is outside its contract; check auth_service.path"
            ),
            Self::Contract(error) => write!(f, "the auth service's reply is outside its contract: {error}"),
            Self::NotSent => f.write_str(
                "the proxy would not send the callout; check that auth_service.cluster names a cluster with endpoints",
            ),
        }
    }
}

/// How a 200's body breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractError {
    /// More than [`MAX_BODY_BYTES`].
    TooLarge,
    /// Not JSON.
    NotJson,
    /// A field that is absent, doubled or of the wrong type.
    Field {
        /// The field with its path, `user.roles[0]`.
        field: String,
        /// What is wrong with it; never its value.
        problem: String,
    },
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the body is larger than {MAX_BODY_BYTES} bytes"),
            Self::NotJson => f.write_str("the body is not JSON"),
            Self::Field { field, problem } => write!(f, "field {field}: {problem}"),
        }
    }
}

impl Reply<'_> {
    /// Reads the reply by the contract.
    pub fn verdict(&self) -> Verdict {
        let (status, body) = match self.usable() {
            Ok(response) => response,
            Err(failure) => return Verdict::Unavailable(failure),
        };
        let Self::Response {
            retry_after,
            cache_control,
            ..
        } = *self
        else {
            return Verdict::Unavailable(Failure::Reset);
        };
        match status {
            200 => match parse_principal(body) {
                Ok((principal, expires_at)) => {
                    Verdict::Valid(principal, Lifetime::new(cache_control, expires_at))
                }
                Err(error) => Verdict::Unavailable(Failure::Contract(error)),
            },
            401 => Verdict::Invalid,
            403 => Verdict::Refused,
            429 => Verdict::RateLimited {
                retry_after: retry_after.and_then(seconds),
            },
            status => Verdict::Unavailable(Failure::of_status(status)),
        }
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
                ..
            } => Err(Failure::Unreachable),
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

#[derive(Deserialize)]
struct Body {
    scopes: Vec<String>,
    user_id: Option<KeyId>,
    key_id: Option<KeyId>,
    roles: Option<Vec<String>>,
    is_admin: Option<bool>,
    user: Option<User>,
    expires_at: Option<ExpiresAt>,
    grants: Option<Vec<Grant>>,
}

#[derive(Deserialize, Default)]
struct User {
    id: Option<KeyId>,
    roles: Option<Vec<String>>,
    is_admin: Option<bool>,
}

/// An id: text, or a whole number as its digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl Visitor<'_> for IdVisitor {
            type Value = KeyId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a whole number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<KeyId, E> {
                Ok(KeyId(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<KeyId, E> {
                Ok(KeyId(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<KeyId, E> {
                Ok(KeyId(number.to_string()))
            }
        }

        deserializer.deserialize_any(IdVisitor)
    }
}

fn parse_principal(body: &[u8]) -> Result<(Principal, Option<Timestamp>), ContractError> {
    let body: Body = parse_object(body)?;
    let user = body.user.unwrap_or_default();
    let roles = body.roles.or(user.roles).unwrap_or_default();
    let grants = body.grants.unwrap_or_default();
    if grants
        .iter()
        .map(|grant| grant.names.len().max(1))
        .sum::<usize>()
        > MAX_NAMES
    {
        return Err(ContractError::Field {
            field: "grants".to_owned(),
            problem: format!("holds more than {MAX_NAMES} names"),
        });
    }
    for (field, names) in [("scopes", &body.scopes), ("roles", &roles)] {
        if names.len() > MAX_NAMES {
            return Err(ContractError::Field {
                field: field.to_owned(),
                problem: format!("holds more than {MAX_NAMES} names"),
            });
        }
    }
    let mut principal = Principal {
        user_id: body.user_id.or(user.id).map(|id| id.0),
        key_id: body.key_id.map(|id| id.0),
        scopes: body.scopes,
        roles,
        is_admin: body.is_admin.or(user.is_admin).unwrap_or_default(),
        grants,
    };
    // Many are kept.
    principal.scopes.shrink_to_fit();
    principal.roles.shrink_to_fit();
    Ok((principal, body.expires_at.map(|ExpiresAt(at)| at)))
}

/// Reads a reply's body: one JSON object of bounded size.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ContractError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(ContractError::TooLarge);
    }
    json::read(body).map_err(contract_error)
}

fn contract_error(error: json::Error) -> ContractError {
    let (path, problem) = error.into_parts();
    let (field, problem) = match problem {
        Problem::Syntax(_) => return ContractError::NotJson,
        Problem::MissingField(field) => (json::field_of(&path, field), "is missing".to_owned()),
        Problem::DoubledField(field) => (
            json::field_of(&path, field),
            "stands there twice".to_owned(),
        ),
        // Only what was expected may be repeated.
        Problem::Unexpected { expected, .. } => (path, format!("expected {expected}")),
        Problem::UnknownField { .. } | Problem::Other(_) => {
            (path, "is not of the contract's type".to_owned())
        }
    };
    let field = match field.as_str() {
        "" => "(the whole body)".to_owned(),
        _ => field,
    };
    ContractError::Field { field, problem }
}
