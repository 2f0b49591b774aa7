//! What comes of an open question: a reply, a neighbour's conclusion, or no answer in time.

use std::sync::Arc;
use std::time::Duration;

use super::flights::{Asker, OwnQuestion};
use super::judge::{Known, refused};
use super::outbox::CalloutId;
use super::{Engine, Moment, Told};
use crate::auth_service::{Failure, KeyDigest, Reply, Verdict};
use crate::decision::{Decision, Reason};
use crate::principal::{Principal, Refusal, Timestamp};
use crate::principals::claims::{Conclusion, Question};
use crate::principals::{Found, Validation};

/// How long after its time a callout's own end is waited for before the filter ends the wait itself.
pub(super) const GRACE: Duration = Duration::from_millis(50);

/// How often a tick comes while bodies are read.
const BODY_WATCH: Duration = Duration::from_millis(500);

/// What those who wait are told.
pub(super) enum Outcome {
    Valid(Arc<Principal>),
    Refused(Refusal),
    RateLimited {
        retry_after: Option<u64>,
    },
    /// The service failed for this key, or did not answer in time: rights past their time count.
    Failed,
    /// It was not asked, or what it said cannot be used.
    HeldBack(Reason),
}

impl Engine {
    /// The reply to a callout has come, or the callout has failed. One that is not waited for any more is
    /// ignored.
    pub fn on_callout_reply(&mut self, callout: CalloutId, moment: &Moment<'_>, reply: &Reply<'_>) {
        if self.on_poll_reply(callout, moment, reply) {
            return;
        }
        let Some(digest) = self.flights.key_of(callout) else {
            return;
        };
        let Some(Asker::Own(question)) = self.flights.get(digest).map(|flight| flight.asker) else {
            return;
        };
        let mut verdict = reply.verdict();
        verdict.hide(|text| self.auth_service.is_key(text, question.key));
        self.answered(moment, digest, question, verdict);
    }

    /// Time has passed.
    pub fn on_tick(&mut self, moment: &Moment<'_>) {
        let longest = self.config.auth_service.timeout + GRACE;
        for digest in self.flights.due(longest, moment.now) {
            self.watch(moment, digest);
        }
        self.tend_revocations(moment);
        self.tend_readings(moment.now);
        self.tend_shadowed(moment.now);
    }

    /// Wakes the streams whose body has not come.
    fn tend_readings(&mut self, now: Timestamp) {
        let late = self.reading.late(now, &self.config);
        self.outbox.wake.extend(late);
    }

    /// Whether ticks can be had. Without them nobody watches another VM's question: this VM asks itself.
    pub fn set_ticking(&mut self, ticking: bool) {
        self.ticking = ticking;
        if ticking {
            return;
        }
        for digest in self.flights.keys() {
            let Some(flight) = self.flights.get(digest) else {
                continue;
            };
            if flight.asker == Asker::Other {
                self.outbox.wake.extend(flight.waiters.back());
                self.flights
                    .change_asker(digest, Asker::Nobody { alone: true });
            }
        }
    }

    /// Gives up on everything that is open: those who wait are told that the service is unavailable.
    pub fn abandon(&mut self, now: Timestamp) {
        for digest in self.flights.keys() {
            self.settle(digest, now, Outcome::HeldBack(Reason::AuthUnavailable));
        }
    }

    /// How often [`Self::on_tick`] is to be called; `None` while there is nothing to tend.
    pub fn tick_period(&self, now: Timestamp) -> Option<Duration> {
        let reading = (!self.reading.is_empty()).then_some(BODY_WATCH);
        let flights = self.flights.tick_period(now).into_iter();
        flights
            .chain(self.revocation_watch())
            .chain(reading)
            .chain(self.shadow_watch())
            .min()
    }

