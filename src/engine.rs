//! The state machine of a stream: events in, what to do next out.
//!
//! Sans-IO: it never waits, reads a clock or calls a proxy. Each event brings the [`Moment`]: the host's
//! clock and shared data. Streams that wait for an answer are kept here under their opaque ids; one that can
//! be decided at once never is. What else changed is put in an [`Outbox`] that the shell empties after each
//! event.
//!
//! | module | what it does |
//! |---|---|
//! | `classify`, `unknown` | what the request headers alone tell |
//! | `ask` | a key this VM does not know: wait with others, take a neighbour's word, or ask |
//! | `settle` | what came of a question, for all who wait |
//! | `flights` | the questions that are open, with all who wait |
//! | `budgets`, `address` | who may have how many callouts open |
//! | `circuits`, `failures` | when the service, or a key, is not asked about |
//! | `waiting`, `since` | streams that are held, and which of them are due |
//! | `judge` | whether the principal may, by wide grants and by those limited to names |
//! | `shadow` | nobody waits long for an answer that cannot refuse it |
//! | `finish` | what a decision becomes |
//! | `revocation` | revoked keys: one VM polls, all forget |

mod address;
mod ask;
mod budgets;
mod circuits;
mod classify;
mod failures;
mod finish;
mod flights;
mod judge;
mod next;
mod outbox;
mod revocation;
mod settle;
mod shadow;
mod since;
mod unknown;
mod waiting;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use once_cell::sync::Lazy;

use crate::audit::{AuditLog, PerSecond};
use crate::auth_service::{AuthServiceClient, KeyDigest, RevocationClient};
use crate::catalog::{Access, CATALOG};
use crate::config::Config;
use crate::config_log::config_hash;
use crate::credential::ApiKey;
use crate::decision::{Decision, Reason};
use crate::enforcement::Enforcement;
use crate::metrics::{Change, Metric};
use crate::principal::Timestamp;
use crate::principals::claims::Claims;
use crate::principals::shared::SharedPrincipals;
use crate::principals::{Found, Principals};
use crate::request::RequestHead;
use crate::shared_data::SharedData;
use ask::Pending;
use budgets::Budgets;
use circuits::Circuits;
use classify::Classified;
use failures::Failures;
use flights::{Asker, Flights};
use judge::{Known, refused};
use revocation::RevocationWatch;
use waiting::{ReadingStreams, Told, Waiting, WaitingStreams};

pub use next::{Next, StreamId};
pub use outbox::{CalloutId, Outbox};

/// Lines for the operator about the auth service, per second and VM.
const OPERATOR_LINES_PER_SECOND: u64 = 1;

/// The engine of one configuration in one VM.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    enforcement: Enforcement,
    /// Longest first, so that the first match is the longest.
    mounts: Vec<Arc<str>>,
    auth_service: AuthServiceClient,
    circuits: Circuits,
    failures: Failures,
    principals: Principals,
    shared: SharedPrincipals,
    claims: Claims,
    flights: Flights,
    waiting: WaitingStreams,
    reading: ReadingStreams,
    revocation: Option<RevocationWatch>,
    ticking: bool,
    audit: AuditLog,
    operator_lines: PerSecond,
    config_hash: [u8; 4],
    /// Whether the host uses it: see [`Self::enter_force`].
    in_force: bool,
    /// Where paths are decoded.
    decoded_path: Vec<u8>,
    outbox: Outbox,
}

/// What the host tells with each event.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// Its clock.
    pub now: Timestamp,
    /// What the VMs of a proxy share.
    pub shared: &'a dyn SharedData,
}

