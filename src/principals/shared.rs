//! The second level: principals that one VM validated and all may use.
//!
//! A fixed number of slots in the data that VMs share. The key's digest chooses two; a validation takes the
//! place of the key's last one, else of the older of what stands there. An entry says when the service was
//! asked, and each reader judges its age by its own configuration.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Principal, Timestamp, Validation};
use crate::auth_service::{KeyDigest, Lifetime};
use crate::json;
use crate::shared_data::{SharedData, slot_name, update, update_read};

/// The layout of a slot. A module that writes another layout uses other names, too: what one that knew no workspaces
/// has left would be read as a key without a limit.
const LAYOUT: u8 = 2;

/// Of the names of slots; it has the layout in it.
const PREFIX: &str = "mlflow_authz/2/principal/";

/// The largest slot, in bytes. A principal with more scopes than fit is each VM's own to ask about.
pub const MAX_SLOT_BYTES: usize = 4096;

/// What the slot of a key with a few scopes has room in.
const FIRST_SLOT_BYTES: usize = 512;

/// The slots.
#[derive(Debug, Clone, Copy)]
pub struct SharedPrincipals {
    slots: u32,
}

/// What stands in a slot behind the layout and the digest.
#[derive(Serialize, Deserialize)]
struct Slot<P> {
    asked_at: Duration,
    max_age: Option<Duration>,
    expires_at: Option<Duration>,
    principal: P,
}

impl SharedPrincipals {
    /// So many slots; 0 shares nothing.
    pub const fn new(slots: u32) -> Self {
        Self { slots }
    }

    /// What another VM was told of a key.
    pub fn find(&self, shared: &dyn SharedData, digest: KeyDigest) -> Option<Validation> {
        self.names(digest)
            .filter_map(|name| read(&shared.get(&name)?.0, digest))
            .max_by_key(|validation| validation.asked_at)
    }

    /// Tells the other VMs. Returns whether they can know. A word from the future, left by a clock that jumped
    /// back, gives way to any other.
    pub fn publish(
        &self,
        shared: &dyn SharedData,
        digest: KeyDigest,
        validation: &Validation,
        now: Timestamp,
    ) -> bool {
        let ranked = |name: String| {
            let found = shared.get(&name);
            let value = found.as_ref().map_or(&[][..], |(value, _)| value);
            (Rank::of(value, digest, now), name, found)
        };
        let slots = self.names(digest).map(ranked);
        let least = slots.min_by(|(one, ..), (other, ..)| one.cmp(other));
        let Some(((_, name, found), slot)) = least.zip(write(digest, validation)) else {
            return false;
        };
        update_read(shared, &name, found, &mut |current| {
            let newer = validation.asked_at..=now.max(validation.asked_at);
            let kept = of_key(current, digest).and_then(asked_at);
            // Most are older: of those no more need be read than their time.
            let stays =
                kept.is_some_and(|at| newer.contains(&at)) && read(current, digest).is_some();
            (!stays).then(|| slot.clone())
        })
    }

    /// Takes back what was said of a key that the service has turned down. A word that is newer by its time
    /// goes too: the clock may have jumped, and one question more is the least evil.
    pub fn withdraw(&self, shared: &dyn SharedData, digest: KeyDigest) {
        for name in self.names(digest) {
            update(shared, &name, |current| {
                read(current, digest).map(|_| Vec::new())
            });
        }
    }

    fn names(&self, digest: KeyDigest) -> impl Iterator<Item = String> + use<> {
        let slots = digest.spread().map(|number| number.checked_rem(self.slots));
        let [first, second] = slots;
        let slots = [first, second.filter(|_| second != first)].into_iter();
        slots.flatten().map(|slot| slot_name(PREFIX, slot))
    }
}

/// Which of its slots a validation takes: the least.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The key's own, whether it can be read or not.
    Own,
    /// One that says nothing.
    Empty,
    /// Another key's, by its age.
    Other(Timestamp),
}

impl Rank {
    fn of(bytes: &[u8], digest: KeyDigest, now: Timestamp) -> Self {
        if of_key(bytes, digest).is_some() {
            return Self::Own;
        }
        let rest = bytes.strip_prefix(&[LAYOUT]);
        let asked_at = rest.and_then(|rest| asked_at(rest.get(32..)?));
        match asked_at {
            Some(asked_at) if asked_at <= now => Self::Other(asked_at),
            _ => Self::Empty,
        }
    }
}

fn write(digest: KeyDigest, validation: &Validation) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(FIRST_SLOT_BYTES);
    bytes.push(LAYOUT);
    bytes.extend_from_slice(digest.as_bytes());
    let Validation {
        principal,
        asked_at,
        lifetime,
    } = validation;
    let slot = Slot {
        asked_at: *asked_at,
        max_age: lifetime.max_age,
        expires_at: lifetime.expires_at,
        principal: principal.as_ref(),
    };
    serde_json::to_writer(&mut bytes, &slot).ok()?;
    (bytes.len() <= MAX_SLOT_BYTES).then_some(bytes)
}

/// The part of a slot that says something of this key; `None` where it is another's.
fn of_key(bytes: &[u8], digest: KeyDigest) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(&[LAYOUT])?;
    rest.strip_prefix(digest.as_bytes())
}

/// When the service was asked.
fn asked_at(json: &[u8]) -> Option<Timestamp> {
    let slot: Slot<IgnoredAny> = json::read(json).ok()?;
    Some(slot.asked_at)
}

/// What a slot says of this key; `None` where it says nothing or is not to be understood.
fn read(bytes: &[u8], digest: KeyDigest) -> Option<Validation> {
    let slot: Slot<Principal> = json::read(of_key(bytes, digest)?).ok()?;
    Some(Validation {
        principal: Arc::new(slot.principal),
        asked_at: slot.asked_at,
        lifetime: Lifetime {
            max_age: slot.max_age,
            expires_at: slot.expires_at,
            // Counted and kept to before the slot was written.
            ..Lifetime::default()
        },
    })
}
