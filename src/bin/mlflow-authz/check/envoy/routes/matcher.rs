//! Which paths a route matches.

use std::collections::BTreeSet;

use super::super::super::place::Place;

/// What `match` says of the path.
#[derive(Debug)]
pub struct Matcher<'a> {
    path: PathRule<'a>,
    conditional: bool,
}

#[derive(Debug)]
enum PathRule<'a> {
    /// Text at the start.
    Prefix(&'a str),
    /// Whole segments at the start.
    Segments(&'a str),
    Exact(&'a str),
    Regex(&'a str),
    /// A template, `CONNECT`, or what a later Envoy has.
    Other,
}

impl<'a> Matcher<'a> {
    /// Reads a `RouteMatch`.
    pub fn read(matched: &Place<'a>) -> Self {
        let regex = matched
            .get("safe_regex")
            .and_then(|regex| regex.text_of("regex"));
        let path = if let Some(prefix) = matched.text_of("prefix") {
            PathRule::Prefix(prefix)
        } else if let Some(prefix) = matched.text_of("path_separated_prefix") {
            PathRule::Segments(prefix)
        } else if let Some(path) = matched.text_of("path") {
            PathRule::Exact(path)
        } else if let Some(regex) = regex {
            PathRule::Regex(regex)
        } else {
            PathRule::Other
        };
        let conditions = [
            "headers",
            "query_parameters",
            "runtime_fraction",
            "dynamic_metadata",
            "filter_state",
            "grpc",
        ];
        let conditional = conditions.iter().any(|name| matched.get(name).is_some());
        Self { path, conditional }
    }

    /// Whether more than the path decides.
    pub fn is_conditional(&self) -> bool {
        self.conditional
    }

    /// Whether a path below a mount matches. A regular expression is not run: it does when it names the mount.
    pub fn matches(&self, path: &str, mount: &str) -> bool {
        match self.path {
            PathRule::Prefix(prefix) => path.starts_with(prefix),
            PathRule::Segments(prefix) => is_below(path, prefix),
            PathRule::Exact(exact) => path == exact,
            PathRule::Regex(regex) => mount != "/" && regex.replace('\\', "").contains(mount),
            PathRule::Other => false,
        }
    }

    /// The mount that is a prefix here, where no slash ends it.
    pub fn prefix_without_slash<'m>(&self, mounts: &BTreeSet<&'m str>) -> Option<&'m str> {
        let PathRule::Prefix(prefix) = self.path else {
            return None;
        };
        mounts
            .iter()
            .find(|mount| **mount != "/" && **mount == prefix)
            .copied()
    }

    /// Whether it matches paths that no mount covers.
    pub fn reaches_outside(&self, mounts: &BTreeSet<&str>) -> bool {
        if mounts.contains("/") {
            return false;
        }
        let inside = |path: &str| mounts.iter().any(|mount| is_below(path, mount));
        match self.path {
            PathRule::Prefix(prefix) => {
                // What starts with a mount's own text may go on with other letters.
                !inside(prefix) || mounts.contains(prefix)
            }
            PathRule::Segments(path) | PathRule::Exact(path) => !inside(path),
            PathRule::Regex(_) | PathRule::Other => false,
        }
    }
}

fn is_below(path: &str, mount: &str) -> bool {
    path.strip_prefix(mount.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
