//! Revoked keys: one VM polls for them, all forget them.

use std::time::Duration;

use super::outbox::CalloutId;
use super::settle::GRACE;
use super::{Engine, Moment};
use crate::auth_service::{Reply, RevocationClient, Revocations};
use crate::metrics::{Change, Metric};
use crate::principal::Timestamp;
use crate::principals::revocation_log::RevocationLog;

/// How often each VM looks for what another has polled: four times between polls, within these bounds.
const SHORTEST_WATCH: Duration = Duration::from_millis(50);
const LONGEST_WATCH: Duration = Duration::from_secs(1);

/// Polls, and reads what others polled.
#[derive(Debug)]
pub(super) struct RevocationWatch {
    client: RevocationClient,
    log: RevocationLog,
    /// The poll that is open, and since when.
    poll: Option<(CalloutId, Timestamp)>,
    /// Whether the log was read at all.
    looked: bool,
}

impl RevocationWatch {
    pub(super) fn new(client: RevocationClient, fingerprint: &str) -> Self {
        Self {
            client,
            log: RevocationLog::new(fingerprint),
            poll: None,
            looked: false,
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.poll.is_none()
    }
}

impl Engine {
    pub(super) fn revocation_watch(&self) -> Option<Duration> {
        let watch = self.revocation.as_ref()?;
        let quarter = watch.client.every() / 4;
        Some(quarter.clamp(SHORTEST_WATCH, LONGEST_WATCH))
    }

    /// Reads the log before a neighbour's word is taken for the first time: the word may be about a key that
    /// was revoked before this VM was there.
    pub(super) fn look_for_revocations(&mut self, moment: &Moment<'_>) {
        if self.revocation.as_ref().is_some_and(|watch| !watch.looked) {
            self.read_log(moment);
        }
    }

    /// Applies what was polled, and polls when it is due.
    pub(super) fn tend_revocations(&mut self, moment: &Moment<'_>) {
        self.read_log(moment);
        let limit = self.config.auth_service.timeout + GRACE;
        let Some(watch) = &mut self.revocation else {
            return;
        };
        let open = watch
            .poll
            .is_some_and(|(_, since)| moment.now.checked_sub(since).is_some_and(|age| age < limit));
        let again = watch.client.every().max(limit);
        if open || !watch.log.take_poll(moment.shared, moment.now, again) {
            return;
        }
        let callout = watch.client.poll(watch.log.cursor(moment.shared).as_ref());
        let id = self.flights.next_callout();
        watch.poll = Some((id, moment.now));
        self.outbox.callouts.push((id, callout));
    }

    /// Whether the callout was the poll.
    pub(super) fn on_poll_reply(
        &mut self,
        callout: CalloutId,
        moment: &Moment<'_>,
        reply: &Reply<'_>,
    ) -> bool {
        let Some(watch) = &mut self.revocation else {
            return false;
        };
        let Some((_, asked_at)) = watch.poll.take_if(|(id, _)| *id == callout) else {
            return false;
        };
        let mut due = asked_at.saturating_add(watch.client.every());
        let revocations = reply.revocations();
        match &revocations {
            Revocations::List {
                key_ids,
                next,
                more,
            } => {
                watch
                    .log
                    .append(moment.shared, Some(key_ids), Some(next), moment.now);
                if *more {
                    due = moment.now;
                }
            }
            Revocations::Forgotten => {
                watch.log.append(moment.shared, None, None, moment.now);
                due = moment.now;
            }
            Revocations::Unavailable(_) => {}
        }
        watch.log.set_due(moment.shared, due);
        if let Revocations::Unavailable(failure) = &revocations {
            let text = format!("revocation_unavailable: {}", failure.of_a_poll());
            self.tell_operator(text, moment.now);
        }
        self.note(
            Metric::RevocationPolls(revocations.outcome()),
            Change::Add(1),
        );
        self.read_log(moment);
        true
    }

    fn read_log(&mut self, moment: &Moment<'_>) {
        let Some(watch) = &mut self.revocation else {
            return;
        };
        watch.looked = true;
        let news = watch.log.news(moment.shared, moment.now);
        let mut forgotten = 0;
        self.change_principals(|cache| {
            if let Some(at) = news.missed_until {
                forgotten += cache.revoke_all(at);
            }
            for batch in news.batches {
                forgotten += match &batch.key_ids {
                    Some(key_ids) => cache.revoke(key_ids, batch.at),
                    None => cache.revoke_all(batch.at),
                };
            }
        });
        if forgotten > 0 {
            let forgotten = i64::try_from(forgotten).unwrap_or(i64::MAX);
            self.note(Metric::RevokedPrincipals, Change::Add(forgotten));
        }
    }
}
