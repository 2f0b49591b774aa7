//! The state machine of a stream: events in, what to do next out.
//!
//! Sans-IO: it never waits, reads a clock or calls a proxy. Each event brings the [`HostContext`]: the host's
//! clock and shared data. What else changed is put in an [`Outbox`] that the shell empties after each event.
//!
//! Owns the requests that are held, and nothing else of its own: what a head tells is `surface`'s to say, who the
//! caller is `identity`'s, and whether that caller may `authorize`'s. It may decide nothing itself.
//!
//! | module | what it does |
//! |---|---|
//! | `deciding` | takes a request from its lookup to its decision, and says what becomes of it |
//! | `held` | requests that wait for a lookup or a body, and which of them are due |
//! | `next` | what a shell does with a request |

mod deciding;
mod held;
mod next;

#[cfg(test)]
mod tests;

use std::time::Duration;

use once_cell::sync::Lazy;

use crate::audit::AuditLog;
use crate::auth_service::Reply;
use crate::authorize::Body;
use crate::catalog::{Access, CATALOG};
use crate::config::Config;
use crate::config_log::config_hash;
use crate::decision::Decision;
use crate::effects::Effects;
use crate::enforcement::Enforcement;
use crate::identity::{Caller, Identities, Sought};
use crate::lookup::LookupFailure;
use crate::metrics::{Change, Metric};
use crate::principal::Timestamp;
use crate::request::RequestHead;
use crate::rules::Rules;
use crate::surface::{self, Presented, Surface};
use held::{Held, Reading, Waiting};

pub use crate::shell::{CalloutId, HostContext, Outbox, StreamId};
pub use next::Next;

/// The engine of one configuration in one VM.
#[derive(Debug)]
pub struct Engine {
    rules: Rules,
    identities: Identities,
    held: Held,
    audit: AuditLog,
    effects: Effects,
    config_hash: [u8; 4],
    /// Whether the host uses it: see [`Self::enter_force`].
    in_force: bool,
    /// Where paths are decoded.
    decoded_path: Vec<u8>,
}

impl Engine {
    /// An engine for a configuration, with nothing cached. `config_text` is what the configuration was
    /// parsed from; its hash is a metric.
    pub fn new(config: Config, config_text: &[u8]) -> Self {
        // Here, while nobody waits, and not in a caller's request.
        Lazy::force(&CATALOG);
        let rules = Rules::new(config);
        let config = rules.config();
        Self {
            identities: Identities::new(&rules),
            held: Held::new(config),
            audit: AuditLog::new(config.audit.clone()),
            effects: Effects::default(),
            config_hash: config_hash(config_text),
            in_force: false,
            decoded_path: Vec::new(),
            rules,
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
            let percent = self.rules.enforcement().percent_in_force(*access);
            self.effects
                .change(Metric::Enforcing(*access), Change::Record(percent));
        }
    }

    /// The configuration in force.
    pub const fn config(&self) -> &Config {
        self.rules.config()
    }

    /// What decides in this engine.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The scope tables in force for a request, and which denials are answered.
    pub const fn enforcement(&self) -> &Enforcement {
        self.rules.enforcement()
    }

    /// Takes what the last event left behind.
    pub fn take_outbox(&mut self) -> Outbox {
        std::mem::take(&mut self.effects.outbox)
    }

    /// The same for a shell with many events: what it brings must be empty, and is filled again later without
    /// allocation.
    pub const fn swap_outbox(&mut self, emptied: &mut Outbox) {
        std::mem::swap(&mut self.effects.outbox, emptied);
    }

    /// Request headers have arrived.
    pub fn on_request_headers(
        &mut self,
        stream: StreamId,
        context: &HostContext<'_>,
        head: &RequestHead<'_>,
    ) -> Next {
        let (pending, presented) = match surface::read(&self.rules, head, &mut self.decoded_path) {
            Surface::Decided(decision) => return self.finish(decision, None, head),
            Surface::Pending(pending, presented) => (pending, presented),
        };
        let effects = &mut self.effects;
        let sought = self
            .identities
            .look_up(context, effects, stream, head, &presented);
        match sought {
            Sought::Found(lookup) => self.proceed(stream, context.now, pending, lookup, head),
            Sought::Waits(digest) => {
                let waiting = Waiting {
                    digest,
                    pending,
                    since: context.now,
                    told: None,
                };
                self.held.wait(stream, waiting);
                Next::Wait
            }
        }
    }

