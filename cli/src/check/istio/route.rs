//! The parts of a route in a `VirtualService`.

use super::super::manifests::path::{PathRule, Rewrite};
use super::super::place::Place;

/// What `uri` says.
pub fn path_rule<'a>(uri: &Place<'a>) -> PathRule<'a> {
    let prefix = uri.text_of("prefix").map(PathRule::Prefix);
    let exact = || uri.text_of("exact").map(PathRule::Exact);
    let regex = || uri.text_of("regex").map(PathRule::Regex);
    prefix
        .or_else(exact)
        .or_else(regex)
        .unwrap_or(PathRule::Unknown)
}

/// What `rewrite` says.
pub fn rewriting<'a>(rewrite: &Place<'a>, path: PathRule<'_>) -> Rewrite<'a> {
    if rewrite.get("uriRegexRewrite").is_some() {
        return Rewrite::Unknown;
    }
    match (rewrite.text_of("uri"), path) {
        (None, _) => Rewrite::Kept,
        (Some(uri), PathRule::Prefix(_)) => Rewrite::Prefix(uri),
        (Some(uri), _) => Rewrite::Full(uri),
    }
}

/// Whether a match asks for more than a path.
pub fn is_conditional(matched: &Place<'_>) -> bool {
    let about_path = ["uri", "ignoreUriCase", "name", "statPrefix"];
    matched
        .fields()
        .any(|(name, _)| !about_path.contains(&name))
}

/// Headers that a match asks for.
pub fn header_conditions<'a>(matched: &Place<'a>) -> Vec<(Place<'a>, &'a str)> {
    names_of(matched, ["headers", "withoutHeaders"])
}

/// The headers that `set` and `add` name.
pub fn header_writes<'a>(request: &Place<'a>) -> Vec<(Place<'a>, &'a str)> {
    names_of(request, ["set", "add"])
}

fn names_of<'a>(holder: &Place<'a>, objects: [&str; 2]) -> Vec<(Place<'a>, &'a str)> {
    let objects = objects.iter().filter_map(|name| holder.get(name));
    let fields = objects.flat_map(|object| object.fields().collect::<Vec<_>>());
    fields.map(|(name, place)| (place, name)).collect()
}

/// Whether requests are repeated only where MLflow has not seen them.
pub fn is_harmless(retries: &Place<'_>) -> bool {
    let on = retries.text_of("retryOn").unwrap_or_default();
    let unseen = |cause: &str| ["connect-failure", "refused-stream"].contains(&cause.trim());
    retries.number_of("attempts") == Some(0) || (!on.is_empty() && on.split(',').all(unseen))
}
