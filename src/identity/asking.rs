//! A key that this VM cannot answer for: wait with others, take a neighbour's word, or call out.

use std::time::Duration;

use super::address::AddressGroup;
use super::budgets::{Account, Excess};
use super::circuits::OpenCircuit;
use super::in_flight::{Asker, OwnLookup};
use super::service::ServiceLookups;
use super::{Caller, Sought};
use crate::auth_service::KeyDigest;
use crate::credential::ApiKey;
use crate::effects::Effects;
use crate::lookup::{Known, LookupFailure};
use crate::metrics::Metric;
use crate::principal::{IdentitySource, Refusal, Timestamp};
use crate::principals::Found;
use crate::principals::claims::{Claim, Question};
use crate::request::RequestHead;
use crate::shell::HostContext;
use crate::trace_context;

/// How long a refresh waits after one that was in vain.
const REFRESH_PAUSE: Duration = Duration::from_secs(1);

/// The least time a callout is given, however long its waiters have waited.
const SHORTEST_CALLOUT: Duration = Duration::from_millis(1);

/// How a lookup was begun.
enum Begun {
    /// This VM calls out.
    Asking,
    /// Another VM was faster.
    Watching,
}

/// Why a key is not asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldBack {
    /// Too many callouts are open.
    Excess(Excess),
    /// The circuit of the auth service is open, or that of the address for new keys.
    Open(OpenCircuit),
    /// The service has just failed for this key.
    JustFailed,
}

