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
use crate::shared_data::{SharedData, update};

/// The layout of a slot. A module that writes another layout uses other names, too: what one that knew no workspaces
/// has left would be read as a key without a limit.
const LAYOUT: u8 = 2;

/// The largest slot, in bytes. A principal with more scopes than fit is each VM's own to ask about.
pub const MAX_SLOT_BYTES: usize = 4096;

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
        let told = |name: &String| read(&shared.get(name)?.0, digest);
        self.names(digest)
            .iter()
            .filter_map(told)
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
        let names = self.names(digest);
        let rank = |name: &&String| match shared.get(name).map(|(value, _)| value) {
            Some(value) if read(&value, digest).is_some() => Rank::Own,
            Some(value) => Rank::of_other(&value, now),
            None => Rank::Empty,
        };
        let Some((name, slot)) = names.iter().min_by_key(rank).zip(write(digest, validation))
        else {
            return false;
        };
        update(shared, name, |current| {
            let newer = read(current, digest).is_some_and(|kept| {
                (validation.asked_at..=now.max(validation.asked_at)).contains(&kept.asked_at)
            });
            (!newer).then(|| slot.clone())
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

    fn names(&self, digest: KeyDigest) -> Vec<String> {
        let [first, second] = digest.spread();
        let slots = [first, second].map(|number| number.checked_rem(self.slots));
        let mut slots: Vec<u32> = slots.into_iter().flatten().collect();
        slots.dedup();
        slots
            .iter()
            .map(|slot| format!("mlflow_authz/{LAYOUT}/principal/{slot}"))
            .collect()
    }
}

/// Which of its slots a validation takes: the least.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The key's own.
    Own,
    /// One that says nothing.
    Empty,
    /// Another key's, by its age.
    Other(Timestamp),
}

impl Rank {
    fn of_other(bytes: &[u8], now: Timestamp) -> Self {
        let json = bytes
            .strip_prefix(&[LAYOUT])
            .and_then(|rest| rest.get(32..));
        let slot = json.and_then(|json| json::read::<Slot<IgnoredAny>>(json).ok());
        match slot {
            Some(slot) if slot.asked_at <= now => Self::Other(slot.asked_at),
            _ => Self::Empty,
        }
    }
}

fn write(digest: KeyDigest, validation: &Validation) -> Option<Vec<u8>> {
    let mut bytes = vec![LAYOUT];
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

/// What a slot says of this key; `None` where it says nothing or is not to be understood.
fn read(bytes: &[u8], digest: KeyDigest) -> Option<Validation> {
    let rest = bytes.strip_prefix(&[LAYOUT])?;
    let json = rest.strip_prefix(digest.as_bytes())?;
    let slot: Slot<Principal> = json::read(json).ok()?;
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
