//! Keys that the configuration lists: no callout, no cache, no rights past their time.
//!
//! Owns which of them were revoked. There is nobody to look such a key up with again, so it stays revoked for as long as
//! this VM runs this configuration. A new VM knows what the shared log of lists still holds: docs/identity.md says so.

use std::collections::HashSet;
use std::sync::Arc;

use crate::auth_service::KeyId;
use crate::configured_keys::{ConfiguredKeys, Entry};
use crate::credential::ApiKey;
use crate::effects::Effects;
use crate::lookup::{Lookup, LookupFailure};
use crate::metrics::Metric;
use crate::principal::{IdentitySource, Refusal, Timestamp};

#[derive(Debug)]
pub(super) struct ConfiguredLookups {
    keys: Arc<ConfiguredKeys>,
    /// The ids of entries that were revoked.
    revoked: HashSet<String>,
}

impl ConfiguredLookups {
    pub(super) fn new(keys: Arc<ConfiguredKeys>) -> Self {
        Self {
            keys,
            revoked: HashSet::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Who presents the key; `None` where the configuration does not list it.
    pub(super) fn look_up(
        &self,
        effects: &mut Effects,
        key: &ApiKey<'_>,
        now: Timestamp,
    ) -> Option<Lookup> {
        let entry = self.keys.find(key)?;
        let invalid = Err(LookupFailure::Refused(Refusal::Invalid));
        let (lookup, result) = if entry.has_expired(now) {
            (invalid, "expired")
        } else if self.is_revoked(entry) {
            (invalid, "revoked")
        } else {
            (Ok(entry.known()), "valid")
        };
        effects.count(Metric::IdentityLookups {
            identity: IdentitySource::Keys,
            result,
        });
        Some(lookup)
    }

    /// These keys were revoked.
    pub(super) fn revoke(&mut self, key_ids: &[KeyId]) {
        let ours = key_ids.iter().map(KeyId::as_str);
        let ours = ours.filter(|key_id| self.keys.has_key_id(key_id));
        self.revoked.extend(ours.map(str::to_owned));
    }

    fn is_revoked(&self, entry: &Entry) -> bool {
        let key_id = entry.principal.key_id.as_deref();
        key_id.is_some_and(|key_id| self.revoked.contains(key_id))
    }
}
