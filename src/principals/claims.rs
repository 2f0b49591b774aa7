//! Who asks about which key just now: so that a key which is cold on every worker is asked about once.
//!
//! A fixed number of slots in the data that VMs share. A VM claims the slot of a key's digest before it asks,
//! renews the claim while it waits, and writes what came of it in its place; the others watch the slot. A
//! claim lapses by itself: if its VM dies, another asks.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{Refusal, Timestamp};
use crate::auth_service::KeyDigest;
use crate::lookup::{Lookup, LookupFailure};
use crate::shared_data::{SharedData, slot_name, update};

const LAYOUT: u8 = 1;

/// Of the names of slots; it has the layout in it.
const PREFIX: &str = "mlflow_authz/1/question/";

/// Bytes of a slot.
const SIZE: usize = 1 + 32 + 1 + 4 + 2 * 8;

/// How long a claim holds unless it is renewed.
pub const LEASE: Duration = Duration::from_millis(250);

/// What is known of the question about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Nobody asks.
    Free,
    /// A VM is asking.
    Claimed,
    /// A VM has asked.
    Concluded {
        /// What came of it. The principal of a valid key is in the shared slots, if it fits.
        outcome: Lookup<()>,
        /// When it was asked.
        asked_at: Timestamp,
    },
}

/// What came of an attempt to claim a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// This VM is to ask, and to conclude.
    Mine(Mine),
    /// Another VM asks already.
    Theirs,
    /// The slot is busy with another key, or there is none: this VM asks, and the others may as well.
    Unclaimed,
}

/// A claim that this VM holds; known by the time at which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mine {
    since: Timestamp,
}

/// The slots.
#[derive(Debug, Clone, Copy)]
pub struct Claims {
    slots: u32,
}

/// A slot: `since` is when the question began, `at` when the slot was last written.
#[derive(Debug, Clone, Copy)]
struct Slot {
    digest: [u8; 32],
    state: State,
    since: Timestamp,
    at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Claimed,
    Concluded(Lookup<()>),
}

impl Slot {
    /// A claim may be a little ahead of its reader, which looked at the clock before the claim was made. One
    /// that is farther ahead was left by a clock that jumped back, and has lapsed.
    fn is_held(&self, now: Timestamp) -> bool {
        self.state == State::Claimed && now.abs_diff(self.at) < LEASE
    }
}

impl Claims {
    /// So many slots; 0 claims nothing.
    pub const fn new(slots: u32) -> Self {
        Self { slots }
    }

    /// What is known of the question about a key.
    pub fn question(&self, shared: &dyn SharedData, digest: KeyDigest, now: Timestamp) -> Question {
        let slot = self
            .name(digest)
            .and_then(|name| read(&shared.get(&name)?.0))
            .filter(|slot| slot.digest == *digest.as_bytes());
        match slot {
            Some(slot) if slot.is_held(now) => Question::Claimed,
            Some(Slot {
                state: State::Concluded(outcome),
                since,
                ..
            }) => Question::Concluded {
                outcome,
                asked_at: since,
            },
            _ => Question::Free,
        }
    }

    /// Tries to become the one who asks.
    pub fn claim(&self, shared: &dyn SharedData, digest: KeyDigest, now: Timestamp) -> Claim {
        let Some(name) = self.name(digest) else {
            return Claim::Unclaimed;
        };
        let mut claim = Claim::Unclaimed;
        let settled = update(shared, &name, |current| {
            match read(current).filter(|slot| slot.is_held(now)) {
                Some(held) if held.digest == *digest.as_bytes() => claim = Claim::Theirs,
                Some(_) => claim = Claim::Unclaimed,
                None => {
                    claim = Claim::Mine(Mine { since: now });
                    return Some(write(digest, State::Claimed, now, now));
                }
            }
            None
        });
        if settled { claim } else { Claim::Unclaimed }
    }

    /// Keeps a claim from lapsing.
    pub fn renew(&self, shared: &dyn SharedData, digest: KeyDigest, mine: Mine, now: Timestamp) {
        let Some(name) = self.name(digest) else {
            return;
        };
        update(shared, &name, |current| {
            let slot = read(current)?;
            let held = slot.digest == *digest.as_bytes()
                && slot.state == State::Claimed
                && slot.since == mine.since;
            held.then(|| write(digest, State::Claimed, mine.since, now))
        });
    }

