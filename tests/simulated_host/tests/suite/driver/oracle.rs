//! What may have become of a request. It knows what the auth service said, to which worker and when, and
//! nothing of the filter.

use std::time::Duration;

use simulated_host::pairs::Pair;
use simulated_host::service::Verdict;
use simulated_host::stream::{Answer, Outcome};

use super::steps::{Kind, Request, SECRET};

/// `cache.ttl` and the default of `cache.stale_if_error`.
const TRUSTED_FOR: Duration = Duration::from_secs(60 + 300);

/// What the auth service said of a key.
#[derive(Debug)]
struct Said {
    worker: usize,
    key: String,
    verdict: Verdict,
    asked_at: Moment,
    said_at: Moment,
    /// No host call failed while the reply was handled, so the filter has read it.
    heard: bool,
}

/// A moment by the wall clock, which jumps, and by the time that has really passed.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub clock: Duration,
    pub passed: Duration,
}

/// Everything it said, in order.
#[derive(Debug, Default)]
pub struct Oracle {
    said: Vec<Said>,
}

impl Oracle {
    pub fn delivered(
        &mut self,
        worker: usize,
        key: &str,
        verdict: Verdict,
        asked_at: Moment,
        said_at: Moment,
    ) {
        self.said.push(Said {
            worker,
            key: key.to_owned(),
            verdict,
            asked_at,
            said_at,
            heard: true,
        });
    }

    /// A host call failed while the last of it was handled.
    pub fn last_may_be_lost(&mut self) {
        if let Some(said) = self.said.last_mut() {
            said.heard = false;
        }
    }

    /// Panics where the outcome is not one that a right filter could have come to.
    pub fn judge(&self, request: &Request, outcome: &Outcome, now: Moment, calm: bool) {
        match outcome {
            Outcome::Forwarded(headers) => self.judge_forwarded(request, headers, now),
            Outcome::Answered(answer) if answer.status == 503 => {
                assert!(!calm, "unavailable on a calm day: {request:?}");
            }
            Outcome::Answered(answer) => self.judge_answer(request, answer),
            Outcome::Reset => assert!(!calm, "reset on a calm day: {request:?}"),
        }
    }

    fn judge_forwarded(&self, request: &Request, headers: &[Pair], now: Moment) {
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
            self.vouched_for(request, key, now),
            "forwarded, and nobody vouched for it: {request:?}"
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
    /// scope; and has not told this worker otherwise since.
    fn vouched_for(&self, request: &Request, key: &str, now: Moment) -> bool {
        let of_key = || self.said.iter().rev().filter(|said| said.key == key);
        of_key()
            .take_while(|said| {
                let denied = matches!(said.verdict, Verdict::Invalid | Verdict::Refused);
                !(denied && said.heard && said.worker == request.worker)
            })
            .any(|said| {
                let (from, until) = (said.asked_at.clock, said.said_at.clock);
                let window = from.min(until)..from.max(until) + TRUSTED_FOR;
                let lately = now.passed - said.said_at.passed < TRUSTED_FOR;
                grants(&said.verdict, request.kind) == Some(true)
                    && (lately || window.contains(&now.clock))
            })
    }

    fn judge_answer(&self, request: &Request, answer: &Answer) {
        let body = String::from_utf8(answer.body.clone()).expect("an answer in UTF-8");
        assert!(!body.contains(SECRET), "a key in an answer: {body}");
        let body: serde_json::Value = serde_json::from_str(&body).expect("an answer in JSON");
        let reason = body["reason"].as_str().expect("a reason");
        let was_said = |what: &dyn Fn(&Verdict) -> bool| {
            let of_key = |said: &&Said| Some(&said.key) == request.key.as_ref();
            self.said
                .iter()
                .filter(of_key)
                .any(|said| what(&said.verdict))
        };
        let explained = request.kind != Kind::Outside
            && match (answer.status, reason) {
                (401, "credential_missing") => request.key.is_none(),
                (401, "key_invalid") => was_said(&|verdict| *verdict == Verdict::Invalid),
                (403, "key_refused") => was_said(&|verdict| *verdict == Verdict::Refused),
                (429, "rate_limited") => was_said(&|verdict| *verdict == Verdict::RateLimited),
                (403, "scope_missing") => {
                    was_said(&|verdict| grants(verdict, request.kind) == Some(false))
                }
                _ => false,
            };
        assert!(explained, "{} {reason}: {request:?}", answer.status);
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
