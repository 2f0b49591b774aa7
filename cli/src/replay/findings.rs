//! What a replay found, in the order in which people ask: what changes, for whom, and what cannot be said.

use serde::Serialize;

use super::bounded::Names;
use super::outcome::{Change, Why};
use super::record::Word;
use super::tally::{Caller, Counts, Example, Exemplified, Lines, Tally};

/// Everything that is shown, and the JSON that is printed.
#[derive(Debug, Serialize)]
pub struct Findings<'t> {
    pub candidate: String,
    pub baseline: Option<String>,
    pub files: Vec<String>,
    pub read: &'t Lines,
    pub requests: Counts,
    pub would_deny_now: u64,
    pub no_longer_would_deny: u64,
    pub other_reason: u64,
    pub notes: Vec<String>,
    /// The gravest kind first, then by count.
    pub changes: Vec<ChangeRow<'t>>,
    /// Those with most new denials first, then with most refusals.
    pub operations: Vec<Row<'t>>,
    pub scopes: Vec<Row<'t>>,
    /// Those with refusals, changes or requests that cannot be decided.
    pub callers: Vec<Named<'t>>,
    /// Everybody, those of the most requests first.
    pub used: Vec<Using>,
    pub undecidable: Vec<OpenRow<'t>>,
}

/// One change to one operation.
#[derive(Debug, Serialize)]
pub struct ChangeRow<'t> {
    pub change: Change,
    pub operation: &'t str,
    pub permission: Option<String>,
    pub before: Said<'t>,
    pub after: Said<'t>,
    pub count: u64,
    pub examples: &'t [Example],
}

/// A decision.
#[derive(Debug, Serialize)]
pub struct Said<'t> {
    pub decision: Word,
    pub reason: &'t str,
}

/// An operation or a scope.
#[derive(Debug, Serialize)]
pub struct Row<'t> {
    pub name: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    #[serde(flatten)]
    pub counts: Counts,
}

/// A caller with refusals, changes or requests that cannot be decided.
#[derive(Debug, Serialize)]
pub struct Named<'t> {
    pub key_id: Option<&'t str>,
    pub user_id: Option<&'t str>,
    /// What to call it.
    pub caller: String,
    #[serde(flatten)]
    pub counts: Counts,
    /// The first few operations that were, or would be, refused.
    pub refused: Vec<Refused<'t>>,
}

/// Whoever made requests.
#[derive(Debug, Serialize)]
pub struct Using {
    /// What to call it: the key's id, where there is one.
    pub caller: String,
    pub requests: u64,
    /// As they were recorded.
    pub refused: u64,
}

/// How often an operation was refused.
#[derive(Debug, Serialize)]
pub struct Refused<'t> {
    pub operation: &'t str,
    pub count: u64,
}

/// Records that cannot be decided again.
#[derive(Debug, Serialize)]
pub struct OpenRow<'t> {
    pub why: Why,
    pub operation: &'t str,
    pub count: u64,
    pub examples: &'t [Example],
}

const OTHERS: &str = "(others)";

impl<'t> Findings<'t> {
    /// Of a tally.
    pub fn new(
        tally: &'t Tally,
        candidate: String,
        baseline: Option<String>,
        files: Vec<String>,
    ) -> Self {
        let changed = |change: Change| tally.changed.get(change as usize).copied();
        let operations = tally
            .operations
            .iter()
            .map(|(id, (permission, counts))| Row {
                name: tally.words.text(*id),
                permission: permission.map(|permission| permission.to_string()),
                counts: *counts,
            });
        let other_operations = tally.operations.others().map(|(_, counts)| others(*counts));
        let scopes = tally.scopes.iter().map(|(id, counts)| Row {
            name: tally.words.text(*id),
            permission: None,
            counts: *counts,
        });
        let other_scopes = tally.scopes.others().map(|counts| others(*counts));
        Self {
            candidate,
            baseline,
            files,
            read: &tally.lines,
            requests: tally.all,
            would_deny_now: changed(Change::WouldDeny).unwrap_or_default(),
            no_longer_would_deny: changed(Change::NoLongerWouldDeny).unwrap_or_default(),
            other_reason: changed(Change::OtherReason).unwrap_or_default(),
            notes: notes(tally),
            changes: changes(tally),
            operations: sorted(operations.chain(other_operations).collect()),
            scopes: sorted(scopes.chain(other_scopes).collect()),
            callers: callers(tally),
            used: used(tally),
            undecidable: undecidable(tally),
        }
    }

    /// Records whose decision stays as it is.
    pub fn unchanged(&self) -> u64 {
        let changed: u64 = self.requests.new_denials
            + self.requests.no_longer_denied
            + self.would_deny_now
            + self.no_longer_would_deny
            + self.other_reason;
        self.requests.requests - self.requests.undecidable - changed
    }

    /// The rows of one kind of change.
    pub fn changes_of(&self, change: Change) -> impl Iterator<Item = &ChangeRow<'t>> {
        self.changes.iter().filter(move |row| row.change == change)
    }

    /// How many requests have one kind of change.
    pub fn count_of(&self, change: Change) -> u64 {
        match change {
            Change::NewDenial => self.requests.new_denials,
            Change::NoLongerDenied => self.requests.no_longer_denied,
            Change::WouldDeny => self.would_deny_now,
            Change::NoLongerWouldDeny => self.no_longer_would_deny,
            Change::OtherReason => self.other_reason,
        }
    }
}

