//! A line of a log as a record of one decision.
//!
//! Three kinds of lines hold one: an audit record alone, an audit record behind what Envoy (or Istio) writes before
//! each line of its log, and an entry of Envoy's JSON access log with the fields of `envoy/envoy.yaml`, whose `authz`
//! is the filter's own JSON, as an object or as text.

use std::borrow::Cow;

use mlflow_authz::decision::Effect;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::text::{Text, unescaped};
use crate::json_error;

/// Where an audit record cuts a target, in bytes.
const LONGEST_TARGET: usize = 1024;

/// What one line is.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and a box would be an allocation a line"
)]
pub enum Line<'a> {
    /// A decision.
    Record(Record<'a>),
    /// Nothing that claims to be one: another line of a log.
    Other,
    /// It should be one, and cannot be read.
    Unreadable(String),
}

/// Which log it was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// The filter's audit log.
    Audit,
    /// Envoy's access log.
    Access,
}

/// What was decided, as the caller and the policy saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Allowed.
    Allow,
    /// Refused.
    Deny,
    /// Refused by the policy, and let through.
    WouldDeny,
}

impl Word {
    /// What becomes of a request.
    pub const fn of(effect: Effect) -> Self {
        match effect {
            Effect::Allow => Self::Allow,
            Effect::Deny => Self::Deny,
            Effect::WouldDeny => Self::WouldDeny,
        }
    }

    /// As records have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::WouldDeny => "would_deny",
        }
    }

    /// Whether the request went on.
    pub const fn lets_through(self) -> bool {
        !matches!(self, Self::Deny)
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Allow, Self::Deny, Self::WouldDeny]
            .into_iter()
            .find(|it| it.as_str() == word)
    }
}

/// One decision and what is known of its request.
#[derive(Debug)]
pub struct Record<'a> {
    /// Where it stood.
    pub log: Log,
    /// When, as it was written.
    pub time: Option<Text<'a>>,
    /// For finding the request in other logs.
    pub request_id: Option<Text<'a>>,
    /// Its method.
    pub method: Option<Text<'a>>,
    /// Its target without the query.
    pub target: Option<Cow<'a, [u8]>>,
    /// Whether the target may be only its beginning.
    pub target_is_cut: bool,
    /// Its host.
    pub host: Option<Text<'a>>,
    /// What was decided.
    pub word: Word,
    /// Why.
    pub reason: Cow<'a, str>,
    /// What it asked MLflow to do.
    pub operation: Option<Text<'a>>,
    /// The workspace that it was for, where there were any.
    pub workspace: Option<Text<'a>>,
    /// The object, where a grant limited to names decided.
    pub name: Option<Text<'a>>,
    /// Who asked.
    pub who: Who<'a>,
    /// Records before it that were left out because there were too many in that second.
    pub suppressed: u64,
}

/// Who asked. Lists stay as they were written: most are only compared.
#[derive(Debug, Default, Hash)]
pub struct Who<'a> {
    /// Who said so: a source of identity; absent in records of older releases.
    pub identity: Option<Text<'a>>,
    /// The user.
    pub user_id: Option<Text<'a>>,
    /// The key's public name.
    pub key_id: Option<Text<'a>>,
    /// A JSON list of scopes.
    pub scopes: Option<&'a str>,
    /// A JSON list of roles.
    pub roles: Option<&'a str>,
    /// A JSON list of scopes limited to names or workspaces.
    pub grants: Option<&'a str>,
    /// A JSON list of the workspaces that the key belonged to.
    pub workspaces: Option<&'a str>,
    /// Whether everything was granted.
    pub admin: bool,
}

/// Everything that a line of either log may say; what an access log's field says, too.
#[derive(Default, Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    time: Option<Text<'a>>,
    #[serde(borrow)]
    request_id: Option<Text<'a>>,
    #[serde(borrow)]
    method: Option<Text<'a>>,
    #[serde(borrow, alias = "path")]
    target: Option<Text<'a>>,
    #[serde(borrow, alias = "authority")]
    host: Option<Text<'a>>,
    suppressed: Option<u64>,
    #[serde(borrow)]
    authz: Option<&'a RawValue>,
    #[serde(borrow)]
    decision: Option<Text<'a>>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    #[serde(borrow)]
    operation: Option<Text<'a>>,
    #[serde(borrow)]
    workspace: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    identity: Option<Text<'a>>,
    #[serde(borrow)]
    user_id: Option<Text<'a>>,
    #[serde(borrow)]
    key_id: Option<Text<'a>>,
    #[serde(borrow)]
    scopes: Option<&'a RawValue>,
    #[serde(borrow)]
    roles: Option<&'a RawValue>,
    #[serde(borrow)]
    grants: Option<&'a RawValue>,
    #[serde(borrow)]
    workspaces: Option<&'a RawValue>,
    admin: Option<bool>,
}

