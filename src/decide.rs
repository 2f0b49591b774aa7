//! One decision as a function: no cache, no clock, nothing waits.
//!
//! For whatever decides about single requests beside a proxy: the command's `explain` and `replay`, the stand-in's
//! ext_authz answer, benchmarks, fuzz targets. The filter's [`crate::Engine`] goes the same way, and looks the caller up in between.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::auth_service::{Contract, Reply, Verdict};
use crate::authorize::{Authorized, Body, Objects, authorize};
use crate::config::{Bodies, Protocol};
use crate::decision::{Decision, Effect, Reason};
use crate::denial::{Answer, Denials};
use crate::lookup::{Known, Lookup, LookupFailure};
use crate::pending::Pending;
use crate::principal::{IdentitySource, Refusal, Timestamp};
use crate::request::RequestHead;
use crate::rules::Rules;
use crate::surface::{self, Presented, Surface};
use crate::token::TokenError;
use crate::whoami;
use crate::workspace_list;

/// Decides about a request whose caller is `who` and whose body is `body`. `who` is not called where no caller's rights
/// decide.
pub fn decide(
    rules: &Rules,
    head: &RequestHead<'_>,
    who: impl FnOnce() -> Lookup,
    body: &[u8],
) -> Decision {
    read(with_body(rules, head, |_| who(), Body::Read(body)))
}

/// Decides about a request whose caller its head tells: by a key of the configuration, a verified token, or a client
/// certificate. A key that only an auth service could judge is looked up nowhere: `auth_unavailable`.
pub fn decide_here(rules: &Rules, head: &RequestHead<'_>, now: Timestamp, body: &[u8]) -> Decision {
    let who = |presented: &Presented<'_>| {
        let lookup = caller_here(rules, head, presented, now);
        lookup.unwrap_or(Err(LookupFailure::NotAsked))
    };
    read(with_body(rules, head, who, Body::Read(body)))
}

/// The caller of a request, as far as nobody need be asked about it; `None` for a key that only the auth service can
/// judge. Nothing is known of revoked keys.
pub fn caller_here(
    rules: &Rules,
    head: &RequestHead<'_>,
    presented: &Presented<'_>,
    now: Timestamp,
) -> Option<Lookup> {
    let invalid = Err(LookupFailure::Refused(Refusal::Invalid));
    Some(match presented {
        Presented::Key(key) => match rules.keys().find(key) {
            Some(entry) if entry.has_expired(now) => invalid,
            Some(entry) => Ok(entry.known()),
            None if rules.config().auth_service.is_some() => return None,
            None => invalid,
        },
        Presented::Token(token) => {
            let caller = rules.tokens().map(|tokens| tokens.caller(token, head, now));
            match caller {
                Some(Ok(caller)) => Ok(Known::fresh(caller.principal.into(), IdentitySource::Jwt)),
                Some(Err(TokenError::HostFailed)) => Err(LookupFailure::NotAsked),
                Some(Err(_)) | None => invalid,
            }
        }
        Presented::UnverifiedToken => invalid,
        Presented::Certificate(name) => {
            let caller = rules
                .certificates()
                .and_then(|it| it.caller(name.as_deref()?));
            match caller {
                Some(principal) => Ok(Known::fresh(principal.into(), IdentitySource::Mtls)),
                None => invalid,
            }
        }
        Presented::HostFailed => Err(LookupFailure::NotAsked),
    })
}

fn read(decided: Result<Decision, Pending>) -> Decision {
    match decided {
        Ok(decision) => decision,
        // Not with a body that is there; if it were, nothing would be allowed.
        Err(pending) => pending.denied(Reason::BodyUnavailable),
    }
}

/// The same without the body; `None` where a grant limited to names decides and the body holds the name.
pub fn decide_by_head(
    rules: &Rules,
    head: &RequestHead<'_>,
    who: impl FnOnce() -> Lookup,
) -> Option<Decision> {
    with_body(rules, head, |_| who(), Body::Unread).ok()
}

fn with_body(
    rules: &Rules,
    head: &RequestHead<'_>,
    who: impl FnOnce(&Presented<'_>) -> Lookup,
    body: Body<'_>,
) -> Result<Decision, Pending> {
    let (mut pending, known) = match surface::read(rules, head, &mut Vec::new()) {
        Surface::Decided(decision) => return Ok(decision),
        Surface::Pending(pending, presented) => match who(&presented) {
            Ok(known) => (pending, with_source(rules, known)),
            Err(failure) => {
                let usual = rules.config().retry_after_seconds();
                return Ok(pending.not_known(failure, usual));
            }
        },
    };
    surface::select_workspace(rules, &mut pending, &known.principal, head);
    let body = match rules.config().bodies {
        Bodies::Ignore => Body::Ignored,
        Bodies::Inspect => body,
    };
    let objects = Objects {
        head,
        body,
        body_limit: rules.config().most_body_bytes(),
    };
    match authorize(rules.policy(&pending.terms), &pending, &known, &objects) {
        Authorized::Decided(decision) => Ok(decision),
        Authorized::NeedsBody => Err(pending),
    }
}

/// The caller as the configured source of identity would have it. What is decided about here was not read from its reply.
fn with_source(rules: &Rules, mut known: Known) -> Known {
    let service = rules.config().auth_service.as_ref();
    let is_introspected = service.is_some_and(|it| it.protocol == Protocol::Introspection);
    if is_introspected && known.identity == IdentitySource::AuthService {
        Arc::make_mut(&mut known.principal).has_foreign_words = true;
    }
    known
}

/// The caller of whom the auth service says `body` in a 200.
pub fn caller(body: &[u8]) -> Lookup {
    caller_of(&Reply::Response {
        status: 200,
        from_service: true,
        retry_after: None,
        cache_control: None,
        body,
    })
}

/// The caller of whom the auth service says this; how long it may be kept is left aside.
pub fn caller_of(reply: &Reply<'_>) -> Lookup {
    match reply.verdict(&Contract::default()) {
        Verdict::Valid(principal, _) => {
            Ok(Known::fresh(principal.into(), IdentitySource::AuthService))
        }
        Verdict::Invalid => Err(LookupFailure::Refused(Refusal::Invalid)),
        Verdict::Refused => Err(LookupFailure::Refused(Refusal::Refused)),
        Verdict::RateLimited { retry_after } => Err(LookupFailure::RateLimited { retry_after }),
        Verdict::Unavailable(_) => Err(LookupFailure::Unavailable),
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
    match decision.reason {
        Reason::Whoami => Some(whoami::answer(decision, policy, config)),
        // In shadow mode nothing is answered in the server's place.
        Reason::WorkspacesListed if decision.terms.enforces(decision.principal.as_deref()) => {
            Some(workspace_list::answer(decision, policy))
        }
        _ => None,
    }
}