    /// Says what came of the question asked at `asked_at`. Another key's question that is still open is left
    /// alone, and so is a later refusal of the same key: then it returns that refusal. One from the future,
    /// left by a clock that jumped back, does not count.
    pub fn conclude(
        &self,
        shared: &dyn SharedData,
        digest: KeyDigest,
        outcome: Lookup<()>,
        asked_at: Timestamp,
        now: Timestamp,
    ) -> Option<Refusal> {
        let name = self.name(digest)?;
        let mut contradicted = None;
        update(shared, &name, |current| {
            let slot = read(current);
            let same = slot.filter(|slot| slot.digest == *digest.as_bytes());
            contradicted = match same {
                Some(Slot {
                    state: State::Concluded(Err(LookupFailure::Refused(refusal))),
                    since,
                    ..
                }) if asked_at < since && since <= now => Some(refusal),
                _ => None,
            };
            let others = same.is_none() && slot.is_some_and(|slot| slot.is_held(now));
            let leave = contradicted.is_some() || others;
            (!leave).then(|| write(digest, State::Concluded(outcome), asked_at, now))
        });
        contradicted
    }

    fn name(&self, digest: KeyDigest) -> Option<String> {
        let [number, _] = digest.spread();
        let slot = number.checked_rem(self.slots)?;
        Some(slot_name(PREFIX, slot))
    }
}

/// Layout, digest, state and its number, both times in nanoseconds; all numbers big-endian.
fn write(digest: KeyDigest, state: State, since: Timestamp, at: Timestamp) -> Vec<u8> {
    const NONE: u32 = u32::MAX;
    let (word, number) = match state {
        State::Claimed => (0, NONE),
        State::Concluded(Ok(())) => (1, NONE),
        State::Concluded(Err(LookupFailure::Refused(Refusal::Invalid))) => (2, NONE),
        State::Concluded(Err(LookupFailure::Refused(Refusal::Refused))) => (3, NONE),
        State::Concluded(Err(LookupFailure::Unavailable | LookupFailure::NotAsked)) => (4, NONE),
        State::Concluded(Err(LookupFailure::RateLimited { retry_after })) => (
            5,
            retry_after.and_then(|s| s.try_into().ok()).unwrap_or(NONE),
        ),
        State::Concluded(Err(LookupFailure::Unclear)) => (6, NONE),
        State::Concluded(Err(LookupFailure::Overloaded)) => (7, NONE),
    };
    let mut bytes = Vec::with_capacity(SIZE);
    bytes.push(LAYOUT);
    bytes.extend_from_slice(digest.as_bytes());
    bytes.push(word);
    bytes.extend_from_slice(&number.to_be_bytes());
    for time in [since, at] {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&nanoseconds.to_be_bytes());
    }
    bytes
}

fn read(bytes: &[u8]) -> Option<Slot> {
    let rest = bytes.strip_prefix(&[LAYOUT])?;
    let (digest, rest) = rest.split_first_chunk()?;
    let (word, rest) = rest.split_first()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (since, rest) = rest.split_first_chunk()?;
    let at = rest.first_chunk()?;
    let number = u32::from_be_bytes(*number);
    let state = match word {
        0 => State::Claimed,
        1 => State::Concluded(Ok(())),
        2 => State::Concluded(Err(LookupFailure::Refused(Refusal::Invalid))),
        3 => State::Concluded(Err(LookupFailure::Refused(Refusal::Refused))),
        4 => State::Concluded(Err(LookupFailure::Unavailable)),
        5 => State::Concluded(Err(LookupFailure::RateLimited {
            retry_after: (number != u32::MAX).then_some(number.into()),
        })),
        6 => State::Concluded(Err(LookupFailure::Unclear)),
        7 => State::Concluded(Err(LookupFailure::Overloaded)),
        _ => return None,
    };
    Some(Slot {
        digest: *digest,
        state,
        since: Duration::from_nanos(u64::from_be_bytes(*since)),
        at: Duration::from_nanos(u64::from_be_bytes(*at)),
    })
}