fn others<'t>(counts: Counts) -> Row<'t> {
    Row {
        name: OTHERS,
        permission: None,
        counts,
    }
}

fn sorted(mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    let rank = |row: &Row<'_>| {
        std::cmp::Reverse((
            row.counts.new_denials,
            row.counts.refused_after,
            row.counts.requests,
        ))
    };
    rows.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(b.name)));
    rows
}

fn changes(tally: &Tally) -> Vec<ChangeRow<'_>> {
    let mut rows: Vec<_> = tally
        .changes
        .iter()
        .map(|(key, Exemplified { count, examples })| ChangeRow {
            change: key.change,
            operation: tally.words.text(key.operation),
            permission: key.permission.map(|permission| permission.to_string()),
            before: Said {
                decision: key.before.0,
                reason: tally.words.text(key.before.1),
            },
            after: Said {
                decision: key.after.0,
                reason: tally.words.text(key.after.1),
            },
            count: *count,
            examples,
        })
        .collect();
    rows.sort_by(|a, b| {
        let rank = |row: &ChangeRow<'_>| (row.change, std::cmp::Reverse(row.count));
        let text = |row: &ChangeRow<'_>| {
            format!(
                "{} {} {}",
                row.operation, row.before.reason, row.after.reason
            )
        };
        rank(a).cmp(&rank(b)).then_with(|| text(a).cmp(&text(b)))
    });
    rows
}

fn called(caller: Option<&Caller>, names: &Names) -> String {
    match caller {
        None => OTHERS.to_owned(),
        Some(Caller::Key(id)) => names.text(*id).to_owned(),
        Some(Caller::User(id)) => format!("user {}", names.text(*id)),
        Some(Caller::Unnamed) => "(a caller without an id)".to_owned(),
        Some(Caller::Nobody) => "(no valid credential)".to_owned(),
    }
}

fn used(tally: &Tally) -> Vec<Using> {
    let known = tally.used.iter().map(|(caller, row)| (Some(caller), row));
    let all = known.chain(tally.used.others().map(|row| (None, row)));
    let mut rows: Vec<Using> = all
        .map(|(caller, row)| Using {
            caller: called(caller, &tally.used_names),
            requests: row.requests,
            refused: row.refused,
        })
        .collect();
    rows.sort_by(|a, b| {
        let most = b.requests.cmp(&a.requests);
        most.then_with(|| a.caller.cmp(&b.caller))
    });
    rows
}

fn callers(tally: &Tally) -> Vec<Named<'_>> {
    let mut rows: Vec<Named<'_>> = Vec::new();
    let known = tally
        .callers
        .iter()
        .map(|(caller, row)| (Some(caller), row));
    let all = known.chain(tally.callers.others().map(|row| (None, row)));
    for (caller, found) in all {
        let key_id = match caller {
            Some(Caller::Key(id)) => Some(tally.keys.text(*id)),
            _ => None,
        };
        let user_id = match caller {
            Some(Caller::User(id)) => Some(tally.keys.text(*id)),
            _ => found.user.as_deref(),
        };
        rows.push(Named {
            key_id,
            user_id: user_id.filter(|_| caller.is_some()),
            caller: called(caller, &tally.keys),
            counts: found.counts,
            refused: found
                .refused
                .iter()
                .map(|(id, count)| Refused {
                    operation: tally.words.text(*id),
                    count: *count,
                })
                .collect(),
        });
    }
    rows.sort_by(|a, b| {
        let rank = |row: &Named<'_>| {
            std::cmp::Reverse((
                row.counts.new_denials,
                row.counts.refused_after,
                row.counts.refused_before,
            ))
        };
        rank(a).cmp(&rank(b)).then_with(|| a.caller.cmp(&b.caller))
    });
    rows
}

fn undecidable(tally: &Tally) -> Vec<OpenRow<'_>> {
    let mut rows: Vec<_> = tally
        .open
        .iter()
        .map(
            |((why, operation), Exemplified { count, examples })| OpenRow {
                why: *why,
                operation: tally.words.text(*operation),
                count: *count,
                examples,
            },
        )
        .collect();
    rows.sort_by(|a, b| {
        b.count
            .cmp(&a.count)
            .then_with(|| a.operation.cmp(b.operation))
    });
    rows
}

fn notes(tally: &Tally) -> Vec<String> {
    let mut notes = Vec::new();
    if tally.all.refused_before == tally.all.requests {
        notes.push(
            "No record here is of a request that was let through, so new denials cannot be seen. Record them with \
             \"audit\": {\"allows\": true}, or replay an access log."
                .to_owned(),
        );
    }
    if tally.lines.suppressed > 0 {
        notes.push(format!(
            "{} decisions are missing from these records: audit.max_per_second left them out.",
            tally.lines.suppressed
        ));
    }
    let full = [
        (tally.callers.others().is_some(), "callers"),
        (tally.used.others().is_some(), "rows of use by caller"),
        (tally.changes.others().is_some(), "changes"),
        (tally.operations.others().is_some(), "operations"),
        (tally.scopes.others().is_some(), "scopes"),
        (tally.open.others().is_some(), "undecidable records"),
    ];
    for (_, what) in full.iter().filter(|(is_full, _)| *is_full) {
        notes.push(format!(
            "There are more {what} than are told apart; the rest is counted together."
        ));
    }
    notes
}
