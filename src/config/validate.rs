//! What types alone cannot say: fields that must be paths, names that must differ, ranges.

use http::uri::Authority;

use super::{Config, ConfigError, IdentityHeaders};
use crate::request::same_header;
use crate::target::Target;

/// Headers that Envoy or the filter gives a meaning of their own.
const RESERVED_HEADERS: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "origin",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
    "x-forwarded-for",
    "x-request-id",
];

/// Checks the configuration and fills the defaults that depend on other fields.
pub(super) fn validate(config: &mut Config) -> Result<(), ConfigError> {
    mounts(config)?;
    auth_service(config)?;
    if config.cache.capacity == 0 {
        return Err(ConfigError::field("cache.capacity", "must be at least 1"));
    }
    if config.audit.max_per_second == 0 {
        return Err(ConfigError::field(
            "audit.max_per_second",
            "must be at least 1",
        ));
    }
    if config.credentials.is_empty() {
        return Err(ConfigError::field(
            "credentials",
            "must name at least one kind",
        ));
    }
    identity_headers(&config.identity_headers)?;
    help_url(config.help_url.as_deref())
}

fn mounts(config: &Config) -> Result<(), ConfigError> {
    if config.mounts.is_empty() {
        return Err(ConfigError::field("mounts", "must name at least one path"));
    }
    for (index, mount) in config.mounts.iter().enumerate() {
        let field = format!("mounts[{index}]");
        let canonical = Target::parse(mount.as_bytes())
            .is_ok_and(|target| target.path == mount.as_str() && target.query.is_none());
        if !canonical || mount.contains(';') || (mount.len() > 1 && mount.ends_with('/')) {
            return Err(ConfigError::field(
                field,
                format!(
                    "{mount:?} must be a plain path such as \"/\" or \"/api/mlflow\", without a trailing slash"
                ),
            ));
        }
        if config.mounts.iter().take(index).any(|other| other == mount) {
            return Err(ConfigError::field(
                field,
                format!("{mount:?} stands there twice"),
            ));
        }
    }
    Ok(())
}

fn auth_service(config: &mut Config) -> Result<(), ConfigError> {
    let service = &mut config.auth_service;
    if service.cluster.is_empty() {
        return Err(ConfigError::field(
            "auth_service.cluster",
            "must name an Envoy cluster",
        ));
    }
    if service.authority.is_empty() {
        let host = service.cluster.rsplit('|').next().unwrap_or_default();
        service.authority = host.to_owned();
    }
    if service.authority.parse::<Authority>().is_err() {
        return Err(ConfigError::field(
            "auth_service.authority",
            format!(
                "{:?} is not a host name with an optional port",
                service.authority
            ),
        ));
    }
    let path = service.path.as_bytes();
    if path.first() != Some(&b'/') || !path.iter().all(u8::is_ascii_graphic) {
        return Err(ConfigError::field(
            "auth_service.path",
            format!(
                "{:?} must start with a slash and hold visible ASCII only",
                service.path
            ),
        ));
    }
    Ok(())
}

fn identity_headers(headers: &IdentityHeaders) -> Result<(), ConfigError> {
    let named = [
        ("identity_headers.user_id", &headers.user_id),
        ("identity_headers.key_id", &headers.key_id),
        ("identity_headers.scopes", &headers.scopes),
    ];
    for (index, (field, header)) in named.iter().enumerate() {
        let name = header.as_str();
        let reserved = |other: &&str| same_header(other.as_bytes(), name.as_bytes());
        if RESERVED_HEADERS.iter().any(reserved) {
            return Err(ConfigError::field(
                *field,
                format!("{name} has a meaning of its own"),
            ));
        }
        let is_same = |other: &crate::config::HeaderField| {
            same_header(other.as_str().as_bytes(), name.as_bytes())
        };
        if named.iter().take(index).any(|(_, other)| is_same(other)) {
            return Err(ConfigError::field(
                *field,
                format!("{name} carries another identity too"),
            ));
        }
    }
    Ok(())
}

fn help_url(url: Option<&str>) -> Result<(), ConfigError> {
    let Some(url) = url else { return Ok(()) };
    let uri = url.parse::<http::Uri>().ok();
    let web = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
    });
    if web {
        Ok(())
    } else {
        Err(ConfigError::field(
            "help_url",
            format!("{url:?} is not an http or https URL"),
        ))
    }
}
