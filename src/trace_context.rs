//! Which trace a request belongs to, for the callout made on its behalf.
//!
//! Taken over are `traceparent` and `tracestate` (W3C Trace Context, sections 3.2 and 3.3) and Envoy's
//! `x-request-id`. They are the caller's own text, so only what is well-formed and short goes on:
//!
//! | header | goes on |
//! |---|---|
//! | `traceparent` | if there is one, and it follows the grammar of its version |
//! | `tracestate` | beside such a `traceparent`, all its lines as one, of visible ASCII and 512 bytes at most |
//! | `x-request-id` | if there is one, of visible ASCII without spaces and 128 bytes at most |
//!
//! Everything else is left out, without a word: a trace that breaks off is no reason to refuse a request.

#[cfg(test)]
mod tests;

use crate::request::RequestHead;

/// Bytes of a `tracestate`. Section 3.3.1.5 asks that at least so many are propagated.
const MAX_TRACESTATE: usize = 512;

/// Bytes of an `x-request-id`; a UUID has 36.
const MAX_REQUEST_ID: usize = 128;

/// Bytes of a `traceparent`: later versions may append fields to the 55 bytes of this one.
const MAX_TRACEPARENT: usize = 256;

/// The headers to send with a callout.
pub fn headers(head: &RequestHead<'_>) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let parent = single(head, "traceparent").filter(|value| is_traceparent(value));
    let state = parent.and_then(|_| tracestate(head));
    let id = single(head, "x-request-id")
        .filter(|value| is_short(value, MAX_REQUEST_ID) && !value.contains(' '));
    [
        parent.map(|value| ("traceparent", value.to_owned())),
        state.map(|value| ("tracestate", value)),
        id.map(|value| ("x-request-id", value.to_owned())),
    ]
    .into_iter()
    .flatten()
}

/// The value of a header that is there once.
fn single<'a>(head: &RequestHead<'a>, name: &'a str) -> Option<&'a str> {
    let mut values = head.all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => std::str::from_utf8(value).ok(),
        _ => None,
    }
}

/// `version "-" trace-id "-" parent-id "-" trace-flags`, in lower-case hex digits. Ids of zeros only and the
/// version `ff` are invalid. A version that is not known yet may go on after another `-`.
fn is_traceparent(value: &str) -> bool {
    let mut fields = value.splitn(5, '-');
    let mut field = |digits: usize| {
        fields.next().filter(|field| {
            field.len() == digits
                && field
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (Some(version), Some(trace), Some(parent), Some(_flags)) =
        (field(2), field(32), field(16), field(2))
    else {
        return false;
    };
    let is_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    version != "ff"
        && !is_zero(trace)
        && !is_zero(parent)
        && match fields.next() {
            None => true,
            Some(_) => version != "00" && is_short(value, MAX_TRACEPARENT),
        }
}

/// Several lines are one list (RFC 9110 section 5.3).
fn tracestate(head: &RequestHead<'_>) -> Option<String> {
    let mut lines = head.all("tracestate").map(std::str::from_utf8);
    let mut list = lines.next()?.ok()?.to_owned();
    for line in lines {
        list.push(',');
        list.push_str(line.ok()?);
    }
    is_short(&list, MAX_TRACESTATE).then_some(list)
}

fn is_short(value: &str, most: usize) -> bool {
    (1..=most).contains(&value.len()) && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
