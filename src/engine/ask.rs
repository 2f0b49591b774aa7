//! A key that this VM cannot answer for: wait with others, take a neighbour's word, or ask.

use std::sync::Arc;
use std::time::Duration;

use super::address::AddressGroup;
use super::budgets::{Account, Excess};
use super::circuits::OpenCircuit;
use super::flights::{Asker, OwnQuestion};
use super::judge::{Known, refused};
use super::next::{Next, StreamId};
use super::settle::Outcome;
use super::{Engine, Moment, Waiting};
use crate::auth_service::KeyDigest;
use crate::credential::ApiKey;
use crate::decision::{Decision, Reason};
use crate::metrics::{Change, Metric};
use crate::principal::{Principal, Timestamp};
use crate::principals::Found;
use crate::principals::claims::{Claim, Conclusion, Question};
use crate::request::RequestHead;
use crate::trace_context;

/// How long a background question waits after one that was in vain.
const REFRESH_PAUSE: Duration = Duration::from_secs(1);

/// The least time a callout is given, however long its waiters have waited.
const SHORTEST_CALLOUT: Duration = Duration::from_millis(1);

/// A request whose key is to be asked about.
pub(super) struct Pending<'a> {
    pub(super) stream: StreamId,
    pub(super) head: &'a RequestHead<'a>,
    pub(super) undecided: Decision,
    pub(super) key: &'a ApiKey<'a>,
    pub(super) digest: KeyDigest,
}

/// How a question was opened.
enum Opened {
    /// This VM asks.
    Asking,
    /// Another VM was faster.
    Watching,
}

/// Why a key is not asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldBack {
    /// Too many callouts are open.
    Excess(Excess),
    /// The service is left alone, or new keys from this address are.
    Open(OpenCircuit),
    /// The service has just failed for this key.
    JustFailed,
}

impl HeldBack {
    const fn reason(self) -> Reason {
        match self {
            Self::Excess(_) => Reason::Overloaded,
            Self::Open(_) | Self::JustFailed => Reason::AuthUnavailable,
        }
    }

    /// The word used for the lookup in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Excess(Excess::InFlight) => "max_in_flight",
            Self::Excess(Excess::Address) => "address_limit",
            Self::Open(OpenCircuit::Service) => "circuit",
            Self::Open(OpenCircuit::Address) => "address_circuit",
            Self::JustFailed => "just_failed",
        }
    }
}

impl Engine {
    /// Decides with what neighbours know, or waits for an answer.
    pub(super) fn find_out(
        &mut self,
        moment: &Moment<'_>,
        pending: Pending<'_>,
        found: Found,
    ) -> Next {
        let digest = pending.digest;
        let mut found = found;
        let open = self.flights.contains(digest);
        let mut question = Question::Free;
        if !open {
            found = self.neighbours_word(moment, digest, found);
            question = self.claims.question(moment.shared, digest, moment.now);
            found = self.neighbours_refusal(moment, digest, found, question);
        }
        let mut refresh = false;
        let stale = match found {
            Found::Fresh {
                principal,
                identity,
                ..
            } => {
                self.note(Metric::CacheLookups("shared"), Change::Add(1));
                let known = Known {
                    principal,
                    identity: Some(identity),
                    stale: false,
                };
                return self.judge_pending(moment, pending, known);
            }
            Found::Refused(refusal) => {
                self.note(Metric::CacheLookups("shared_refusal"), Change::Add(1));
                return self.finish(refused(pending.undecided, refusal), pending.head);
            }
            Found::Stale {
                principal,
                refresh: due,
                ..
            } => {
                refresh = due;
                Some(principal)
            }
            Found::Nothing => None,
        };
        if let Some(principal) = stale
            && self.may_be_stale(digest, moment.now)
        {
            // The service failed for this key, or for several: its owner does not wait to find out whether it
            // still does.
            if refresh {
                self.ask_in_background(moment, digest, pending.key, pending.head);
            }
            return self.serve_stale(moment, pending, principal);
        }
        if self.failures.holds_back(digest, moment.now) {
            return self.hold_back(pending, HeldBack::JustFailed);
        }
        if open || (question == Question::Claimed && self.ticking) {
            self.note(Metric::CacheLookups("joined"), Change::Add(1));
            if !open {
                self.flights.set_asker(digest, Asker::Other, moment.now);
            }
            return self.wait(moment, pending);
        }
        match self.try_to_ask(moment, digest, pending.key, pending.head, false) {
            Ok(opened) => {
                let lookup = match opened {
                    Opened::Asking => "miss",
                    Opened::Watching => "joined",
                };
                self.note(Metric::CacheLookups(lookup), Change::Add(1));
                self.wait(moment, pending)
            }
            Err(held_back) => self.hold_back(pending, held_back),
        }
    }