    /// A stream that the outbox named is to go on. `None` when it does not wait.
    pub fn on_woken(
        &mut self,
        stream: StreamId,
        context: &HostContext<'_>,
        head: &RequestHead<'_>,
    ) -> Option<Next> {
        if self.held.is_reading(stream) {
            return self.keep_reading(stream, context.now, head);
        }
        let digest = self.held.waiting(stream)?.digest;
        if let Some(alone) = self.identities.needs_key(digest) {
            match surface::read(&self.rules, head, &mut self.decoded_path) {
                Surface::Pending(_, Presented::Key(key))
                    if self.identities.digest(&key, head) == Some(digest) =>
                {
                    let caller = Caller {
                        stream,
                        head,
                        key: &key,
                    };
                    self.identities.ask_with_key_of(
                        context,
                        &mut self.effects,
                        digest,
                        &caller,
                        alone,
                    );
                    self.tell_waiters();
                }
                // Not the request that began to wait: nobody's answer is meant for it.
                _ => {
                    let Waiting { pending, .. } = self.held.take_waiting(stream)?;
                    let lookup = Err(LookupFailure::NotAsked);
                    return Some(self.proceed(stream, context.now, pending, lookup, head));
                }
            }
        }
        if self.held.waiting(stream)?.told.is_none() {
            return Some(Next::Wait);
        }
        let Waiting { pending, told, .. } = self.held.take_waiting(stream)?;
        Some(self.proceed(stream, context.now, pending, told?, head))
    }

    /// The body that [`Next::ReadBody`] asked for: whole, or its beginning where it is larger than the limit.
    /// `None` when it was not asked for.
    pub fn on_body(
        &mut self,
        stream: StreamId,
        head: &RequestHead<'_>,
        body: &[u8],
    ) -> Option<Next> {
        let Reading { pending, known, .. } = self.held.take_reading(stream)?;
        Some(self.finish_reading(&pending, &known, head, Body::Read(body)))
    }

    /// The reply to a callout has come, or the callout has failed. One that is not waited for any more is
    /// ignored.
    pub fn on_callout_reply(
        &mut self,
        callout: CalloutId,
        context: &HostContext<'_>,
        reply: &Reply<'_>,
    ) {
        self.identities
            .on_callout_reply(context, &mut self.effects, callout, reply);
        self.tell_waiters();
    }

    /// Time has passed.
    pub fn on_tick(&mut self, context: &HostContext<'_>) {
        let held = &self.held;
        self.identities
            .on_tick(context, &mut self.effects, |stream, digest| {
                held.waits_for(stream, digest)
            });
        self.tell_waiters();
        self.effects.outbox.wake.extend(self.held.late(context.now));
        for (stream, digest) in self.held.out_of_patience(context.now) {
            // Let through whatever comes: decided by what could be known in time. The lookup itself goes on.
            let lookup = self.identities.out_of_time(digest, context.now);
            if self.held.tell(stream, digest, &lookup) {
                self.effects.outbox.wake.push(stream);
            }
        }
    }

    /// How often [`Self::on_tick`] is to be called; `None` while there is nothing to tend.
    pub fn tick_period(&self, now: Timestamp) -> Option<Duration> {
        let held = self.held.tick_period().into_iter();
        held.chain(self.identities.tick_period(now)).min()
    }

    /// Whether ticks can be had. Without them nobody watches another VM's lookup: this VM calls out itself.
    pub fn set_ticking(&mut self, ticking: bool) {
        self.identities.set_ticking(ticking, &mut self.effects);
    }

    /// Gives up on every lookup and every body: those who wait are told that the service is unavailable. No tick would
    /// end their wait any more.
    pub fn abandon(&mut self, now: Timestamp) {
        self.identities.abandon(now);
        self.tell_waiters();
        self.effects.outbox.wake.extend(self.held.abandon_bodies());
    }

    /// The stream is gone, decided or not.
    pub fn on_stream_gone(&mut self, stream: StreamId) {
        self.held.take_waiting(stream);
        self.held.take_reading(stream);
    }

    /// This engine will see no more events; its share of the shared gauges is taken back.
    pub fn retire(&mut self) {
        if std::mem::take(&mut self.in_force) {
            self.announce(-1);
        }
        self.identities.retire(&mut self.effects);
    }

    /// Whether no reply is awaited.
    pub fn is_idle(&self) -> bool {
        self.identities.is_idle()
    }

    /// How many streams wait for an answer.
    pub fn waiting_streams(&self) -> usize {
        self.held.waiting_streams()
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

    /// Tells those who wait what came of their lookups, and has them woken.
    fn tell_waiters(&mut self) {
        for settled in self.identities.take_settled() {
            for stream in settled.waiters {
                if self.held.tell(stream, settled.digest, &settled.lookup) {
                    self.effects.outbox.wake.push(stream);
                }
            }
        }
    }

    fn announce(&mut self, difference: i64) {
        for metric in [Metric::BuildInfo, Metric::ConfigInfo(self.config_hash)] {
            self.effects.change(metric, Change::Add(difference));
        }
    }
}
