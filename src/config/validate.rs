//! What types alone cannot say: fields that must be paths, names that must differ, ranges.

use std::time::Duration;

use super::address::{is_host_and_port, quoted};
use super::auth_service::{self, callout_path, is_written};
use super::defaults::MOST_SHARED_SLOTS;
use super::error::{MOUNTS_REMEDY, SOURCES_REMEDY};
use super::{Config, ConfigError, IdentityHeaders, SecretHeader, jwt, keys, mtls, overrides};
use crate::overrides as path_overrides;
use crate::request::same_header;
use crate::target::Target;

/// Headers that HTTP, Envoy, MLflow or the filter reads or writes: what Envoy writes after the filter would take the
/// place of an identity. Those of [`crate::overrides`] are reserved too: a request that carries one is refused.
const RESERVED_HEADERS: &[&str] = &[
    "accept",
    "authorization",
    "b3",
    "baggage",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "pragma",
    "range",
    "referer",
    "server",
    "set-cookie",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-amzn-trace-id",
    "x-api-key",
    "x-client-trace-id",
    "x-cloud-trace-context",
    "x-mlflow-workspace",
    "x-real-ip",
    "x-request-id",
];

/// How the names of families of such headers start.
const RESERVED_PREFIXES: &[&str] = &[
    "accept-",
    "access-control-",
    "content-",
    "grpc-",
    "if-",
    "proxy-",
    "sec-",
    "x-b3-",
    "x-datadog-",
    "x-envoy-",
    "x-forwarded-",
    "x-ot-",
];

/// The shortest time between two polls for revoked keys.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// Checks the configuration and fills the defaults that depend on other fields.
pub(super) fn validate(config: &mut Config) -> Result<(), ConfigError> {
    mounts(config)?;
    overrides::validate(config)?;
    identity_sources(config)?;
    revocation(config)?;
    for (field, number) in [
        ("cache.capacity", config.cache.capacity),
        ("audit.max_per_second", config.audit.max_per_second),
        ("body_limit", config.body_limit),
    ] {
        if number == 0 {
            return Err(ConfigError::field(field, "must be at least 1"));
        }
    }
    if config.cache.shared_slots > MOST_SHARED_SLOTS {
        return Err(ConfigError::field(
            "cache.shared_slots",
            format!(
                "must be at most {MOST_SHARED_SLOTS}: each takes memory for as long as the proxy runs"
            ),
        ));
    }
    if config.credentials.is_empty() {
        return Err(ConfigError::field(
            "credentials",
            "is empty; write at least one of \"bearer\", \"x-api-key\", \"basic\" and \"query\"",
        ));
    }
    identity_headers(&config.identity_headers)?;
    help_url(config.help_url.as_deref())
}

fn mounts(config: &Config) -> Result<(), ConfigError> {
    if config.mounts.is_empty() {
        return Err(ConfigError::field(
            "mounts",
            format!("is empty; {MOUNTS_REMEDY}"),
        ));
    }
    for (index, mount) in config.mounts.iter().enumerate() {
        let field = format!("mounts[{index}]");
        if let Some(plain) = mount.strip_suffix('/').filter(|plain| !plain.is_empty()) {
            let problem = format!("{mount:?} must not end in \"/\"; write {plain:?}");
            return Err(ConfigError::field(field, problem));
        }
        let canonical = Target::parse(mount.as_bytes())
            .is_ok_and(|target| target.path == mount.as_str() && target.query.is_none());
        if !canonical || mount.contains(';') {
            return Err(ConfigError::field(
                field,
                format!("{mount:?} must be a plain path such as \"/\" or \"/api/mlflow\""),
            ));
        }
        if config.mounts.iter().take(index).any(|other| other == mount) {
            return Err(ConfigError::field(
                field,
                format!("{mount:?} is duplicated; write it once"),
            ));
        }
    }
    Ok(())
}