impl Engine {
    /// An engine for a configuration, with nothing cached. `config_text` is what the configuration was
    /// parsed from; its hash is a metric.
    pub fn new(config: Config, config_text: &[u8]) -> Self {
        // Here, while nobody waits, and not in a caller's request.
        Lazy::force(&CATALOG);
        let mut mounts: Vec<Arc<str>> = Vec::with_capacity(config.mounts.len());
        for mount in &config.mounts {
            let at = mounts.partition_point(|other| other.len() >= mount.len());
            mounts.insert(at, mount.as_str().into());
        }
        let slots = u32::try_from(config.cache.shared_slots).unwrap_or(u32::MAX);
        let auth_service = AuthServiceClient::new(config.auth_service.clone());
        let revocation = RevocationClient::new(&config)
            .map(|client| RevocationWatch::new(client, &auth_service.fingerprint()));
        Self {
            enforcement: Enforcement::new(&config),
            mounts,
            auth_service,
            circuits: Circuits::new(&config.auth_service.breaker),
            failures: Failures::default(),
            principals: Principals::new(config.cache.clone()),
            shared: SharedPrincipals::new(slots),
            claims: Claims::new(slots),
            flights: Flights::new(Budgets::new(
                config.auth_service.max_in_flight,
                config.auth_service.per_address_limit,
            )),
            waiting: WaitingStreams::default(),
            reading: ReadingStreams::default(),
            revocation,
            ticking: true,
            audit: AuditLog::new(config.audit.clone()),
            operator_lines: PerSecond::new(OPERATOR_LINES_PER_SECOND),
            config_hash: config_hash(config_text),
            in_force: false,
            decoded_path: Vec::new(),
            outbox: Outbox::default(),
            config,
        }
    }

