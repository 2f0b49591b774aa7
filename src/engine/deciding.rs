//! From a lookup to a decision, and from a decision to what becomes of the request.

use std::sync::Arc;

use super::Engine;
use super::held::{BODY_WAIT, Reading};
use super::next::Next;
use crate::authorize::{Authorized, Body, Objects, authorize};
use crate::config::Bodies;
use crate::decide;
use crate::decision::{Decision, Effect};
use crate::lookup::{Known, Lookup, LookupFailure};
use crate::metrics::{Denied, Metric};
use crate::pending::Pending;
use crate::principal::Timestamp;
use crate::request::RequestHead;
use crate::shell::StreamId;
use crate::surface::select_workspace;
use crate::upstream::{HeaderEdits, IdentityValues};

impl Engine {
    /// Goes on with a request whose caller was looked up.
    pub(super) fn proceed(
        &mut self,
        stream: StreamId,
        now: Timestamp,
        mut pending: Pending,
        lookup: Lookup,
        head: &RequestHead<'_>,
    ) -> Next {
        let known = match lookup {
            Ok(known) => known,
            Err(failure) => {
                let usual = self.config().retry_after_seconds();
                return self.finish(pending.not_known(failure, usual), None, head);
            }
        };
        select_workspace(&self.rules, &mut pending, &known.principal, head);
        let body = match self.config().bodies {
            Bodies::Ignore => Body::Ignored,
            Bodies::Inspect => Body::Unread,
        };
        match self.authorize(&pending, &known, head, body) {
            Authorized::Decided(decision) => self.finish(decision, known.values, head),
            Authorized::NeedsBody => {
                let reading = Reading {
                    pending,
                    known,
                    since: now,
                };
                self.held.read(stream, reading);
                self.read_body()
            }
        }
    }

    fn read_body(&self) -> Next {
        let limit = self.config().most_body_bytes();
        Next::ReadBody { limit }
    }

    /// Woken while its body is read: where that has not come in time it is refused, since it may never come
    /// (Envoy gives no body to a filter that holds the headers, unless `allow_on_headers_stop_iteration` is set).
    pub(super) fn keep_reading(
        &mut self,
        stream: StreamId,
        now: Timestamp,
        head: &RequestHead<'_>,
    ) -> Option<Next> {
        if self.held.is_abandoned() {
            let Reading { pending, .. } = self.held.take_reading(stream)?;
            let lookup = Err(LookupFailure::NotAsked);
            return Some(self.proceed(stream, now, pending, lookup, head));
        }
        if !self.held.is_late(stream, now) {
            return Some(self.read_body());
        }
        let Reading { pending, known, .. } = self.held.take_reading(stream)?;
        self.effects.tell_operator(&body_did_not_come(), now);
        Some(self.finish_reading(&pending, &known, head, Body::Missing))
    }

    pub(super) fn finish_reading(
        &mut self,
        pending: &Pending,
        known: &Known,
        head: &RequestHead<'_>,
        body: Body<'_>,
    ) -> Next {
        match self.authorize(pending, known, head, body) {
            Authorized::Decided(decision) => self.finish(decision, None, head),
            Authorized::NeedsBody => self.read_body(),
        }
    }

    fn authorize(
        &self,
        pending: &Pending,
        known: &Known,
        head: &RequestHead<'_>,
        body: Body<'_>,
    ) -> Authorized {
        let objects = Objects {
            head,
            body,
            body_limit: self.config().most_body_bytes(),
        };
        authorize(self.rules.policy(&pending.terms), pending, known, &objects)
    }

    /// What becomes of a decision, and what is counted of it. `values` is what upstream is told of its principal, where
    /// that is worked out.
    pub(super) fn finish(
        &mut self,
        decision: Decision,
        values: Option<Arc<IdentityValues>>,
        head: &RequestHead<'_>,
    ) -> Next {
        let Decision {
            reason, operation, ..
        } = decision;
        let effect = decision.effect();
        self.effects
            .count(Metric::decision(effect, reason, operation));
        if decision.stale {
            self.effects.count(Metric::StaleServed);
        }
        if effect != Effect::Allow {
            let denied = Denied {
                operation: operation.map_or("unknown", |operation| operation.name),
                reason,
                permission: decision.required,
            };
            self.effects.count(if effect == Effect::Deny {
                Metric::Denials(denied)
            } else {
                Metric::ShadowDenials(denied)
            });
        }
        if let Some(answer) = decide::answer(&self.rules, &decision, head) {
            return Next::Answer(decision, answer);
        }
        let edits = HeaderEdits::of(self.config(), &decision, values, head);
        Next::Forward(decision, edits)
    }
}

/// For the operator: the module cannot see how Envoy is set, and a slow client looks the same.
fn body_did_not_come() -> String {
    format!(
        "body_unavailable: a body that holds a name did not come within {} s; if none ever comes, \
         allow_on_headers_stop_iteration is not true on the Envoy filter, and \"bodies\": \"inspect\" needs it",
        BODY_WAIT.as_secs()
    )
}
