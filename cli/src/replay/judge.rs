//! Decides again about recorded requests.
//!
//! What a record says of a request is decided about as the filter does, and what it says of the caller is what the auth
//! service said; of a key that the configuration lists, the configuration says it. Callers that come often are remembered by a digest of all that is said of them. What a record leaves
//! out is never guessed:
//!
//! - A denial for the key itself (401, 429, 503, a refused key) stands: it is the auth service's word. It falls only
//!   where no key is needed any more.
//! - A record holds the workspace that its request was for, and not whether the request named it. Where it is the default
//!   one the request is taken for one that named none, as most are.
//! - Headers and query are not recorded. What they did to a target or to a name is done again by a header that does the
//!   same; where a name is needed that the record does not hold, the record cannot be decided.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use mlflow_authz::catalog::{self, Naming, Operation};
use mlflow_authz::config::CredentialKind;
use mlflow_authz::lookup::{Lookup, LookupFailure};
use mlflow_authz::policy::Within;
use mlflow_authz::request::Header;
use mlflow_authz::rules::Rules;
use mlflow_authz::workspace;
use mlflow_authz::{Config, Decision, Reason, RequestHead, decide};

use super::identified;
use super::named::Named;
use super::outcome::{Again, Why};
use super::record::{Record, Who, Word};
use super::remembered::{Decided, Kept, Remembered};

/// The most callers that are remembered; with one more, all are read anew.
const CALLERS: usize = 10_000;

/// Any key: who the caller is stands in the record.
const CREDENTIAL: &[u8] = b"Bearer recorded";

/// Decides again under one configuration.
pub struct Judge {
    rules: Rules,
    /// Two hashes, so that no two callers are taken for one.
    hashers: [RandomState; 2],
    callers: HashMap<[u64; 2], Result<Lookup, Why>>,
    remembered: Remembered,
}

/// What a record tells of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// Who it is.
    Known,
    /// That the key, or the lack of one, was the end of it.
    TurnedDown,
    /// Nothing: no key was asked about.
    NotAsked,
}

impl Caller {
    fn of(record: &Record<'_>) -> Self {
        match &*record.reason {
            "credential_missing"
            | "credential_malformed"
            | "credential_ambiguous"
            | "key_invalid"
            | "key_refused"
            | "rate_limited"
            | "auth_unavailable"
            | "overloaded" => Self::TurnedDown,
            "public"
            | "preflight"
            | "outside"
            | "outside_mounts"
            | "target_ambiguous"
            | "workspace_ambiguous" => Self::NotAsked,
            // A known operation that is switched off, whoever asks.
            "operation_unknown" if record.operation.is_some() => Self::NotAsked,
            _ => Self::Known,
        }
    }
}

impl Judge {
    /// A judge under a configuration. Records do not hold what `credentials` and `key_pattern` are about: a recorded
    /// caller has shown a good key.
    pub fn new(mut config: Config) -> Self {
        config.credentials = vec![CredentialKind::Bearer];
        config.key_pattern = None;
        Self {
            rules: Rules::new(config),
            hashers: [RandomState::new(), RandomState::new()],
            callers: HashMap::new(),
            remembered: Remembered::new(),
        }
    }

    /// What would be decided about a recorded request.
    pub fn decide<'r>(&mut self, record: &'r Record<'_>) -> Again<'r> {
        let place = self.remembered.place(record);
        if let Some(decided) = self.remembered.get(place) {
            return decided.about(record);
        }
        let decided = self.decide_anew(record);
        let again = decided.about(record);
        self.remembered.keep(place, decided);
        again
    }

    fn decide_anew(&mut self, record: &Record<'_>) -> Decided {
        if record.target_is_cut {
            return Decided::open(Why::TargetCut);
        }
        let caller = Caller::of(record);
        let (who, unknown) = match caller {
            Caller::Known => match self.caller(&record.who) {
                Ok(who) => (who, None),
                Err(why) => (Err(LookupFailure::NotAsked), Some(why)),
            },
            // They show no key.
            Caller::TurnedDown | Caller::NotAsked => (Err(LookupFailure::NotAsked), None),
        };
        let decided = |decision, caller| decided(decision, caller, unknown);
        let more = self.headers(record);
        let by_head = with_head(record, caller, None, &more, |head| {
            decide::decide_by_head(&self.rules, head, || who.clone())
        });
        let decide = |named: Option<&Named>| {
            let body = named.map_or(&b""[..], |named| named.body.as_bytes());
            with_head(record, caller, named, &more, |head| {
                decide::decide(&self.rules, head, || who.clone(), body)
            })
        };
        let first = match by_head {
            Some(decision) if self.is_unread_path(&decision) => {
                return decided(decision, caller).but_open(Why::NameUnknown);
            }
            Some(decision) if !is_unread_query(&decision, record) => {
                return decided(decision, caller);
            }
            Some(decision) => decision,
            None => decide(None),
        };
        let name = record.name.as_ref().map(|name| &*name.0);
        let named = match first.operation {
            Some(operation) => Named::new(operation, name),
            None => Err(Why::NameUnknown),
        };
        let named = match named {
            Err(why) => return decided(first, caller).but_open(why),
            Ok(named) => named,
        };
        let decision = decide(Some(&named));
        let unread = decision.reason == Reason::BodyAmbiguous;
        let decided = decided(decision, caller);
        if unread {
            // A name that could not be read then is none now.
            decided.but_open(Why::NameUnknown)
        } else {
            decided
        }
    }

