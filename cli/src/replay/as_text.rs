//! The findings for a terminal.

use mlflow_authz::printable::printable;
use std::io::{self, Write};

use super::as_html::verdict;
use super::findings::Findings;
use super::outcome::Change;
use super::tally::Example;
use crate::report::number;

/// Prints the findings; each list holds `top` rows.
pub fn print(out: &mut dyn Write, findings: &Findings<'_>, top: usize) -> io::Result<()> {
    let requests = findings.requests;
    writeln!(out, "{}\n", verdict(findings))?;
    let summary = [
        (
            "would be refused, and were let through",
            requests.new_denials,
        ),
        (
            "would be let through, and were refused",
            requests.no_longer_denied,
        ),
        (
            "let through, now recorded as would_deny",
            findings.would_deny_now,
        ),
        (
            "no longer recorded as would_deny",
            findings.no_longer_would_deny,
        ),
        ("same answer, other reason", findings.other_reason),
        ("decided as before", findings.unchanged()),
        ("cannot be decided again", requests.undecidable),
        ("requests in all", requests.requests),
    ];
    for (what, count) in summary {
        writeln!(out, "{:>14}  {what}", number(count))?;
    }
    for note in &findings.notes {
        writeln!(out, "\nnote: {note}")?;
    }
    for change in Change::ALL {
        changes(out, findings, change, top)?;
    }
    callers(out, findings, top)?;
    use_by_key(out, findings, top)?;
    undecidable(out, findings, top)?;
    unreadable(out, findings)
}

fn changes(
    out: &mut dyn Write,
    findings: &Findings<'_>,
    change: Change,
    top: usize,
) -> io::Result<()> {
    let rows: Vec<_> = findings.changes_of(change).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nBy operation: {}", change.as_str())?;
    for row in rows.iter().take(top) {
        let permission = row
            .permission
            .as_deref()
            .map_or_else(String::new, |it| format!(" needs {it}"));
        writeln!(
            out,
            "{:>14}  {}{permission}: {} ({}) -> {} ({})",
            number(row.count),
            printable(row.operation),
            row.before.decision.as_str(),
            printable(row.before.reason),
            row.after.decision.as_str(),
            printable(row.after.reason),
        )?;
        for it in row.examples {
            writeln!(out, "{:16}{}", "", printable(&example(it)))?;
        }
    }
    more(out, rows.len(), top)
}

fn callers(out: &mut dyn Write, findings: &Findings<'_>, top: usize) -> io::Result<()> {
    let rows = findings.callers.iter().filter_map(|it| {
        let counts = (it.counts.new_denials, it.counts.no_longer_denied);
        (counts.0 + counts.1 > 0).then_some((counts, it.caller.as_str()))
    });
    let title = "By caller: newly refused, no longer refused";
    two_counts(out, title, &rows.collect::<Vec<_>>(), top)
}

fn use_by_key(out: &mut dyn Write, findings: &Findings<'_>, top: usize) -> io::Result<()> {
    let rows = findings.used.iter();
    let rows = rows.map(|it| ((it.requests, it.refused), it.caller.as_str()));
    let title = "Use by caller: requests, refused of them";
    two_counts(out, title, &rows.collect::<Vec<_>>(), top)
}

fn two_counts(
    out: &mut dyn Write,
    title: &str,
    rows: &[((u64, u64), &str)],
    top: usize,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    for ((first, second), caller) in rows.iter().take(top) {
        writeln!(
            out,
            "{:>14}  {:>12}  {}",
            number(*first),
            number(*second),
            printable(caller)
        )?;
    }
    more(out, rows.len(), top)
}

fn undecidable(out: &mut dyn Write, findings: &Findings<'_>, top: usize) -> io::Result<()> {
    if findings.undecidable.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nCannot be decided again")?;
    for row in findings.undecidable.iter().take(top) {
        writeln!(
            out,
            "{:>14}  {}: {}",
            number(row.count),
            printable(row.operation),
            row.why.as_str()
        )?;
        for it in row.examples.iter().take(1) {
            writeln!(out, "{:16}{}", "", printable(&example(it)))?;
        }
    }
    more(out, findings.undecidable.len(), top)
}

fn unreadable(out: &mut dyn Write, findings: &Findings<'_>) -> io::Result<()> {
    let read = findings.read;
    if read.unreadable_lines == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "\n{} of {} lines cannot be read; the first:",
        number(read.unreadable_lines),
        number(read.lines)
    )?;
    for line in &read.first_unreadable {
        writeln!(
            out,
            "  {}:{}: {}",
            printable(&line.file),
            line.line,
            printable(&line.problem)
        )?;
    }
    Ok(())
}

fn more(out: &mut dyn Write, rows: usize, top: usize) -> io::Result<()> {
    match rows.checked_sub(top) {
        None | Some(0) => Ok(()),
        Some(left) => writeln!(out, "{:>14}  more rows: see --top, or --format json", left),
    }
}

fn example(it: &Example) -> String {
    let mut words = vec![format!("{} {}", it.method, it.target)];
    words.extend(it.name.as_ref().map(|name| format!("on {name}")));
    words.extend(it.key_id.as_ref().map(|key| format!("caller {key}")));
    if !it.scopes.is_empty() {
        words.push(format!("with {}", it.scopes.join(", ")));
    }
    words.push(format!("{}:{}", it.file, it.line));
    words.join("  ")
}
