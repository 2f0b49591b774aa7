//! Cards and rows of the report.

use maud::{Markup, html};

use super::super::findings::{ChangeRow, Named};
use super::super::outcome::Change;
use super::super::tally::{Counts, Example};
use crate::report::{number, scrolled};

/// A section's title and what to make of it.
pub fn titled(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::NewDenial => (
            "Would be refused",
            "They were let through. If they are meant to work, give their callers the scope they lack first.",
        ),
        Change::NoLongerDenied => (
            "Would no longer be refused",
            "Check that these are meant to be open.",
        ),
        Change::WouldDeny => (
            "Would be recorded as would_deny",
            "They are let through, since the candidate does not enforce here, but the policy is against them.",
        ),
        Change::NoLongerWouldDeny => (
            "Would no longer be recorded as would_deny",
            "The policy now allows them.",
        ),
        Change::OtherReason => (
            "Same answer, other reason",
            "The caller is let through, or refused, as before.",
        ),
    }
}

/// One change with its examples.
pub fn change_card(row: &ChangeRow<'_>, open: bool) -> Markup {
    let said = |decision: &str, reason: &str| html! { (decision) " (" (reason) ")" };
    html! {
        article.change {
            div {
                span.count { (number(row.count)) }
                h3 { (row.operation) }
                @if let Some(permission) = &row.permission { span.quiet { "needs " code { (permission) } } }
            }
            p.quiet {
                (said(row.before.decision.as_str(), row.before.reason)) " → "
                (said(row.after.decision.as_str(), row.after.reason))
            }
            details open[open] {
                summary { (if row.examples.len() == 1 { "An example" } else { "Examples" }) }
                ul { @for it in row.examples { li { (example(it)) } } }
            }
        }
    }
}

fn example(it: &Example) -> Markup {
    let key = it.key_id.as_deref().or(it.user_id.as_deref());
    html! {
        code { (it.method) " " (it.target) }
        span {
            @if let Some(name) = &it.name { "on " (name) " · " }
            @match key {
                Some(key) => { "caller " (key) " with " (if it.scopes.is_empty() { "no scopes".to_owned() } else { it.scopes.join(", ") }) },
                None => "no known caller",
            }
            @if let Some(time) = &it.time { " · " (time) }
            @if let Some(id) = &it.request_id { " · request " (id) }
            " · " (it.file) ":" (it.line)
        }
    }
}

/// Callers, a row each.
pub fn callers_table<'c>(label: &str, callers: impl Iterator<Item = &'c Named<'c>>) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Key" }
                (count_headings())
                th scope="col" { "Refused operations" }
            } }
            tbody {
                @for caller in callers {
                    tr {
                        th.wrap scope="row" {
                            (caller.caller)
                            @if let (Some(_), Some(user)) = (caller.key_id, caller.user_id) { span { (user) } }
                        }
                        (count_cells(&caller.counts))
                        td.wrap {
                            @for (index, refused) in caller.refused.iter().enumerate() {
                                @if index > 0 { ", " }
                                (refused.operation) " " span.quiet style="display:inline" { (number(refused.count)) }
                            }
                        }
                    }
                }
            }
        }
    };
    scrolled(label, &table)
}

/// The headings of [`count_cells`].
pub fn count_headings() -> Markup {
    html! {
        th.n scope="col" { "Requests" }
        th.n scope="col" { "Refused before" }
        th.n scope="col" { "Refused now" }
        th.n scope="col" { "Newly" }
        th.n scope="col" { "Not decidable" }
    }
}

/// Numbers of an operation, a scope or a caller.
pub fn count_cells(counts: &Counts) -> Markup {
    html! {
        td.n { (number(counts.requests)) }
        td.n { (number(counts.refused_before)) }
        td.n { (number(counts.refused_after)) }
        td.n { @if counts.new_denials > 0 { b.new { (number(counts.new_denials)) } } @else { "0" } }
        td.n { @if counts.undecidable > 0 { b.open { (number(counts.undecidable)) } } @else { "0" } }
    }
}
