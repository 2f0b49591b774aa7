//! What comes of a lookup: a reply, a neighbour's conclusion, or no answer in time.

use std::sync::Arc;
use std::time::Duration;

use super::Settled;
use super::in_flight::{Asker, OwnLookup};
use super::service::{GRACE, ServiceLookups};
use crate::auth_service::{Failure, KeyDigest, Remark, Reply, Verdict};
use crate::effects::Effects;
use crate::lookup::{Known, Lookup, LookupFailure};
use crate::metrics::{Change, Metric};
use crate::principal::{Refusal, Timestamp};
use crate::principals::Validation;
use crate::principals::claims::Question;
use crate::shell::{CalloutId, HostContext, StreamId};

/// For the operator: whatever tells keys apart by their ids does not work, and other logs than these may show the key.
const KEY_IN_REPLY: &str = "auth_service: the reply about a valid key has the key itself as user_id, key_id, scope, role or \
                            grant; it is left out, so that no log shows it; let the auth service send an id that is no secret";

/// The time between two remarks on what the service replies.
const REMARK_PAUSE: Duration = Duration::from_secs(60);

impl ServiceLookups {
    /// The reply to a callout has come, or the callout has failed. One that is not waited for any more is
    /// ignored.
    pub(super) fn on_callout_reply(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        callout: CalloutId,
        reply: &Reply<'_>,
    ) {
        if let Some(revocation) = &mut self.revocation
            && revocation.on_reply(context, effects, &mut self.keys, callout, reply)
        {
            return;
        }
        let Some((digest, own)) = self.in_flight.own(callout) else {
            return;
        };
        let (mut verdict, remark) = reply.read(self.client.contract());
        // Only what is as long as the key is worth a digest.
        let is_key = |text: &str| text.len() == own.key_length && self.client.is_key(text, own.key);
        if verdict.hide(is_key) {
            effects.tell_operator(KEY_IN_REPLY, context.now);
        }
        if let Some(mut remark) = remark {
            remark.hide(is_key);
            self.tell_operator_of(effects, &remark, context.now);
        }
        self.answered(context, effects, digest, own, verdict);
    }

    /// Time has passed. `is_waiting` says whether a stream still waits for the lookup of a key.
    pub(super) fn on_tick(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        is_waiting: impl Fn(StreamId, KeyDigest) -> bool,
    ) {
        let longest = self.settings.timeout + GRACE;
        for digest in self.in_flight.due(longest, context.now) {
            self.watch(context, effects, digest, |stream| {
                is_waiting(stream, digest)
            });
        }
        if let Some(revocation) = &mut self.revocation {
            revocation.on_tick(context, effects, &mut self.keys);
        }
    }

    /// Whether ticks can be had. Without them nobody watches another VM's lookup: this VM calls out itself.
    pub(super) fn set_ticking(&mut self, ticking: bool, effects: &mut Effects) {
        self.ticking = ticking;
        if ticking {
            return;
        }
        for digest in self.in_flight.keys() {
            let Some(lookup) = self.in_flight.get(digest) else {
                continue;
            };
            if lookup.asker == Asker::Other {
                effects.outbox.wake.extend(lookup.waiters.back());
                self.in_flight
                    .change_asker(digest, Asker::Nobody { alone: true });
            }
        }
    }

    /// Gives up on every lookup: those who wait are told that the service is unavailable.
    pub(super) fn abandon(&mut self, now: Timestamp) {
        for digest in self.in_flight.keys() {
            self.settle(digest, now, Err(LookupFailure::NotAsked));
        }
    }

    fn watch(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        is_waiting: impl Fn(StreamId) -> bool,
    ) {
        let now = context.now;
        self.in_flight.begun_by(digest, now);
        let Some(lookup) = self.in_flight.get(digest) else {
            return;
        };
        let asker = lookup.asker;
        let is_late = now.saturating_sub(lookup.started_at) >= self.settings.timeout + GRACE;
        if let Asker::Own(own) = asker {
            if is_late {
                let verdict = Verdict::Unavailable(Failure::Timeout);
                self.answered(context, effects, digest, own, verdict);
            } else {
                self.renew(context, digest, own);
            }
            return;
        }
        let Some(first_waiter) = self.in_flight.first_waiter(digest, is_waiting) else {
            self.in_flight.close(digest);
            return;
        };
        if is_late {
            self.neighbour_failed(digest, now);
            self.settle(digest, now, Err(LookupFailure::Unavailable));
            return;
        }
        if asker == Asker::Other
            && let Some(outcome) = self.neighbours_outcome(context, effects, digest)
        {
            self.settle(digest, now, outcome);
        } else if self.needs_key(digest).is_some() {
            effects.outbox.wake.push(first_waiter);
        }
    }