    fn watch(&mut self, moment: &Moment<'_>, digest: KeyDigest) {
        let timeout = self.config.auth_service.timeout;
        self.flights.begun_by(digest, moment.now);
        let Some(flight) = self.flights.get(digest) else {
            return;
        };
        let (started_at, asker) = (flight.started_at, flight.asker);
        let late = moment.now.saturating_sub(started_at) >= timeout + GRACE;
        let waiting = &self.waiting;
        let is_waiting =
            |stream| matches!(waiting.get(stream), Some(waiting) if waiting.digest == digest);
        let first_waiter = match asker {
            Asker::Own(_) => None,
            _ => self.flights.first_waiter(digest, is_waiting),
        };
        match asker {
            Asker::Own(question) if late => {
                self.answered(
                    moment,
                    digest,
                    question,
                    Verdict::Unavailable(Failure::Timeout),
                );
            }
            Asker::Own(question) => self.renew(moment, digest, question),
            Asker::Other | Asker::Nobody { .. } if first_waiter.is_none() => {
                self.flights.close(digest);
            }
            Asker::Other | Asker::Nobody { .. } if late => {
                self.remember_failure(digest, moment.now);
                self.settle(digest, moment.now, Outcome::Failed);
            }
            Asker::Other => {
                if let Some(outcome) = self.neighbours_outcome(moment, digest) {
                    self.settle(digest, moment.now, outcome);
                } else if self.needs_key(digest).is_some() {
                    self.outbox.wake.extend(first_waiter);
                }
            }
            Asker::Nobody { .. } => self.outbox.wake.extend(first_waiter),
        }
    }

    fn renew(&mut self, moment: &Moment<'_>, digest: KeyDigest, question: OwnQuestion) {
        let Some(mine) = question.claim else {
            return;
        };
        self.claims.renew(moment.shared, digest, mine, moment.now);
        let renewed = Asker::Own(OwnQuestion {
            renewed_at: moment.now,
            ..question
        });
        self.flights.change_asker(digest, renewed);
    }

    /// What came of the question that another VM asks; `None` while it is open, and when nobody asks it any
    /// more.
    fn neighbours_outcome(&mut self, moment: &Moment<'_>, digest: KeyDigest) -> Option<Outcome> {
        let question = self.claims.question(moment.shared, digest, moment.now);
        let outcome = match question {
            Question::Claimed => return None,
            Question::Free => None,
            Question::Concluded {
                conclusion,
                asked_at,
            } => match conclusion {
                Conclusion::Valid => self
                    .shared
                    .find(moment.shared, digest)
                    .filter(|validation| validation.asked_at == asked_at)
                    .map(|validation| self.believe(digest, validation, moment.now)),
                Conclusion::Refused(refusal) => {
                    self.change_principals(|cache| cache.refuse(digest, refusal, asked_at));
                    Some(Outcome::Refused(refusal))
                }
                Conclusion::RateLimited { retry_after } => {
                    Some(Outcome::RateLimited { retry_after })
                }
                Conclusion::Unavailable | Conclusion::Unclear => {
                    if conclusion == Conclusion::Unclear {
                        self.change_principals(|cache| cache.forget(digest));
                    }
                    self.remember_failure(digest, moment.now);
                    Some(Outcome::Failed)
                }
            },
        };
        if outcome.is_none() {
            // A valid key whose principal could not be read: each VM asks, none waits for another in turn.
            let alone = matches!(question, Question::Concluded { .. });
            let asker = Asker::Nobody { alone };
            self.flights.change_asker(digest, asker);
        }
        outcome
    }

    /// Takes in what this VM's own question brought, and tells the others.
    fn answered(
        &mut self,
        moment: &Moment<'_>,
        digest: KeyDigest,
        question: OwnQuestion,
        verdict: Verdict,
    ) {
        let asked_at = question.asked_at;
        let verdict = match verdict {
            Verdict::Valid(principal, lifetime) => {
                let lifetime = lifetime.since(asked_at);
                if lifetime.has_expired(moment.now) || lifetime.is_early(moment.now) {
                    Verdict::Invalid
                } else {
                    Verdict::Valid(principal, lifetime)
                }
            }
            verdict => verdict,
        };
        self.note_callout(&verdict, digest, question, moment.now);
        let conclude = |engine: &Self, conclusion| {
            engine
                .claims
                .conclude(moment.shared, digest, conclusion, asked_at, moment.now)
        };
        let outcome = match verdict {
            Verdict::Valid(principal, lifetime) => {
                let validation = Validation {
                    principal: Arc::new(principal),
                    asked_at,
                    lifetime,
                };
                self.shared
                    .publish(moment.shared, digest, &validation, moment.now);
                match conclude(self, Conclusion::Valid) {
                    None => self.believe(digest, validation, moment.now),
                    // Another VM asked later and was told otherwise.
                    Some(refusal) => {
                        self.shared.withdraw(moment.shared, digest);
                        self.change_principals(|cache| cache.refuse(digest, refusal, asked_at));
                        Outcome::Refused(refusal)
                    }
                }
            }
            Verdict::Invalid | Verdict::Refused => {
                let refusal = if matches!(verdict, Verdict::Invalid) {
                    Refusal::Invalid
                } else {
                    Refusal::Refused
                };
                self.change_principals(|cache| cache.refuse(digest, refusal, asked_at));
                self.shared.withdraw(moment.shared, digest);
                conclude(self, Conclusion::Refused(refusal));
                Outcome::Refused(refusal)
            }
            Verdict::RateLimited { retry_after } => {
                self.pause_refresh(digest, moment.now);
                conclude(self, Conclusion::RateLimited { retry_after });
                Outcome::RateLimited { retry_after }
            }
            Verdict::Unavailable(failure) => {
                let conclusion = if failure.ends_kept_rights() {
                    self.shared.withdraw(moment.shared, digest);
                    self.change_principals(|cache| cache.forget(digest));
                    Conclusion::Unclear
                } else {
                    Conclusion::Unavailable
                };
                self.pause_refresh(digest, moment.now);
                conclude(self, conclusion);
                Outcome::Failed
            }
        };
        self.settle(digest, moment.now, outcome);
    }