/// Who says who callers are: at least one source.
fn identity_sources(config: &mut Config) -> Result<(), ConfigError> {
    keys::validate(&config.keys)?;
    config.jwt.as_ref().map_or(Ok(()), jwt::validate)?;
    config.mtls.as_ref().map_or(Ok(()), mtls::validate)?;
    if let Some(service) = &mut config.auth_service {
        return auth_service::check(service);
    }
    if config.keys.is_empty() && config.jwt.is_none() && config.mtls.is_none() {
        return Err(ConfigError::field(
            "auth_service",
            format!(
                "is missing, and so are \"keys\", \"jwt\" and \"mtls\": nothing identifies callers; {SOURCES_REMEDY}"
            ),
        ));
    }
    let of_the_service = [
        ("revocation", config.revocation.is_some()),
        ("key_pattern", config.key_pattern.is_some()),
    ];
    for (field, is_there) in of_the_service {
        if is_there {
            return Err(ConfigError::field(
                field,
                "needs an auth service, and none is configured; write `auth_service`, or remove it",
            ));
        }
    }
    Ok(())
}

fn revocation(config: &Config) -> Result<(), ConfigError> {
    let Some(revocation) = &config.revocation else {
        return Ok(());
    };
    if revocation.path.contains(['?', '#']) {
        return Err(ConfigError::field(
            "revocation.path",
            "must not have a query or fragment: the filter adds the parameter `since`",
        ));
    }
    if revocation.every < SHORTEST_POLL {
        return Err(ConfigError::field(
            "revocation.every",
            "must be at least 100ms",
        ));
    }
    let credential = revocation.credential_header.as_ref();
    if let Some(name) = credential
        .map(SecretHeader::name)
        .filter(|it| is_written(it))
    {
        return Err(ConfigError::field(
            "revocation.credential_header",
            format!("{name} is a header that HTTP, Envoy or the filter writes; write another one"),
        ));
    }
    callout_path("revocation.path", &revocation.path)
}

fn identity_headers(headers: &IdentityHeaders) -> Result<(), ConfigError> {
    let named = [
        ("identity_headers.user_id", &headers.user_id),
        ("identity_headers.key_id", &headers.key_id),
        ("identity_headers.scopes", &headers.scopes),
    ];
    for (index, (field, header)) in named.iter().enumerate() {
        let name = header.as_str();
        if is_reserved(name) {
            return Err(ConfigError::field(
                *field,
                format!(
                    "{name} is reserved: HTTP, Envoy or MLflow reads or writes it; use another name, such as \
                     x-mlflow-authz-user"
                ),
            ));
        }
        let is_same = |other: &crate::config::HeaderField| {
            same_header(other.as_str().as_bytes(), name.as_bytes())
        };
        if named.iter().take(index).any(|(_, other)| is_same(other)) {
            return Err(ConfigError::field(
                *field,
                format!(
                    "{name} is already the name of another identity header; write a different one"
                ),
            ));
        }
    }
    Ok(())
}

fn is_reserved(name: &str) -> bool {
    let starts = |prefix: &&str| {
        let start = name.as_bytes().get(..prefix.len());
        start.is_some_and(|start| same_header(prefix.as_bytes(), start))
    };
    let is = |other: &str| same_header(other.as_bytes(), name.as_bytes());
    RESERVED_HEADERS.iter().copied().any(is)
        || path_overrides::names().any(is)
        || RESERVED_PREFIXES.iter().any(starts)
}

fn help_url(url: Option<&str>) -> Result<(), ConfigError> {
    let Some(url) = url else { return Ok(()) };
    let web = url.split_once("://").is_some_and(|(scheme, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let known = |it: &str| scheme.eq_ignore_ascii_case(it);
        ["http", "https"].into_iter().any(known) && is_host_and_port(authority)
    });
    let plain = |b: u8| b > b' ' && b != 0x7f && !b"\"<>\\^`{|}".contains(&b);
    let web = web && url.bytes().all(plain);
    if web {
        Ok(())
    } else {
        Err(ConfigError::field(
            "help_url",
            format!(
                "{} must be an http or https URL without user information: \"https://docs.example/keys\"",
                quoted(url)
            ),
        ))
    }
}
