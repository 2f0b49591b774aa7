//! Who presents a credential: by the configuration and what the proxy has verified, by this VM's cache, by what its
//! neighbours know, or by the auth service.
//!
//! It knows no operation, no scope table and no decision: a stream is an opaque id that waits for a [`Lookup`].
//!
//! | module | what it owns |
//! |---|---|
//! | `local` | callers whom nobody need be asked about, and which of them were revoked |
//! | `service` | all that is about keys of the auth service |
//! | `keys` | what this VM and its neighbours know of keys |
//! | `in_flight` | the lookups that are under way, with all who wait |
//! | `budgets`, `address` | who may have how many callouts open |
//! | `health`, `circuits`, `failures` | when the service, or a key, is not asked about |
//! | `revocation` | revoked keys: one VM polls, all forget |
//! | `asking` | nothing; a key this VM cannot answer for: wait with others, take a neighbour's word, or call out |
//! | `settling` | nothing; what came of a lookup, for all who wait |

mod address;
mod asking;
mod budgets;
mod circuits;
mod failures;
mod health;
mod in_flight;
mod keys;
mod local;
mod revocation;
mod seen_keys;
mod service;
mod settling;

use std::collections::VecDeque;
use std::time::Duration;

use crate::auth_service::{KeyDigest, Reply};
use crate::credential::ApiKey;
use crate::effects::Effects;
use crate::lookup::{Lookup, LookupFailure};
use crate::principal::{Refusal, Timestamp};
use crate::request::RequestHead;
use crate::rules::Rules;
use crate::shell::{CalloutId, HostContext, StreamId};
use crate::surface::Presented;
use local::LocalLookups;
use service::ServiceLookups;

/// Everything about who presents a key, in one VM under one configuration.
#[derive(Debug)]
pub(crate) struct Identities {
    local: LocalLookups,
    service: Option<ServiceLookups>,
}

/// A request whose caller is looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) stream: StreamId,
    pub(crate) head: &'a RequestHead<'a>,
    pub(crate) key: &'a ApiKey<'a>,
}

/// What is known at once.
#[derive(Debug)]
pub(crate) enum Sought {
    Found(Lookup),
    /// The stream waits for what comes of the lookup of this key.
    Waits(KeyDigest),
}

/// What came of a lookup, for those who waited. Some may be gone.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) digest: KeyDigest,
    pub(crate) waiters: VecDeque<StreamId>,
    pub(crate) lookup: Lookup,
}

impl Identities {
    pub(crate) fn new(rules: &Rules) -> Self {
        let config = rules.config();
        let service = config.auth_service.as_ref();
        Self {
            local: LocalLookups::new(rules),
            service: service.map(|service| ServiceLookups::new(config, service)),
        }
    }

    /// Who the caller is, as far as it is known now. A key of the configuration is nobody else's to judge.
    pub(crate) fn look_up(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        stream: StreamId,
        head: &RequestHead<'_>,
        presented: &Presented<'_>,
    ) -> Sought {
        if !self.local.is_empty() {
            if let Some(service) = &mut self.service {
                service.look_for_revoked_keys(context, effects);
            }
            self.take_in_revoked();
            let lookup = self.local.look_up(effects, head, presented, context.now);
            if let Some(lookup) = lookup {
                return Sought::Found(lookup);
            }
        }
        match (&mut self.service, presented) {
            (Some(service), Presented::Key(key)) => {
                service.look_up(context, effects, &Caller { stream, head, key })
            }
            _ => Sought::Found(Err(LookupFailure::Refused(Refusal::Invalid))),
        }
    }

    /// What a key is known by while the auth service is asked about it.
    pub(crate) fn digest(&self, key: &ApiKey<'_>, head: &RequestHead<'_>) -> Option<KeyDigest> {
        let service = self.service.as_ref()?;
        Some(service.digest(key, head))
    }

    /// What came of lookups since this was asked last.
    pub(crate) fn take_settled(&mut self) -> Vec<Settled> {
        let service = self.service.as_mut();
        service
            .map(ServiceLookups::take_settled)
            .unwrap_or_default()
    }

    /// What a request is told that does not wait any longer: rights past their time, where there are any.
    pub(crate) fn out_of_time(&mut self, digest: KeyDigest, now: Timestamp) -> Lookup {
        match &mut self.service {
            Some(service) => service.out_of_time(digest, now),
            None => Err(LookupFailure::NotAsked),
        }
    }

    /// Whether nobody calls out for a key that is waited for; then whether this VM is to do so alone.
    pub(crate) fn needs_key(&self, digest: KeyDigest) -> Option<bool> {
        self.service.as_ref()?.needs_key(digest)
    }

    /// A waiter was woken that is to bring the key of a lookup for which nobody calls out any more.
    pub(crate) fn ask_with_key_of(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        digest: KeyDigest,
        caller: &Caller<'_>,
        alone: bool,
    ) {
        if let Some(service) = &mut self.service {
            service.ask_with_key_of(context, effects, digest, caller, alone);
        }
    }

    /// The reply to a callout has come, or the callout has failed. One that is not waited for any more is
    /// ignored.
    pub(crate) fn on_callout_reply(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        callout: CalloutId,
        reply: &Reply<'_>,
    ) {
        if let Some(service) = &mut self.service {
            service.on_callout_reply(context, effects, callout, reply);
        }
        self.take_in_revoked();
    }

    /// Time has passed. `is_waiting` says whether a stream still waits for the lookup of a key.
    pub(crate) fn on_tick(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        is_waiting: impl Fn(StreamId, KeyDigest) -> bool,
    ) {
        if let Some(service) = &mut self.service {
            service.on_tick(context, effects, is_waiting);
        }
        self.take_in_revoked();
    }

    /// Whether ticks can be had. Without them nobody watches another VM's lookup: this VM calls out itself.
    pub(crate) fn set_ticking(&mut self, ticking: bool, effects: &mut Effects) {
        if let Some(service) = &mut self.service {
            service.set_ticking(ticking, effects);
        }
    }

    /// Gives up on every lookup: those who wait are told that the service is unavailable.
    pub(crate) fn abandon(&mut self, now: Timestamp) {
        if let Some(service) = &mut self.service {
            service.abandon(now);
        }
    }

    /// How often a tick is to come; `None` while there is nothing to tend.
    pub(crate) fn tick_period(&self, now: Timestamp) -> Option<Duration> {
        self.service.as_ref()?.tick_period(now)
    }

    /// Whether no reply is awaited.
    pub(crate) fn is_idle(&self) -> bool {
        self.service.as_ref().is_none_or(ServiceLookups::is_idle)
    }

    /// This VM's share of the shared gauges is taken back.
    pub(crate) fn retire(&self, effects: &mut Effects) {
        if let Some(service) = &self.service {
            service.retire(effects);
        }
    }

    fn take_in_revoked(&mut self) {
        if let Some(service) = &mut self.service {
            self.local.revoke(service.take_revoked());
        }
    }
}
