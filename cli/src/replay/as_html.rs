//! The report of a replay.

mod rows;

use maud::{Markup, html};

use self::rows::{callers_table, change_card, count_cells, count_headings, titled};
use super::findings::{Findings, Named, Row};
use super::outcome::{Change, Why};
use super::tally::Counts;
use crate::report::{self, Part, Shade, counted, number, scrolled};

/// Changes whose examples are open from the start, of each kind.
const OPEN: usize = 3;

/// The whole page; each list holds `top` rows.
pub fn page(findings: &Findings<'_>, top: usize) -> String {
    let shown = Shown { findings, top };
    report::page(
        "mlflow-authz replay",
        &verdict(findings),
        &lead(findings),
        &shown.body(),
    )
}

/// The report in one sentence.
pub fn verdict(findings: &Findings<'_>) -> String {
    let requests = findings.requests;
    let open = match requests.undecidable {
        0 => String::new(),
        count => format!(
            ", as far as {} can be decided again",
            all_but(requests.requests, count)
        ),
    };
    let let_through = |count| {
        counted(count, "request")
            + if count == 1 {
                " that was"
            } else {
                " that were"
            }
    };
    match (requests.new_denials, requests.no_longer_denied) {
        (0, 0) if findings.unchanged() + requests.undecidable == requests.requests => {
            format!("Nothing would change{open}")
        }
        (0, 0) => format!("No answer would change{open}"),
        (0, freed) => format!("{} refused would be let through", let_through(freed)),
        (new, _) => format!("{} let through would be refused", let_through(new)),
    }
}

fn all_but(all: u64, open: u64) -> String {
    format!("{} of {}", number(all - open), counted(all, "request"))
}

fn lead(findings: &Findings<'_>) -> Markup {
    let read = findings.read;
    html! {
        "Decided again under " code { (findings.candidate) } ", compared with "
        @match &findings.baseline {
            Some(baseline) => { "what " code { (baseline) } " decides" },
            None => "what was recorded",
        }
        ": " (counted(findings.requests.requests, "request"))
        @if let (Some(from), Some(to)) = (&read.from, &read.to) {
            " from " time { (from) } " to " time { (to) }
        }
        ", in " (findings.files.join(", ")) "."
    }
}

struct Shown<'f> {
    findings: &'f Findings<'f>,
    top: usize,
}

