//! Which configurations the VMs of a proxy were given, in shared data.
//!
//! A proxy gives a configuration to one VM after the other, in the same order to each, and to its main thread first.
//! So a VM finds the configuration it was given among those that follow the one it had before; the first VM does not
//! find it, and enters it. A VM may be new: then the configuration is the newest, or a change. But a VM that crashed
//! under a listener that drains is new, too, and has an old configuration: what is in the history already counts as a
//! change only when a second VM was given it.

use serde::{Deserialize, Serialize};

use super::summary::Summary;
use crate::json;

/// The layout; another release's is not read.
const VERSION: u32 = 1;
/// The most deliveries that are kept: a worker that is further behind enters its own anew.
const MOST_DELIVERIES: usize = 32;
/// Fewer VMs with an old configuration are new ones in the place of those that crashed.
const VMS_OF_A_CHANGE: u32 = 2;

/// The place of a delivery in the history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryNumber(u64);

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    number: DeliveryNumber,
    hash: String,
    vms: u32,
    /// Entered by a new VM though the history had the configuration already.
    perhaps_restarted: bool,
    told: bool,
}

/// The history. What it holds is bounded.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct History {
    version: u32,
    deliveries: Vec<Entry>,
    /// Of the delivery that had the last line.
    in_force: Option<Summary>,
}

impl History {
    /// As it was written; empty where it cannot be read.
    pub fn read(kept: &[u8]) -> Self {
        json::read(kept)
            .ok()
            .filter(|history: &Self| history.version == VERSION)
            .unwrap_or_else(|| Self {
                version: VERSION,
                ..Self::default()
            })
    }

    /// What is to be kept.
    pub fn written(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What had the last line.
    pub const fn in_force(&self) -> Option<&Summary> {
        self.in_force.as_ref()
    }

    /// A VM was given a configuration, after `last` or as its first.
    pub fn deliver(&mut self, last: Option<DeliveryNumber>, hash: &str) -> DeliveryNumber {
        let newest = self.deliveries.last().map(|entry| entry.number);
        let is_it = |entry: &&mut Entry| {
            let follows = match last {
                Some(last) => entry.number > last,
                None => Some(entry.number) == newest,
            };
            follows && entry.hash == hash
        };
        if let Some(entry) = self.deliveries.iter_mut().find(is_it) {
            entry.vms = entry.vms.saturating_add(1);
            return entry.number;
        }
        let is_known = self.deliveries.iter().any(|entry| entry.hash == hash);
        let number = DeliveryNumber(
            newest
                .max(last)
                .map_or(1, |newest| newest.0.saturating_add(1)),
        );
        self.deliveries.push(Entry {
            number,
            hash: hash.to_owned(),
            vms: 1,
            perhaps_restarted: last.is_none() && is_known,
            told: false,
        });
        let too_many = self.deliveries.len().saturating_sub(MOST_DELIVERIES);
        self.deliveries.drain(..too_many);
        number
    }

    /// A VM runs what it was given. `None` where that needs no line; else what was in force before.
    pub fn tell(&mut self, number: DeliveryNumber, summary: &Summary) -> Option<Option<Summary>> {
        let is_late = |entry: &Entry| entry.told && entry.number > number;
        if self.deliveries.iter().any(is_late) {
            return None;
        }
        let entry = self.deliveries.iter_mut().find(|it| it.number == number)?;
        if entry.told || (entry.perhaps_restarted && entry.vms < VMS_OF_A_CHANGE) {
            return None;
        }
        entry.told = true;
        Some(self.in_force.replace(summary.bounded()))
    }
}
