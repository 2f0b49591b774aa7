//! The state machine of a stream: events in, what to do next out.
//!
//! Sans-IO: it never waits, reads a clock or calls a host. A stream that waits for the auth service is kept
//! here under its opaque id; one that can be decided at once never is. What else changed (metrics, lines
//! for the operator) is put in an outbox that the shell empties after each event.

mod classify;
mod unknown;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use crate::audit::{AuditLog, HostFacts, PerSecond};
use crate::auth_service::{AuthServiceClient, Failure, KeyDigest, Reply, Verdict};
use crate::config::Config;
use crate::decision::{Decision, Next, Reason, StreamId};
use crate::denial::Denials;
use crate::identity;
use crate::metrics::{Change, Metric};
use crate::policy::Policy;
use crate::principals::{Principal, Principals, Timestamp};
use crate::request::RequestHead;
use classify::Classified;

/// Lines for the operator about the auth service, per second and VM.
const OPERATOR_LINES_PER_SECOND: u64 = 1;

/// The engine of one configuration in one VM.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    policy: Policy,
    /// Longest first, so that the first match is the longest.
    mounts: Vec<Arc<str>>,
    auth_service: AuthServiceClient,
    principals: Principals,
    waiting: HashMap<StreamId, Waiting>,
    audit: AuditLog,
    operator_lines: PerSecond,
    config_hash: [u8; 4],
    outbox: Outbox,
}

/// What an event left for the shell to carry out beside [`Next`].
#[derive(Debug, Default)]
pub struct Outbox {
    /// Metrics to change.
    pub metrics: Vec<(Metric, Change)>,
    /// Lines for the operator, at error level.
    pub errors: Vec<String>,
}

/// A stream whose key the auth service was asked about.
#[derive(Debug)]
struct Waiting {
    digest: KeyDigest,
    /// The decision as far as it could be made.
    undecided: Decision,
    asked_at: Timestamp,
}