    /// Whether rights past their time count: the service failed for this very key, or is left alone.
    fn may_be_stale(&self, digest: KeyDigest, now: Timestamp) -> bool {
        let lately = self.config.auth_service.breaker.open_for.saturating_mul(2);
        self.circuits.is_open()
            || self.failures.holds_back(digest, now)
            || self.failures.failed_within(digest, lately, now)
    }

    fn hold_back(&mut self, pending: Pending<'_>, held_back: HeldBack) -> Next {
        self.note(Metric::CacheLookups(held_back.as_str()), Change::Add(1));
        let decision = self.unavailable(pending.undecided, held_back.reason());
        self.finish(decision, pending.head)
    }

    /// Asks again about a key whose principal is being served, so that nobody has to wait when it ends.
    pub(super) fn ask_in_background(
        &mut self,
        moment: &Moment<'_>,
        digest: KeyDigest,
        key: &ApiKey<'_>,
        head: &RequestHead<'_>,
    ) {
        if self.flights.contains(digest) || !self.flights.budgets().admits_background() {
            return;
        }
        let found = self.principals.find(digest, moment.now);
        let newer = self.neighbours_word(moment, digest, found);
        if matches!(newer, Found::Fresh { refresh: false, .. }) {
            return;
        }
        match self.try_to_ask(moment, digest, key, head, false) {
            Ok(Opened::Asking) => {}
            Ok(Opened::Watching) => {
                // Nobody waits: what the other VM is told is read when it is needed.
                self.flights.close(digest);
                self.pause_refresh(digest, moment.now);
            }
            Err(_) => self.pause_refresh(digest, moment.now),
        }
    }

    /// Opens the question about a key: asks, or finds, unless it is to ask alone, that another VM was faster.
    fn try_to_ask(
        &mut self,
        moment: &Moment<'_>,
        digest: KeyDigest,
        key: &ApiKey<'_>,
        head: &RequestHead<'_>,
        alone: bool,
    ) -> Result<Opened, HeldBack> {
        let budgets = self.flights.budgets();
        if budgets.is_full() {
            return Err(HeldBack::Excess(Excess::InFlight));
        }
        let account = self.account(digest, head);
        budgets.admit(account).map_err(HeldBack::Excess)?;
        self.circuits
            .admit(account, digest, moment.now)
            .map_err(HeldBack::Open)?;
        let claim = if alone || !self.ticking {
            Claim::Unclaimed
        } else {
            self.claims.claim(moment.shared, digest, moment.now)
        };
        let claim = match claim {
            Claim::Theirs => {
                self.circuits.withdraw(account, digest);
                self.flights.set_asker(digest, Asker::Other, moment.now);
                return Ok(Opened::Watching);
            }
            Claim::Mine(mine) => Some(mine),
            Claim::Unclaimed => None,
        };
        let mut callout = self.auth_service.ask(key, self.sent_address(head));
        callout.headers.extend(trace_context::headers(head));
        if let Some(flight) = self.flights.get(digest) {
            // Those who wait already have waited: together it is no longer than one callout may take.
            let waited = moment.now.saturating_sub(flight.started_at);
            callout.timeout = callout.timeout.saturating_sub(waited).max(SHORTEST_CALLOUT);
        }
        let id = self.flights.next_callout();
        let question = OwnQuestion {
            callout: id,
            key: self.auth_service.digest_of_key(key),
            account,
            asked_at: moment.now,
            claim,
            renewed_at: moment.now,
        };
        self.flights
            .set_asker(digest, Asker::Own(question), moment.now);
        self.outbox.callouts.push((id, callout));
        Ok(Opened::Asking)
    }

