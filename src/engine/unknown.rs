//! Endpoints that the catalog does not know: a new MLflow release is never weaker than the filter.

use http::Method;

use crate::catalog::Access;
use crate::policy::Permission;

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

/// What an unknown endpoint needs (DESIGN 5.3): `*:read` for `GET` and `HEAD`, `*:admin` for any other
/// method and below a sensitive segment.
pub(super) fn strict_reading(method: &str, path: &str) -> Permission {
    let reads = method == Method::GET.as_str() || method == Method::HEAD.as_str();
    let sensitive = path.split('/').any(|segment| {
        SENSITIVE_SEGMENTS
            .iter()
            .any(|name| segment.eq_ignore_ascii_case(name))
    });
    Permission::on_everything(if reads && !sensitive {
        Access::Read
    } else {
        Access::Admin
    })
}
