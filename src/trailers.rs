//! Which request trailers may go upstream.
//!
//! Trailers arrive after the decision, and an upstream may merge them into the headers (RFC 9110, section 6.5.1,
//! forbids that for fields that authenticate or route; not every server complies). So identity and credentials in
//! trailers never go on, wherever the request goes; inside a mount, neither do headers of other paths and methods
//! ([`crate::overrides`]), nor headers by which the request was understood when it was decided.

#[cfg(test)]
mod tests;

use crate::config::IdentityHeaders;
use crate::overrides;
use crate::request::{Header, same_header};

/// Where a credential can stand. `forward_credential` is about headers: the filter has read no credential here.
const CREDENTIALS: &[&str] = &[
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
];

/// What the decision took from the headers.
const DECIDED_BY: &[&str] = &[
    "content-encoding",
    "content-type",
    "host",
    "x-mlflow-workspace",
];

/// The names of trailers that must be removed, each once. `mounted`: the request is for MLflow.
pub fn unsafe_names<'a>(
    trailers: &[Header<'a>],
    identity: &IdentityHeaders,
    mounted: bool,
) -> Vec<&'a [u8]> {
    let identity = identity.names();
    let is_unsafe = |present: &[u8]| {
        let is = |name: &str| same_header(present, name.as_bytes());
        identity.into_iter().any(is)
            || CREDENTIALS.iter().copied().any(is)
            || (mounted && overrides::names().chain(DECIDED_BY.iter().copied()).any(is))
    };
    let mut found: Vec<&[u8]> = Vec::new();
    for (present, _) in trailers {
        if is_unsafe(present) && !found.contains(present) {
            found.push(present);
        }
    }
    found
}
