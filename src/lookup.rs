//! Who presents a key, or why that cannot be said: the one outcome of a lookup, wherever it comes from.
//!
//! Data: what a VM's cache knows, what a neighbour concluded, what the auth service answered and what a waiting
//! request is told are all a [`Lookup`].

use std::sync::Arc;

use crate::decision::Reason;
use crate::principal::{IdentitySource, Principal, Refusal};
use crate::upstream::IdentityValues;

/// What came of a lookup.
pub type Lookup<T = Known> = Result<T, LookupFailure>;

/// Who presents a key.
#[derive(Debug, Clone)]
pub struct Known {
    /// Whom the key belongs to.
    pub principal: Arc<Principal>,
    /// Who says so.
    pub identity: IdentitySource,
    /// What upstream is told of the principal, where it is worked out already.
    pub values: Option<Arc<IdentityValues>>,
    /// Whether the principal is past its time and counts because the auth service is unavailable.
    pub stale: bool,
}

impl Known {
    /// A principal that a source has just vouched for.
    pub const fn fresh(principal: Arc<Principal>, identity: IdentitySource) -> Self {
        Self {
            principal,
            identity,
            values: None,
            stale: false,
        }
    }

    /// A principal past its time.
    pub(crate) const fn stale(principal: Arc<Principal>) -> Self {
        Self {
            principal,
            identity: IdentitySource::AuthService,
            values: None,
            stale: true,
        }
    }
}

/// Why nobody can say who presents a key, or that nobody may present it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupFailure {
    /// The auth service turned the key down.
    Refused(Refusal),
    /// The auth service limits the caller's rate.
    RateLimited {
        /// Seconds to wait, where the service said.
        retry_after: Option<u64>,
    },
    /// The auth service gave no usable answer about the key, or none in time.
    Unavailable,
    /// The auth service said of the key itself what cannot be read: it may not be valid, and rights that were kept end.
    Unclear,
    /// The auth service was not asked, or what it said does not hold any more.
    NotAsked,
    /// As many callouts are open as are allowed, or the auth service lets the filter make no more.
    Overloaded,
}

impl LookupFailure {
    /// Why the request is denied.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Refused(Refusal::Invalid) => Reason::KeyInvalid,
            Self::Refused(Refusal::Refused) => Reason::KeyRefused,
            Self::RateLimited { .. } => Reason::RateLimited,
            Self::Unavailable | Self::Unclear | Self::NotAsked => Reason::AuthUnavailable,
            Self::Overloaded => Reason::Overloaded,
        }
    }

    /// Seconds after which to ask again, where that helps: `usual` unless the service said otherwise.
    pub fn retry_after(self, usual: u64) -> Option<u64> {
        match self {
            Self::Refused(_) => None,
            Self::RateLimited { retry_after } => retry_after.or(Some(usual)),
            Self::Unavailable | Self::Unclear | Self::NotAsked | Self::Overloaded => Some(usual),
        }
    }

    /// Whether the auth service failed for this very key: rights past their time count.
    pub(crate) const fn is_of_the_service(self) -> bool {
        matches!(self, Self::Unavailable | Self::Unclear)
    }

    /// Whether it says nothing about the key: stale rights count if the circuit of the service is open.
    pub(crate) const fn says_nothing(self) -> bool {
        matches!(
            self,
            Self::Unavailable | Self::Unclear | Self::NotAsked | Self::Overloaded
        )
    }
}
