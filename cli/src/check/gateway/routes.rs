//! Routes of the Gateway API: the ways they make.

use super::super::hosts::in_common;
use super::super::input::Document;
use super::super::manifests::endpoint::Directory;
use super::super::manifests::object::{Object, find, of_kinds};
use super::super::manifests::path::{PathRule, Rewrite};
use super::super::manifests::way::{
    Destination, Entry, Layer, Listener, Settings, Way, time_limit,
};
use super::super::place::Place;
use super::filters;

/// Routes that HTTP filters run on.
const HTTP: &[&str] = &["HTTPRoute", "GRPCRoute"];
/// Routes that forward connections.
const CONNECTIONS: &[&str] = &["TCPRoute", "TLSRoute", "UDPRoute"];

/// Every way of every route.
pub fn read<'a>(documents: &[Document<'a>], directory: &Directory<'a>) -> Vec<Way<'a>> {
    let world = World {
        directory,
        gateways: of_kinds(documents, &["Gateway"])
            .into_iter()
            .filter(|gateway| gateway.group() == "gateway.networking.k8s.io")
            .collect(),
        filters: of_kinds(documents, &["HTTPRouteFilter"]),
    };
    let http = of_kinds(documents, HTTP)
        .into_iter()
        .map(|route| (route, Layer::Http));
    let why = "this kind of route forwards connections, and HTTP filters do not run";
    let connections = of_kinds(documents, CONNECTIONS)
        .into_iter()
        .map(|route| (route, Layer::Without(why)));
    http.chain(connections)
        .flat_map(|(route, layer)| world.of_route(&route, layer))
        .collect()
}

/// A listener, its host names, and the listener again where it has no TLS.
type Attached<'a> = (Listener<'a>, Vec<String>, Option<Place<'a>>);

/// What is read with the routes.
struct World<'a, 'd> {
    directory: &'d Directory<'a>,
    gateways: Vec<Object<'a>>,
    /// Envoy Gateway's own filters of routes.
    filters: Vec<Object<'a>>,
}

