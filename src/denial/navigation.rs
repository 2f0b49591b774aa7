//! Whether a person in a browser waits for the answer, or a program.

#[cfg(test)]
mod tests;

use crate::request::RequestHead;

/// The request headers that [`is_navigation`] reads, as `Vary` names them.
pub(super) const READ: &str = "Accept, Sec-Fetch-Mode";

/// The same where the answer repeats the header `Origin`.
pub(super) const READ_BESIDE_ORIGIN: &str = "Origin, Accept, Sec-Fetch-Mode";

/// A browser sends some 150 bytes; an answer must not cost what its request pleases.
const LONGEST_ACCEPT: usize = 1024;

/// Whether a browser navigates: `Sec-Fetch-Mode: navigate` (Fetch Metadata), which a page's own requests cannot say.
/// Without that header, whether `Accept` prefers `text/html` over `application/json` (RFC 9110, 12.5.1).
pub(super) fn is_navigation(head: &RequestHead<'_>) -> bool {
    let mut modes = head.all("sec-fetch-mode").peekable();
    if modes.peek().is_some() {
        return modes.all(|mode| mode == b"navigate");
    }
    let values: Option<Vec<&str>> = head
        .all("accept")
        .map(|value| std::str::from_utf8(value).ok())
        .collect();
    values.is_some_and(|values| prefers_html(&values))
}

fn prefers_html(values: &[&str]) -> bool {
    let is_short = values.iter().map(|value| value.len()).sum::<usize>() <= LONGEST_ACCEPT;
    let quality = |subtype: &str, kind: &str| {
        let ranges = values.iter().flat_map(|value| value.split(','));
        let fitting = ranges.filter_map(|range| fit(range, kind, subtype));
        // The most precise range counts; of several, the first.
        let best = fitting.reduce(|best, it| {
            if it.precision > best.precision {
                it
            } else {
                best
            }
        });
        best.map_or(0, |fit| fit.thousandths)
    };
    is_short && quality("html", "text") > quality("json", "application")
}

/// How a media range fits a media type.
struct Fit {
    precision: u8,
    thousandths: u16,
}

fn fit(range: &str, kind: &str, subtype: &str) -> Option<Fit> {
    let mut parts = range.split(';').map(str::trim);
    let (range_kind, range_subtype) = parts.next()?.split_once('/')?;
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let precision = match (range_kind, range_subtype) {
        ("*", "*") => 0,
        (it, "*") if same(it, kind) => 1,
        (it, sub) if same(it, kind) && same(sub, subtype) => 2,
        _ => return None,
    };
    let mut thousandths = 1000;
    for parameter in parts {
        let (name, value) = parameter.split_once('=')?;
        // Any other one makes the range that of another representation: `text/html;level=1`.
        if !same(name.trim(), "q") {
            return None;
        }
        thousandths = quality(value.trim())?;
    }
    Some(Fit {
        precision,
        thousandths,
    })
}

/// A `qvalue` in thousandths; `None` for a text that is none.
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    let fraction = is_digits.then(|| format!("{fraction:0<3}").parse::<u16>().ok())??;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}