    fn renew(&mut self, context: &HostContext<'_>, digest: KeyDigest, own: OwnLookup) {
        let Some(mine) = own.claim else {
            return;
        };
        self.claims.renew(context.shared, digest, mine, context.now);
        let renewed = Asker::Own(OwnLookup {
            renewed_at: context.now,
            ..own
        });
        self.in_flight.change_asker(digest, renewed);
    }

    /// What came of the lookup by another VM; `None` while it is under way, and when nobody calls out for it any
    /// more.
    fn neighbours_outcome(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
    ) -> Option<Lookup> {
        let question = self.claims.question(context.shared, digest, context.now);
        let outcome = match question {
            Question::Claimed => return None,
            Question::Free => None,
            Question::Concluded {
                outcome: Ok(()),
                asked_at,
            } => self
                .keys
                .shared(context, digest)
                .filter(|validation| validation.asked_at == asked_at)
                .map(|validation| self.believe(effects, digest, validation, context.now)),
            Question::Concluded {
                outcome: Err(failure),
                asked_at,
            } => {
                match failure {
                    LookupFailure::Refused(refusal) => {
                        self.keys.refuse(effects, digest, refusal, asked_at);
                    }
                    LookupFailure::RateLimited { .. } => {}
                    LookupFailure::Unclear => {
                        self.keys.forget(effects, digest);
                        self.neighbour_failed(digest, context.now);
                    }
                    LookupFailure::Overloaded => self.pause_refresh(digest, context.now),
                    LookupFailure::Unavailable | LookupFailure::NotAsked => {
                        self.neighbour_failed(digest, context.now);
                    }
                }
                Some(Err(failure))
            }
        };
        if outcome.is_none() {
            // A valid key whose principal could not be read: each VM calls out, none waits for another in turn.
            let alone = matches!(question, Question::Concluded { .. });
            let asker = Asker::Nobody { alone };
            self.in_flight.change_asker(digest, asker);
        }
        outcome
    }

    /// Takes in what this VM's own callout brought, and tells the others.
    fn answered(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        own: OwnLookup,
        verdict: Verdict,
    ) {
        let asked_at = own.asked_at;
        let verdict = match verdict {
            Verdict::Valid(principal, lifetime) => {
                let lifetime = lifetime.since(asked_at);
                if lifetime.has_expired(context.now) || lifetime.is_early(context.now) {
                    Verdict::Invalid
                } else {
                    Verdict::Valid(principal, lifetime)
                }
            }
            verdict => verdict,
        };
        self.note_callout(effects, &verdict, digest, own, context.now);
        let failure = match verdict {
            Verdict::Valid(principal, lifetime) => {
                let validation = Validation {
                    principal: Arc::new(principal),
                    asked_at,
                    lifetime,
                };
                self.keys.publish(context, digest, &validation);
                let outcome = match self.conclude(context, digest, Ok(()), asked_at) {
                    None => self.believe(effects, digest, validation, context.now),
                    // Another VM asked later and was told otherwise.
                    Some(refusal) => {
                        self.keys.withdraw(context, digest);
                        Err(self.refuse(effects, digest, refusal, asked_at))
                    }
                };
                self.settle(digest, context.now, outcome);
                return;
            }
            Verdict::Invalid => {
                self.turned_down(context, effects, digest, Refusal::Invalid, asked_at)
            }
            Verdict::Refused => {
                self.turned_down(context, effects, digest, Refusal::Refused, asked_at)
            }
            Verdict::RateLimited { retry_after } => {
                self.pause_refresh(digest, context.now);
                LookupFailure::RateLimited { retry_after }
            }
            Verdict::Unavailable(failure) if failure.ends_kept_rights() => {
                self.keys.withdraw(context, digest);
                self.keys.forget(effects, digest);
                LookupFailure::Unclear
            }
            Verdict::Unavailable(failure) => {
                self.pause_refresh(digest, context.now);
                if failure.is_limit() {
                    LookupFailure::Overloaded
                } else {
                    LookupFailure::Unavailable
                }
            }
        };
        self.conclude(context, digest, Err(failure), asked_at);
        self.settle(digest, context.now, Err(failure));
    }