    /// Whether it depends on the path in a query, which a record does not hold, whose workspace the request is about.
    fn is_unread_path(&self, decision: &Decision) -> bool {
        let lists = |it: &Operation| it.naming == Naming::ArtifactQuery;
        let (Some(workspace), Some(principal), Some(required), true) = (
            decision.workspace.as_deref(),
            decision.principal.as_deref(),
            decision.required,
            decision.operation.is_some_and(lists),
        ) else {
            return false;
        };
        let rights = self.rules.policy(&decision.terms);
        let rights = rights.rights(principal, Within::Everywhere);
        let here = rights.elsewhere(Within::Workspace(workspace));
        here.grants(required) && !rights.grants(required)
    }

    /// Headers that a record does not hold, and what it says of them.
    fn headers<'r>(&self, record: &'r Record<'_>) -> Vec<Header<'r>> {
        let workspaces = &self.rules.config().workspaces;
        let workspace = record.workspace.as_ref().map(|it| &*it.0);
        let workspace =
            workspace.filter(|name| workspaces.enabled && **name != *workspaces.default);
        let workspace = workspace.map(|name| (workspace::HEADER, name));
        done_by_headers(&record.reason, workspaces.enabled)
            .iter()
            .copied()
            .chain(workspace)
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect()
    }

    /// Who the caller of a record is.
    fn caller(&mut self, who: &Who<'_>) -> Result<Lookup, Why> {
        let digest = self.hashers.each_ref().map(|hasher| hasher.hash_one(who));
        if self.callers.len() >= CALLERS && !self.callers.contains_key(&digest) {
            self.callers.clear();
        }
        let caller = self.callers.entry(digest);
        caller
            .or_insert_with(|| identified::caller(&self.rules, who))
            .clone()
    }
}

/// The head of a recorded request, which names again what it named where that is given.
fn with_head<T>(
    record: &Record<'_>,
    caller: Caller,
    named: Option<&Named>,
    more: &[Header<'_>],
    decide: impl FnOnce(&RequestHead<'_>) -> T,
) -> T {
    let target = record.target.as_deref().map(|target| match named {
        Some(named) if is_get(record) => {
            Cow::Owned([target, b"?", named.query.as_bytes()].concat())
        }
        _ => match query_of(record) {
            Some(query) => Cow::Owned([target, b"?", query.as_bytes()].concat()),
            None => Cow::Borrowed(target),
        },
    });
    let known = caller == Caller::Known;
    let given = [
        (
            ":method",
            record.method.as_ref().map(|method| method.0.as_bytes()),
        ),
        (":path", target.as_deref()),
        (
            ":authority",
            record.host.as_ref().map(|host| host.0.as_bytes()),
        ),
        ("authorization", known.then_some(CREDENTIAL)),
        (
            "content-type",
            (known && !is_get(record)).then_some(b"application/json"),
        ),
    ];
    let given = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.as_bytes(), value?)));
    let headers: Vec<Header<'_>> = given.chain(more.iter().copied()).collect();
    decide(&RequestHead {
        headers: &headers,
        facts: None,
    })
}

fn is_get(record: &Record<'_>) -> bool {
    record
        .method
        .as_ref()
        .is_some_and(|method| method.0 == "GET")
}

/// A query that makes the operation of the record what it is, where one does.
fn query_of(record: &Record<'_>) -> Option<String> {
    let recorded = &*record.operation.as_ref()?.0;
    let operation = catalog::all_operations().find(|operation| operation.name == recorded)?;
    let route = operation.routes.first()?;
    (!route.query.is_empty()).then(|| catalog::query_example(route.query))
}

/// Whether a name was looked for in a query, which a record does not hold.
fn is_unread_query(decision: &Decision, record: &Record<'_>) -> bool {
    let in_query = |operation: &Operation| {
        matches!(operation.naming, Naming::Fields(_) | Naming::ArtifactQuery)
    };
    decision.reason == Reason::BodyAmbiguous
        && record.reason != Reason::BodyAmbiguous.as_str()
        && is_get(record)
        && decision.operation.is_some_and(in_query)
}

/// Headers that do again what headers or the query did that were not recorded.
fn done_by_headers(reason: &str, has_workspaces: bool) -> &'static [(&'static str, &'static str)] {
    match reason {
        "preflight" => &[("origin", "null"), ("access-control-request-method", "GET")],
        "target_ambiguous" => &[("x-original-url", "/")],
        "workspace_ambiguous" => &[(workspace::HEADER, "-")],
        // A body where there may be none, and one that cannot be read.
        "body_ambiguous" if has_workspaces => &[
            ("transfer-encoding", "chunked"),
            ("content-encoding", "unknown"),
        ],
        "body_ambiguous" => &[(workspace::HEADER, "doubtful")],
        _ => &[],
    }
}

/// `unknown` says why it is not known who the caller is, which matters where the caller's rights decide.
fn decided(decision: Decision, caller: Caller, unknown: Option<Why>) -> Decided {
    let word = Word::of(decision.effect());
    let keyless = decision.reason == Reason::CredentialMissing;
    let unanswered = matches!(
        decision.reason,
        Reason::AuthUnavailable | Reason::Overloaded
    );
    let outcome = match caller {
        Caller::NotAsked if keyless => Kept::Open(Why::CallerUnknown),
        Caller::Known if unanswered => Kept::Open(unknown.unwrap_or(Why::CallerImpossible)),
        Caller::TurnedDown if keyless => Kept::Stands(word),
        _ => Kept::Decided(word, decision.reason.as_str()),
    };
    Decided {
        outcome,
        operation: decision.operation,
        required: decision.required,
        principal: decision.principal,
    }
}
