//! The keys the stand-in knows: those of the keys file, as `/keys` changes them, and any that begins with
//! the prefix of load keys.
//!
//! A key that was revoked is unknown. That holds for a load key too, which its prefix would make valid
//! again; only `PUT /keys` brings it back.

mod any;
mod file;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

pub use self::any::AnyKey;
pub use self::file::{Defect, KeysFileError};

/// What the stand-in answers for one key.
#[derive(Debug, Clone)]
pub struct Entry {
    /// 200 but where the file orders another.
    pub status: StatusCode,
    /// `Retry-After`, in the file's own words.
    pub retry_after: Option<HeaderValue>,
    /// `Cache-Control` for a status of 200, in the file's own words.
    pub cache_control: Option<HeaderValue>,
    /// The reply for a status of 200.
    pub reply: Map<String, Value>,
}

impl Entry {
    /// The key id of its reply, if that is text.
    pub fn key_id(&self) -> Option<&str> {
        self.reply.get("key_id").and_then(Value::as_str)
    }
}

/// What `PUT /keys` did.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Keys that were not known.
    added: usize,
    /// Keys that were, and have a new entry.
    replaced: usize,
}

/// The keys by their text.
///
/// A lookup is an ordinary, data-dependent comparison: this is a stand-in that holds test keys, in a file,
/// in clear, so there is nothing its timing could tell that is worth hiding.
pub struct Keys {
    known: Mutex<Known>,
    any: Option<AnyKey>,
}

struct Known {
    entries: HashMap<String, Arc<Entry>>,
    /// Load keys that were revoked, valid only while they are in `entries`. Grows by one for each;
    /// whoever revokes them is a test.
    revoked: HashSet<String>,
}

impl Keys {
    /// Reads a keys file; `any` says which keys are valid beside it.
    ///
    /// # Errors
    ///
    /// Every error names the file, and the field where there is one; none holds a key.
    pub fn read(file: &Path, any: Option<AnyKey>) -> Result<Self, KeysFileError> {
        let entries = file::read(file)?.into_iter();
        let entries = entries.map(|(key, entry)| (key, Arc::new(entry))).collect();
        let revoked = HashSet::new();
        let known = Mutex::new(Known { entries, revoked });
        Ok(Self { known, any })
    }

    /// What a valid key is answered.
    pub fn get(&self, key: &str) -> Option<Arc<Entry>> {
        let known = self.lock();
        if let Some(entry) = known.entries.get(key) {
            return Some(Arc::clone(entry));
        }
        let entry = self.any.as_ref()?.entry(key)?;
        (!known.revoked.contains(key)).then(|| Arc::new(entry))
    }

    /// The entry of a key of the file or of `PUT /keys`.
    pub fn of_the_file(&self, key: &str) -> Option<Arc<Entry>> {
        self.lock().entries.get(key).map(Arc::clone)
    }

    /// Adds or replaces the keys of a keys file's text, all or none.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the text and names the field; never holds a key.
    pub fn put(&self, text: &[u8]) -> Result<Changed, Defect> {
        let entries = file::parse(text)?;
        let mut known = self.lock();
        let replaced = entries
            .keys()
            .filter(|key| known.entries.contains_key(*key))
            .count();
        let added = entries.len() - replaced;
        for (key, entry) in entries {
            known.entries.insert(key, Arc::new(entry));
        }
        Ok(Changed { added, replaced })
    }

    /// Makes every key with that key id invalid. How many those were.
    pub fn revoke(&self, key_id: &str) -> usize {
        let mut known = self.lock();
        let Known { entries, revoked } = &mut *known;
        let gone = entries.extract_if(|_, entry| entry.key_id() == Some(key_id));
        let mut count = 0;
        for (key, _) in gone {
            count += 1;
            // Else it would live on as a load key.
            if self.any.as_ref().is_some_and(|any| any.covers(&key)) {
                revoked.insert(key);
            }
        }
        let load_key = self.any.as_ref().and_then(|any| any.key_of(key_id));
        // Where the file gives the load key another id, it is another key.
        if let Some(key) = load_key.filter(|key| !entries.contains_key(key)) {
            count += usize::from(revoked.insert(key));
        }
        count
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