    /// Keeps a validation, unless the key was revoked while it was on its way, or has expired.
    fn believe(&mut self, digest: KeyDigest, validation: Validation, now: Timestamp) -> Outcome {
        if validation.lifetime.has_expired(now) {
            let asked_at = validation.asked_at;
            self.change_principals(|cache| cache.refuse(digest, Refusal::Invalid, asked_at));
            return Outcome::Refused(Refusal::Invalid);
        }
        if self.principals.is_revoked(&validation) {
            return Outcome::Refused(Refusal::Invalid);
        }
        if self.principals.is_in_doubt(&validation) {
            // Some key was revoked meanwhile, and which is not known: whoever asks again is told.
            return Outcome::HeldBack(Reason::AuthUnavailable);
        }
        self.failures.succeeded_at(digest, validation.asked_at);
        let principal = Arc::clone(&validation.principal);
        self.change_principals(|cache| cache.keep(digest, validation));
        Outcome::Valid(principal)
    }

    /// Closes a question and decides for those who wait.
    pub(super) fn settle(&mut self, digest: KeyDigest, now: Timestamp, outcome: Outcome) {
        let Some(flight) = self.flights.close(digest) else {
            return;
        };
        let may_be_stale = matches!(outcome, Outcome::Failed) || self.circuits.is_open();
        let stale = may_be_stale.then(|| self.kept(digest, now)).flatten();
        for stream in flight.waiters {
            let Some(mut waiting) = self.waiting.remove(stream) else {
                continue;
            };
            if waiting.digest == digest && waiting.told.is_none() {
                let told = self.told(waiting.undecided.clone(), &outcome, stale.as_ref());
                waiting.told = Some(told);
                self.outbox.wake.push(stream);
            }
            self.waiting.insert(stream, waiting);
        }
    }

    /// The principal whose rights count while the service is unavailable.
    pub(super) fn kept(&mut self, digest: KeyDigest, now: Timestamp) -> Option<Arc<Principal>> {
        match self.principals.find(digest, now) {
            Found::Stale { principal, .. } | Found::Fresh { principal, .. } => Some(principal),
            Found::Refused(_) | Found::Nothing => None,
        }
    }

    pub(super) fn told(
        &self,
        undecided: Decision,
        outcome: &Outcome,
        stale: Option<&Arc<Principal>>,
    ) -> Told {
        let known = |principal: &Arc<Principal>, stale| {
            Told::Known(Known {
                principal: Arc::clone(principal),
                identity: None,
                stale,
            })
        };
        let unanswered = |reason| match stale {
            Some(principal) => known(principal, true),
            None => Told::Denied(self.unavailable(undecided.clone(), reason)),
        };
        match outcome {
            Outcome::Valid(principal) => known(principal, false),
            Outcome::Refused(refusal) => Told::Denied(refused(undecided, *refusal)),
            Outcome::RateLimited { retry_after } => {
                let limited = self.unavailable(undecided, Reason::RateLimited);
                Told::Denied(Decision {
                    retry_after: retry_after.or(limited.retry_after),
                    ..limited
                })
            }
            Outcome::Failed => unanswered(Reason::AuthUnavailable),
            Outcome::HeldBack(reason) => unanswered(*reason),
        }
    }

    /// What another VM asked about this key has failed.
    fn remember_failure(&mut self, digest: KeyDigest, now: Timestamp) {
        let is_known = self.principals.knows(digest);
        self.failures.failed(digest, is_known, now);
        self.pause_refresh(digest, now);
    }
}
