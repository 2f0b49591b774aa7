//! What all records come to, in tables of bounded size.

use mlflow_authz::audit::shown;
use mlflow_authz::policy::Permission;
use serde::Serialize;

use super::bounded::{Id, Names, Rows, cut};
use super::outcome::{Again, Change, Outcome, Verdict, Why};
use super::record::{Log, Record, Word};

/// Operations, reasons and scopes that are told apart.
const WORDS: usize = 5_000;

/// Callers that are told apart, among those with a refusal or a change.
const CALLERS: usize = 20_000;

/// Rows of a table whose keys are words.
const ROWS: usize = 2_000;

/// Requests that are shown of each change.
const EXAMPLES: usize = 3;

/// The longest target that is shown, in bytes.
const SHOWN: usize = 300;

/// Unreadable lines that are shown.
const UNREADABLE_SHOWN: usize = 5;

/// Counters of some requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All of them.
    pub requests: u64,
    /// Refused before.
    pub refused_before: u64,
    /// Refused now, among those that could be decided.
    pub refused_after: u64,
    /// Let through before and refused now.
    pub new_denials: u64,
    /// Refused before and let through now.
    pub no_longer_denied: u64,
    /// Let through now, against the policy.
    pub would_deny_after: u64,
    /// That could not be decided again.
    pub undecidable: u64,
}

impl Counts {
    fn add(&mut self, seen: &Seen<'_>) {
        self.requests += 1;
        self.refused_before += u64::from(!seen.before.word.lets_through());
        match &seen.again.outcome {
            Outcome::Open(_) => self.undecidable += 1,
            Outcome::Decided(after) => {
                self.refused_after += u64::from(!after.word.lets_through());
                self.would_deny_after += u64::from(after.word == Word::WouldDeny);
                self.new_denials += u64::from(seen.change == Some(Change::NewDenial));
                self.no_longer_denied += u64::from(seen.change == Some(Change::NoLongerDenied));
            }
        }
    }

    /// Whether a caller with these is worth a row.
    fn stands_out(&self) -> bool {
        self.refused_before + self.refused_after + self.new_denials + self.undecidable > 0
    }
}

/// Who asked, as far as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A key with an id.
    Key(Id),
    /// A user whose key has no id.
    User(Id),
    /// A valid key of which no id is known.
    Unnamed,
    /// No valid key.
    Nobody,
}

/// One change, as far as requests with the same are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChangeKey {
    pub change: Change,
    pub operation: Id,
    pub permission: Option<Permission>,
    pub before: (Word, Id),
    pub after: (Word, Id),
}

/// A request that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    pub file: String,
    pub line: u64,
    pub time: Option<String>,
    pub request_id: Option<String>,
    pub method: String,
    pub target: String,
    pub key_id: Option<String>,
    pub user_id: Option<String>,
    pub scopes: Vec<String>,
    pub name: Option<String>,
}

/// A count with a few of what was counted.
#[derive(Debug, Default)]
pub struct Exemplified {
    pub count: u64,
    pub examples: Vec<Example>,
}

/// What is counted of a caller.
#[derive(Debug, Default)]
pub struct CallerRow {
    pub user: Option<Box<str>>,
    pub counts: Counts,
    /// The first few operations that it was, or would be, refused.
    pub refused: Vec<(Id, u64)>,
}

/// How much a caller used MLflow.
#[derive(Debug, Default)]
pub struct Used {
    pub requests: u64,
    pub refused: u64,
}

/// A line that should hold a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    pub file: String,
    pub line: u64,
    pub problem: String,
}