/// Reads a line. `room` is for the text of an access log's field.
pub fn read<'a>(line: &'a [u8], room: &'a mut String) -> Line<'a> {
    let Some(start) = line.iter().position(|byte| *byte == b'{') else {
        return Line::Other;
    };
    let (before, json) = line.split_at(start);
    let alone = before.trim_ascii().is_empty();
    match fields(json, alone) {
        Ok(fields) => record(fields, room).unwrap_or_else(Line::Unreadable),
        Err(problem) if alone || contains(before, b"wasm log ") => Line::Unreadable(problem),
        Err(_) => Line::Other,
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The object that a text begins with. Istio writes the thread behind a record, so what follows counts only where the
/// object stands alone.
fn fields<'a, T: Deserialize<'a>>(json: &'a [u8], alone: bool) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let fields = T::deserialize(&mut reader).map_err(|error| problem(&error))?;
    match reader.end() {
        Err(_) if alone => Err("something follows the JSON object".to_owned()),
        _ => Ok(fields),
    }
}

/// What is wrong, without what stands there: it may be anybody's text.
fn problem(error: &serde_json::Error) -> String {
    format!("column {}: {}", error.column(), json_error::in_words(error))
}

fn record<'a>(mut said: Fields<'a>, room: &'a mut String) -> Result<Line<'a>, String> {
    let audited = said.decision.is_some();
    if !audited && (said.method.is_none() || said.target.is_none()) {
        return Ok(Line::Other);
    }
    let there = |text: &Text<'_>| audited || text.0 != "-";
    let target = match said.target.take().filter(there) {
        None => None,
        Some(Text(text)) if audited => {
            Some(unescaped(text).ok_or("target: it is not escaped as in an audit record")?)
        }
        Some(Text(Cow::Borrowed(text))) => Some(Cow::Borrowed(text.as_bytes())),
        Some(Text(Cow::Owned(text))) => Some(Cow::Owned(text.into_bytes())),
    };
    let cut = audited && target.as_ref().is_some_and(|it| it.len() >= LONGEST_TARGET);
    let (time, request_id) = (said.time.take(), said.request_id.take());
    let (method, host) = (said.method.take(), said.host.take());
    let suppressed = said.suppressed.unwrap_or_default();
    let decided = if audited {
        said
    } else {
        field(said.authz, room).map_err(|problem| format!("authz: {problem}"))?
    };
    let word = decided
        .decision
        .as_ref()
        .map(|word| Word::from_word(&word.0));
    let text = |raw: Option<&'a RawValue>| raw.map(RawValue::get);
    Ok(Line::Record(Record {
        log: if audited { Log::Audit } else { Log::Access },
        time,
        request_id: request_id.filter(there),
        method: method.filter(there),
        target,
        target_is_cut: cut,
        host: host.filter(there),
        word: word.flatten().ok_or("decision: it is none")?,
        reason: decided.reason.ok_or("reason: there is none")?.0,
        operation: decided.operation,
        workspace: decided.workspace,
        name: decided.name,
        who: Who {
            identity: decided.identity,
            user_id: decided.user_id,
            key_id: decided.key_id,
            scopes: text(decided.scopes),
            roles: text(decided.roles),
            grants: text(decided.grants),
            workspaces: text(decided.workspaces),
            admin: decided.admin.unwrap_or_default(),
        },
        suppressed,
    }))
}

/// The filter's field of an access log, as text or as an object; where it is empty the filter decided nothing.
fn field<'a>(raw: Option<&'a RawValue>, room: &'a mut String) -> Result<Fields<'a>, String> {
    let Some(raw) = raw.map(RawValue::get) else {
        return Ok(outside());
    };
    if raw.starts_with('{') {
        return fields(raw.as_bytes(), true);
    }
    let Text(text) = fields(raw.as_bytes(), true)?;
    *room = text.into_owned();
    if room.is_empty() || room == "-" {
        return Ok(outside());
    }
    fields(room.as_bytes(), true)
}

/// What the filter says of a request that it has nothing to do with.
fn outside<'a>() -> Fields<'a> {
    let word = |text| Some(Text(Cow::Borrowed(text)));
    Fields {
        decision: word(Word::Allow.as_str()),
        reason: word("outside"),
        ..Fields::default()
    }
}
