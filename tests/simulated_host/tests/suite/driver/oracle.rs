//! What may have become of a request. It knows what the auth service said, to which worker and when, and
//! nothing of the filter.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use simulated_host::pairs::Pair;
use simulated_host::service::Verdict;
use simulated_host::stream::{Answer, Outcome, Stream};

use super::Day;
use super::steps::{Kind, Request, SECRET};

/// `cache.ttl`.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// That and the default of `cache.stale_if_error`.
const TRUSTED_FOR: Duration = Duration::from_secs(60 + 300);

/// The default of `cache.negative_ttl`.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// Twice the default of `auth_service.breaker.open_for`, and what a callout and a tick may take.
const SUSPECTED_FOR: Duration = Duration::from_secs(10 + 3);

/// The default of `auth_service.breaker.failures`.
const BREAKER_FAILURES: usize = 5;

/// How long after the service has limited a caller those who wait on other workers are told.
const TOLD_WITHIN: Duration = Duration::from_millis(100);

/// What the auth service said of a key.
#[derive(Debug)]
struct Said {
    /// Worker and root context, each of which may remember on its own.
    to: (usize, u32),
    key: String,
    verdict: Verdict,
    asked_at: HostContext,
    said_at: HostContext,
    /// The filter has read it: somebody waited for it, and no host call failed.
    heard: bool,
}

/// A moment by the wall clock, which jumps, and by the time that has really passed.
#[derive(Debug, Clone, Copy)]
pub struct HostContext {
    pub clock: Duration,
    pub passed: Duration,
}

/// Everything it said, in order.
#[derive(Debug, Default)]
pub struct Oracle {
    said: Vec<Said>,
    revoked: Vec<Revoked>,
    /// When a lookup of each key failed last, by the time that has passed.
    failed: BTreeMap<String, Duration>,
    /// The keys whose lookups have failed for each root since the service last answered it.
    failed_in_a_row: BTreeMap<(usize, u32), BTreeSet<String>>,
    /// Polls that were replied to.
    pub polls: usize,
    /// Requests that went on with rights that were stale.
    pub stale: Cell<usize>,
    /// Nothing is to be refused.
    pub shadow: bool,
    /// Requests that went on and would have been refused.
    pub shadowed: Cell<usize>,
}

/// A key that a list has named.
#[derive(Debug)]
struct Revoked {
    key: String,
    at: HostContext,
    /// Who knows: roots, with their worker, that have had a tick since.
    known: BTreeSet<(usize, u32)>,
    /// Whether those who do not know yet can still learn it.
    in_log: bool,
}

impl Oracle {
    pub fn new(shadow: bool) -> Self {
        Self {
            shadow,
            ..Self::default()
        }
    }

    pub fn delivered(
        &mut self,
        to: (usize, u32),
        key: &str,
        verdict: Verdict,
        asked_at: HostContext,
        said_at: HostContext,
    ) {
        self.said.push(Said {
            to,
            key: key.to_owned(),
            verdict,
            asked_at,
            said_at,
            heard: true,
        });
    }

    /// The service has given no usable answer about a key.
    pub fn failed(&mut self, to: (usize, u32), key: &str, at: HostContext) {
        self.failed.insert(key.to_owned(), at.passed);
        let in_a_row = self.failed_in_a_row.entry(to).or_default();
        in_a_row.insert(key.to_owned());
    }

    /// The service has given an answer that the root has read: its circuit is closed.
    pub fn answered(&mut self, to: (usize, u32)) {
        self.failed_in_a_row.remove(&to);
    }

    /// Whether there was reason to keep stale rights: a failure of this very key, or in a row of as many as open
    /// the root's circuit.
    fn may_be_stale(&self, root: (usize, u32), key: &str, now: HostContext) -> bool {
        let lately = |at: &Duration| now.passed.saturating_sub(*at) <= SUSPECTED_FOR;
        let in_a_row = self.failed_in_a_row.get(&root).map_or(0, BTreeSet::len);
        self.failed.get(key).is_some_and(lately) || in_a_row >= BREAKER_FAILURES
    }

    /// A list that names the key has come to this root, if it was heard.
    pub fn revoked(&mut self, key: &str, at: HostContext, to: Option<(usize, u32)>) {
        self.revoked.push(Revoked {
            key: key.to_owned(),
            at,
            known: to.into_iter().collect(),
            in_log: to.is_some(),
        });
    }

    /// A root has had a tick.
    pub fn ticked(&mut self, root: (usize, u32)) {
        for revoked in &mut self.revoked {
            if revoked.in_log {
                revoked.known.insert(root);
            }
        }
    }

