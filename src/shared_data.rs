//! The data that the VMs of a proxy share, as the engine sees it.
//!
//! A key-value store with compare-and-swap, which the host provides (proxy-wasm ABI 0.2.1,
//! `proxy_get_shared_data` and `proxy_set_shared_data`). Nothing in it is ever deleted and nothing expires,
//! so the engine writes to a fixed number of names only. It may be lost or written by others at any time:
//! whatever is read from it is checked.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::NumBuffer;

/// Which write of a value this is. The host counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub u32);

impl Version {
    /// Matches no value that is there: Envoy lets any version create a name, and a version that no value
    /// has keeps the creation from overwriting what another VM has just written.
    const OF_NOTHING: Self = Self(u32::MAX);
}

/// How often an update is tried again because another VM was faster.
const TRIES: usize = 4;

/// The store.
pub trait SharedData {
    /// The value of a name and its version; `None` when there is none.
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)>;

    /// Writes a value if the one that is there still has the version. Returns whether it did.
    fn set(&self, name: &str, value: &[u8], version: Version) -> bool;
}

/// The name of one of a fixed number of slots.
pub fn slot_name(prefix: &str, slot: u32) -> String {
    let mut digits = NumBuffer::new();
    let digits = slot.format_into(&mut digits);
    let mut name = String::with_capacity(prefix.len() + digits.len());
    name.push_str(prefix);
    name.push_str(digits);
    name
}

/// Changes a value without losing what other VMs write meanwhile. `change` is given what is there, empty
/// where there is nothing, and says what to write, or `None` to leave it. Returns whether its last word is
/// in force: written, or left.
pub fn update(
    shared: &dyn SharedData,
    name: &str,
    mut change: impl FnMut(&[u8]) -> Option<Vec<u8>>,
) -> bool {
    update_read(shared, name, shared.get(name), &mut change)
}

/// The same where the name has just been read, which need not be done again.
pub fn update_read(
    shared: &dyn SharedData,
    name: &str,
    read: Option<(Vec<u8>, Version)>,
    change: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
) -> bool {
    let mut read = Some(read);
    for _ in 0..TRIES {
        let Some((current, version)) = read.take().unwrap_or_else(|| shared.get(name)) else {
            if change(&[]).is_none() {
                return true;
            }
            shared.set(name, &[], Version::OF_NOTHING);
            continue;
        };
        let Some(wanted) = change(&current) else {
            return true;
        };
        if shared.set(name, &wanted, version) {
            return true;
        }
    }
    false
}

/// Makes a name that can be written to from then on, even if a host's store has no room for more of them by then. Returns
/// whether it is there.
pub fn reserve(shared: &dyn SharedData, name: &str) -> bool {
    shared.set(name, &[], Version::OF_NOTHING) || shared.get(name).is_some()
}

/// A store within one process, for shells that have no other.
#[derive(Debug, Default)]
pub struct LocalData(RefCell<HashMap<String, (Vec<u8>, Version)>>);

impl SharedData for LocalData {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        self.0.borrow().get(name).cloned()
    }

    fn set(&self, name: &str, value: &[u8], version: Version) -> bool {
        let mut values = self.0.borrow_mut();
        let next = match values.get(name) {
            Some((_, current)) if *current != version => return false,
            Some((_, Version(current))) => Version(current.wrapping_add(1)),
            None => Version(1),
        };
        values.insert(name.to_owned(), (value.to_vec(), next));
        true
    }
}
