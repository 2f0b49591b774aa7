//! Whether MLflow gets the path that the filter decided about: what is below the mount.

use std::collections::BTreeSet;

use mlflow_authz::catalog;
use mlflow_authz::target::below_mount;

use super::super::super::place::Place;
use super::matcher::{Matcher, PathRule};

/// The rewrite whose result is followed.
const FOLLOWED: &str = "prefix_rewrite";
/// Rewrites whose result is not followed.
const UNFOLLOWED: &[&str] = &["regex_rewrite", "path_rewrite_policy", "path_rewrite"];

/// A rewrite after which the path is another, or may be.
#[derive(Debug, Clone)]
pub struct Unjudged<'a> {
    pub place: Place<'a>,
    pub why: String,
}

/// Whether a route action rewrites the path.
pub fn is_there(action: &Place<'_>) -> bool {
    let mut fields = UNFOLLOWED.iter().chain([&FOLLOWED]);
    fields.any(|name| action.get(name).is_some())
}

/// What is wrong with a route action's rewrite.
pub fn unjudged<'a>(
    action: &Place<'a>,
    matcher: &Matcher<'_>,
    mounts: &BTreeSet<&str>,
) -> Option<Unjudged<'a>> {
    if let Some(place) = UNFOLLOWED.iter().find_map(|name| action.get(name)) {
        let why = "check does not follow this rewrite, so it cannot tell whether MLflow gets the path that the filter \
                   decided about"
            .to_owned();
        return Some(Unjudged { place, why });
    }
    let place = action.get(FOLLOWED)?;
    let rewrite = place.text().filter(|rewrite| !rewrite.is_empty())?;
    let (matched, whole) = match matcher.path {
        PathRule::Prefix(prefix) => (prefix, true),
        PathRule::Segments(path) | PathRule::Exact(path) => (path, false),
        _ => {
            let why = "a prefix_rewrite needs a prefix to rewrite".to_owned();
            return Some(Unjudged { place, why });
        }
    };
    let expected = judged(matched, mounts)?;
    // MLflow reads a doubled slash at the start as one.
    let trimmed = |path: &str| match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    };
    let same = |rewrite: &str, expected: &str| {
        rewrite == expected || !whole && trimmed(rewrite) == trimmed(expected)
    };
    if !splits(matched, mounts)
        && (same(rewrite, expected) || is_static_prefix(rewrite, expected, same))
    {
        return None;
    }
    let why = format!(
        "the filter decides about {expected}… below the mount, and MLflow gets {rewrite}… in its place"
    );
    Some(Unjudged { place, why })
}

/// What is left of a matched path when its mount is taken away.
fn judged<'p>(matched: &'p str, mounts: &BTreeSet<&str>) -> Option<&'p str> {
    let rests = mounts
        .iter()
        .filter_map(|mount| below_mount(matched, mount));
    rests.min_by_key(|rest| rest.len())
}

/// Whether a longer mount lies below the matched path, so that one rewrite fits not all of it.
fn splits(matched: &str, mounts: &BTreeSet<&str>) -> bool {
    let below = format!("{}/", matched.trim_end_matches('/'));
    mounts
        .iter()
        .any(|mount| mount.starts_with(&below) && mount.len() > matched.len())
}

/// `mlflow server --static-prefix`: what stands before the path. It must not read as an endpoint.
fn is_static_prefix(rewrite: &str, expected: &str, same: impl Fn(&str, &str) -> bool) -> bool {
    let first = rewrite.trim_start_matches('/').split('/').next();
    let Some(first) = first.filter(|first| !first.is_empty()) else {
        return false;
    };
    let stem = rewrite
        .trim_end_matches('/')
        .strip_suffix(expected.trim_end_matches('/'));
    let Some(stem) = stem.filter(|stem| stem.starts_with('/') && has_one_reading(stem)) else {
        return false;
    };
    let mut routes = catalog::operations().flat_map(|operation| operation.routes);
    let is_endpoint = ["api", "ajax-api"].contains(&first)
        || routes
            .any(|route| route.template.trim_start_matches('/').split('/').next() == Some(first));
    !is_endpoint
        && same(
            rewrite,
            &format!("{}{expected}", stem.trim_end_matches('/')),
        )
}

/// Whether a path has neither escapes, dot segments, parameters nor a query, which MLflow reads as another path.
fn has_one_reading(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    path.bytes().all(is_plain) && !path.contains("//") && !path.contains("/.")
}