/// What was read.
#[derive(Debug, Default, Serialize)]
pub struct Lines {
    /// Lines of all files.
    pub lines: u64,
    /// Audit records among them.
    pub audit_records: u64,
    /// Entries of access logs.
    pub access_log_entries: u64,
    /// Lines that claim to be neither.
    pub other_lines: u64,
    /// Lines that should be one, and cannot be read.
    pub unreadable_lines: u64,
    /// The first of them.
    pub first_unreadable: Vec<Unreadable>,
    /// Decisions that were not recorded, because there were too many in that second.
    pub suppressed: u64,
    /// The earliest time.
    pub from: Option<String>,
    /// The latest.
    pub to: Option<String>,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Tally {
    pub words: Names,
    pub keys: Names,
    pub lines: Lines,
    pub all: Counts,
    pub changed: [u64; Change::ALL.len()],
    pub operations: Rows<Id, (Option<Permission>, Counts)>,
    pub scopes: Rows<Id, Counts>,
    pub callers: Rows<Caller, CallerRow>,
    /// Of their own: who only uses MLflow may not take the rows of those for whom something changes.
    pub used_names: Names,
    pub used: Rows<Caller, Used>,
    pub changes: Rows<ChangeKey, Exemplified>,
    pub open: Rows<(Why, Id), Exemplified>,
}

/// One record with what was and what would be decided.
#[derive(Debug)]
pub struct Seen<'a> {
    pub file: &'a str,
    pub line: u64,
    pub record: &'a Record<'a>,
    pub before: Verdict<'a>,
    pub again: Again<'a>,
    pub change: Option<Change>,
}

impl Tally {
    /// Nothing is counted yet.
    pub fn new() -> Self {
        Self {
            words: Names::new(WORDS),
            keys: Names::new(CALLERS),
            lines: Lines::default(),
            all: Counts::default(),
            changed: [0; Change::ALL.len()],
            operations: Rows::new(ROWS),
            scopes: Rows::new(ROWS),
            callers: Rows::new(CALLERS),
            used_names: Names::new(CALLERS),
            used: Rows::new(CALLERS),
            changes: Rows::new(ROWS),
            open: Rows::new(ROWS),
        }
    }

    /// A line that should hold a record, and why it cannot be read.
    pub fn add_unreadable(&mut self, file: &str, line: u64, problem: String) {
        self.lines.unreadable_lines += 1;
        if self.lines.first_unreadable.len() < UNREADABLE_SHOWN {
            self.lines.first_unreadable.push(Unreadable {
                file: file.to_owned(),
                line,
                problem,
            });
        }
    }

    /// A record.
    pub fn add(&mut self, seen: &Seen<'_>) {
        self.lines.add(seen.record);
        self.all.add(seen);
        let operation = self.operation(seen);
        let row = self.operations.row(operation);
        row.0 = row.0.or(seen.again.required);
        row.1.add(seen);
        self.add_scopes(seen);
        self.add_use(seen);
        self.add_caller(seen, operation);
        match (&seen.again.outcome, seen.change) {
            (Outcome::Open(why), _) => self.open.row((*why, operation)).add(seen),
            (Outcome::Decided(after), Some(change)) => {
                if let Some(count) = self.changed.get_mut(change as usize) {
                    *count += 1;
                }
                let key = ChangeKey {
                    change,
                    operation,
                    permission: seen.again.required,
                    before: (seen.before.word, self.words.id(&seen.before.reason)),
                    after: (after.word, self.words.id(&after.reason)),
                };
                self.changes.row(key).add(seen);
            }
            (Outcome::Decided(_), None) => {}
        }
    }

    /// As the catalog names it, else as the record does.
    fn operation(&mut self, seen: &Seen<'_>) -> Id {
        let recorded = seen.record.operation.as_ref().map(|it| &*it.0);
        let known = seen.again.operation.map(|operation| operation.name);
        self.words
            .id(known.or(recorded).unwrap_or("(no known operation)"))
    }