impl HeldBack {
    const fn failure(self) -> LookupFailure {
        match self {
            Self::Excess(_) => LookupFailure::Overloaded,
            Self::Open(_) | Self::JustFailed => LookupFailure::NotAsked,
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

impl ServiceLookups {
    /// Finds the caller with what neighbours know, or lets the stream wait.
    pub(super) fn find_out(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        caller: &Caller<'_>,
        found: Found,
    ) -> Sought {
        let mut found = found;
        let is_in_flight = self.in_flight.contains(digest);
        let mut question = Question::Free;
        if !is_in_flight {
            found = self.neighbours_word(context, effects, digest, found);
            question = self.claims.question(context.shared, digest, context.now);
            found = self.neighbours_refusal(context, effects, digest, found, question);
        }
        match found {
            Found::Fresh {
                principal, values, ..
            } => {
                effects.count(Metric::CacheLookups("shared"));
                return Sought::Found(Ok(Known {
                    values: Some(values),
                    ..Known::fresh(principal, IdentitySource::AuthService)
                }));
            }
            Found::Refused(refusal) => {
                effects.count(Metric::CacheLookups("shared_refusal"));
                return Sought::Found(Err(LookupFailure::Refused(refusal)));
            }
            Found::Stale {
                principal, refresh, ..
            } if self.health.lets_stale_rights_count(digest, context.now) => {
                // The service failed for this key, or for several: its owner does not wait to find out whether it
                // still does.
                if refresh {
                    self.ask_in_background(context, effects, digest, caller);
                }
                effects.count(Metric::CacheLookups("stale"));
                return Sought::Found(Ok(Known::stale(principal)));
            }
            Found::Stale { .. } | Found::Nothing => {}
        }
        if self.health.holds_back(digest, context.now) {
            return hold_back(effects, HeldBack::JustFailed);
        }
        let is_claimed = question == Question::Claimed && self.ticking;
        let lookup = if is_in_flight || is_claimed {
            if !is_in_flight {
                self.in_flight.set_asker(digest, Asker::Other, context.now);
            }
            "joined"
        } else {
            match self.call_out(context, effects, digest, caller.key, caller.head, false) {
                Ok(Begun::Asking) => "miss",
                Ok(Begun::Watching) => "joined",
                Err(held_back) => return hold_back(effects, held_back),
            }
        };
        effects.count(Metric::CacheLookups(lookup));
        self.in_flight.join(digest, caller.stream);
        Sought::Waits(digest)
    }

    /// Asks again about a key whose principal is being served, so that nobody has to wait when it ends.
    pub(super) fn ask_in_background(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        caller: &Caller<'_>,
    ) {
        if self.in_flight.contains(digest) || !self.in_flight.budgets().admits_background() {
            return;
        }
        let found = self.keys.find(digest, context.now);
        let newer = self.neighbours_word(context, effects, digest, found);
        if matches!(newer, Found::Fresh { refresh: false, .. }) {
            return;
        }
        match self.call_out(context, effects, digest, caller.key, caller.head, false) {
            Ok(Begun::Asking) => {}
            Ok(Begun::Watching) => {
                // Nobody waits: what the other VM is told is read when it is needed.
                self.in_flight.close(digest);
                self.pause_refresh(digest, context.now);
            }
            Err(_) => self.pause_refresh(digest, context.now),
        }
    }

    /// A waiter was woken that is to bring the key of a lookup for which nobody calls out any more.
    pub(super) fn ask_with_key_of(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        caller: &Caller<'_>,
        alone: bool,
    ) {
        let begun = self.call_out(context, effects, digest, caller.key, caller.head, alone);
        if let Err(held_back) = begun {
            self.settle(digest, context.now, Err(held_back.failure()));
        }
    }

    /// Begins a lookup: calls out, or finds, unless it is to do so alone, that another VM was faster.
    fn call_out(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        key: &ApiKey<'_>,
        head: &RequestHead<'_>,
        alone: bool,
    ) -> Result<Begun, HeldBack> {
        let budgets = self.in_flight.budgets();
        if budgets.is_full() {
            return Err(HeldBack::Excess(Excess::InFlight));
        }
        let account = self.account(digest, head);
        budgets.admit(account).map_err(HeldBack::Excess)?;
        self.health
            .admit(account, digest, context.now)
            .map_err(HeldBack::Open)?;
        let claim = if alone || !self.ticking {
            Claim::Unclaimed
        } else {
            self.claims.claim(context.shared, digest, context.now)
        };
        let claim = match claim {
            Claim::Theirs => {
                self.health.withdraw(account, digest);
                self.in_flight.set_asker(digest, Asker::Other, context.now);
                return Ok(Begun::Watching);
            }
            Claim::Mine(mine) => Some(mine),
            Claim::Unclaimed => None,
        };
        let address = self.sent_address(head);
        let mut callout = self.client.ask(key, address);
        let trace = trace_context::headers(head);
        let trace = trace.map(|(name, value)| (name.into(), value.into()));
        callout.headers.extend(trace);
        if let Some(lookup) = self.in_flight.get(digest) {
            // Those who wait already have waited: together it is no longer than one callout may take.
            let waited = context.now.saturating_sub(lookup.started_at);
            callout.timeout = callout.timeout.saturating_sub(waited).max(SHORTEST_CALLOUT);
        }
        let own = OwnLookup {
            callout: effects.call_out(callout),
            key: address.map_or(digest, |_| self.client.digest(key, None)),
            key_length: key.length(),
            account,
            asked_at: context.now,
            claim,
            renewed_at: context.now,
        };
        self.in_flight
            .set_asker(digest, Asker::Own(own), context.now);
        Ok(Begun::Asking)
    }

    /// On whose account a key is asked about. The address of a known key is not looked at.
    fn account(&self, digest: KeyDigest, head: &RequestHead<'_>) -> Account {
        if self.keys.knows(digest) {
            return Account::Known;
        }
        let told_apart = self.settings.per_address_limit;
        let address = told_apart.then(|| head.client_address()).flatten();
        Account::New(address.map_or(AddressGroup::Shared, AddressGroup::of))
    }

    /// What another VM was told of a key, taken into this VM's cache.
    fn neighbours_word(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        found: Found,
    ) -> Found {
        if let Some(revocation) = &mut self.revocation {
            revocation.look_once(context, effects, &mut self.keys);
        }
        match self.keys.shared(context, digest) {
            Some(validation) if validation.asked_at <= context.now => {
                self.health.succeeded_at(digest, validation.asked_at);
                self.keys.keep(effects, digest, validation);
                self.keys.find(digest, context.now)
            }
            _ => found,
        }
    }

    /// What another VM was told against a key. It counts if it is newer than what this VM has.
    fn neighbours_refusal(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        found: Found,
        question: Question,
    ) -> Found {
        let Question::Concluded {
            outcome: Err(failure @ (LookupFailure::Refused(_) | LookupFailure::Unclear)),
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
        if !newer || asked_at > context.now {
            return found;
        }
        match failure {
            LookupFailure::Refused(refusal) => {
                self.keys.refuse(effects, digest, refusal, asked_at);
            }
            _ => self.keys.forget(effects, digest),
        }
        self.keys.find(digest, context.now)
    }

    /// A refresh has failed, or is another VM's: it is not tried again at once.
    pub(super) fn pause_refresh(&mut self, digest: KeyDigest, now: Timestamp) {
        let later = now.saturating_add(REFRESH_PAUSE);
        self.keys.postpone_refresh(digest, later);
    }

    /// A later lookup of the key, by another VM, has turned it down.
    pub(super) fn refuse(
        &mut self,
        effects: &mut Effects,
        digest: KeyDigest,
        refusal: Refusal,
        asked_at: Timestamp,
    ) -> LookupFailure {
        self.keys.refuse(effects, digest, refusal, asked_at);
        LookupFailure::Refused(refusal)
    }
}

fn hold_back(effects: &mut Effects, held_back: HeldBack) -> Sought {
    effects.count(Metric::CacheLookups(held_back.as_str()));
    Sought::Found(Err(held_back.failure()))
}
