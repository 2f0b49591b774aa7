//! Revoked keys: one VM polls for them, all forget them.
//!
//! Owns the poll that is open and what this VM has read of the log in shared data. It knows no lookup.

use std::time::Duration;

use super::keys::KeyStore;
use crate::auth_service::{KeyId, Reply, RevocationClient, Revocations};
use crate::effects::Effects;
use crate::metrics::{Change, Metric};
use crate::principal::Timestamp;
use crate::principals::revocation_log::RevocationLog;
use crate::principals::revoked_digests::{IdDigest, RevokedDigests};
use crate::shell::{CalloutId, HostContext};

/// How often each VM looks for what another has polled: four times between polls, within these bounds.
const SHORTEST_WATCH: Duration = Duration::from_millis(50);
const LONGEST_WATCH: Duration = Duration::from_secs(1);

/// A host may bound its shared data; Envoy does not.
const NO_ROOM: &str = "revocation_unavailable: the proxy's shared data has no room: other workers are not told which \
    keys were revoked; let its store hold more and larger values";

/// Polls, and reads what others polled.
#[derive(Debug)]
pub(super) struct RevocationWatch {
    client: RevocationClient,
    log: RevocationLog,
    digests: RevokedDigests,
    /// The poll that is open, and since when.
    poll: Option<(CalloutId, Timestamp)>,
    /// How long a poll's end is waited for.
    limit: Duration,
    /// Whether the log was read at all.
    looked: bool,
    /// Whether the names that it needs in shared data are there.
    reserved: bool,
    /// Which ids were revoked, read and not taken.
    revoked: RevokedCallers,
}

/// Which ids were revoked.
#[derive(Debug, Default)]
pub(super) struct RevokedCallers {
    pub(super) key_ids: Vec<KeyId>,
    /// All that are known, after a gap in the log; `None` where there was none.
    pub(super) digests: Option<Vec<IdDigest>>,
}

impl RevocationWatch {
    pub(super) fn new(client: RevocationClient, fingerprint: &str, limit: Duration) -> Self {
        Self {
            client,
            log: RevocationLog::new(fingerprint),
            digests: RevokedDigests::new(fingerprint),
            poll: None,
            limit,
            looked: false,
            reserved: false,
            revoked: RevokedCallers::default(),
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.poll.is_none()
    }

    /// Which ids were revoked, as far as it was read since this was asked last.
    pub(super) fn take_revoked(&mut self) -> RevokedCallers {
        std::mem::take(&mut self.revoked)
    }

    /// How often a tick is to come.
    pub(super) fn period(&self) -> Duration {
        let quarter = self.client.every() / 4;
        quarter.clamp(SHORTEST_WATCH, LONGEST_WATCH)
    }

    /// Reads the log before a neighbour's word is taken for the first time: the word may be about a key that
    /// was revoked before this VM was there.
    pub(super) fn look_once(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        keys: &mut KeyStore,
    ) {
        if !self.looked {
            self.read_log(context, effects, keys);
        }
    }

    /// Applies what was polled, and polls when it is due.
    pub(super) fn on_tick(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        keys: &mut KeyStore,
    ) {
        if !self.reserved {
            let shared = context.shared;
            self.reserved = self.log.reserve(shared) && self.digests.reserve(shared);
            if !self.reserved {
                effects.tell_operator(NO_ROOM, context.now);
            }
        }
        self.read_log(context, effects, keys);
        let is_recent = |since| {
            let age = context.now.checked_sub(since);
            age.is_some_and(|age| age < self.limit)
        };
        let is_open = self.poll.is_some_and(|(_, since)| is_recent(since));
        let again = self.client.every().max(self.limit);
        if is_open || !self.log.take_poll(context.shared, context.now, again) {
            return;
        }
        let callout = self.client.poll(self.log.cursor(context.shared).as_ref());
        self.poll = Some((effects.call_out(callout), context.now));
    }

    /// Whether the callout was the poll.
    pub(super) fn on_reply(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        keys: &mut KeyStore,
        callout: CalloutId,
        reply: &Reply<'_>,
    ) -> bool {
        let Some((_, asked_at)) = self.poll.take_if(|(id, _)| *id == callout) else {
            return false;
        };
        let mut due = asked_at.saturating_add(self.client.every());
        let revocations = reply.revocations();
        let told = match &revocations {
            Revocations::List {
                key_ids,
                next,
                more,
            } => {
                // Before the log tells of them: who finds a gap there reads these.
                self.digests.add(context.shared, key_ids);
                if *more {
                    due = context.now;
                }
                self.log
                    .append(context.shared, Some(key_ids), Some(next), context.now)
            }
            Revocations::Forgotten => {
                due = context.now;
                self.log.append(context.shared, None, None, context.now)
            }
            Revocations::Unavailable(_) => true,
        };
        if !told {
            effects.tell_operator(NO_ROOM, context.now);
        }
        self.log.set_due(context.shared, due);
        if let Revocations::Unavailable(failure) = &revocations {
            let text = format!("revocation_unavailable: {}", failure.of_a_poll());
            effects.tell_operator(&text, context.now);
        }
        effects.count(Metric::RevocationPolls(revocations.outcome()));
        self.read_log(context, effects, keys);
        true
    }

    fn read_log(&mut self, context: &HostContext<'_>, effects: &mut Effects, keys: &mut KeyStore) {
        self.looked = true;
        let news = self.log.news(context.shared, context.now);
        let mut forgotten = 0;
        let revoked = &mut self.revoked;
        if news.missed_until.is_some() {
            revoked.digests = Some(self.digests.all(context.shared));
        }
        keys.change(effects, |cache| {
            if let Some(at) = news.missed_until {
                forgotten += cache.revoke_all(at);
            }
            for batch in news.batches {
                forgotten += match batch.key_ids {
                    Some(key_ids) => {
                        let forgotten = cache.revoke(&key_ids, batch.at);
                        revoked.key_ids.extend(key_ids);
                        forgotten
                    }
                    None => cache.revoke_all(batch.at),
                };
            }
        });
        if forgotten > 0 {
            let forgotten = i64::try_from(forgotten).unwrap_or(i64::MAX);
            effects.change(Metric::RevokedPrincipals, Change::Add(forgotten));
        }
    }
}
