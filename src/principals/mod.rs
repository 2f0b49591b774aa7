//! Who a key belongs to, as far as this VM and its neighbours know.
//!
//! | module | what it keeps |
//! |---|---|
//! | [`cache`] | principals and refusals of one VM, in two bounded stores |
//! | [`shared`] | principals in the data that VMs share, in a fixed number of slots |
//! | [`claims`] | who asks about which key just now, and what came of it, likewise |
//! | [`revoked`] | revoked key ids of one VM |
//! | [`revocation_log`] | how one VM tells the others of revoked key ids |
//! | [`revoked_digests`] | which ids the log has told of, for VMs that missed it |
//!
//! All hold digests, principals and public ids, never keys, and decide nothing: scopes are read anew on
//! each request.

pub mod cache;
pub mod claims;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod revocation_log;
pub mod revoked;
pub mod revoked_digests;
pub mod shared;

use std::sync::Arc;

use crate::auth_service::Lifetime;

pub use crate::principal::{Grant, Principal, Refusal, Timestamp};
pub use cache::{Found, Principals};

/// What the auth service said of a valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// Whom the key belongs to.
    pub principal: Arc<Principal>,
    /// When the service was asked: what it said may have been true then and no longer.
    pub asked_at: Timestamp,
    /// How long the service lets it be used.
    pub lifetime: Lifetime,
}