impl<'a> World<'a, '_> {
    fn of_route(&self, route: &Object<'a>, layer: Layer) -> Vec<Way<'a>> {
        let hosts = route.spec.texts("hostnames");
        let mut ways = Vec::new();
        for (listener, own, plain) in self.listeners(route) {
            let Some(hosts) = in_common(&hosts, &own) else {
                continue;
            };
            for rule in route.spec.list("rules") {
                let entry = Listener {
                    rule: rule.text_of("name"),
                    ..listener.clone()
                };
                let made = self.of_rule(route, &rule, &Entry::Listener(entry), &hosts, layer);
                ways.extend(made.into_iter().map(|mut way| {
                    way.settings.plain.clone_from(&plain);
                    way
                }));
            }
        }
        if route.spec.list("parentRefs").iter().any(is_service) {
            for rule in route.spec.list("rules") {
                ways.extend(self.of_rule(route, &rule, &Entry::Mesh, &hosts, layer));
            }
        }
        ways.retain(|way| !way.destinations.is_empty());
        ways
    }

    /// The listeners that it is attached to, each with its host names.
    fn listeners(&self, route: &Object<'a>) -> Vec<Attached<'a>> {
        let parents = route.spec.list("parentRefs").into_iter();
        parents
            .filter(|parent| !is_service(parent))
            .flat_map(|parent| self.listeners_of(route, &parent))
            .collect()
    }

    fn listeners_of(&self, route: &Object<'a>, parent: &Place<'a>) -> Vec<Attached<'a>> {
        let namespace = parent.text_of("namespace").unwrap_or(route.namespace);
        let name = parent.text_of("name").unwrap_or_default();
        let wanted = parent.text_of("sectionName");
        let object = find(&self.gateways, namespace, name).cloned();
        let listener = |section| Listener {
            namespace: namespace.to_owned(),
            gateway: name.to_owned(),
            section,
            route: route.clone(),
            rule: None,
        };
        let Some(gateway) = &object else {
            return vec![(listener(wanted), Vec::new(), None)];
        };
        let port = parent.number_of("port");
        let all = gateway.spec.list("listeners").into_iter();
        let chosen = all.filter(|each| {
            wanted.is_none_or(|wanted| each.text_of("name") == Some(wanted))
                && port.is_none_or(|port| each.number_of("port") == Some(port))
        });
        chosen
            .map(|each| {
                let host = each.text_of("hostname").map(str::to_owned);
                let plain = (each.text_of("protocol") == Some("HTTP")).then(|| each.clone());
                (
                    listener(each.text_of("name")),
                    host.into_iter().collect(),
                    plain,
                )
            })
            .collect()
    }

    fn of_rule(
        &self,
        route: &Object<'a>,
        rule: &Place<'a>,
        entry: &Entry<'a>,
        hosts: &[String],
        layer: Layer,
    ) -> Vec<Way<'a>> {
        let matches = rule.list("matches");
        let matches: Vec<Option<Place<'a>>> = match matches.is_empty() {
            true => vec![None],
            false => matches.into_iter().map(Some).collect(),
        };
        let (settings, rewrite) = self.settings(route, rule);
        let destinations = self.destinations(route, rule);
        let to_way = |matched: Option<Place<'a>>| {
            let path = match route.kind {
                "GRPCRoute" => PathRule::Unknown,
                _ => matched
                    .as_ref()
                    .and_then(|matched| matched.get("path"))
                    .map_or(PathRule::Segments("/"), |path| path_rule(&path)),
            };
            let mut settings = settings.clone();
            let conditions = matched
                .as_ref()
                .map(|matched| matched.list("headers"))
                .unwrap_or_default();
            settings.chooses_by = filters::named(conditions);
            Way {
                entry: entry.clone(),
                layer,
                hosts: hosts.to_vec(),
                rewrite: match (rewrite, path) {
                    (Rewrite::Prefix(to), PathRule::Exact(_)) => Rewrite::Full(to),
                    (rewrite, _) => rewrite,
                },
                any_case: None,
                conditional: matched
                    .as_ref()
                    .is_some_and(|it| it.fields().any(|(name, _)| name != "path")),
                before: Vec::new(),
                destinations: destinations.clone(),
                place: matched.unwrap_or_else(|| rule.clone()),
                path,
                settings,
            }
        };
        matches.into_iter().map(to_way).collect()
    }

    fn destinations(&self, route: &Object<'a>, rule: &Place<'a>) -> Vec<Destination<'a>> {
        let end = |reference: Place<'a>, is_mirror| Destination {
            known_as: self.directory.reference(&reference, route.namespace),
            place: reference,
            is_mirror,
        };
        let backends = rule.list("backendRefs");
        let filters = filters::of_rule(rule);
        let mirrors = filters
            .iter()
            .filter_map(|filter| filter.at(&["requestMirror", "backendRef"]));
        let mirrors: Vec<Place<'a>> = mirrors.collect();
        let routed = backends.into_iter().map(|reference| end(reference, false));
        routed
            .chain(mirrors.into_iter().map(|reference| end(reference, true)))
            .collect()
    }

    fn settings(&self, route: &Object<'a>, rule: &Place<'a>) -> (Settings<'a>, Rewrite<'a>) {
        let mut settings = Settings {
            retries: rule.get("retry"),
            ..Settings::default()
        };
        let mut rewrite = Rewrite::Kept;
        for filter in filters::of_rule(rule) {
            filters::read(&self.filters, route, &filter, &mut settings, &mut rewrite);
        }
        let timeouts = ["request", "backendRequest"];
        settings.time_limit = timeouts
            .iter()
            .filter_map(|name| rule.at(&["timeouts", name]))
            .find_map(time_limit);
        (settings, rewrite)
    }
}

/// Whether a route is for requests of the mesh to a Service, rather than for those of a gateway.
fn is_service(parent: &Place<'_>) -> bool {
    matches!(parent.text_of("kind"), Some("Service" | "ServiceEntry"))
}

fn path_rule<'a>(path: &Place<'a>) -> PathRule<'a> {
    let value = path.text_of("value").unwrap_or("/");
    match path.text_of("type").unwrap_or("PathPrefix") {
        "PathPrefix" => PathRule::Segments(value),
        "Exact" => PathRule::Exact(value),
        "RegularExpression" => PathRule::Regex(value),
        _ => PathRule::Unknown,
    }
}