    /// Shared data is lost: whoever does not know yet will not until the next poll.
    pub fn log_lost(&mut self) {
        for revoked in &mut self.revoked {
            revoked.in_log = false;
        }
    }

    /// A root has begun anew.
    pub fn forgot(&mut self, root: (usize, u32)) {
        for revoked in &mut self.revoked {
            revoked.known.remove(&root);
        }
    }

    /// How often a root has learnt of a revocation.
    pub fn seen(&self) -> usize {
        self.revoked.iter().map(|revoked| revoked.known.len()).sum()
    }

    /// The filter may not have heard the last of it.
    pub fn last_may_be_lost(&mut self) {
        if let Some(said) = self.said.last_mut() {
            said.heard = false;
        }
    }

    /// Panics where the outcome is not one that a right filter could have come to.
    pub fn judge(&self, request: &Request, stream: &Stream, day: Day) {
        let calm = day == Day::Calm;
        let decided_at = stream.decided_at.expect("a decision has its time");
        let now = HostContext {
            clock: decided_at.now(),
            passed: decided_at.passed(),
        };
        match stream.outcome.as_ref().expect("a decision") {
            Outcome::Forwarded(headers) => {
                let field = stream.properties.get(&b"wasm.mlflow_authz"[..]);
                let field = String::from_utf8_lossy(field.map_or(&[], Vec::as_slice));
                if self.shadow && field.is_empty() && day == Day::Wild {
                    // The host did not take the record, and without it nothing is known of the decision.
                    return;
                }
                if field.contains(r#""decision":"would_deny""#) {
                    return self.judge_shadowed(request, headers, &field, now);
                }
                let stale = field.contains(r#""stale":true"#);
                assert!(!(calm && stale), "stale on a calm day: {request:?}");
                self.stale.set(self.stale.get() + usize::from(stale));
                if stale && day == Day::Trying && !self.shadow {
                    let key = request.key.as_deref().unwrap_or_default();
                    assert!(
                        self.may_be_stale((request.worker, request.root), key, now),
                        "stale at {now:?}, and its lookup did not fail: {request:?}, {:?}",
                        self.failed
                    );
                }
                let trusted_for = if day == Day::Wild || stale {
                    TRUSTED_FOR
                } else {
                    FRESH_FOR
                };
                self.judge_forwarded(request, headers, now, trusted_for);
            }
            Outcome::Answered(answer) if answer.status == 503 => {
                assert!(!calm, "unavailable on a calm day: {request:?}");
            }
            Outcome::Answered(answer) => {
                assert!(!self.shadow, "{}: {request:?}", answer.status);
                self.judge_answer(request, answer, now, day);
            }
            Outcome::Reset => assert!(!calm, "reset on a calm day: {request:?}"),
        }
    }

    /// Upstream is told of the caller what is known, which is nothing unless the key was valid.
    fn judge_shadowed(&self, request: &Request, headers: &[Pair], field: &str, now: HostContext) {
        assert!(self.shadow && request.kind != Kind::Outside, "{request:?}");
        self.shadowed.set(self.shadowed.get() + 1);
        let identity = headers.iter().any(|(name, _)| is_identity(name));
        let known = field.contains(r#""reason":"scope_missing""#);
        assert_eq!(identity, known, "{field}: {request:?}");
        let missing = |said: &Said| {
            Some(&said.key) == request.key.as_ref()
                && now.passed - said.said_at.passed <= TRUSTED_FOR
                && grants(&said.verdict, request.kind) == Some(false)
        };
        assert!(!known || self.said.iter().any(missing), "{request:?}");
    }

    fn judge_forwarded(
        &self,
        request: &Request,
        headers: &[Pair],
        now: HostContext,
        trusted_for: Duration,
    ) {
        let identity: Vec<(&[u8], &[u8])> = headers
            .iter()
            .filter(|(name, _)| is_identity(name))
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect();
        if request.kind == Kind::Outside {
            assert!(identity.is_empty(), "identity outside: {identity:?}");
            return;
        }
        let key = request.key.as_ref().expect("forwarded without a key");
        assert!(
            self.vouched_for(request, key, now, trusted_for),
            "forwarded at {now:?}, and nobody vouched for it: {request:?}\n{}",
            self.known_of(key)
        );
        let name = key.trim_start_matches(SECRET);
        for (header, prefix) in [
            ("x-mlflow-authz-user", "user_"),
            ("x-mlflow-authz-key", "id_"),
        ] {
            let values: Vec<&[u8]> = identity
                .iter()
                .filter(|(name, _)| *name == header.as_bytes())
                .map(|(_, value)| *value)
                .collect();
            assert_eq!(values, [format!("{prefix}{name}").as_bytes()], "{header}");
        }
        let scopes = identity
            .iter()
            .filter(|(_, value)| *value == b"admin")
            .count();
        assert_eq!(scopes, 0, "a scope of the caller's own");
    }

    /// Whether the service said, within the time a principal is trusted by either reckoning, that the key is valid and has the
    /// scope; and has not told this root otherwise since.
    fn vouched_for(
        &self,
        request: &Request,
        key: &str,
        now: HostContext,
        trusted_for: Duration,
    ) -> bool {
        let of_key = || self.said.iter().filter(|said| said.key == key);
        let denied_after = |valid: &Said, number: usize| {
            of_key().skip(number + 1).any(|said| {
                matches!(said.verdict, Verdict::Invalid | Verdict::Refused)
                    && said.heard
                    && said.to == (request.worker, request.root)
                    // Of two answers the one to the later question counts.
                    && said.asked_at.passed >= valid.asked_at.passed
            })
        };
        of_key().enumerate().any(|(number, said)| {
            let (from, until) = (said.asked_at.clock, said.said_at.clock);
            let window = from.min(until)..from.max(until) + trusted_for;
            let lately = now.passed - said.said_at.passed < trusted_for;
            grants(&said.verdict, request.kind) == Some(true)
                && (lately || window.contains(&now.clock))
                && !denied_after(said, number)
                && !self.revoked_since(request, said, now)
        })
    }

    /// What was said of a key, for the report.
    fn known_of(&self, key: &str) -> String {
        let said = self.said.iter().filter(|said| said.key == key);
        let revoked = self.revoked.iter().filter(|revoked| revoked.key == key);
        let said: Vec<String> = said.map(|said| format!("{said:?}")).collect();
        let revoked: Vec<String> = revoked.map(|revoked| format!("{revoked:?}")).collect();
        [said, revoked].concat().join("\n")
    }

    /// Whether the root knew by then that the key was revoked after the service had said so.
    fn revoked_since(&self, request: &Request, said: &Said, now: HostContext) -> bool {
        self.revoked.iter().any(|revoked| {
            revoked.key == said.key
                && revoked.at.passed < now.passed
                && said.asked_at.passed <= revoked.at.passed
                && revoked.known.contains(&(request.worker, request.root))
        })
    }

    fn judge_answer(&self, request: &Request, answer: &Answer, now: HostContext, day: Day) {
        let body = String::from_utf8(answer.body.clone()).expect("an answer in UTF-8");
        assert!(!body.contains(SECRET), "a key in an answer: {body}");
        let body: serde_json::Value = serde_json::from_str(&body).expect("an answer in JSON");
        let reason = body["reason"].as_str().expect("a reason");
        let was_said = |within: Duration, what: &dyn Fn(&Verdict) -> bool| {
            let of_key = |said: &&Said| Some(&said.key) == request.key.as_ref();
            self.said.iter().filter(of_key).any(|said| {
                let lately = now.passed - said.said_at.passed <= within;
                what(&said.verdict) && (lately || day == Day::Wild)
            })
        };
        let limited = |verdict: &Verdict| *verdict == Verdict::RateLimited;
        let explained = request.kind != Kind::Outside
            && match (answer.status, reason) {
                (401, "credential_missing") => request.key.is_none(),
                (401, "key_invalid") => {
                    was_said(REFUSED_FOR, &|verdict| *verdict == Verdict::Invalid)
                        || self.was_revoked(request)
                }
                (403, "key_refused") => {
                    was_said(REFUSED_FOR, &|verdict| *verdict == Verdict::Refused)
                }
                (429, "rate_limited") => was_said(TOLD_WITHIN, &limited),
                (403, "scope_missing") => {
                    let missing = |verdict: &Verdict| grants(verdict, request.kind) == Some(false);
                    was_said(TRUSTED_FOR, &missing)
                }
                _ => false,
            };
        assert!(explained, "{} {reason}: {request:?}", answer.status);
    }

    /// A validation that comes after its key was revoked is none.
    fn was_revoked(&self, request: &Request) -> bool {
        let of_key = |revoked: &Revoked| Some(&revoked.key) == request.key.as_ref();
        self.revoked.iter().any(of_key)
    }
}

/// Whether a key of which this is true may do it; `None` where the key is not valid.
fn grants(verdict: &Verdict, kind: Kind) -> Option<bool> {
    let Verdict::Valid(scopes) = verdict else {
        return None;
    };
    Some(match kind {
        Kind::Write => scopes.contains(&"model:write"),
        _ => !scopes.is_empty(),
    })
}

/// By any spelling that an upstream could take for one.
fn is_identity(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name)
        .to_ascii_lowercase()
        .replace('_', "-");
    name.starts_with("x-mlflow-authz-")
}
