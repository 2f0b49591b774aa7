//! Who presents a key: by this VM's cache, by what its neighbours know, or by the auth service.
//!
//! Owns what is known of keys, the lookups in flight with the streams that wait for them, and what tells when not to
//! call out. It knows no operation, no scope table and no decision: a stream is an opaque id that waits for a
//! [`Lookup`].
//!
//! | module | what it owns |
//! |---|---|
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
mod revocation;
mod settling;

use std::collections::VecDeque;
use std::time::Duration;

use crate::auth_service::{AuthServiceClient, KeyDigest, RevocationClient};
use crate::config::Config;
use crate::credential::ApiKey;
use crate::effects::Effects;
use crate::lookup::{Known, Lookup, LookupFailure};
use crate::metrics::{Change, Metric};
use crate::principal::Timestamp;
use crate::principals::Found;
use crate::principals::claims::Claims;
use crate::request::RequestHead;
use crate::shell::{HostContext, StreamId};
use budgets::Budgets;
use health::Health;
use in_flight::{Asker, InFlight};
use keys::KeyStore;
use revocation::RevocationWatch;

/// How long after its time a callout's own end is waited for before the filter ends the wait itself.
const GRACE: Duration = Duration::from_millis(50);

/// Everything about who presents a key, in one VM under one configuration.
#[derive(Debug)]
pub(crate) struct Identities {
    client: AuthServiceClient,
    keys: KeyStore,
    claims: Claims,
    in_flight: InFlight,
    health: Health,
    revocation: Option<RevocationWatch>,
    settings: Settings,
    /// Whether ticks can be had.
    ticking: bool,
    settled: Vec<Settled>,
    /// When the operator was last told of a reply that is within the contract.
    remarked_at: Option<Timestamp>,
}

/// What of the configuration is asked for again and again.
#[derive(Debug)]
struct Settings {
    timeout: Duration,
    send_client_ip: bool,
    per_address_limit: bool,
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
    pub(crate) fn new(config: &Config) -> Self {
        let service = &config.auth_service;
        let slots = u32::try_from(config.cache.shared_slots).unwrap_or(u32::MAX);
        let client = AuthServiceClient::new(service.clone());
        let revocation = RevocationClient::new(config).map(|revocations| {
            RevocationWatch::new(revocations, &client.fingerprint(), service.timeout + GRACE)
        });
        Self {
            client,
            keys: KeyStore::new(config.cache.clone(), slots),
            claims: Claims::new(slots),
            in_flight: InFlight::new(Budgets::new(
                service.max_in_flight,
                service.per_address_limit,
            )),
            health: Health::new(&service.breaker),
            revocation,
            settings: Settings {
                timeout: service.timeout,
                send_client_ip: service.send_client_ip,
                per_address_limit: service.per_address_limit,
            },
            ticking: true,
            settled: Vec::new(),
            remarked_at: None,
        }
    }

    /// Who the caller is, as far as it is known now.
    pub(crate) fn look_up(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        caller: &Caller<'_>,
    ) -> Sought {
        let digest = self.digest(caller.key, caller.head);
        match self.keys.find(digest, context.now) {
            Found::Fresh {
                principal,
                values,
                refresh,
            } => {
                if refresh {
                    self.ask_in_background(context, effects, digest, caller);
                }
                effects.count(Metric::CacheLookups("hit"));
                Sought::Found(Ok(Known {
                    principal,
                    values: Some(values),
                    stale: false,
                }))
            }
            Found::Refused(refusal) => {
                effects.count(Metric::CacheLookups("refusal"));
                Sought::Found(Err(LookupFailure::Refused(refusal)))
            }
            found @ (Found::Stale { .. } | Found::Nothing) => {
                self.find_out(context, effects, digest, caller, found)
            }
        }
    }

    /// What a key is known by.
    pub(crate) fn digest(&self, key: &ApiKey<'_>, head: &RequestHead<'_>) -> KeyDigest {
        self.client.digest(key, self.sent_address(head))
    }

    /// The address that goes with a callout; it is read only where one does.
    fn sent_address<'a>(&self, head: &RequestHead<'a>) -> Option<&'a str> {
        let sent = self.settings.send_client_ip;
        sent.then(|| head.client_address()).flatten()
    }

    /// What came of lookups since this was asked last.
    pub(crate) fn take_settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    /// What a request is told that does not wait any longer: rights past their time, where there are any.
    pub(crate) fn out_of_time(&mut self, digest: KeyDigest, now: Timestamp) -> Lookup {
        let kept = self.keys.kept(digest, now);
        kept.map(Known::stale).ok_or(LookupFailure::NotAsked)
    }

    /// Whether nobody calls out for a key that is waited for; then whether this VM is to do so alone.
    pub(crate) fn needs_key(&self, digest: KeyDigest) -> Option<bool> {
        match self.in_flight.get(digest)?.asker {
            Asker::Nobody { alone } => Some(alone),
            Asker::Own(_) | Asker::Other => None,
        }
    }

    /// How often a tick is to come; `None` while there is nothing to tend.
    pub(crate) fn tick_period(&self, now: Timestamp) -> Option<Duration> {
        let watch = self
            .revocation
            .as_ref()
            .map(RevocationWatch::period)
            .into_iter();
        watch.chain(self.in_flight.tick_period(now)).min()
    }

    /// Whether no reply is awaited.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_idle()
            && self
                .revocation
                .as_ref()
                .is_none_or(RevocationWatch::is_idle)
    }

    /// This VM's share of the shared gauges is taken back.
    pub(crate) fn retire(&self, effects: &mut Effects) {
        effects.change(Metric::CacheEntries, Change::Add(-self.keys.count()));
        if self.health.is_open() {
            effects.change(Metric::OpenCircuits, Change::Add(-1));
        }
    }
}