    /// A waiter was woken that is to bring the key of a question nobody asks any more.
    pub(super) fn ask_with_key_of(
        &mut self,
        moment: &Moment<'_>,
        digest: KeyDigest,
        key: &ApiKey<'_>,
        head: &RequestHead<'_>,
        alone: bool,
    ) {
        if let Err(held_back) = self.try_to_ask(moment, digest, key, head, alone) {
            let outcome = Outcome::HeldBack(held_back.reason());
            self.settle(digest, moment.now, outcome);
        }
    }

    /// On whose account a key is asked about. The address of a known key is not looked at.
    fn account(&self, digest: KeyDigest, head: &RequestHead<'_>) -> Account {
        if self.principals.knows(digest) {
            return Account::Known;
        }
        let told_apart = self.config.auth_service.per_address_limit;
        let address = told_apart.then(|| head.client_address()).flatten();
        Account::New(address.map_or(AddressGroup::Shared, AddressGroup::of))
    }

    /// What another VM was told of a key, taken into this VM's cache.
    fn neighbours_word(&mut self, moment: &Moment<'_>, digest: KeyDigest, found: Found) -> Found {
        self.look_for_revocations(moment);
        match self.shared.find(moment.shared, digest) {
            Some(validation) if validation.asked_at <= moment.now => {
                self.failures.succeeded_at(digest, validation.asked_at);
                self.change_principals(|cache| cache.keep(digest, validation));
                self.principals.find(digest, moment.now)
            }
            _ => found,
        }
    }

    /// What another VM was told against a key. It counts if it is newer than what this VM has.
    fn neighbours_refusal(
        &mut self,
        moment: &Moment<'_>,
        digest: KeyDigest,
        found: Found,
        question: Question,
    ) -> Found {
        let Question::Concluded {
            conclusion: conclusion @ (Conclusion::Refused(_) | Conclusion::Unclear),
            asked_at,
        } = question
        else {
            return found;
        };
        let newer = match &found {
            Found::Stale { asked_at: kept, .. } => asked_at > *kept,
            Found::Nothing => true,
            Found::Fresh { .. } | Found::Refused(_) => false,
        };
        if newer && asked_at <= moment.now {
            self.change_principals(|cache| match conclusion {
                Conclusion::Refused(refusal) => cache.refuse(digest, refusal, asked_at),
                _ => cache.forget(digest),
            });
            return self.principals.find(digest, moment.now);
        }
        found
    }

    fn wait(&mut self, moment: &Moment<'_>, pending: Pending<'_>) -> Next {
        self.flights.join(pending.digest, pending.stream);
        let waiting = Waiting {
            digest: pending.digest,
            undecided: pending.undecided,
            since: moment.now,
            told: None,
        };
        self.waiting.insert(pending.stream, waiting);
        Next::Wait
    }

    fn serve_stale(
        &mut self,
        moment: &Moment<'_>,
        pending: Pending<'_>,
        principal: Arc<Principal>,
    ) -> Next {
        self.note(Metric::CacheLookups("stale"), Change::Add(1));
        let known = Known {
            principal,
            identity: None,
            stale: true,
        };
        self.judge_pending(moment, pending, known)
    }

    fn judge_pending(&mut self, moment: &Moment<'_>, pending: Pending<'_>, known: Known) -> Next {
        self.judge(
            pending.stream,
            moment.now,
            pending.undecided,
            known,
            pending.head,
        )
    }

    /// The decision of a request about whose key nobody can say anything now.
    pub(super) fn unavailable(&self, undecided: Decision, reason: Reason) -> Decision {
        Decision {
            reason,
            retry_after: Some(self.auth_service.unavailable_retry_after()),
            ..undecided
        }
    }

    /// A background question has failed, or is another VM's: it is not tried again at once.
    pub(super) fn pause_refresh(&mut self, digest: KeyDigest, now: Timestamp) {
        let later = now.saturating_add(REFRESH_PAUSE);
        self.principals.postpone_refresh(digest, later);
    }
}
