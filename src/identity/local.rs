//! Callers whom nobody need be asked about: by keys that the configuration lists, by tokens and certificates that the
//! proxy has verified. No callout, no cache, no rights past their time.
//!
//! Owns which of them were revoked. There is nobody to look them up with again, so they stay revoked for as long as this
//! configuration is in force.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;

use crate::auth_service::KeyId;
use crate::bounded::bounded;
use crate::certificate::Certificates;
use crate::configured_keys::ConfiguredKeys;
use crate::credential::ApiKey;
use crate::effects::Effects;
use crate::lookup::{Known, Lookup, LookupFailure};
use crate::metrics::Metric;
use crate::principal::{IdentitySource, Principal, Refusal, Timestamp};
use crate::request::RequestHead;
use crate::rules::Rules;
use crate::surface::Presented;
use crate::token::{Remark, TokenError, Tokens, VerifiedToken};
use crate::upstream::IdentityValues;

/// The most revoked ids that are kept; the one that was revoked first gives way.
const MOST_REVOKED: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// The most names of certificates whose callers are kept.
const MOST_NAMES: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// How long an operator is not told again what is true of many tokens alike.
const REMARK_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct LocalLookups {
    keys: Arc<ConfiguredKeys>,
    tokens: Option<Arc<Tokens>>,
    certificates: Option<Arc<Certificates>>,
    /// Callers by the names of their certificates: made once for all of their requests.
    named: LruCache<String, Known>,
    /// The ids that were revoked.
    revoked: LruCache<String, ()>,
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
            named: bounded(MOST_NAMES),
            revoked: bounded(MOST_REVOKED),
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
        if let Some(known) = self.named.get(name) {
            let known = known.clone();
            return self.unless_revoked(known);
        }
        let certificates = self.certificates.as_ref();
        let Some(principal) = certificates.and_then(|it| it.caller(name)) else {
            return (INVALID, "not_listed");
        };
        let known = certified(principal);
        self.named.put(name.to_owned(), known.clone());
        self.unless_revoked(known)
    }

    /// These ids were revoked. Of keys, only those of the configuration are kept.
    pub(super) fn revoke(&mut self, key_ids: &[KeyId]) {
        let keeps_all = self.tokens.is_some() || self.certificates.is_some();
        for key_id in key_ids.iter().map(KeyId::as_str) {
            if keeps_all || self.keys.has_key_id(key_id) {
                self.revoked.put(key_id.to_owned(), ());
            }
        }
    }

    fn unless_revoked(&self, known: Known) -> Told {
        let key_id = known.principal.key_id.as_deref();
        if key_id.is_some_and(|key_id| self.revoked.contains(key_id)) {
            (INVALID, "revoked")
        } else {
            (Ok(known), "valid")
        }
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
