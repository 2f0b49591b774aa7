//! What a decision becomes: the request goes on, or is answered; and what is counted and told.

use std::sync::Arc;

use super::Engine;
use super::budgets::Account;
use super::flights::OwnQuestion;
use super::next::Next;
use crate::auth_service::{KeyDigest, Verdict};
use crate::decision::{Decision, Effect, Reason};
use crate::denial::Denials;
use crate::identity::{HeaderEdits, Identity};
use crate::metrics::{Change, Denied, Metric};
use crate::principal::Timestamp;
use crate::printable::printable;
use crate::request::RequestHead;
use crate::whoami;

impl Engine {
    pub(super) fn finish(&mut self, decision: Decision, head: &RequestHead<'_>) -> Next {
        self.finish_known(decision, None, head)
    }

    /// The same with what tells upstream of the decision's principal, where that is ready.
    pub(super) fn finish_known(
        &mut self,
        decision: Decision,
        identity: Option<Arc<Identity>>,
        head: &RequestHead<'_>,
    ) -> Next {
        let Decision {
            reason, operation, ..
        } = decision;
        let effect = decision.effect();
        self.note(Metric::decision(effect, reason, operation), Change::Add(1));
        if decision.stale {
            self.note(Metric::StaleServed, Change::Add(1));
        }
        let denied = Denied {
            operation: operation.map_or("unknown", |operation| operation.name),
            reason,
            permission: decision.required,
        };
        match effect {
            Effect::Deny => {
                self.note(Metric::Denials(denied), Change::Add(1));
                let denials = Denials {
                    config: &self.config,
                    policy: self.enforcement.policy(&decision.terms),
                };
                let answer = denials.answer(&decision, head);
                return Next::Answer(decision, answer);
            }
            Effect::WouldDeny => {
                self.note(Metric::Disagreements(denied), Change::Add(1));
            }
            Effect::Allow => {}
        }
        if reason == Reason::Whoami {
            let policy = self.enforcement.policy(&decision.terms);
            let answer = whoami::answer(&decision, policy, &self.config);
            return Next::Answer(decision, answer);
        }
        let names = &self.config.identity_headers;
        let mut edits = HeaderEdits::default();
        edits.clear(head, names);
        edits.clear_userinfo(head);
        if decision.mount.is_some() {
            edits.clear_overrides(head);
            edits.withhold_credential(head, &self.config);
        }
        if let Some(principal) = &decision.principal {
            let identity = identity.unwrap_or_else(|| Identity::of(principal).into());
            edits.assert_principal(Arc::clone(principal), identity, names);
        }
        Next::Forward(decision, edits)
    }

    pub(super) fn note_callout(
        &mut self,
        verdict: &Verdict,
        digest: KeyDigest,
        question: OwnQuestion,
        now: Timestamp,
    ) {
        self.note(Metric::Callouts(verdict.outcome()), Change::Add(1));
        let took = now
            .saturating_sub(question.asked_at)
            .as_millis()
            .try_into()
            .unwrap_or(u64::MAX);
        self.note(Metric::CalloutMilliseconds, Change::Record(took));
        let was_open = self.circuits.is_open();
        let account = question.account;
        if let Verdict::Unavailable(failure) = verdict {
            self.failures.failed(digest, account == Account::Known, now);
            // What it answers outside its contract shows that it is there.
            if failure.is_outage() {
                self.circuits.failed(account, digest, now);
            } else {
                self.circuits.succeeded(account);
            }
            if failure.is_misconfiguration() {
                self.note(Metric::AuthServiceMisconfigured, Change::Add(1));
            }
            self.tell_operator(format!("auth_unavailable: {failure}"), now);
        } else {
            self.failures.succeeded(digest);
            self.circuits.succeeded(account);
        }
        let opened = i64::from(self.circuits.is_open()) - i64::from(was_open);
        if opened != 0 {
            self.note(Metric::OpenCircuits, Change::Add(opened));
        }
    }

    pub(super) fn tell_operator(&mut self, text: String, now: Timestamp) {
        if let Some(left_out) = self.operator_lines.admit(now) {
            let more = if left_out > 0 {
                format!(" ({left_out} more lines left out)")
            } else {
                String::new()
            };
            self.outbox
                .errors
                .push(format!("{}{more}", printable(&text)));
        }
    }
}
