//! Rules about a plugin configuration, wherever it stands.

mod keys;
mod overrides;
mod patterns;
mod permissions;
mod refusals;
mod scopes;
mod secrets;
mod unused;
mod workspaces;

use mlflow_authz::Config;
use mlflow_authz::config::{Bodies, ConfigError, CredentialKind};

use super::finding::Findings;
use super::input::Document;
use super::node::Node;
use super::place::{Place, Spot};
use super::rules;
use crate::config_file;

/// The longest that a principal may be stale where nobody asks for revoked keys: the default.
const LONGEST_UNREVOKED: std::time::Duration = std::time::Duration::from_secs(300);

/// Where a configuration stands: as an object, of which every field has its own line, or as a text.
#[derive(Debug, Clone)]
pub struct Origin<'a>(pub Place<'a>);

impl Origin<'_> {
    /// The spot of a field, `scopes.a[0]`: that of the nearest field around it that is there.
    pub fn field(&self, path: &[&str]) -> Spot {
        let Self(place) = self;
        if place.is_object() {
            return nearest(place, path).0.spot();
        }
        let Spot { path: outer, .. } = place.spot();
        let inner = path.join(".").replace(".[", "[");
        let both = match (outer.is_empty(), inner.is_empty()) {
            (true, _) => inner,
            (false, true) => outer,
            (false, false) => format!("{outer} > {inner}"),
        };
        let parsed = place.text().and_then(|text| Node::read_all(text).ok());
        let line = match parsed.as_deref() {
            Some([node]) if !path.is_empty() => {
                place.line_of(nearest(&Place::root("", None, node), path).0.spot().line)
            }
            _ => place.spot().line,
        };
        Spot {
            path: both,
            line,
            ..place.spot()
        }
    }

    /// Whether a field is there.
    pub fn has(&self, path: &[&str]) -> bool {
        let Self(place) = self;
        let parsed = place.text().and_then(|text| Node::read_all(text).ok());
        match parsed.as_deref() {
            Some([node]) => nearest(&Place::root("", None, node), path).1,
            _ => nearest(place, path).1,
        }
    }

    /// The spot of a line of the configuration.
    fn line(&self, line: u64) -> Spot {
        let Self(place) = self;
        let line = match place.text() {
            Some(_) => place.line_of(line),
            None => line,
        };
        Spot {
            line,
            ..place.spot()
        }
    }

    /// The spot of a field as the parser's errors name it.
    fn named(&self, field: &str) -> Spot {
        let separated = field.replace('[', ".[");
        let names: Vec<&str> = separated
            .split('.')
            .filter(|name| !name.is_empty())
            .collect();
        self.field(&names)
    }
}

/// A field, or the nearest one around it that is there, and whether it is the field itself.
fn nearest<'a>(place: &Place<'a>, path: &[&str]) -> (Place<'a>, bool) {
    let mut nearest = place.clone();
    for name in path {
        let index = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let next = match index.and_then(|index| index.parse().ok()) {
            Some(index) => nearest.items().nth(index),
            None => nearest.get(name),
        };
        match next {
            Some(next) => nearest = next,
            None => return (nearest, false),
        }
    }
    (nearest, true)
}

/// A file that is a plugin configuration.
pub fn check_document(findings: &mut Findings, document: &Document<'_>) {
    check(findings, &Origin(document.root.clone()), document.text);
}

/// What the parser and every rule say of a configuration; the configuration, if the filter would take it.
pub fn check(findings: &mut Findings, origin: &Origin<'_>, text: &str) -> Option<Config> {
    match Config::parse(text.as_bytes()) {
        Ok(config) => {
            lint(findings, origin, &config);
            Some(config)
        }
        Err(first) => {
            for error in refusals::all(text, first) {
                refused(findings, origin, &error);
            }
            None
        }
    }
}

