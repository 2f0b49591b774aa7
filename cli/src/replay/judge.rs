//! The engine again, about recorded requests.
//!
//! What a record says of a request is given to the filter's own engine, and what it says of the caller is what the
//! auth service answers. Callers are told apart by a digest of all that is said of them, which becomes their key: so
//! the engine's cache knows those that come often, and bounds what is remembered of them. What a record leaves out is
//! never guessed:
//!
//! - A denial for the key itself (401, 429, 503, a refused key) stands: it is the auth service's word. It falls only
//!   where no key is needed any more.
//! - Headers and query are not recorded. What they did to a target or to a name is done again by a header that does the
//!   same; where a name is needed that the record does not hold, the record cannot be decided.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use mlflow_authz::catalog::{self, Naming, Operation};
use mlflow_authz::config::CredentialKind;
use mlflow_authz::request::Header;
use mlflow_authz::shared_data::LocalData;
use mlflow_authz::{Engine, Moment, Reason, RequestHead};
use serde::Serialize;
use serde_json::value::RawValue;

use super::named::Named;
use super::outcome::{Again, Why};
use super::record::{Record, Who, Word};
use super::remembered::{Decided, Kept, Remembered};
use crate::config_file::ConfigFile;
use crate::error::CliError;
use crate::playing::{self, Played};

/// Callers remembered: those beyond are told to the engine anew.
const CALLERS: u64 = 10_000;

/// Nothing ends while a file is read.
const NOW: Duration = Duration::from_secs(1);

/// Decides again under one configuration.
pub struct Judge {
    engine: Engine,
    shared: LocalData,
    /// Two hashes, so that no two callers are taken for one.
    hashers: [RandomState; 2],
    credential: String,
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
            "public" | "preflight" | "outside" | "outside_mounts" | "target_ambiguous" => {
                Self::NotAsked
            }
            // A known operation that is switched off, whoever asks.
            "operation_unknown" if record.operation.is_some() => Self::NotAsked,
            _ => Self::Known,
        }
    }
}

impl Judge {
    /// A judge under a configuration. Records do not hold what `credentials` and `key_pattern` are about: a recorded
    /// caller has shown a good key.
    pub fn new(ConfigFile { mut config, text }: ConfigFile) -> Self {
        config.credentials = vec![CredentialKind::Bearer];
        config.key_pattern = None;
        config.cache.capacity = CALLERS;
        config.cache.shared_slots = 0;
        config.revocation = None;
        Self {
            engine: Engine::new(config, &text),
            shared: LocalData::default(),
            hashers: [RandomState::new(), RandomState::new()],
            credential: String::new(),
            remembered: Remembered::new(),
        }
    }

    /// What would be decided about a recorded request.
    ///
    /// # Errors
    ///
    /// An engine that asks for what this shell does not have: a fault of this program.
    pub fn decide<'r>(&mut self, record: &'r Record<'_>) -> Result<Again<'r>, CliError> {
        let place = self.remembered.place(record);
        if let Some(decided) = self.remembered.get(place) {
            return Ok(decided.about(record));
        }
        let decided = self.decide_anew(record)?;
        let again = decided.about(record);
        self.remembered.keep(place, decided);
        Ok(again)
    }

    fn decide_anew(&mut self, record: &Record<'_>) -> Result<Decided, CliError> {
        if record.target_is_cut {
            return Ok(Decided::open(Why::TargetCut));
        }
        let caller = Caller::of(record);
        let played = self.play(record, caller, None)?;
        if !needs_name(&played, record) {
            return Ok(decided(played, caller));
        }
        let name = record.name.as_ref().map(|name| &*name.0);
        let named = match played.decision.operation {
            Some(operation) => Named::new(operation, name),
            None => Err(Why::NameUnknown),
        };
        let named = match named {
            Err(why) => return Ok(decided(played, caller).but_open(why)),
            Ok(named) => named,
        };
        let played = self.play(record, caller, Some(&named))?;
        let unread = played.decision.reason == Reason::BodyAmbiguous;
        let decided = decided(played, caller);
        Ok(if unread {
            // A name that could not be read then is none now.
            decided.but_open(Why::NameUnknown)
        } else {
            decided
        })
    }

