//! Keys that the auth service validates, in one VM.
//!
//! Owns what is known of keys, the lookups in flight with the streams that wait for them, and what tells when not to
//! call out.

use std::time::Duration;

use super::budgets::Budgets;
use super::health::Health;
use super::in_flight::{Asker, InFlight};
use super::keys::KeyStore;
use super::revocation::{RevocationWatch, RevokedCallers};
use super::seen_keys::SeenKeys;
use super::{Caller, Settled, Sought};
use crate::auth_service::{AuthServiceClient, KeyDigest, Remark, RevocationClient};
use crate::config::{AuthService, Config};
use crate::credential::ApiKey;
use crate::effects::Effects;
use crate::lookup::{Known, Lookup, LookupFailure};
use crate::metrics::{Change, Metric};
use crate::principal::{IdentitySource, Timestamp};
use crate::principals::Found;
use crate::principals::claims::Claims;
use crate::request::RequestHead;
use crate::shell::HostContext;

/// How long after its time a callout's own end is waited for before the filter ends the wait itself.
pub(super) const GRACE: Duration = Duration::from_millis(50);

/// Everything about the keys of one auth service.
#[derive(Debug)]
pub(super) struct ServiceLookups {
    pub(super) client: AuthServiceClient,
    seen: SeenKeys,
    pub(super) keys: KeyStore,
    pub(super) claims: Claims,
    pub(super) in_flight: InFlight,
    pub(super) health: Health,
    pub(super) revocation: Option<RevocationWatch>,
    pub(super) settings: Settings,
    /// Whether ticks can be had.
    pub(super) ticking: bool,
    pub(super) settled: Vec<Settled>,
    /// When the operator was last told of a reply that is within the contract, by the kind of remark.
    pub(super) remarked_at: [Option<Timestamp>; Remark::KINDS],
}

/// What of the configuration is asked for again and again.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) timeout: Duration,
    pub(super) send_client_ip: bool,
    pub(super) per_address_limit: bool,
}

impl ServiceLookups {
    pub(super) fn new(config: &Config, service: &AuthService) -> Self {
        let slots = u32::try_from(config.cache.shared_slots).unwrap_or(u32::MAX);
        let client = AuthServiceClient::new(service.clone());
        let revocation = RevocationClient::new(config).map(|revocations| {
            RevocationWatch::new(revocations, &client.fingerprint(), service.timeout + GRACE)
        });
        Self {
            client,
            seen: SeenKeys::new(),
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
            remarked_at: [None; Remark::KINDS],
        }
    }

    /// Who the caller is, as far as it is known now.
    pub(super) fn look_up(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
        caller: &Caller<'_>,
    ) -> Sought {
        let address = self.sent_address(caller.head);
        let digest = self.seen.digest(caller.key.expose(), address, || {
            self.client.digest(caller.key, address)
        });
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
                    values: Some(values),
                    ..Known::fresh(principal, IdentitySource::AuthService)
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
    pub(super) fn digest(&self, key: &ApiKey<'_>, head: &RequestHead<'_>) -> KeyDigest {
        self.client.digest(key, self.sent_address(head))
    }

    /// The address that goes with a callout; it is read only where one does.
    pub(super) fn sent_address<'a>(&self, head: &RequestHead<'a>) -> Option<&'a str> {
        let sent = self.settings.send_client_ip;
        sent.then(|| head.client_address()).flatten()
    }

    /// Reads the log of revoked keys, unless this VM has read it before.
    pub(super) fn look_for_revoked_keys(
        &mut self,
        context: &HostContext<'_>,
        effects: &mut Effects,
    ) {
        if let Some(revocation) = &mut self.revocation {
            revocation.look_once(context, effects, &mut self.keys);
        }
    }

    /// Which ids were found to be revoked since this was asked last.
    pub(super) fn take_revoked(&mut self) -> RevokedCallers {
        let revocation = self.revocation.as_mut();
        revocation
            .map(RevocationWatch::take_revoked)
            .unwrap_or_default()
    }

    /// What came of lookups since this was asked last.
    pub(super) fn take_settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    /// What a request is told that does not wait any longer: rights past their time, where there are any.
    pub(super) fn out_of_time(&mut self, digest: KeyDigest, now: Timestamp) -> Lookup {
        let kept = self.keys.kept(digest, now);
        kept.map(Known::stale).ok_or(LookupFailure::NotAsked)
    }

    /// Whether nobody calls out for a key that is waited for; then whether this VM is to do so alone.
    pub(super) fn needs_key(&self, digest: KeyDigest) -> Option<bool> {
        match self.in_flight.get(digest)?.asker {
            Asker::Nobody { alone } => Some(alone),
            Asker::Own(_) | Asker::Other => None,
        }
    }

    /// How often a tick is to come; `None` while there is nothing to tend.
    pub(super) fn tick_period(&self, now: Timestamp) -> Option<Duration> {
        let watch = self
            .revocation
            .as_ref()
            .map(RevocationWatch::period)
            .into_iter();
        watch.chain(self.in_flight.tick_period(now)).min()
    }

    /// Whether no reply is awaited.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_idle()
            && self
                .revocation
                .as_ref()
                .is_none_or(RevocationWatch::is_idle)
    }

    /// This VM's share of the shared gauges is taken back.
    pub(super) fn retire(&self, effects: &mut Effects) {
        effects.change(Metric::CacheEntries, Change::Add(-self.keys.count()));
        if self.health.is_open() {
            effects.change(Metric::OpenCircuits, Change::Add(-1));
        }
    }
}
