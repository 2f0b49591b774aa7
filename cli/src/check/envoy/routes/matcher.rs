//! Which paths a route matches.

use std::collections::BTreeSet;

use mlflow_authz::target::below_mount;

use super::super::super::place::Place;
use super::super::typed::Typed;

/// What `match` says of the path.
#[derive(Debug)]
pub struct Matcher<'a> {
    pub path: PathRule<'a>,
    conditional: bool,
    any_case: bool,
}

#[derive(Debug)]
pub enum PathRule<'a> {
    /// Text at the start.
    Prefix(&'a str),
    /// Whole segments at the start.
    Segments(&'a str),
    Exact(&'a str),
    /// A regular expression or a template: what each path that it matches starts with.
    Pattern(String),
    /// `CONNECT`, which has no path.
    Connect,
    /// What a later Envoy has.
    Other,
}

/// What of a route's paths lies outside the mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond<'m> {
    Nothing,
    /// The prefix is this mount, and no slash ends it.
    NextSegment(&'m str),
    /// Other spellings of the mount.
    OtherCase,
    Some,
    CannotTell,
}

const CONDITIONS: &[&str] = &[
    "headers",
    "query_parameters",
    "cookies",
    "runtime_fraction",
    "dynamic_metadata",
    "filter_state",
    "tls_context",
    "grpc",
];

impl<'a> Matcher<'a> {
    /// Reads a `RouteMatch`.
    pub fn read(matched: &Place<'a>) -> Self {
        let conditional = CONDITIONS.iter().any(|name| matched.get(name).is_some());
        let sensitive = matched.get("case_sensitive");
        let any_case = sensitive.is_some_and(|sensitive| !sensitive.is_yes());
        Self {
            path: PathRule::read(matched),
            conditional,
            any_case,
        }
    }

    /// Whether a path below a mount may match.
    pub fn touches(&self, mount: &str) -> bool {
        let mount = mount.trim_end_matches('/');
        let below = format!("{mount}/");
        let meets =
            |prefix: &str| self.starts_with(prefix, &below) || self.starts_with(&below, prefix);
        match &self.path {
            PathRule::Prefix(prefix) => meets(prefix),
            PathRule::Pattern(prefix) => meets(prefix),
            PathRule::Segments(path) => meets(&format!("{path}/")),
            PathRule::Exact(path) => self.starts_with(path, &below) && path.len() > below.len(),
            PathRule::Connect => false,
            PathRule::Other => true,
        }
    }

    /// Whether every path below a mount matches.
    pub fn covers(&self, mount: &str) -> bool {
        let is_simple = matches!(self.path, PathRule::Prefix(_) | PathRule::Segments(_));
        !self.conditional && is_simple && self.may_cover(mount)
    }

    /// Whether every path below a mount may match, for some requests at least.
    pub fn may_cover(&self, mount: &str) -> bool {
        let below = format!("{}/", mount.trim_end_matches('/'));
        match &self.path {
            PathRule::Prefix(prefix) => self.starts_with(&below, prefix),
            PathRule::Segments(path) => self.starts_with(&below, &format!("{path}/")),
            PathRule::Pattern(prefix) => self.starts_with(&below, prefix),
            PathRule::Other => true,
            PathRule::Exact(_) | PathRule::Connect => false,
        }
    }

    /// Whether a path matches, as far as that is known.
    pub fn matches(&self, path: &str) -> bool {
        match &self.path {
            PathRule::Prefix(prefix) => self.starts_with(path, prefix),
            PathRule::Pattern(prefix) => self.starts_with(path, prefix),
            PathRule::Segments(prefix) => below_mount(path, prefix).is_some(),
            PathRule::Exact(exact) => path == *exact,
            PathRule::Connect => false,
            PathRule::Other => true,
        }
    }

    /// What of the paths that it matches no mount covers.
    pub fn outside<'m>(&self, mounts: &BTreeSet<&'m str>) -> Beyond<'m> {
        if matches!(self.path, PathRule::Connect) {
            return Beyond::CannotTell;
        }
        if mounts.contains("/") {
            return Beyond::Nothing;
        }
        let below = |path: &str| {
            mounts
                .iter()
                .any(|mount| path.starts_with(&format!("{mount}/")))
        };
        let outside = match &self.path {
            PathRule::Prefix(prefix) if below(prefix) => Beyond::Nothing,
            PathRule::Prefix(prefix) => {
                let mount = mounts.iter().find(|mount| *mount == prefix);
                mount.map_or(Beyond::Some, |mount| Beyond::NextSegment(mount))
            }
            PathRule::Segments(path) | PathRule::Exact(path)
                if below(path) || mounts.contains(path) =>
            {
                Beyond::Nothing
            }
            PathRule::Segments(_) | PathRule::Exact(_) => Beyond::Some,
            PathRule::Pattern(prefix) if below(prefix) => Beyond::Nothing,
            PathRule::Pattern(_) | PathRule::Other | PathRule::Connect => Beyond::CannotTell,
        };
        if outside == Beyond::Nothing && self.any_case {
            return Beyond::OtherCase;
        }
        outside
    }

    fn starts_with(&self, path: &str, prefix: &str) -> bool {
        let start = path.get(..prefix.len());
        start.is_some_and(|start| {
            start == prefix || self.any_case && start.eq_ignore_ascii_case(prefix)
        })
    }
}

impl<'a> PathRule<'a> {
    fn read(matched: &Place<'a>) -> Self {
        let texts = ["prefix", "path_separated_prefix", "path"];
        let rules = [Self::Prefix, Self::Segments, Self::Exact];
        let simple = texts
            .into_iter()
            .zip(rules)
            .find_map(|(name, rule)| Some(rule(matched.text_of(name)?)));
        if let Some(rule) = simple {
            return rule;
        }
        if let Some(regex) = matched.at(&["safe_regex", "regex"]) {
            let start = regex.text().map(start_of_regex);
            return Self::Pattern(start.unwrap_or_default());
        }
        if matched.get("connect_matcher").is_some() {
            return Self::Connect;
        }
        let template = matched
            .get("path_match_policy")
            .and_then(|policy| Typed::of(&policy))
            .filter(|typed| typed.is("path.match.uri_template.v3.UriTemplateMatchConfig"))
            .and_then(|typed| typed.body.text_of("path_template"));
        match template {
            Some(template) => Self::Pattern(start_of_template(template).to_owned()),
            None => Self::Other,
        }
    }
}

/// The text that every match of a regular expression starts with; Envoy matches the whole path. Empty when unsure.
fn start_of_regex(regex: &str) -> String {
    if has_alternatives(regex) {
        return String::new();
    }
    let mut start = String::new();
    let mut letters = regex.strip_prefix('^').unwrap_or(regex).chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(escaped) if !escaped.is_alphanumeric() => start.push(escaped),
                _ => break,
            },
            // The letter before may be missing.
            '?' | '*' | '{' => {
                start.pop();
                break;
            }
            '.' | '+' | '(' | '[' | ')' | ']' | '|' | '^' | '$' => break,
            _ => start.push(letter),
        }
    }
    start
}

/// Whether a `|` may stand outside every group, so that a match may start otherwise.
fn has_alternatives(regex: &str) -> bool {
    if regex.contains('|') && (regex.contains('[') || regex.contains("\\Q")) {
        return true;
    }
    let mut depth = 0_usize;
    let mut letters = regex.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => _ = letters.next(),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

fn start_of_template(template: &str) -> &str {
    template.split(['{', '*']).next().unwrap_or_default()
}
