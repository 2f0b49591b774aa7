//! Pages for people: one self-contained HTML file each, readable without scripts, in light and dark, and on paper.
//!
//! All text goes through maud, which escapes it: records hold what callers wrote. The page's own content security
//! policy lets no script run and nothing be fetched, whatever a page holds.

mod bars;
#[cfg(test)]
mod tests;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use mlflow_authz::printable::printable_lines;

pub use bars::{Part, Shade, bar, legend};

/// The look of every page.
const STYLE: &str = include_str!("style.css");

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A whole page; `kind` says in small letters what sort of page it is.
pub fn page(kind: &str, title: &str, lead: &Markup, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                // Without one a browser asks the server for it.
                link rel="icon" href="data:,";
                title { (title) " · " (kind) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.kind { (kind) }
                    h1 { (title) }
                    p.lead { (lead) }
                }
                main { (body) }
                footer { p { "mlflow-authz " (env!("CARGO_PKG_VERSION")) } }
            }
        }
    };
    printable_lines(&page.into_string()).into_owned()
}

/// A table that scrolls within the page where it is wider.
pub fn scrolled(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// A number with its thousands apart.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 request`, `2 requests`.
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}
