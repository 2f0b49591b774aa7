//! Who a key belongs to, as far as this VM and its neighbours know.
//!
//! | module | what it keeps |
//! |---|---|
//! | [`cache`] | principals and refusals of one VM, in two bounded stores |
//! | [`shared`] | principals in the data that VMs share, in a fixed number of slots |
//! | [`claims`] | who asks about which key just now, and what came of it, likewise |
//! | [`revoked`] | revoked key ids of one VM |
//! | [`revocation_log`] | how one VM tells the others of revoked key ids |
//!
//! All hold digests, principals and public ids, never keys, and decide nothing: scopes are read anew on
//! each request.

pub mod cache;
pub mod claims;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod revocation_log;
pub mod revoked;
pub mod shared;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::auth_service::Lifetime;

pub use cache::{Found, Principals};

/// Time since the UNIX epoch, as the host's clock tells it.
pub type Timestamp = Duration;

/// Whom the auth service says a key belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The user.
    pub user_id: Option<String>,
    /// The key's public name.
    pub key_id: Option<String>,
    /// The key's scopes, as the service gave them.
    pub scopes: Vec<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// Whether everything is granted.
    pub is_admin: bool,
    /// Scopes limited to names.
    #[serde(default)]
    pub grants: Vec<Grant>,
}

/// A scope limited to names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The scope.
    pub scope: String,
    /// Patterns of names.
    pub names: Vec<String>,
}

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

/// How the auth service turned a key down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 401.
    Invalid,
    /// 403.
    Refused,
}
