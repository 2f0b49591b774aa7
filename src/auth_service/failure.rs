//! Why the auth service gave no answer that can be used. Nothing of a reply's content goes into it: a service that
//! echoes the key must not bring it into a log.

use std::fmt;

use super::no_connection::NoConnection;
use super::unexpected_status;

/// The largest reply that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

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
    /// The introspection endpoint refuses the filter itself (RFC 7662 section 2.3).
    RefusesUs(u16),
    /// The introspection endpoint limits the rate of the filter (429).
    LimitsUs,
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
            Self::UnexpectedStatus(_) | Self::RefusesUs(_) => "unexpected_status",
            Self::LimitsUs => "rate_limited",
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
            | Self::RefusesUs(_)
            | Self::NotSent => true,
            Self::UnexpectedStatus(_) | Self::LimitsUs | Self::Contract(_) => false,
        }
    }

    /// Whether the service limits the filter. Invented keys can make it so: it is no outage, and lets no rights past their
    /// time count.
    pub(crate) const fn is_limit(&self) -> bool {
        matches!(self, Self::LimitsUs)
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
            Self::UnexpectedStatus(_)
                | Self::RefusesUs(_)
                | Self::LimitsUs
                | Self::Contract(_)
                | Self::NotSent
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
            Self::RefusesUs(status) => write!(
                f,
                "the introspection endpoint answered {status}: it does not accept the filter's own credential, so no caller \
                 was looked up; check auth_service.headers, or the credential_injector of the \
                 cluster, and that this client may introspect tokens"
            ),
            Self::LimitsUs => f.write_str(
                "the introspection endpoint answered 429: it limits the filter's rate of lookups, whoever the caller is; \
                 raise its limit for the filter's client, or cache.ttl",
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
            Self::Validity { field, problem } => write!(f, "field {field}: {problem}"),
            Self::Field { field, problem } => write!(f, "field {field}: {problem}"),
        }
    }
}
