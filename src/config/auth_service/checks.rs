//! What types alone cannot say of the auth service: fields that exclude each other, and headers that collide.

use super::{Audience, AuthService, KeyIn, Method, Protocol};
use crate::config::address::{is_host_and_port, quoted};
use crate::config::{ConfigError, defaults};
use crate::overrides;
use crate::request::same_header;

/// Headers of a lookup that HTTP, Envoy or the filter writes.
const WRITTEN: &[&str] = &[
    "accept",
    "accept-encoding",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "pragma",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// Headers of a lookup that mean something to whoever reads them, and whose value the caller would write if it were a key.
const NOT_FOR_KEYS: &[&str] = &[
    "accept-charset",
    "accept-language",
    // A key can have `; ` in it, which would be another cookie.
    "cookie",
    "date",
    "forwarded",
    "from",
    "max-forwards",
    "origin",
    "range",
    "referer",
    "set-cookie",
    "user-agent",
    "via",
    "x-real-ip",
];

/// How the names of families of such headers start.
const NOT_FOR_KEYS_PREFIXES: &[&str] = &["access-control-", "content-", "if-", "sec-"];

/// How the names of headers start that Envoy obeys or writes.
const WRITTEN_PREFIXES: &[&str] = &["x-envoy-", "x-forwarded-"];

/// Parameters of the body that the filter writes.
const WRITTEN_FIELDS: &[&str] = &["service_id", "client_ip"];

/// Checks the fields, and fills the default that depends on another one.
pub(in crate::config) fn check(service: &mut AuthService) -> Result<(), ConfigError> {
    if service.cluster.is_empty() {
        return Err(ConfigError::field(
            "auth_service.cluster",
            "is empty; write the name of the Envoy cluster of the auth service",
        ));
    }
    if service.breaker.failures == 0 {
        return Err(ConfigError::field(
            "auth_service.breaker.failures",
            "must be at least 1",
        ));
    }
    if service.authority.is_empty() {
        let host = service.cluster.rsplit('|').next().unwrap_or_default();
        service.authority = host.to_owned();
    }
    if !is_host_and_port(&service.authority) {
        return Err(ConfigError::field(
            "auth_service.authority",
            format!(
                "{} must be a host name, with a port where needed and without user information: \"auth.internal\"",
                quoted(&service.authority)
            ),
        ));
    }
    if service.max_in_flight < 2 {
        return Err(ConfigError::field(
            "auth_service.max_in_flight",
            "must be at least 2: one callout is reserved for keys that were validated before",
        ));
    }
    callout_path("auth_service.path", &service.path)?;
    spoken(service)?;
    headers(service)
}

/// Whether protocol, method and the place of the key go together.
fn spoken(service: &AuthService) -> Result<(), ConfigError> {
    let refuse = |field: &str, problem: &str| {
        Err(ConfigError::field(format!("auth_service.{field}"), problem))
    };
    if service.protocol == Protocol::Introspection {
        if service.audience == Audience::Absent {
            return refuse(
                "audience",
                "is missing; write the audience of tokens for MLflow, or null if the introspection endpoint checks it",
            );
        }
        if service.path == defaults::auth_path() {
            return refuse(
                "path",
                "is missing; write the path of the introspection endpoint, such as \"/oauth2/introspect\"",
            );
        }
        if service.method != Method::Post {
            return refuse(
                "method",
                "must be \"POST\" with \"protocol\": \"introspection\"",
            );
        }
        if service.key_in != KeyIn::default() {
            return refuse(
                "key_in",
                "has no meaning with \"protocol\": \"introspection\", which sends the key as token in a form; leave it out",
            );
        }
        if service.send_client_ip {
            return refuse(
                "send_client_ip",
                "must be false with \"protocol\": \"introspection\", which has no parameter for an address",
            );
        }
        if service.service_id != defaults::service_id() {
            return refuse(
                "service_id",
                "is not sent with \"protocol\": \"introspection\"; leave it out, and write `audience`",
            );
        }
        return Ok(());
    }
    if service.audience != Audience::Absent {
        return refuse(
            "audience",
            "applies only with \"protocol\": \"introspection\"; leave it out",
        );
    }
    let in_body = match &service.key_in {
        KeyIn::Json(name) | KeyIn::Form(name) => Some(name),
        KeyIn::Bearer | KeyIn::Header(_) => None,
    };
    if let Some(name) = in_body.filter(|name| WRITTEN_FIELDS.contains(&name.as_str())) {
        let problem = format!(
            "{:?} is a field that the filter itself sends; write another one for the key",
            name.as_str()
        );
        return refuse("key_in", &problem);
    }
    if service.method == Method::Get {
        if in_body.is_some() {
            return refuse(
                "key_in",
                "must be \"bearer\" or \"header:NAME\" with \"method\": \"GET\", which has no body",
            );
        }
        if service.send_client_ip {
            return refuse(
                "send_client_ip",
                "must be false with \"method\": \"GET\", which has no body to send an address in",
            );
        }
        if service.service_id != defaults::service_id() {
            return refuse(
                "service_id",
                "is not sent with \"method\": \"GET\", which has no body; leave it out, and write it into `path` if the \
                 service reads it there",
            );
        }
    }
    Ok(())
}

/// Whether every header of a lookup is written once, and none that is not ours to write.
fn headers(service: &AuthService) -> Result<(), ConfigError> {
    let of_key = match &service.key_in {
        _ if service.protocol == Protocol::Introspection => None,
        KeyIn::Bearer => Some("authorization"),
        KeyIn::Header(name) => Some(name.as_str()),
        KeyIn::Json(_) | KeyIn::Form(_) => None,
    };
    if let KeyIn::Header(name) = &service.key_in {
        let name = name.as_str();
        if is_written(name) || is_not_for_keys(name) {
            return Err(ConfigError::field(
                "auth_service.key_in",
                format!(
                    "{name} is no header for a key: HTTP, Envoy or the filter reserves it; write another one"
                ),
            ));
        }
    }
    for (index, header) in service.headers.iter().enumerate() {
        let field = format!("auth_service.headers[{index}]");
        let name = header.name();
        let is = |other: &str| same_header(other.as_bytes(), name.as_bytes());
        if is_written(name) {
            let problem =
                format!("{name} is a header that HTTP, Envoy or the filter writes; leave it out");
            return Err(ConfigError::field(field, problem));
        }
        if of_key.is_some_and(is) {
            return Err(ConfigError::field(
                field,
                format!(
                    "{name} carries the caller's key; write another place for the key in `key_in`, or another header"
                ),
            ));
        }
        if service.headers.iter().take(index).any(|it| is(it.name())) {
            return Err(ConfigError::field(
                field,
                format!("{name} is duplicated; write it once"),
            ));
        }
    }
    Ok(())
}

pub(in crate::config) fn is_written(name: &str) -> bool {
    is_among(name, WRITTEN, WRITTEN_PREFIXES)
}

fn is_not_for_keys(name: &str) -> bool {
    is_among(name, NOT_FOR_KEYS, NOT_FOR_KEYS_PREFIXES)
        || overrides::names().any(|other| same_header(other.as_bytes(), name.as_bytes()))
}

fn is_among(name: &str, names: &[&str], prefixes: &[&str]) -> bool {
    let starts = |prefix: &&str| {
        let start = name.as_bytes().get(..prefix.len());
        start.is_some_and(|start| same_header(prefix.as_bytes(), start))
    };
    let is = |other: &&str| same_header(other.as_bytes(), name.as_bytes());
    names.iter().any(is) || prefixes.iter().any(starts)
}

/// The path of a request to the auth service.
pub(in crate::config) fn callout_path(field: &str, path: &str) -> Result<(), ConfigError> {
    let problem = if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic()) {
        "must start with \"/\" and have visible ASCII characters only"
    } else if path.contains('#') {
        "must not have a fragment, which no server receives"
    } else {
        return Ok(());
    };
    // A query may hold a secret.
    let (plain, query) = path.split_once('?').unwrap_or((path, ""));
    let query = if query.is_empty() {
        ""
    } else {
        " (the query is not shown)"
    };
    Err(ConfigError::field(
        field,
        format!("{plain:?}{query} {problem}"),
    ))
}
