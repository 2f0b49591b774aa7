//! Shared data as Envoy keeps it, for all VMs of a world; and what may happen to it that no VM asked for.
//!
//! Source: proxy-wasm-cpp-host, `src/shared_data.cc`. One counter gives every write of any key its `cas`.
//! A write with `cas` 0 always succeeds, one to an absent key succeeds with any `cas`. Nothing expires.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::status::{CAS_MISMATCH, OK, Status};

/// A write that slips in between one VM's read of a key and its next write.
pub type Interloper = Box<dyn FnMut(&[u8], &[u8]) -> Option<Vec<u8>>>;

/// The store.
#[derive(Default)]
pub struct SharedData {
    values: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    last_cas: u32,
    interloper: Option<Interloper>,
}

impl SharedData {
    /// The value of a key and its `cas`.
    pub fn get(&mut self, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        let found = self.values.get(key).cloned();
        if let Some((value, _)) = &found
            && let Some(other) = self.interloper.as_mut().and_then(|other| other(key, value))
        {
            self.set(key, &other, 0);
        }
        found
    }

    /// Writes a value.
    pub fn set(&mut self, key: &[u8], value: &[u8], cas: u32) -> Status {
        if let Some((_, present)) = self.values.get(key)
            && cas != 0
            && cas != *present
        {
            return CAS_MISMATCH;
        }
        self.last_cas += 1;
        self.values
            .insert(key.to_vec(), (value.to_vec(), self.last_cas));
        OK
    }

    /// After each read: what another worker writes before the reader can write, if anything.
    pub fn between_get_and_set(&mut self, other: Option<Interloper>) {
        self.interloper = other;
    }

    /// Loses every key.
    pub fn lose_everything(&mut self) {
        self.values.clear();
    }

    /// Loses one key.
    pub fn lose(&mut self, key: &[u8]) {
        self.values.remove(key);
    }

    /// How many bytes its keys and values have.
    pub fn bytes(&self) -> usize {
        let each = self.values.iter();
        each.map(|(key, (value, _))| key.len() + value.len()).sum()
    }

    /// The keys there are.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.values.keys().cloned().collect()
    }
}