    fn play(
        &mut self,
        record: &Record<'_>,
        caller: Caller,
        named: Option<&Named>,
    ) -> Result<Played, CliError> {
        if caller == Caller::Known {
            self.name_caller(&record.who);
        }
        let credential = std::mem::take(&mut self.credential);
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
            ("authorization", known.then_some(credential.as_bytes())),
            (
                "content-type",
                (known && !is_get(record)).then_some(b"application/json"),
            ),
        ];
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name.as_bytes(), value?)));
        let done = done_by_headers(&record.reason).iter();
        let done = done.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let headers: Vec<Header<'_>> = given.chain(done).collect();
        let head = RequestHead {
            headers: &headers,
            client_address: None,
        };
        let body = named.map_or(&b""[..], |named| named.body.as_bytes());
        let moment = Moment {
            now: NOW,
            shared: &self.shared,
        };
        let said = || said_of(&record.who);
        let played = playing::play(&mut self.engine, &moment, &head, said, body);
        drop(headers);
        self.credential = credential;
        played.ok_or_else(|| playing::at_a_loss("record"))
    }

    /// Makes the caller's key of all that is said of them.
    fn name_caller(&mut self, who: &Who<'_>) {
        let [first, second] = self.hashers.each_ref().map(|hasher| hasher.hash_one(who));
        self.credential.clear();
        let _ = write!(self.credential, "Bearer {first:016x}{second:016x}");
    }
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

/// Whether the engine looked for a name where a record cannot hold it.
fn needs_name(played: &Played, record: &Record<'_>) -> bool {
    let in_query = |operation: &Operation| {
        matches!(operation.naming, Naming::Fields(_) | Naming::ArtifactQuery)
    };
    let query_read = played.decision.reason == Reason::BodyAmbiguous
        && record.reason != Reason::BodyAmbiguous.as_str()
        && is_get(record)
        && played.decision.operation.is_some_and(in_query);
    played.read_body || query_read
}

/// Headers that do again what headers or the query did that were not recorded.
fn done_by_headers(reason: &str) -> &'static [(&'static str, &'static str)] {
    match reason {
        "preflight" => &[("origin", "null"), ("access-control-request-method", "GET")],
        "target_ambiguous" => &[("x-original-url", "/")],
        "body_ambiguous" => &[("x-mlflow-workspace", "doubtful")],
        _ => &[],
    }
}

fn decided(played: Played, caller: Caller) -> Decided {
    let Played {
        decision, answer, ..
    } = played;
    let word = Word::of(decision.reason.denial().is_some(), answer.is_some());
    let keyless = decision.reason == Reason::CredentialMissing;
    let unanswered = matches!(
        decision.reason,
        Reason::AuthUnavailable | Reason::Overloaded
    );
    let outcome = match caller {
        Caller::NotAsked if keyless => Kept::Open(Why::CallerUnknown),
        Caller::Known if unanswered => Kept::Open(Why::CallerImpossible),
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

/// The auth service's answer about a recorded caller.
fn said_of(who: &Who<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Said<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key_id: Option<&'a str>,
        scopes: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        roles: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        grants: Option<&'a RawValue>,
        is_admin: bool,
    }
    let raw = |text| serde_json::from_str(text).ok();
    let said = Said {
        user_id: who.user_id.as_ref().map(|id| &*id.0),
        key_id: who.key_id.as_ref().map(|id| &*id.0),
        scopes: raw(who.scopes.unwrap_or("[]")),
        roles: who.roles.and_then(raw),
        grants: who.grants.and_then(raw),
        is_admin: who.admin,
    };
    serde_json::to_vec(&said).unwrap_or_default()
}