    fn add_scopes(&mut self, seen: &Seen<'_>) {
        let Some(principal) = &seen.again.principal else {
            let id = self.words.id("(no key)");
            return self.scopes.row(id).add(seen);
        };
        let none = [if principal.is_admin {
            "(admin)"
        } else {
            "(no scopes)"
        }
        .to_owned()];
        let scopes = match principal.scopes.as_slice() {
            [] => &none[..],
            scopes => scopes,
        };
        for (index, scope) in scopes.iter().enumerate() {
            // A scope that a key has twice is one.
            if !scopes.iter().take(index).any(|before| before == scope) {
                let id = self.words.id(scope);
                self.scopes.row(id).add(seen);
            }
        }
    }

    fn add_use(&mut self, seen: &Seen<'_>) {
        let row = self.used.row(Caller::of(seen, &mut self.used_names));
        row.requests += 1;
        row.refused += u64::from(!seen.before.word.lets_through());
    }

    fn add_caller(&mut self, seen: &Seen<'_>, operation: Id) {
        let mut counts = Counts::default();
        counts.add(seen);
        if !counts.stands_out() && seen.change.is_none() {
            return;
        }
        let who = &seen.record.who;
        let caller = Caller::of(seen, &mut self.keys);
        let row = self.callers.row(caller);
        row.counts.add(seen);
        if row.user.is_none() {
            row.user = who.user_id.as_ref().map(|user| cut(&user.0, SHOWN).into());
        }
        if counts.refused_before + counts.refused_after > 0 {
            let room = row.refused.len() < EXAMPLES;
            match row.refused.iter_mut().find(|(id, _)| *id == operation) {
                Some((_, count)) => *count += 1,
                None if room => row.refused.push((operation, 1)),
                None => {}
            }
        }
    }
}

impl Caller {
    fn of(seen: &Seen<'_>, names: &mut Names) -> Self {
        let who = &seen.record.who;
        match (&who.key_id, &who.user_id) {
            (Some(key), _) => Self::Key(names.id(&key.0)),
            (None, Some(user)) => Self::User(names.id(&user.0)),
            (None, None) if seen.again.principal.is_some() => Self::Unnamed,
            (None, None) => Self::Nobody,
        }
    }
}

impl Exemplified {
    fn add(&mut self, seen: &Seen<'_>) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(Example::of(seen));
        }
    }
}

impl Lines {
    fn add(&mut self, record: &Record<'_>) {
        match record.log {
            Log::Audit => self.audit_records += 1,
            Log::Access => self.access_log_entries += 1,
        }
        self.suppressed = self.suppressed.saturating_add(record.suppressed);
        // RFC 3339 in UTC, in the order of its letters.
        let Some(time) = record.time.as_ref().map(|time| cut(&time.0, 40)) else {
            return;
        };
        if self.from.as_deref().is_none_or(|from| time < from) {
            self.from = Some(time.to_owned());
        }
        if self.to.as_deref().is_none_or(|to| time > to) {
            self.to = Some(time.to_owned());
        }
    }
}

impl Example {
    fn of(seen: &Seen<'_>) -> Self {
        let record = seen.record;
        let text = |text: &super::text::Text<'_>| cut(&text.0, SHOWN).to_owned();
        let target = record.target.as_deref().unwrap_or_default();
        let scopes = record.who.scopes.unwrap_or("[]");
        let scopes: Vec<String> = serde_json::from_str(scopes).unwrap_or_default();
        Self {
            file: seen.file.to_owned(),
            line: seen.line,
            time: record.time.as_ref().map(text),
            request_id: record.request_id.as_ref().map(text),
            method: record.method.as_ref().map(text).unwrap_or_default(),
            target: cut(&shown::target(target).escape_ascii().to_string(), SHOWN).to_owned(),
            key_id: record.who.key_id.as_ref().map(text),
            user_id: record.who.user_id.as_ref().map(text),
            scopes: scopes
                .iter()
                .take(20)
                .map(|scope| cut(scope, SHOWN).to_owned())
                .collect(),
            name: record.name.as_ref().map(text),
        }
    }
}
