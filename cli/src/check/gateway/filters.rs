//! What the filters of a route's rule do: headers they write, paths they rewrite, and what is not known of them.

use super::super::manifests::object::{Object, find};
use super::super::manifests::path::Rewrite;
use super::super::manifests::way::Settings;
use super::super::place::Place;

/// The filters of a rule and of its backends.
pub fn of_rule<'a>(rule: &Place<'a>) -> Vec<Place<'a>> {
    let backends = rule.list("backendRefs");
    let of_backends = backends.iter().flat_map(|backend| backend.list("filters"));
    rule.list("filters")
        .into_iter()
        .chain(of_backends)
        .collect()
}

/// Adds what one filter does. `known` are Envoy Gateway's own filters of routes.
pub fn read<'a>(
    known: &[Object<'a>],
    route: &Object<'a>,
    filter: &Place<'a>,
    settings: &mut Settings<'a>,
    rewrite: &mut Rewrite<'a>,
) {
    match filter.text_of("type").unwrap_or_default() {
        "RequestHeaderModifier" => {
            let changes = filter.get("requestHeaderModifier");
            settings.writes.extend(changes.iter().flat_map(writes));
            let removed = changes.iter().flat_map(|it| it.list("remove"));
            let removed = removed.filter_map(|name| Some((name.clone(), name.text()?)));
            settings.removes.extend(removed);
        }
        "URLRewrite" => *rewrite = rewriting(filter.at(&["urlRewrite", "path"])),
        "ExtensionRef" => extension(known, route, filter, settings, rewrite),
        "RequestMirror" | "RequestRedirect" | "ResponseHeaderModifier" | "CORS" => {}
        other => settings.unproven.push((
            filter.clone(),
            format!("the filter {other} is not known here"),
        )),
    }
}

/// The headers that `set`, `add` and `addIfAbsent` name.
pub fn writes<'a>(changes: &Place<'a>) -> Vec<(Place<'a>, &'a str)> {
    let lists = ["set", "add", "addIfAbsent"];
    lists
        .iter()
        .flat_map(|list| named(changes.list(list)))
        .collect()
}

fn rewriting<'a>(path: Option<Place<'a>>) -> Rewrite<'a> {
    let Some(path) = path else {
        return Rewrite::Kept;
    };
    match (
        path.text_of("replacePrefixMatch"),
        path.text_of("replaceFullPath"),
    ) {
        (Some(to), _) => Rewrite::Prefix(if to.is_empty() { "/" } else { to }),
        (_, Some(to)) => Rewrite::Full(to),
        _ => Rewrite::Unknown,
    }
}

/// Envoy Gateway's `HTTPRouteFilter`.
fn extension<'a>(
    known: &[Object<'a>],
    route: &Object<'a>,
    filter: &Place<'a>,
    settings: &mut Settings<'a>,
    rewrite: &mut Rewrite<'a>,
) {
    let reference = filter.get("extensionRef");
    let text = |name: &str| {
        reference
            .as_ref()
            .and_then(|it| it.text_of(name))
            .unwrap_or_default()
    };
    let (kind, name) = (text("kind"), text("name"));
    let object = find(known, route.namespace, name);
    let Some(object) = object.filter(|object| object.kind == kind) else {
        let why = format!(
            "{kind} {}/{name} is not in the given files",
            route.namespace
        );
        settings.unproven.push((filter.clone(), why));
        return;
    };
    if let Some(injection) = object.spec.get("credentialInjection") {
        let header = injection.text_of("header").unwrap_or("Authorization");
        settings.writes.push((injection, header));
    }
    if object.spec.at(&["urlRewrite", "path"]).is_some() {
        *rewrite = Rewrite::Unknown;
    }
}

/// Header names of a list of objects with `name`.
pub fn named(items: Vec<Place<'_>>) -> Vec<(Place<'_>, &str)> {
    items
        .into_iter()
        .filter_map(|item| Some((item.clone(), item.text_of("name")?)))
        .collect()
}
