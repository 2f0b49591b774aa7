//! One record per decision, and the short form for the access log (`access_log`).
//!
//! Records are JSON on one line. They name the key by its public id, never by its text, and the target
//! without its query. A flood is cut to so many records per second; what was left out is counted.

mod access_log;
pub mod shown;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use memchr::memmem;

use serde::Serialize;

use crate::config::{AccessLog, Audit};
use crate::credential;
use crate::decision::{Decision, Effect, Reason};
use crate::per_second::PerSecond;
use crate::principal::{Grant, IdentitySource, Timestamp};
use crate::printable::printable_json;
use crate::request::RequestHead;

/// Stands in a record for a key.
const HIDDEN_KEY: &[u8] = b"[key]";

/// The longest target, host or request id that a record repeats, in bytes.
const LONGEST_TEXT: usize = 1024;

#[derive(Serialize)]
struct Record<'a> {
    time: String,
    request_id: Option<String>,
    method: Option<String>,
    target: Option<String>,
    host: Option<String>,
    mount: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<&'a str>,
    decision: &'static str,
    reason: &'static str,
    operation: Option<&'static str>,
    object: Option<&'static str>,
    access: Option<&'static str>,
    permission: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    user_id: Option<&'a str>,
    key_id: Option<&'a str>,
    identity: Option<&'static str>,
    scopes: &'a [String],
    roles: &'a [String],
    admin: bool,
    /// As the source of the identity gives them: `replay` decides again from it.
    #[serde(skip_serializing_if = "<[Grant]>::is_empty")]
    grants: &'a [Grant],
    /// What the key is limited to, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    workspaces: Option<&'a [String]>,
    route: Option<String>,
    client: Option<&'a str>,
    mode: &'static str,
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<u64>,
}

/// Writes records, so many per second.
#[derive(Debug)]
pub struct AuditLog {
    config: Audit,
    limiter: PerSecond,
    /// What the access log was told last.
    field: Vec<u8>,
}

impl AuditLog {
    /// A log under a configuration.
    pub fn new(config: Audit) -> Self {
        let limiter = PerSecond::new(config.max_per_second);
        Self {
            config,
            limiter,
            field: Vec::new(),
        }
    }

    /// Whether this decision is recorded at all. Requests that are not for MLflow never are.
    pub fn wants(&self, decision: &Decision) -> bool {
        decision.effect() != Effect::Allow || (self.config.allows && decision.mount.is_some())
    }

    /// The record of a decision; `None` when this second has had its share. The name of the route costs a host call, so
    /// it is read only for a record that is written.
    pub fn record(
        &mut self,
        now: Timestamp,
        decision: &Decision,
        head: &RequestHead<'_>,
        route: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        let suppressed = self.limiter.admit(now)?;
        let keys = credential::presented(head);
        let plain = |bytes: &[u8]| escaped(&without_keys(bytes, &keys));
        let principal = decision.principal.as_deref();
        let record = Record {
            time: rfc3339(now),
            request_id: head.get("x-request-id").map(plain),
            method: head.get(":method").map(plain),
            target: head
                .get(":path")
                .map(|_| plain(&shown::target(head.raw_target()))),
            host: head.get(":authority").map(|host| plain(shown::host(host))),
            mount: decision.mount.as_deref(),
            workspace: decision.workspace.as_deref(),
            decision: decision.effect().as_str(),
            reason: decision.reason.as_str(),
            operation: decision.operation.map(|operation| operation.name),
            object: decision
                .operation
                .map(|operation| operation.object.as_str()),
            access: decision
                .operation
                .map(|operation| operation.access.as_str()),
            permission: decision.required.map(|permission| permission.to_string()),
            name: decision
                .name
                .as_deref()
                .map(|name| escaped(name.as_bytes())),
            user_id: principal.and_then(|it| it.user_id.as_deref()),
            key_id: principal.and_then(|it| it.key_id.as_deref()),
            identity: decision.identity.map(IdentitySource::as_str),
            scopes: principal.map_or(&[], |it| it.scopes.as_slice()),
            roles: principal.map_or(&[], |it| it.roles.as_slice()),
            admin: principal.is_some_and(|it| it.is_admin),
            grants: principal.map_or(&[], |it| it.grants.as_slice()),
            workspaces: principal.and_then(|it| it.workspaces.as_deref()),
            route: route(),
            client: head.client_address(),
            mode: decision.terms.mode.as_str(),
            stale: decision.stale,
            suppressed: (suppressed > 0).then_some(suppressed),
        };
        serde_json::to_string(&record).ok().map(printable_json)
    }

    /// The filter-state object for the access log; `None` for decisions that it is not told of.
    pub fn access_log_field(&mut self, decision: &Decision) -> Option<&[u8]> {
        let is_wanted = match self.config.access_log {
            AccessLog::All => true,
            AccessLog::Denials => decision.effect() != Effect::Allow,
            AccessLog::None => false,
        };
        if !is_wanted || decision.reason == Reason::Outside {
            return None;
        }
        access_log::write(decision, &mut self.field);
        Some(&self.field)
    }
}

/// RFC 3339 with milliseconds; the epoch where the clock is beyond what can be written.
pub(crate) fn rfc3339(now: Timestamp) -> String {
    const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);
    let time = SystemTime::UNIX_EPOCH
        .checked_add(now.min(YEAR_9999))
        .unwrap_or(SystemTime::UNIX_EPOCH);
    humantime::format_rfc3339_millis(time).to_string()
}

/// The bytes without the keys that the request presents: callers put them into request ids and paths too.
fn without_keys<'a>(bytes: &'a [u8], keys: &[Vec<u8>]) -> Cow<'a, [u8]> {
    let mut kept = Cow::Borrowed(bytes);
    for key in keys {
        let mut rest: &[u8] = &kept;
        let mut parts: Vec<&[u8]> = Vec::new();
        while let Some((before, behind)) = memmem::find(rest, key)
            .and_then(|at| Some((rest.get(..at)?, rest.get(at + key.len()..)?)))
        {
            parts.extend([before, HIDDEN_KEY]);
            rest = behind;
        }
        if !parts.is_empty() {
            parts.push(rest);
            kept = Cow::Owned(parts.concat());
        }
    }
    kept
}

/// What [`slice::escape_ascii`] leaves as it is, which is most.
const fn is_visible(byte: &u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'\'' | b'"')
}

/// Bytes from a request as visible ASCII, the rest escaped as `\xNN`, cut to a length.
fn escaped(bytes: &[u8]) -> String {
    let cut = bytes.get(..LONGEST_TEXT).unwrap_or(bytes);
    match str::from_utf8(cut) {
        Ok(text) if cut.iter().all(is_visible) => text.to_owned(),
        _ => cut.escape_ascii().to_string(),
    }
}
