//! Endpoints that the catalog does not know: a new MLflow release is never weaker than the filter.

#[cfg(test)]
mod tests;

use http::Method;

use crate::catalog::{Access, CATALOG};
use crate::permission::Permission;

/// Below these, even a read may reveal secrets or other people's accounts.
const SENSITIVE_SEGMENTS: &[&str] = &[
    "users",
    "roles",
    "permissions",
    "secrets",
    "webhooks",
    "gateway",
    "jobs",
    "assistant",
];

/// Segments of a path that is still looked into: no endpoint has nearly as many, and it bounds the work.
const MOST_SEGMENTS: usize = 64;

/// What an unknown endpoint needs: `*:read` for `GET` and `HEAD`; `*:admin` for any other method, below a sensitive
/// segment, and where the path ends in that of a known endpoint that does more than read, by any method.
///
/// A proxy between Envoy and MLflow may cut a prefix, and a server may have one that `mounts` does not say: then
/// `/prefix/signup` is `/signup`.
pub(super) fn strict_reading(method: &str, path: &str) -> Permission {
    let reads = method == Method::GET.as_str() || method == Method::HEAD.as_str();
    let sensitive = path.split('/').any(|segment| {
        SENSITIVE_SEGMENTS
            .iter()
            .any(|name| segment.eq_ignore_ascii_case(name))
    });
    Permission::on_everything(if reads && !sensitive && !ends_in_more_than_a_read(path) {
        Access::Read
    } else {
        Access::Admin
    })
}

/// Whether some of the last segments are the path of an endpoint that does more than read, with or without a final
/// slash and in any case.
fn ends_in_more_than_a_read(path: &str) -> bool {
    let lower = path
        .bytes()
        .any(|b| b.is_ascii_uppercase())
        .then(|| path.to_ascii_lowercase());
    let spellings = std::iter::once(path).chain(lower.as_deref());
    spellings
        .flat_map(|spelling| [Some(spelling), spelling.strip_suffix('/')])
        .flatten()
        .any(|spelling| {
            let mut starts = spelling.match_indices('/').map(|(start, _)| start);
            let more = starts.by_ref().take(MOST_SEGMENTS).any(|start| {
                spelling
                    .get(start..)
                    .is_some_and(|end| CATALOG.serves_more_than_reads(end))
            });
            more || starts.next().is_some()
        })
}
