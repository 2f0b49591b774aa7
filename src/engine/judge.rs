//! Whether a principal may do what the request asks, by wide grants first, then by grants limited to names.

use std::sync::Arc;
use std::time::Duration;

use super::next::{Next, StreamId};
use super::{Engine, shadow};
use crate::config::{Bodies, Config};
use crate::decision::{Decision, Reason};
use crate::identity::Identity;
use crate::names::body::announced_length;
use crate::names::{self, Demand, Located, Unclear};
use crate::permission::Permission;
use crate::principal::{Principal, Refusal, Timestamp};
use crate::request::RequestHead;

/// What is known of a key when a request is judged.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) principal: Arc<Principal>,
    /// What tells upstream of the principal, where the cache had it ready.
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) stale: bool,
}

/// What the headers and the principal tell.
enum Verdict {
    Decided(Decision),
    /// The name is in the body.
    ByBody(Decision),
}

/// A stream whose body is being read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) undecided: Decision,
    pub(super) since: Timestamp,
}

/// How long a body that is to be read may keep everybody waiting.
pub(super) const BODY_WAIT: Duration = Duration::from_secs(5);

impl Reading {
    pub(super) fn is_late(&self, now: Timestamp, config: &Config) -> bool {
        let patience = if self.undecided.terms.can_enforce() {
            BODY_WAIT
        } else {
            shadow::patience(config)
        };
        has_passed(patience, self.since, now)
    }
}

/// A clock that jumped back must not make anybody wait until it has caught up.
pub(super) fn has_passed(time: Duration, since: Timestamp, now: Timestamp) -> bool {
    now.checked_sub(since).is_none_or(|age| age >= time)
}

impl Engine {
    /// Decides, or says that the body is needed.
    pub(super) fn judge(
        &mut self,
        stream: StreamId,
        now: Timestamp,
        undecided: Decision,
        known: Known,
        head: &RequestHead<'_>,
    ) -> Next {
        let Known {
            principal,
            identity,
            stale,
        } = known;
        let undecided = Decision {
            principal: Some(Arc::clone(&principal)),
            stale,
            ..undecided
        };
        match self.verdict(undecided, &principal, head) {
            Verdict::Decided(decision) => self.finish_known(decision, identity, head),
            Verdict::ByBody(undecided) => {
                let since = now;
                self.reading.insert(stream, Reading { undecided, since });
                let limit = self.body_limit();
                Next::ReadBody { limit }
            }
        }
    }

    fn verdict(
        &self,
        undecided: Decision,
        principal: &Principal,
        head: &RequestHead<'_>,
    ) -> Verdict {
        let decided = |reason, decision| Verdict::Decided(Decision { reason, ..decision });
        let unclear = |reason, unclear: &str, undecided| {
            Verdict::Decided(refused_as(reason, &Unclear::new(unclear), undecided))
        };
        if undecided.reason == Reason::Whoami {
            return Verdict::Decided(undecided);
        }
        let Some(required) = undecided.required else {
            return decided(Reason::OperationUnknown, undecided);
        };
        let policy = self.enforcement.policy(&undecided.terms);
        let Some(operation) = undecided.operation else {
            let reason = if policy.grants(principal, required) {
                Reason::Allowed
            } else {
                Reason::OperationUnknown
            };
            return decided(reason, undecided);
        };
        let Some(required) = policy.missing(principal, operation) else {
            return decided(Reason::Allowed, undecided);
        };
        let undecided = Decision {
            required: Some(required),
            ..undecided
        };
        if policy.narrow(principal, required, false).is_empty() {
            return decided(Reason::ScopeMissing, undecided);
        }
        let mount = undecided.mount.clone().unwrap_or_default();
        match names::locate(operation, required, &mount, head) {
            Err(unclear) => {
                Verdict::Decided(refused_as(Reason::BodyAmbiguous, &unclear, undecided))
            }
            Ok(Located::Nowhere) => unclear(
                Reason::ScopeMissing,
                "this request names no model or experiment that a grant limited to names could be held against",
                undecided,
            ),
            Ok(Located::Everywhere) if policy.narrow(principal, required, true).is_empty() => {
                unclear(
                    Reason::ScopeMissing,
                    "this key's grants are limited to names and do not search",
                    undecided,
                )
            }
            Ok(Located::Everywhere) => decided(Reason::Allowed, undecided),
            Ok(Located::Here(demands)) => Verdict::Decided(self.weigh(undecided, &demands)),
            Ok(Located::InBody) if self.config.bodies == Bodies::Ignore => unclear(
                Reason::BodyUnavailable,
                "this key is limited to names, and this server does not read the body that holds the name",
                undecided,
            ),
            Ok(Located::InBody) => {
                let announced = announced_length(head).ok().flatten().unwrap_or_default();
                if announced > self.body_limit() as u64 {
                    return decided(Reason::BodyTooLarge, undecided);
                }
                Verdict::ByBody(undecided)
            }
        }
    }

