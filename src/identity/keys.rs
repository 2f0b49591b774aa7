//! What this VM and its neighbours know of keys.
//!
//! Owns the cache of this VM and its place in the data that the VMs share. It knows nothing of lookups in flight.

use std::sync::Arc;

use crate::auth_service::KeyDigest;
use crate::config::Cache;
use crate::effects::Effects;
use crate::lookup::Known;
use crate::metrics::Metric;
use crate::principal::{IdentitySource, Principal, Refusal, Timestamp};
use crate::principals::shared::SharedPrincipals;
use crate::principals::{Found, Principals, Validation};
use crate::shell::HostContext;

#[derive(Debug)]
pub(super) struct KeyStore {
    cache: Principals,
    shared: SharedPrincipals,
}

impl KeyStore {
    pub(super) fn new(cache: Cache, slots: u32) -> Self {
        Self {
            cache: Principals::new(cache),
            shared: SharedPrincipals::new(slots),
        }
    }

    /// What this VM knows.
    pub(super) fn find(&mut self, digest: KeyDigest, now: Timestamp) -> Found {
        self.cache.find(digest, now)
    }

    /// Whether the service has validated the key, however long ago, and nothing is known against it.
    pub(super) fn knows(&self, digest: KeyDigest) -> bool {
        self.cache.knows(digest)
    }

    /// How many principals this VM keeps.
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.cache.len()).unwrap_or_default()
    }

    /// The principal whose rights count while the service is unavailable.
    pub(super) fn kept(&mut self, digest: KeyDigest, now: Timestamp) -> Option<Arc<Principal>> {
        match self.cache.find(digest, now) {
            Found::Stale { principal, .. } | Found::Fresh { principal, .. } => Some(principal),
            Found::Refused(_) | Found::Nothing => None,
        }
    }

    /// What another VM was told of a valid key.
    pub(super) fn shared(
        &self,
        context: &HostContext<'_>,
        digest: KeyDigest,
    ) -> Option<Validation> {
        self.shared.find(context.shared, digest)
    }

    /// Tells the other VMs of a valid key.
    pub(super) fn publish(
        &self,
        context: &HostContext<'_>,
        digest: KeyDigest,
        validation: &Validation,
    ) {
        self.shared
            .publish(context.shared, digest, validation, context.now);
    }

    /// Takes back what the other VMs were told.
    pub(super) fn withdraw(&self, context: &HostContext<'_>, digest: KeyDigest) {
        self.shared.withdraw(context.shared, digest);
    }

    /// Whether the key of a principal may have been revoked since the service was asked about it.
    pub(super) fn is_in_doubt(&self, validation: &Validation) -> bool {
        self.cache.is_in_doubt(validation)
    }

    /// Whether the key of a principal is known to have been revoked since the service was asked about it.
    pub(super) fn is_revoked(&self, validation: &Validation) -> bool {
        self.cache.is_revoked(validation)
    }

    pub(super) fn keep(&mut self, effects: &mut Effects, digest: KeyDigest, it: Validation) {
        self.change(effects, |cache| cache.keep(digest, it));
    }

    /// Keeps what the service said, and tells who the caller is: with what upstream is told, if that is kept.
    pub(super) fn keep_known(
        &mut self,
        effects: &mut Effects,
        digest: KeyDigest,
        validation: Validation,
        now: Timestamp,
    ) -> Known {
        let principal = Arc::clone(&validation.principal);
        self.keep(effects, digest, validation);
        let values = match self.cache.find(digest, now) {
            Found::Fresh {
                principal: kept,
                values,
                ..
            } if Arc::ptr_eq(&kept, &principal) => Some(values),
            _ => None,
        };
        Known {
            values,
            ..Known::fresh(principal, IdentitySource::AuthService)
        }
    }

    pub(super) fn refuse(
        &mut self,
        effects: &mut Effects,
        digest: KeyDigest,
        refusal: Refusal,
        asked_at: Timestamp,
    ) {
        self.change(effects, |cache| cache.refuse(digest, refusal, asked_at));
    }

    pub(super) fn forget(&mut self, effects: &mut Effects, digest: KeyDigest) {
        self.change(effects, |cache| cache.forget(digest));
    }

    /// A refresh waits until then.
    pub(super) fn postpone_refresh(&mut self, digest: KeyDigest, until: Timestamp) {
        self.cache.postpone_refresh(digest, until);
    }

    /// Changes the cache, and the gauge by as many entries as it has more.
    pub(super) fn change(&mut self, effects: &mut Effects, change: impl FnOnce(&mut Principals)) {
        let before = self.count();
        change(&mut self.cache);
        effects.shift(Metric::CacheEntries, self.count() - before);
    }
}