fn refused(findings: &mut Findings, origin: &Origin<'_>, error: &ConfigError) {
    let (mut problem, remedy) = config_file::problem_and_remedy(error);
    let spot = match error.field_name() {
        Some("") => {
            "a field has an empty name".clone_into(&mut problem);
            origin.field(&[])
        }
        Some(field) => {
            let spot = origin.named(field);
            // The finding names what is around a field that is not there.
            let behind = behind(&spot.path, field);
            if !behind.is_empty() {
                problem = format!("{behind}: {problem}");
            }
            spot
        }
        // The parser counts the lines of the configuration, and the finding those of the file.
        None => match at_line(&problem) {
            Some((text, line)) => {
                let spot = origin.line(line);
                problem = text.to_owned();
                spot
            }
            None => origin.field(&[]),
        },
    };
    findings.add_at(rules::CONFIG_REFUSED, spot, problem, remedy);
}

/// What of a field a path does not end with: `expires_at` of `keys[0].expires_at` behind `keys[0]`.
fn behind<'f>(path: &str, field: &'f str) -> &'f str {
    let ends = field
        .match_indices(['.', '['])
        .map(|(at, _)| at)
        .chain([field.len()]);
    let named = ends.filter(|at| {
        let start = field.get(..*at).unwrap_or_default();
        let before = path.strip_suffix(start);
        before.is_some_and(|before| before.is_empty() || !before.ends_with(is_of_a_name))
    });
    let behind = named.max().and_then(|at| field.get(at..));
    behind.unwrap_or(field).trim_start_matches('.')
}

const fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// A problem, and the line that its text ends with.
fn at_line(text: &str) -> Option<(&str, u64)> {
    let (problem, position) = text.rsplit_once(" at line ")?;
    let (line, _) = position.split_once(" column ")?;
    Some((problem, line.parse().ok()?))
}

fn lint(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    permissions::check(findings, origin, config);
    scopes::check(findings, origin, config);
    overrides::check(findings, origin, config);
    keys::check(findings, origin, config);
    patterns::check(findings, origin, config);
    secrets::check(findings, origin, config);
    unused::check(findings, origin, config);
    workspaces::check(findings, origin, config);
    if config.revocation.is_none() && config.cache.stale_if_error > LONGEST_UNREVOKED {
        findings.add_at(
            rules::STALE_WITHOUT_REVOCATION,
            origin.field(&["cache", "stale_if_error"]),
            "revocation is not configured: while the auth service is unavailable, a revoked key keeps working for stale_if_error",
            "configure revocation, or shorten stale_if_error to 5m or less",
        );
    }
    if config.credentials.contains(&CredentialKind::Query) {
        findings.add_at(
            rules::KEY_IN_QUERY,
            origin.field(&["credentials"]),
            "\"query\" takes keys from URLs, which clients, proxies and browsers write into their logs and histories",
            "remove \"query\" if no caller needs it",
        );
    }
}

/// Whether a grant limited to names can decide about what a body names.
pub fn reads_bodies(config: &Config) -> bool {
    config.bodies == Bodies::Inspect
}

/// One line about a good configuration.
pub fn summary(config: &Config) -> String {
    let service = config.auth_service.as_ref().map(|service| {
        // A query may hold a secret.
        let path = service.path.split('?').next().unwrap_or_default();
        format!(
            ", auth service {} at {}{path}",
            service.cluster, service.authority
        )
    });
    let keys = match config.keys.len() {
        0 => String::new(),
        keys => format!(", keys configured: {keys}"),
    };
    let jwt = config
        .jwt
        .as_ref()
        .map(|jwt| format!(", jwt with claims under {}", jwt.metadata_key.join(" or ")));
    let mtls = config.mtls.as_ref().map(|mtls| {
        let count = mtls.principals.len();
        format!(", mtls by {}, principals: {count}", mtls.by.as_str())
    });
    format!(
        "mode {}, mounts {}{}{keys}{}{}, scopes configured: {}, roles configured: {}",
        config.mode.as_str(),
        config.mounts.join(" "),
        service.unwrap_or_default(),
        jwt.unwrap_or_default(),
        mtls.unwrap_or_default(),
        config.scopes.len(),
        config.roles.len(),
    )
}
