//! One record per decision, and the short form for the access log (`access_log`).
//!
//! Records are JSON on one line. They name the key by its public id, never by its text, and the target
//! without its query. A flood is cut to so many records per second; what was left out is counted.

mod access_log;
mod caller;
pub mod shown;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use memchr::memmem;

use crate::config::{AccessLog, Audit};
use crate::credential;
use crate::decision::{Decision, Effect, Reason};
use crate::json::{ObjectWriter, first, next};
use crate::per_second::PerSecond;
use crate::principal::Timestamp;
use crate::request::RequestHead;

/// Stands in a record for a key.
const HIDDEN_KEY: &[u8] = b"[key]";

/// The longest target, host or request id that a record repeats, in bytes.
const LONGEST_TEXT: usize = 1024;

/// The room that is made for a record at once, in bytes. Most have less.
const USUAL_LINE: usize = 1024;

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
        let plain = |bytes| match without_keys(bytes, &keys) {
            Cow::Borrowed(bytes) => escaped(bytes),
            Cow::Owned(bytes) => escaped(&bytes).into_owned().into(),
        };
        let header = |name| head.get(name).map(plain);
        let shown_target = shown::target(head.raw_target());
        let target = head.get(":path").map(|_| plain(&shown_target));
        let host = head.get(":authority").map(|it| plain(shown::host(it)));
        let operation = decision.operation;

        let mut line = Vec::with_capacity(USUAL_LINE);
        let mut json = ObjectWriter(&mut line);
        json.text(first!("time"), &rfc3339(now));
        json.optional_text(next!("request_id"), header("x-request-id").as_deref());
        json.optional_text(next!("method"), header(":method").as_deref());
        json.optional_text(next!("target"), target.as_deref());
        json.optional_text(next!("host"), host.as_deref());
        json.optional_text(next!("mount"), decision.mount.as_deref());
        if let Some(workspace) = &decision.workspace {
            json.text(next!("workspace"), workspace);
        }
        json.word(next!("decision"), decision.effect().as_str());
        json.word(next!("reason"), decision.reason.as_str());
        json.optional_word(next!("operation"), operation.map(|it| it.name));
        json.optional_word(next!("object"), operation.map(|it| it.object.as_str()));
        json.optional_word(next!("access"), operation.map(|it| it.access.as_str()));
        match decision.required {
            Some(permission) => json.words(next!("permission"), &permission.parts()),
            None => json.optional_word(next!("permission"), None),
        }
        if let Some(name) = &decision.name {
            json.text(next!("name"), &escaped(name.as_bytes()));
        }
        caller::write(decision, &mut json);
        json.optional_text(next!("route"), route().as_deref());
        json.optional_text(next!("client"), head.client_address());
        json.word(next!("mode"), decision.terms.mode.as_str());
        json.flag(next!("stale"), decision.stale);
        if suppressed > 0 {
            json.number(next!("suppressed"), suppressed);
        }
        json.end();
        String::from_utf8(line).ok()
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
fn escaped(bytes: &[u8]) -> Cow<'_, str> {
    let cut = bytes.get(..LONGEST_TEXT).unwrap_or(bytes);
    match str::from_utf8(cut) {
        Ok(text) if cut.iter().all(is_visible) => text.into(),
        _ => cut.escape_ascii().to_string().into(),
    }
}