    /// The host uses this engine: it shows in the gauges. Envoy tries each configuration in a VM that it drops
    /// without a word, so a shell calls this with the first event after the configuration, and not before.
    pub fn enter_force(&mut self) {
        if std::mem::replace(&mut self.in_force, true) {
            return;
        }
        self.announce(1);
        for access in Access::ALL {
            let percent = self.enforcement.percent_in_force(*access);
            self.note(Metric::Enforcing(*access), Change::Record(percent));
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The scope tables in force for a request, and which denials are answered.
    pub fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    /// Takes what the last event left behind.
    pub fn take_outbox(&mut self) -> Outbox {
        std::mem::take(&mut self.outbox)
    }

    /// The same for a shell with many events: what it brings must be empty, and is filled again later without
    /// allocation.
    pub fn swap_outbox(&mut self, emptied: &mut Outbox) {
        std::mem::swap(&mut self.outbox, emptied);
    }

    /// Request headers have arrived.
    pub fn on_request_headers(
        &mut self,
        stream: StreamId,
        moment: &Moment<'_>,
        head: &RequestHead<'_>,
    ) -> Next {
        let (undecided, key) = match self.classify(head) {
            Classified::Decided(decision) => return self.finish(decision, head),
            Classified::Undecided(undecided, key) => (undecided, key),
        };
        let digest = self.digest(&key, head);
        match self.principals.find(digest, moment.now) {
            Found::Fresh {
                principal,
                identity,
                refresh,
            } => {
                if refresh {
                    self.ask_in_background(moment, digest, &key, head);
                }
                self.note(Metric::CacheLookups("hit"), Change::Add(1));
                let known = Known {
                    principal,
                    identity: Some(identity),
                    stale: false,
                };
                self.judge(stream, moment.now, undecided, known, head)
            }
            Found::Refused(refusal) => {
                self.note(Metric::CacheLookups("refusal"), Change::Add(1));
                self.finish(refused(undecided, refusal), head)
            }
            found @ (Found::Stale { .. } | Found::Nothing) => {
                let pending = Pending {
                    stream,
                    head,
                    undecided,
                    key: &key,
                    digest,
                };
                self.find_out(moment, pending, found)
            }
        }
    }

    /// A stream that the outbox named is to go on. `None` when it does not wait.
    pub fn on_woken(
        &mut self,
        stream: StreamId,
        moment: &Moment<'_>,
        head: &RequestHead<'_>,
    ) -> Option<Next> {
        if self.reading.get(stream).is_some() {
            return self.keep_reading(stream, moment.now, head);
        }
        let digest = self.waiting.get(stream)?.digest;
        if let Some(alone) = self.needs_key(digest) {
            match self.classify(head) {
                Classified::Undecided(_, key) if self.digest(&key, head) == digest => {
                    self.ask_with_key_of(moment, digest, &key, head, alone);
                }
                // Not the request that began to wait: nobody's answer is meant for it.
                _ => {
                    let waiting = self.waiting.remove(stream)?;
                    let decision = self.unavailable(waiting.undecided, Reason::AuthUnavailable);
                    return Some(self.finish(decision, head));
                }
            }
        }
        if self.waiting.get(stream)?.told.is_none() {
            return Some(Next::Wait);
        }
        let Waiting {
            undecided, told, ..
        } = self.waiting.remove(stream)?;
        Some(match told? {
            Told::Known(known) => self.judge(stream, moment.now, undecided, known, head),
            Told::Denied(decision) => self.finish(decision, head),
        })
    }

    /// Whether nobody asks about a key that is waited for; then whether this VM is to ask alone.
    fn needs_key(&self, digest: KeyDigest) -> Option<bool> {
        match self.flights.get(digest)?.asker {
            Asker::Nobody { alone } => Some(alone),
            Asker::Own(_) | Asker::Other => None,
        }
    }

    /// The stream is gone, decided or not.
    pub fn on_stream_gone(&mut self, stream: StreamId) {
        self.waiting.remove(stream);
        self.reading.remove(stream);
    }

    /// This engine will see no more events; its share of the shared gauges is taken back.
    pub fn retire(&mut self) {
        if std::mem::take(&mut self.in_force) {
            self.announce(-1);
        }
        let kept = i64::try_from(self.principals.len()).unwrap_or_default();
        self.note(Metric::CacheEntries, Change::Add(-kept));
        if self.circuits.is_open() {
            self.note(Metric::OpenCircuits, Change::Add(-1));
        }
    }

    /// Whether no reply is awaited.
    pub fn is_idle(&self) -> bool {
        self.flights.is_idle() && self.revocation.as_ref().is_none_or(|watch| watch.is_idle())
    }

    /// How many streams wait for an answer.
    pub fn waiting_streams(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a decision goes into the audit log.
    pub fn wants_audit(&self, decision: &Decision) -> bool {
        self.audit.wants(decision)
    }

    /// The audit record of a decision; `None` when this second has had its share. `route` is asked only for a record.
    pub fn audit_record(
        &mut self,
        now: Timestamp,
        decision: &Decision,
        head: &RequestHead<'_>,
        route: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        self.audit.record(now, decision, head, route)
    }

    /// The access log's short form of a decision, where it is to have one.
    pub fn access_log_field(&mut self, decision: &Decision) -> Option<&[u8]> {
        self.audit.access_log_field(decision)
    }

    fn digest(&self, key: &ApiKey<'_>, head: &RequestHead<'_>) -> KeyDigest {
        self.auth_service.digest(key, self.sent_address(head))
    }

    /// The address that goes with the question about a key; it is read only where one does.
    fn sent_address<'a>(&self, head: &RequestHead<'a>) -> Option<&'a str> {
        let sent = self.config.auth_service.send_client_ip;
        sent.then(|| head.client_address()).flatten()
    }

    fn change_principals(&mut self, change: impl FnOnce(&mut Principals)) {
        let kept = |engine: &Self| i64::try_from(engine.principals.len()).unwrap_or_default();
        let before = kept(self);
        change(&mut self.principals);
        let difference = kept(self) - before;
        if difference != 0 {
            self.note(Metric::CacheEntries, Change::Add(difference));
        }
    }

    fn announce(&mut self, difference: i64) {
        self.note(Metric::BuildInfo, Change::Add(difference));
        self.note(
            Metric::ConfigInfo(self.config_hash),
            Change::Add(difference),
        );
    }

    fn note(&mut self, metric: Metric, change: Change) {
        self.outbox.metrics.push((metric, change));
    }
}