impl Engine {
    /// An engine for a configuration, with nothing cached. `config_text` is what the configuration was
    /// parsed from; its hash is a metric.
    pub fn new(config: Config, config_text: &[u8]) -> Self {
        let mut mounts: Vec<Arc<str>> = config
            .mounts
            .iter()
            .map(|mount| mount.as_str().into())
            .collect();
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.len()));
        let mut engine = Self {
            policy: Policy::new(&config),
            mounts,
            auth_service: AuthServiceClient::new(config.auth_service.clone()),
            principals: Principals::new(&config.cache),
            waiting: HashMap::new(),
            audit: AuditLog::new(config.audit.clone(), config.mode),
            operator_lines: PerSecond::new(OPERATOR_LINES_PER_SECOND),
            config_hash: config_hash(config_text),
            outbox: Outbox::default(),
            config,
        };
        engine.announce(1);
        engine.note(
            Metric::Enforcing,
            Change::Record(engine.config.enforce_percent),
        );
        engine
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The scope tables in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Takes what the last event left behind.
    pub fn take_outbox(&mut self) -> Outbox {
        std::mem::take(&mut self.outbox)
    }

    /// Request headers have arrived.
    pub fn on_request_headers(
        &mut self,
        stream: StreamId,
        now: Timestamp,
        head: &RequestHead<'_>,
    ) -> Next {
        let (undecided, key) = match self.classify(head) {
            Classified::Decided(decision) => return self.finish(decision, head),
            Classified::Undecided(undecided, key) => (undecided, key),
        };
        let digest = self.auth_service.digest(&key, head.client_address);
        if let Some(principal) = self.principals.fresh(digest, now) {
            self.note(Metric::CacheLookups("hit"), Change::Add(1));
            let decision = self.judge(undecided, principal);
            return self.finish(decision, head);
        }
        self.note(Metric::CacheLookups("miss"), Change::Add(1));
        self.waiting.insert(
            stream,
            Waiting {
                digest,
                undecided,
                asked_at: now,
            },
        );
        Next::Ask(self.auth_service.ask(&key, head.client_address))
    }

    /// The auth service has replied to the callout of a stream, or the callout has failed. `None` when the
    /// stream is not waiting.
    pub fn on_auth_reply(
        &mut self,
        stream: StreamId,
        now: Timestamp,
        reply: &Reply<'_>,
        head: &RequestHead<'_>,
    ) -> Option<Next> {
        let Waiting {
            digest,
            mut undecided,
            asked_at,
        } = self.waiting.remove(&stream)?;
        let verdict = reply.verdict();
        self.note_callout(&verdict, now, asked_at);
        let decision = match verdict {
            Verdict::Valid(principal) => {
                let principal = Arc::new(principal);
                self.change_principals(|cache| cache.store(digest, Arc::clone(&principal), now));
                self.judge(undecided, principal)
            }
            Verdict::Invalid | Verdict::Refused => {
                self.change_principals(|cache| cache.evict(digest));
                let refused = matches!(verdict, Verdict::Refused);
                undecided.reason = if refused {
                    Reason::KeyRefused
                } else {
                    Reason::KeyInvalid
                };
                undecided
            }
            Verdict::RateLimited { retry_after } => {
                undecided.reason = Reason::RateLimited;
                undecided.retry_after = Some(
                    retry_after.unwrap_or_else(|| self.auth_service.unavailable_retry_after()),
                );
                undecided
            }
            Verdict::Unavailable(_) => {
                undecided.reason = Reason::AuthUnavailable;
                undecided.retry_after = Some(self.auth_service.unavailable_retry_after());
                undecided
            }
        };
        Some(self.finish(decision, head))
    }

    /// The stream is gone, decided or not.
    pub fn on_stream_gone(&mut self, stream: StreamId) {
        self.waiting.remove(&stream);
    }

    /// This engine will see no more events; its share of the shared gauges is taken back.
    pub fn retire(&mut self) {
        self.announce(-1);
        let kept = i64::try_from(self.principals.len()).unwrap_or_default();
        self.note(Metric::CacheEntries, Change::Add(-kept));
    }

    /// How many streams wait for the auth service.
    pub fn waiting_streams(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a decision goes into the audit log.
    pub fn wants_audit(&self, decision: &Decision) -> bool {
        self.audit.wants(decision)
    }

    /// The audit record of a decision; `None` when this second has had its share.
    pub fn audit_record(
        &mut self,
        now: Timestamp,
        decision: &Decision,
        head: &RequestHead<'_>,
        facts: HostFacts,
    ) -> Option<String> {
        self.audit.record(now, decision, head, facts)
    }

    /// The access log's short form of a decision.
    pub fn access_log_field(&self, decision: &Decision) -> String {
        self.audit.access_log_field(decision)
    }

    fn judge(&self, undecided: Decision, principal: Arc<Principal>) -> Decision {
        let granted = undecided
            .required
            .is_some_and(|required| self.policy.grants(&principal, required));
        let reason = match (granted, undecided.operation) {
            (true, _) => Reason::Allowed,
            (false, Some(_)) => Reason::ScopeMissing,
            (false, None) => Reason::OperationUnknown,
        };
        Decision {
            reason,
            principal: Some(principal),
            ..undecided
        }
    }

    fn finish(&mut self, decision: Decision, head: &RequestHead<'_>) -> Next {
        self.note(
            Metric::decision(decision.reason, decision.operation),
            Change::Add(1),
        );
        let denials = Denials {
            config: &self.config,
            policy: &self.policy,
        };
        if let Some(answer) = denials.answer(&decision, head) {
            let operation = decision
                .operation
                .map_or("unknown", |operation| operation.name);
            let denied = Metric::Denials {
                operation,
                reason: decision.reason,
            };
            self.note(denied, Change::Add(1));
            return Next::Answer(decision, answer);
        }
        let names = &self.config.identity_headers;
        let mut edits = identity::clear(head, names);
        if decision.mount.is_some() {
            edits.extend(identity::clear_overrides(head));
            edits.extend(identity::withhold_credential(head, &self.config));
        }
        if let Some(principal) = &decision.principal {
            edits.extend(identity::assert_principal(principal, names));
        }
        Next::Forward(decision, edits)
    }

    fn note_callout(&mut self, verdict: &Verdict, now: Timestamp, asked_at: Timestamp) {
        self.note(Metric::Callouts(verdict.outcome()), Change::Add(1));
        let took = now
            .saturating_sub(asked_at)
            .as_millis()
            .try_into()
            .unwrap_or(u64::MAX);
        self.note(Metric::CalloutMilliseconds, Change::Record(took));
        let Verdict::Unavailable(failure) = verdict else {
            return;
        };
        if failure.is_misconfiguration() {
            self.note(Metric::AuthServiceMisconfigured, Change::Add(1));
        }
        self.report_failure(failure, now);
    }

    fn report_failure(&mut self, failure: &Failure, now: Timestamp) {
        if let Some(left_out) = self.operator_lines.admit(now) {
            let more = if left_out > 0 {
                format!(" ({left_out} more like it)")
            } else {
                String::new()
            };
            self.outbox
                .errors
                .push(format!("auth_unavailable: {failure}{more}"));
        }
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

fn config_hash(text: &[u8]) -> [u8; 4] {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(text);
    digest.first_chunk().copied().unwrap_or_default()
}