    fn turned_down(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        refusal: Refusal,
        asked_at: Timestamp,
    ) -> LookupFailure {
        let failure = self.refuse(effects, digest, refusal, asked_at);
        self.keys.withdraw(context, digest);
        failure
    }

    /// Tells the other VMs what came of this VM's lookup; a later refusal that one of them was told.
    fn conclude(
        &self,
        context: &HostContext<'_>,
        digest: KeyDigest,
        outcome: Lookup<()>,
        asked_at: Timestamp,
    ) -> Option<Refusal> {
        self.claims
            .conclude(context.shared, digest, outcome, asked_at, context.now)
    }

    /// A remark of a kind is true of every reply alike: once a minute is enough.
    fn tell_operator_of(&mut self, effects: &mut Effects, remark: &Remark, now: Timestamp) {
        let is_due = |last: Timestamp| !(last..last.saturating_add(REMARK_PAUSE)).contains(&now);
        let Some(remarked_at) = self.remarked_at.get_mut(remark.kind()) else {
            return;
        };
        if remarked_at.is_none_or(is_due)
            && effects.tell_operator(&format!("auth_service: {remark}"), now)
        {
            *remarked_at = Some(now);
        }
    }

    fn note_callout(
        &mut self,
        effects: &mut Effects,
        verdict: &Verdict,
        digest: KeyDigest,
        own: OwnLookup,
        now: Timestamp,
    ) {
        effects.count(Metric::Callouts(verdict.outcome()));
        let took = now.saturating_sub(own.asked_at).as_millis();
        let took = took.try_into().unwrap_or(u64::MAX);
        effects.change(Metric::CalloutMilliseconds, Change::Record(took));
        let was_open = self.health.is_open();
        if let Verdict::Unavailable(failure) = verdict {
            if failure.is_limit() {
                self.health.succeeded(own.account, digest);
            } else {
                self.health.failed(own.account, digest, failure, now);
            }
            if failure.is_misconfiguration() {
                effects.count(Metric::AuthServiceMisconfigured);
            }
            effects.tell_operator(&format!("auth_unavailable: {failure}"), now);
        } else {
            self.health.succeeded(own.account, digest);
        }
        let opened = i64::from(self.health.is_open()) - i64::from(was_open);
        effects.shift(Metric::OpenCircuits, opened);
    }

    /// Keeps a validation, unless the key was revoked while it was on its way, or has expired.
    fn believe(
        &mut self,
        effects: &mut Effects,
        digest: KeyDigest,
        validation: Validation,
        now: Timestamp,
    ) -> Lookup {
        let asked_at = validation.asked_at;
        if validation.lifetime.has_expired(now) {
            return Err(self.refuse(effects, digest, Refusal::Invalid, asked_at));
        }
        if self.keys.is_revoked(&validation) {
            return Err(LookupFailure::Refused(Refusal::Invalid));
        }
        if self.keys.is_in_doubt(&validation) {
            // Some key was revoked meanwhile, and which is not known: whoever asks again is told.
            return Err(LookupFailure::NotAsked);
        }
        self.health.succeeded_at(digest, asked_at);
        Ok(self.keys.keep_known(effects, digest, validation, now))
    }

    /// Closes a lookup: those who wait are told.
    pub(super) fn settle(&mut self, digest: KeyDigest, now: Timestamp, outcome: Lookup) {
        let Some(in_flight) = self.in_flight.close(digest) else {
            return;
        };
        let lookup = outcome.or_else(|failure| {
            let lets_stale_rights_count =
                failure.is_of_the_service() || (failure.says_nothing() && self.health.is_open());
            let kept = lets_stale_rights_count.then(|| self.keys.kept(digest, now));
            kept.flatten().map(Known::stale).ok_or(failure)
        });
        self.settled.push(Settled {
            digest,
            waiters: in_flight.waiters,
            lookup,
        });
    }

    /// Another VM's lookup of the key has failed.
    fn neighbour_failed(&mut self, digest: KeyDigest, now: Timestamp) {
        let is_known = self.keys.knows(digest);
        self.health.neighbour_failed(digest, is_known, now);
        self.pause_refresh(digest, now);
    }
}
