//! Callers whom nobody need be asked about: by keys that the configuration lists, by tokens and certificates that the
//! proxy has verified. No callout, no cache, no rights past their time.
//!
//! Owns which of them were revoked. There is nobody to look them up with again, so they stay revoked for as long as this
//! VM runs this configuration. A new VM knows what the VMs share: the last lists, and digests of the ids before them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::revocation::RevokedCallers;
use crate::auth_service::KeyId;
use crate::certificate::Certificates;
use crate::configured_keys::ConfiguredKeys;
use crate::credential::ApiKey;
use crate::effects::Effects;
use crate::lookup::{Known, Lookup, LookupFailure};
use crate::metrics::Metric;
use crate::principal::{IdentitySource, Principal, Refusal, Timestamp};
use crate::principals::revoked_digests::{IdDigest, digest};
use crate::request::RequestHead;
use crate::rules::Rules;
use crate::surface::Presented;
use crate::token::{Remark, TokenError, Tokens, VerifiedToken};
use crate::upstream::IdentityValues;

/// The most names of certificates whose callers are kept: most proxies see few, over and over.
const MOST_NAMES: usize = 32;

/// How long an operator is not told again what is true of many tokens alike.
const REMARK_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct LocalLookups {
    keys: Arc<ConfiguredKeys>,
    tokens: Option<Arc<Tokens>>,
    certificates: Option<Arc<Certificates>>,
    /// Callers by their certificates, made once for all of their requests.
    named: Vec<Known>,
    revoked: RevokedIds,
    /// Those that other VMs read when this one did not, or was not there.
    missed: HashSet<IdDigest>,
    /// When the operator was last told of a token that is valid.
    remarked_at: Option<Timestamp>,
}

