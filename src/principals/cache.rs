//! The first level: what one VM remembers of keys.
//!
//! Principals and refusals have a store each, both bounded, so that a flood of invented keys evicts no good
//! one. A principal is *fresh* for its time, then *stale*: good only while the auth service is unavailable.

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;

use super::revoked::Revoked;
use super::{Principal, Refusal, Timestamp, Validation};
use crate::auth_service::{KeyDigest, KeyId};
use crate::bounded::bounded;
use crate::config::Cache;
use crate::upstream::IdentityValues;

/// The share of its TTL by which a principal may end sooner, so that a fleet does not ask in step.
const JITTER_DIVISOR: u32 = 10;

/// A principal is asked about again in the last fifth of its time.
const REFRESH_DIVISOR: u32 = 5;

/// What is remembered of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A principal to be served without asking.
    Fresh {
        /// Whom the key belongs to.
        principal: Arc<Principal>,
        /// What tells upstream of it.
        values: Arc<IdentityValues>,
        /// Whether it is time to ask in the background.
        refresh: bool,
    },
    /// A principal to be served only while the auth service is unavailable.
    Stale {
        /// Whom the key belonged to.
        principal: Arc<Principal>,
        /// When the service was asked.
        asked_at: Timestamp,
        /// Whether it may be asked in the background.
        refresh: bool,
    },
    /// The service turned the key down a moment ago.
    Refused(Refusal),
    /// Nothing that can be used.
    Nothing,
}

/// The cache.
#[derive(Debug)]
pub struct Principals {
    principals: LruCache<KeyDigest, Entry>,
    refusals: LruCache<KeyDigest, (Refusal, Timestamp)>,
    revoked: Revoked,
    config: Cache,
}

#[derive(Debug)]
struct Entry {
    validation: Validation,
    values: Arc<IdentityValues>,
    fresh_for: Duration,
    /// Age at which to ask in the background.
    refresh_after: Duration,
    /// It was found to be from the future: nothing older can be told from newer any more.
    ageless: bool,
}

impl Entry {
    fn found(&self, age: Duration, now: Timestamp, stale_if_error: Duration) -> Found {
        let Validation {
            principal,
            asked_at,
            lifetime,
        } = &self.validation;
        if age < self.fresh_for {
            Found::Fresh {
                principal: Arc::clone(principal),
                values: Arc::clone(&self.values),
                refresh: age >= self.refresh_after,
            }
        } else if age < self.fresh_for.saturating_add(stale_if_error)
            && lifetime.expires_at.is_none_or(|at| now < at)
        {
            Found::Stale {
                principal: Arc::clone(principal),
                asked_at: *asked_at,
                refresh: age >= self.refresh_after,
            }
        } else {
            Found::Nothing
        }
    }
}

impl Principals {
    /// An empty cache.
    pub fn new(config: Cache) -> Self {
        let capacity = usize::try_from(config.capacity)
            .ok()
            .and_then(NonZeroUsize::new)
            .unwrap_or(NonZeroUsize::MIN);
        Self {
            principals: bounded(capacity),
            refusals: bounded(capacity),
            revoked: Revoked::default(),
            config,
        }
    }

    /// What is remembered of a key. An entry from the future, left by a clock that jumped back, is not used
    /// any more, and gives way to any other: how old it is, nobody can say.
    pub fn find(&mut self, digest: KeyDigest, now: Timestamp) -> Found {
        if let Some(entry) = self.principals.get_mut(&digest) {
            match now.checked_sub(entry.validation.asked_at) {
                Some(age) if !entry.ageless => {
                    match entry.found(age, now, self.config.stale_if_error) {
                        Found::Nothing => {}
                        found => return found,
                    }
                }
                _ => entry.ageless = true,
            }
        }
        if let Some(&(refusal, asked_at)) = self.refusals.get(&digest) {
            match now.checked_sub(asked_at) {
                Some(age) if age < self.config.negative_ttl => return Found::Refused(refusal),
                Some(_) => {}
                None => {
                    self.refusals.pop(&digest);
                }
            }
        }
        Found::Nothing
    }

    /// Whether the service has validated the key, however long ago, and nothing is known against it.
    pub fn knows(&self, digest: KeyDigest) -> bool {
        self.principals.peek(&digest).is_some()
    }

