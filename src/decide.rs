//! One decision as a function: no cache, no clock, nothing waits.
//!
//! For whatever decides about single requests beside a proxy: the command's `explain`, `replay` and `matrix`,
//! benchmarks, fuzz targets. The filter's [`crate::Engine`] goes the same way, and looks the caller up in between.

use crate::authorize::{Authorized, Body, Objects, authorize};
use crate::config::Bodies;
use crate::decision::{Decision, Effect, Reason};
use crate::denial::{Answer, Denials};
use crate::lookup::Lookup;
use crate::request::RequestHead;
use crate::rules::Rules;
use crate::surface::{self, Surface};
use crate::whoami;

/// Decides about a request whose caller is `who` and whose body is `body`. `who` is not called where no caller's rights
/// decide.
pub fn decide(
    rules: &Rules,
    head: &RequestHead<'_>,
    who: impl FnOnce() -> Lookup,
    body: &[u8],
) -> Decision {
    let (pending, known) = match surface::read(rules, head, &mut Vec::new()) {
        Surface::Decided(decision) => return decision,
        Surface::Pending(pending, _) => match who() {
            Ok(known) => (pending, known),
            Err(failure) => {
                let usual = rules.config().auth_service.retry_after_seconds();
                return pending.not_known(failure, usual);
            }
        },
    };
    let body = match rules.config().bodies {
        Bodies::Ignore => Body::Ignored,
        Bodies::Inspect => Body::Read(body),
    };
    let objects = Objects {
        head,
        body,
        body_limit: rules.config().most_body_bytes(),
    };
    match authorize(rules.policy(&pending.terms), &pending, &known, &objects) {
        Authorized::Decided(decision) => decision,
        // Not with a body that is read or ignored; if it were, nothing would be allowed.
        Authorized::NeedsBody => pending.denied(Reason::BodyUnavailable),
    }
}

/// The filter's own answer to a request; `None` where the request goes on.
pub fn answer(rules: &Rules, decision: &Decision, head: &RequestHead<'_>) -> Option<Answer> {
    let policy = rules.policy(&decision.terms);
    let config = rules.config();
    if decision.effect() == Effect::Deny {
        let denials = Denials { config, policy };
        return Some(denials.answer(decision, head));
    }
    (decision.reason == Reason::Whoami).then(|| whoami::answer(decision, policy, config))
}