/// What came of a lookup, and the word for it in metrics.
type Told = (Lookup, &'static str);

const INVALID: Lookup = Err(LookupFailure::Refused(Refusal::Invalid));

impl LocalLookups {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            keys: Arc::clone(rules.keys()),
            tokens: rules.tokens().cloned(),
            certificates: rules.certificates().cloned(),
            named: Vec::new(),
            revoked: RevokedIds::default(),
            missed: HashSet::new(),
            remarked_at: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.tokens.is_none() && self.certificates.is_none()
    }

    /// Who the caller is; `None` for a key that the configuration does not list.
    pub(super) fn look_up(
        &mut self,
        effects: &mut Effects,
        head: &RequestHead<'_>,
        presented: &Presented<'_>,
        now: Timestamp,
    ) -> Option<Lookup> {
        let (identity, (lookup, result)) = match presented {
            Presented::Key(key) => (IdentitySource::Keys, self.of_key(key, now)?),
            Presented::Token(token) => (
                IdentitySource::Jwt,
                self.of_token(effects, token, head, now),
            ),
            Presented::UnverifiedToken => (IdentitySource::Jwt, (INVALID, "unverified")),
            Presented::Certificate(name) => {
                (IdentitySource::Mtls, self.of_certificate(name.as_deref()))
            }
            Presented::HostFailed => return Some(Err(LookupFailure::NotAsked)),
        };
        effects.count(Metric::IdentityLookups { identity, result });
        Some(lookup)
    }

    fn of_key(&self, key: &ApiKey<'_>, now: Timestamp) -> Option<Told> {
        let entry = self.keys.find(key)?;
        Some(if entry.has_expired(now) {
            (INVALID, "expired")
        } else {
            self.unless_revoked(entry.known())
        })
    }

    fn of_token(
        &mut self,
        effects: &mut Effects,
        token: &VerifiedToken,
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> Told {
        let Some(tokens) = &self.tokens else {
            return (INVALID, "unverified");
        };
        let caller = match tokens.caller(token, head, now) {
            Ok(caller) => caller,
            Err(TokenError::Expired) => return (INVALID, "expired"),
            Err(TokenError::HostFailed) => return (Err(LookupFailure::NotAsked), "host_failed"),
            Err(error) => {
                effects.tell_operator(&format!("jwt: {error}"), now);
                return (INVALID, "unreadable");
            }
        };
        if let Some(remark) = &caller.remark {
            self.tell_operator_of(effects, remark, now);
        }
        let known = Known::fresh(caller.principal.into(), IdentitySource::Jwt);
        self.unless_revoked(known)
    }

    fn of_certificate(&mut self, name: Option<&str>) -> Told {
        let Some(name) = name else {
            return (INVALID, "unreadable");
        };
        let is_named = |known: &&Known| known.principal.key_id.as_deref() == Some(name);
        if let Some(known) = self.named.iter().find(is_named) {
            return self.unless_revoked(known.clone());
        }
        let certificates = self.certificates.as_ref();
        let Some(principal) = certificates.and_then(|it| it.caller(name)) else {
            return (INVALID, "not_listed");
        };
        let known = certified(principal);
        self.named.truncate(MOST_NAMES - 1);
        self.named.insert(0, known.clone());
        self.unless_revoked(known)
    }

    /// These ids were revoked. Of keys, only those of the configuration are kept.
    pub(super) fn revoke(&mut self, revoked: RevokedCallers) {
        if self.is_empty() {
            return;
        }
        let keeps_all = self.tokens.is_some() || self.certificates.is_some();
        if let Some(digests) = revoked.digests {
            self.missed = digests.into_iter().collect();
        }
        for key_id in revoked.key_ids.iter().map(KeyId::as_str) {
            if keeps_all || self.keys.has_key_id(key_id) {
                self.revoked.insert(key_id);
            }
        }
    }

    fn unless_revoked(&self, known: Known) -> Told {
        let key_id = known.principal.key_id.as_deref();
        if key_id.is_some_and(|key_id| self.is_revoked(key_id)) {
            (INVALID, "revoked")
        } else {
            (Ok(known), "valid")
        }
    }

    fn is_revoked(&self, key_id: &str) -> bool {
        let was_missed = || !self.missed.is_empty() && self.missed.contains(&digest(key_id));
        self.revoked.contains(key_id) || was_missed()
    }

    /// A remark is true of many tokens alike: once a minute is enough.
    fn tell_operator_of(&mut self, effects: &mut Effects, remark: &Remark, now: Timestamp) {
        let is_due = |last: Timestamp| !(last..last.saturating_add(REMARK_PAUSE)).contains(&now);
        if self.remarked_at.is_none_or(is_due) {
            self.remarked_at = Some(now);
            effects.tell_operator(&format!("jwt: {remark}"), now);
        }
    }
}

fn certified(principal: Principal) -> Known {
    let values = IdentityValues::of(&principal).into();
    Known {
        values: Some(values),
        ..Known::fresh(principal.into(), IdentitySource::Mtls)
    }
}

/// So many revoked ids are kept at least, and twice as many at most: those that were revoked first give way.
const KEPT_REVOKED: usize = 32_768;

#[derive(Debug, Default)]
struct RevokedIds {
    recent: HashSet<String>,
    earlier: HashSet<String>,
}

impl RevokedIds {
    fn insert(&mut self, id: &str) {
        if self.recent.len() >= KEPT_REVOKED {
            self.earlier = std::mem::take(&mut self.recent);
        }
        self.recent.insert(id.to_owned());
    }

    fn contains(&self, id: &str) -> bool {
        self.recent.contains(id) || self.earlier.contains(id)
    }
}

#[cfg(test)]
mod tests {

    use super::{KEPT_REVOKED, RevokedIds};

    #[test]
    fn revoked_ids_are_bounded_and_the_last_ones_are_kept() {
        let mut revoked = RevokedIds::default();
        let id = |number: usize| format!("id-{number}");
        for number in 0..3 * KEPT_REVOKED {
            revoked.insert(&id(number));
            assert!(revoked.recent.len() + revoked.earlier.len() <= 2 * KEPT_REVOKED);
        }
        for number in 2 * KEPT_REVOKED..3 * KEPT_REVOKED {
            assert!(revoked.contains(&id(number)), "{number}");
        }
        assert!(!revoked.contains(&id(0)) && !revoked.contains("id"));
    }
}
