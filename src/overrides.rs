//! Headers that an upstream could take for another method or path than the request line has.
//!
//! MLflow honours none of them, but what stands between Envoy and MLflow may: gunicorn reads `SCRIPT_NAME`
//! and `PATH_INFO` from its own host (its setting `forwarder_headers`), .NET and Symfony servers read
//! `X-Original-URL` and `X-Rewrite-URL`, many frameworks read `X-HTTP-Method-Override`. No MLflow client sends
//! them, so a request that does is refused. `X-Forwarded-Prefix` is what an honest proxy in front of Envoy
//! adds; it is removed, since what follows it is a prefix that the filter did not decide about.

#[cfg(test)]
mod tests;

use crate::request::{RequestHead, same_header};

/// A request inside a mount that carries one of these is refused.
const REFUSED: &[&str] = &[
    "path-info",
    "script-name",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
    "x-script-name",
];

/// Their lengths, a bit for each. Most headers are of another and are compared with none.
const LENGTHS: u32 = {
    let mut lengths = 0;
    let mut names = REFUSED;
    while let [name, rest @ ..] = names {
        lengths |= 1 << name.len();
        names = rest;
    }
    lengths
};

/// Headers that never go upstream from inside a mount.
pub const REMOVED: &[&str] = &["x-forwarded-prefix"];

/// Both.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    REFUSED.iter().chain(REMOVED).copied()
}

/// Whether a request carries a header that is refused, in any spelling.
pub fn present(head: &RequestHead<'_>) -> bool {
    let is_of_length = |name: &[u8]| name.len() < 32 && LENGTHS & (1 << name.len()) != 0;
    let is_refused = |name| REFUSED.iter().any(|it| same_header(name, it.as_bytes()));
    let mut names = head.headers.iter().map(|(name, _)| *name);
    names.any(|name| is_of_length(name) && is_refused(name))
}