    /// Whether the key of a principal may have been revoked since the service was asked about it.
    pub fn is_in_doubt(&self, validation: &Validation) -> bool {
        self.revoked
            .covers(validation.principal.key_id.as_deref(), validation.asked_at)
    }

    /// Whether the key of a principal is known to have been revoked since the service was asked about it.
    pub fn is_revoked(&self, validation: &Validation) -> bool {
        let key_id = validation.principal.key_id.as_deref();
        self.revoked.names(key_id, validation.asked_at)
    }

    /// Keeps what the service said of a valid key, unless it is no newer than what is known. One that may not be
    /// kept leaves nothing behind.
    pub fn keep(&mut self, digest: KeyDigest, validation: Validation) {
        let newer = |kept: &Entry| !kept.ageless && kept.validation.asked_at >= validation.asked_at;
        let refused_later = |(_, asked_at): &(Refusal, Timestamp)| *asked_at > validation.asked_at;
        if self.principals.peek(&digest).is_some_and(newer)
            || self.refusals.peek(&digest).is_some_and(refused_later)
        {
            return;
        }
        self.refusals.pop(&digest);
        let fresh_for = self.fresh_for(digest, &validation);
        if fresh_for.is_zero() || self.is_in_doubt(&validation) {
            self.principals.pop(&digest);
            return;
        }
        let entry = Entry {
            values: IdentityValues::of(&validation.principal).into(),
            validation,
            fresh_for,
            refresh_after: fresh_for - fresh_for / REFRESH_DIVISOR,
            ageless: false,
        };
        self.principals.push(digest, entry);
    }

    /// Keeps a refusal in place of the principal.
    pub fn refuse(&mut self, digest: KeyDigest, refusal: Refusal, asked_at: Timestamp) {
        self.principals.pop(&digest);
        if !self.config.negative_ttl.is_zero() {
            self.refusals.push(digest, (refusal, asked_at));
        }
    }

    /// Forgets the principal of a key.
    pub fn forget(&mut self, digest: KeyDigest) {
        self.principals.pop(&digest);
    }

    /// Lets a background question wait.
    pub fn postpone_refresh(&mut self, digest: KeyDigest, until: Timestamp) {
        if let Some(entry) = self.principals.peek_mut(&digest) {
            entry.refresh_after = until.saturating_sub(entry.validation.asked_at);
        }
    }

    /// Forgets the principals of revoked keys, and takes in no older word about them. Returns how many it
    /// forgot.
    pub fn revoke(&mut self, key_ids: &[KeyId], at: Timestamp) -> usize {
        self.revoked.add(key_ids, at);
        self.forget_revoked()
    }

    /// Forgets every principal: which keys were revoked until now is not known. Returns how many it forgot.
    pub fn revoke_all(&mut self, at: Timestamp) -> usize {
        self.revoked.add_all(at);
        self.forget_revoked()
    }

    fn forget_revoked(&mut self) -> usize {
        let gone: Vec<KeyDigest> = self
            .principals
            .iter()
            .filter(|(_, entry)| self.is_in_doubt(&entry.validation))
            .map(|(digest, _)| *digest)
            .collect();
        for digest in &gone {
            self.principals.pop(digest);
        }
        gone.len()
    }

    /// How many principals are kept.
    pub fn len(&self) -> usize {
        self.principals.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.principals.is_empty()
    }

    /// How many refusals are kept.
    pub fn refusals(&self) -> usize {
        self.refusals.len()
    }

    /// The shortest of the service's limits and the TTL less its jitter. The jitter follows from the key and
    /// the time of the question, so VMs that share the entry agree on it and proxies do not.
    fn fresh_for(&self, digest: KeyDigest, validation: &Validation) -> Duration {
        let Validation {
            asked_at, lifetime, ..
        } = validation;
        let [number, _] = digest.spread();
        let mixed = (number ^ asked_at.subsec_nanos()).wrapping_mul(0x9e37_79b9);
        let share = f64::from(mixed) / f64::from(u32::MAX);
        let jitter = (self.config.ttl / JITTER_DIVISOR).mul_f64(share);
        let until_expiry = lifetime
            .expires_at
            .map(|expires_at| expires_at.saturating_sub(*asked_at));
        [
            Some(self.config.ttl - jitter),
            lifetime.max_age,
            until_expiry,
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or_default()
    }
}
