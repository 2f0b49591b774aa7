//! Reads what came back from the auth service. Nothing of a reply's content goes into an error: a service
//! that echoes the key must not bring it into a log.

use std::fmt;

use super::body;
use super::lifetime::Lifetime;
use super::no_connection::NoConnection;
use super::received::Received;
use super::unexpected_status;
use crate::principals::Principal;

/// The largest reply that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

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

    /// Takes out of an error whatever has the key in it.
    pub(crate) fn hide(&mut self, is_key: impl Fn(&str) -> bool) {
        if let Self::Unavailable(Failure::Contract(ContractError::NoScopes(received))) = self {
            received.hide(&is_key);
        }
    }
}

/// Why there is no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The callout took longer than its timeout.
    Timeout,
    /// No connection, or none that lasted until the response.
    Unreachable(NoConnection),
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
            Self::Unreachable(_) => "unreachable",
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
            Self::Timeout
            | Self::Unreachable(_)
            | Self::Reset
            | Self::Status(_)
            | Self::NotSent => true,
            Self::UnexpectedStatus(_) | Self::Contract(_) => false,
        }
    }

    /// The failure of a poll for revoked keys, in words.
    pub(crate) fn of_a_poll(&self) -> String {
        match self {
            Self::UnexpectedStatus(status) => format!(
                "the auth service answered {status} to the poll, which is outside its contract: {}",
                unexpected_status::advice_for_polls(*status)
            ),
            _ => self.to_string(),
        }
    }

    /// Whether the service said of this key that it may not be valid: rights that it had before do not hold on.
    pub(crate) const fn ends_kept_rights(&self) -> bool {
        matches!(self, Self::Contract(ContractError::Validity { .. }))
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
            Self::Unreachable(why) => why.fmt(f),
            Self::Reset => f.write_str("the connection ended without a response"),
            Self::Status(status) => write!(f, "the auth service answered {status}"),
            Self::UnexpectedStatus(status) => write!(
                f,
                "the auth service answered {status}, which is outside its contract: {}",
                unexpected_status::advice(*status)
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
    /// `scopes` is absent or null, and the caller is no admin.
    NoScopes(Received),
    /// A field that should say whether the key is valid, and says neither.
    Validity {
        /// The field with its path, `user.active`.
        field: String,
        /// What was expected.
        problem: &'static str,
    },
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
            Self::NoScopes(received) => write!(
                f,
                "field scopes: is missing or null, and is_admin is not true; {received}"
            ),
            Self::Validity { field, problem } => write!(f, "field {field}: {problem}"),
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
            200 => match body::principal(body) {
                Ok(Some((principal, lifetime))) => {
                    Verdict::Valid(principal, lifetime.with_cache_control(cache_control))
                }
                Ok(None) => Verdict::Invalid,
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
