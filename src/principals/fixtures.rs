//! What the tests of this module share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Principal, Timestamp, Validation};
use crate::auth_service::{AuthServiceClient, KeyDigest, KeyId, Lifetime};
use crate::config::tests::least_and;
use crate::config::{Config, CredentialKind};
use crate::credential::extract;
use crate::request::RequestHead;
use crate::shared_data::{LocalData, SharedData, Version};

pub(super) const NOW: Timestamp = Duration::from_secs(1_700_000_000);

pub(super) const MS: Duration = Duration::from_millis(1);

pub(crate) fn digest(key: &str) -> KeyDigest {
    let headers: [(&[u8], &[u8]); 1] = [(b"x-api-key", key.as_bytes())];
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    let key = extract(&head, None, &[CredentialKind::XApiKey]).unwrap();
    let config = Config::parse(least_and("").as_bytes()).unwrap();
    AuthServiceClient::new(config.auth_service.unwrap()).digest(&key, None)
}

pub(super) fn key_ids(ids: &[&str]) -> Vec<KeyId> {
    serde_json::from_value(ids.into()).unwrap()
}

/// What the service said at `asked_at` of the key with this id.
pub(super) fn validation(key_id: &str, asked_at: Timestamp) -> Validation {
    Validation {
        principal: Arc::new(Principal {
            key_id: Some(key_id.to_owned()),
            ..Principal::default()
        }),
        asked_at,
        lifetime: Lifetime::default(),
    }
}

/// Keeps every name and value that was ever written.
#[derive(Default)]
pub(super) struct Recording {
    data: LocalData,
    pub(super) written: RefCell<BTreeMap<String, Vec<Vec<u8>>>>,
}

impl Recording {
    /// The name to which everything went, and what stands there now.
    pub(super) fn only(&self) -> (String, Vec<u8>) {
        let written = self.written.borrow();
        assert_eq!(written.len(), 1, "{:?}", written.keys());
        let name = written.keys().next().unwrap().clone();
        let value = self.data.get(&name).unwrap().0;
        (name, value)
    }
}

impl SharedData for Recording {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        self.data.get(name)
    }

    fn set(&self, name: &str, value: &[u8], version: Version) -> bool {
        let done = self.data.set(name, value, version);
        if done {
            let mut written = self.written.borrow_mut();
            written
                .entry(name.to_owned())
                .or_default()
                .push(value.to_vec());
        }
        done
    }
}

type Rival<'a> = Box<dyn FnOnce(&LocalData) + 'a>;

/// Another VM acts once, just after this one's first read of a name.
pub(super) struct Racing<'a> {
    data: &'a LocalData,
    leaf: &'a str,
    rival: RefCell<Option<Rival<'a>>>,
}

impl<'a> Racing<'a> {
    /// The name is known by its end; every name ends in nothing.
    pub(super) fn new(
        data: &'a LocalData,
        leaf: &'a str,
        rival: impl FnOnce(&LocalData) + 'a,
    ) -> Self {
        Self {
            data,
            leaf,
            rival: RefCell::new(Some(Box::new(rival))),
        }
    }
}

impl SharedData for Racing<'_> {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        let found = self.data.get(name);
        if name.ends_with(self.leaf)
            && let Some(rival) = self.rival.take()
        {
            rival(self.data);
        }
        found
    }

    fn set(&self, name: &str, value: &[u8], version: Version) -> bool {
        self.data.set(name, value, version)
    }
}

/// Loses whatever is written.
pub(super) struct Lossy {
    /// Whether it says that it was written.
    pub(super) lies: bool,
}

impl SharedData for Lossy {
    fn get(&self, _: &str) -> Option<(Vec<u8>, Version)> {
        None
    }

    fn set(&self, _: &str, _: &[u8], _: Version) -> bool {
        self.lies
    }
}

/// Has room for so many names and for values of so many bytes.
pub(super) struct Bounded {
    pub(super) data: Recording,
    pub(super) names: usize,
    pub(super) bytes: usize,
}

impl SharedData for Bounded {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        self.data.get(name)
    }

    fn set(&self, name: &str, value: &[u8], version: Version) -> bool {
        let has_room = self.data.written.borrow().len() < self.names || self.get(name).is_some();
        has_room && value.len() <= self.bytes && self.data.set(name, value, version)
    }
}

/// Writes to a name whatever it holds.
pub(super) fn put(shared: &dyn SharedData, name: &str, value: &[u8]) {
    let done = crate::shared_data::update(shared, name, |_| Some(value.to_vec()));
    assert!(done, "{name}");
}