    /// The body that [`Next::ReadBody`] asked for: whole, or its beginning where it is larger than the limit.
    /// `None` when it was not asked for.
    pub fn on_body(
        &mut self,
        stream: StreamId,
        head: &RequestHead<'_>,
        body: &[u8],
    ) -> Option<Next> {
        let Reading { undecided, .. } = self.reading.remove(stream)?;
        if body.len() > self.body_limit() {
            let decision = Decision {
                reason: Reason::BodyTooLarge,
                ..undecided
            };
            return Some(self.finish(decision, head));
        }
        let demands = match (undecided.operation, undecided.required) {
            (Some(operation), Some(required)) => names::read_body(operation, required, head, body),
            _ => Err(Unclear::new("its body names nothing")),
        };
        let decision = match demands {
            Ok(demands) => self.weigh(undecided, &demands),
            Err(unclear) => refused_as(Reason::BodyAmbiguous, &unclear, undecided),
        };
        Some(self.finish(decision, head))
    }

    /// Woken while its body is read: where that has not come in time it is refused, since it may never come
    /// (Envoy gives no body to a filter that holds the headers, unless `allow_on_headers_stop_iteration` is set).
    pub(super) fn keep_reading(
        &mut self,
        stream: StreamId,
        now: Timestamp,
        head: &RequestHead<'_>,
    ) -> Option<Next> {
        if !self.reading.get(stream)?.is_late(now, &self.config) {
            let limit = self.body_limit();
            return Some(Next::ReadBody { limit });
        }
        let Reading { undecided, .. } = self.reading.remove(stream)?;
        self.tell_operator(body_did_not_come(), now);
        let unclear = Unclear::new("the body that holds the name did not come");
        Some(self.finish(
            refused_as(Reason::BodyUnavailable, &unclear, undecided),
            head,
        ))
    }

    fn weigh(&self, undecided: Decision, demands: &[Demand]) -> Decision {
        let principal = undecided.principal.clone().unwrap_or_default();
        let policy = self.enforcement.policy(&undecided.terms);
        let unmet = demands
            .iter()
            .find(|demand| !policy.meets(&principal, demand));
        if let Some(Demand {
            permission,
            name: None,
        }) = unmet
        {
            // Files, a run or a logged model that the request names by what no pattern can be held against.
            let unclear = Unclear::new("what it is made from cannot be tied to a name");
            let undecided = Decision {
                required: Some(*permission),
                ..undecided
            };
            return refused_as(Reason::ScopeMissing, &unclear, undecided);
        }
        let shown = unmet
            .or(demands.first())
            .and_then(|demand| demand.name.as_ref());
        let name = shown.map(|name| match &name.alias {
            Some(alias) => format!("{}@{alias}", name.text).into(),
            None => name.text.as_str().into(),
        });
        let reason = if unmet.is_some() {
            Reason::NameNotGranted
        } else {
            Reason::Allowed
        };
        let permission: Option<Permission> = unmet.map(|demand| demand.permission);
        Decision {
            reason,
            name,
            required: permission.or(undecided.required),
            ..undecided
        }
    }

    fn body_limit(&self) -> usize {
        usize::try_from(self.config.body_limit).unwrap_or(usize::MAX)
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

fn refused_as(reason: Reason, unclear: &Unclear, undecided: Decision) -> Decision {
    Decision {
        reason,
        unclear: Some(unclear.to_string().into()),
        ..undecided
    }
}

/// The decision of a request whose key was turned down.
pub(super) fn refused(undecided: Decision, refusal: Refusal) -> Decision {
    let reason = match refusal {
        Refusal::Invalid => Reason::KeyInvalid,
        Refusal::Refused => Reason::KeyRefused,
    };
    Decision {
        reason,
        ..undecided
    }
}