impl Shown<'_> {
    fn body(&self) -> Markup {
        let findings = self.findings;
        html! {
            (self.summary())
            @for note in &findings.notes { p.note { (note) } }
            @for change in Change::ALL {
                @if findings.count_of(change) > 0 { (self.changes(change)) }
            }
            (self.affected())
            (self.undecidable())
            (self.table("Decisions by operation", "Operation", &findings.operations))
            (self.table("Decisions by scope", "Scope", &findings.scopes))
            (self.refused())
            (self.used())
            (self.unreadable())
        }
    }

    fn summary(&self) -> Markup {
        let findings = self.findings;
        let requests = findings.requests;
        let tiles = [
            (
                "new",
                requests.new_denials,
                "would be refused, and were let through",
            ),
            (
                "freed",
                requests.no_longer_denied,
                "would be let through, and were refused",
            ),
            (
                "",
                findings.would_deny_now,
                "let through, but now recorded as would_deny",
            ),
            (
                "",
                findings.unchanged(),
                "decided as before, for the same reason",
            ),
            ("open", requests.undecidable, "cannot be decided again"),
        ];
        html! {
            ul.tiles {
                @for (class, count, what) in tiles {
                    li class=[(count > 0 && !class.is_empty()).then_some(class)] {
                        b { (number(count)) } " " span { (what) }
                    }
                }
            }
            div.whole {
                (report::bar(&parts(&requests), requests.requests))
                (report::legend(&parts(&requests)))
            }
        }
    }

    fn changes(&self, change: Change) -> Markup {
        let rows: Vec<_> = self.findings.changes_of(change).collect();
        let (title, about) = titled(change);
        let left = rows.len().saturating_sub(self.top);
        html! {
            section {
                h2 { (title) }
                p.about { (counted(self.findings.count_of(change), "request")) ". " (about) }
                @for (index, row) in rows.iter().take(self.top).enumerate() { (change_card(row, index < OPEN)) }
                (more(left, "change"))
            }
        }
    }

    fn affected(&self) -> Markup {
        let callers = self.findings.callers.iter();
        let affected: Vec<_> = callers
            .filter(|it| it.counts.new_denials + it.counts.no_longer_denied > 0)
            .collect();
        if affected.is_empty() {
            return html! {};
        }
        html! {
            section {
                h2 { "Who would notice" }
                p.about { "Callers for whom an answer changes." }
                (callers_table("Callers for whom an answer changes", affected.iter().take(self.top).copied()))
                (more(affected.len().saturating_sub(self.top), "caller"))
            }
        }
    }

    fn refused(&self) -> Markup {
        let refused = |it: &Named<'_>| it.counts.refused_after;
        let callers = self.findings.callers.iter();
        let mut callers: Vec<_> = callers.filter(|it| refused(it) > 0).collect();
        callers.sort_by_key(|it| std::cmp::Reverse(refused(it)));
        if callers.is_empty() {
            return html! {};
        }
        html! {
            section {
                h2 { "Callers refused most" }
                p.about { "Under the candidate. Counted are requests of theirs that were, or would be, refused, or cannot be decided." }
                (callers_table("Callers refused most", callers.iter().take(self.top).copied()))
                (more(callers.len().saturating_sub(self.top), "caller"))
            }
        }
    }

    fn used(&self) -> Markup {
        let used = &self.findings.used;
        if used.is_empty() {
            return html! {};
        }
        let table = html! {
            table {
                thead { tr {
                    th scope="col" { "Key" }
                    th.n scope="col" { "Requests" }
                    th.n scope="col" { "Refused" }
                } }
                tbody {
                    @for it in used.iter().take(self.top) {
                        tr {
                            th.wrap scope="row" { (it.caller) }
                            td.n { (number(it.requests)) }
                            td.n { (number(it.refused)) }
                        }
                    }
                }
            }
        };
        html! {
            section {
                h2 { "Use by caller" }
                p.about { "Who made the recorded requests, most first, and how many of them were refused." }
                (scrolled("Use by caller", &table))
                (more(used.len().saturating_sub(self.top), "caller"))
            }
        }
    }

    fn table(&self, title: &str, heading: &str, rows: &[Row<'_>]) -> Markup {
        let most = rows
            .iter()
            .map(|row| row.counts.requests)
            .max()
            .unwrap_or_default();
        let table = html! {
            table {
                thead { tr {
                    th scope="col" { (heading) }
                    (count_headings())
                    th.b scope="col" { span.unseen { "Shares" } }
                } }
                tbody {
                    @for row in rows.iter().take(self.top) {
                        tr {
                            th.wrap scope="row" {
                                (row.name)
                                @if let Some(permission) = &row.permission { span { (permission) } }
                            }
                            (count_cells(&row.counts))
                            td.b { (report::bar(&parts(&row.counts), most)) }
                        }
                    }
                }
            }
        };
        html! {
            section {
                h2 { (title) }
                (scrolled(title, &table))
                (more(rows.len().saturating_sub(self.top), "row"))
            }
        }
    }

    fn undecidable(&self) -> Markup {
        let rows = &self.findings.undecidable;
        if rows.is_empty() {
            return html! {};
        }
        let table = html! {
            table {
                thead { tr { th scope="col" { "Why" } th scope="col" { "Operation" } th.n scope="col" { "Requests" } } }
                tbody {
                    @for row in rows.iter().take(self.top) {
                        tr { th.wrap scope="row" { (upper_first(Why::as_str(row.why))) } td.wrap { (row.operation) } td.n { (number(row.count)) } }
                    }
                }
            }
        };
        html! {
            section {
                h2 { "Cannot be decided again" }
                p.about { "The records lack something that these decisions depend on." }
                (scrolled("Cannot be decided again", &table))
                (more(rows.len().saturating_sub(self.top), "row"))
            }
        }
    }

    fn unreadable(&self) -> Markup {
        let read = self.findings.read;
        html! {
            section {
                h2 { "What was read" }
                p {
                    (counted(read.lines, "line")) ": " (counted(read.audit_records, "audit record")) ", "
                    (number(read.access_log_entries)) " of an access log, " (counted(read.other_lines, "other line"))
                    ", " (number(read.unreadable_lines)) " that cannot be read."
                }
                @if !read.first_unreadable.is_empty() {
                    ul {
                        @for line in &read.first_unreadable {
                            li { code { (line.file) ":" (line.line) } " " (line.problem) }
                        }
                    }
                }
            }
        }
    }
}

fn parts(counts: &Counts) -> [Part<'static>; 5] {
    let kept = counts.refused_after - counts.new_denials;
    let through =
        counts.requests - counts.undecidable - counts.refused_after - counts.no_longer_denied;
    [
        (Shade::Let, "let through as before", through),
        (Shade::Freed, "no longer refused", counts.no_longer_denied),
        (Shade::New, "newly refused", counts.new_denials),
        (Shade::Refused, "refused as before", kept),
        (Shade::Open, "not decidable", counts.undecidable),
    ]
}

fn more(left: usize, what: &str) -> Markup {
    let left = u64::try_from(left).unwrap_or(u64::MAX);
    html! { @if left > 0 { p.quiet { "and " (counted(left, what)) " more: see --top, or --format json" } } }
}

fn upper_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
