//! Istio's `VirtualService`: the ways it makes.

use super::super::hosts::in_common;
use super::super::input::Document;
use super::super::manifests::endpoint::{Directory, Endpoint};
use super::super::manifests::object::{Object, find, of_kinds};
use super::super::manifests::path::{PathRule, Rewrite};
use super::super::manifests::way::{Destination, Entry, Layer, Settings, Way, time_limit};
use super::super::place::Place;
use super::route::{
    header_conditions, header_writes, is_conditional, is_harmless, path_rule, rewriting,
};

/// Istio's name for the sidecars of the mesh, and what a `VirtualService` without gateways is for.
const MESH: &str = "mesh";

/// What is read with the routes.
pub struct World<'a, 'd> {
    directory: &'d Directory<'a>,
    gateways: Vec<Object<'a>>,
    services: Vec<Object<'a>>,
    /// Whether Istio's own retries are switched off in the mesh.
    retries_off: bool,
}

/// Every way of every `VirtualService`.
pub fn read<'a>(documents: &[Document<'a>], directory: &Directory<'a>) -> Vec<Way<'a>> {
    let gateways = of_kinds(documents, &["Gateway"]);
    let policy = documents.iter().find_map(|document| {
        let policy = document
            .root
            .at(&["meshConfig", "defaultHttpRetryPolicy"])?;
        Some(policy.number_of("attempts") == Some(0))
    });
    let world = World {
        directory,
        gateways: gateways
            .into_iter()
            .filter(|gateway| gateway.group() == "networking.istio.io")
            .collect(),
        services: of_kinds(documents, &["VirtualService"]),
        retries_off: policy.unwrap_or_default(),
    };
    let roots = world
        .services
        .iter()
        .filter(|service| service.spec.get("hosts").is_some());
    roots
        .flat_map(|service| world.of_service(service))
        .collect()
}

/// A route with what a `VirtualService` that delegates to it says of the path.
struct Route<'a> {
    place: Place<'a>,
    namespace: &'a str,
    outer: Vec<Place<'a>>,
    unproven: Vec<(Place<'a>, String)>,
}

impl<'a> World<'a, '_> {
    fn of_service(&self, service: &Object<'a>) -> Vec<Way<'a>> {
        let hosts = service.spec.texts("hosts");
        let routes = self.routes(service);
        let mut ways: Vec<Way<'a>> = Vec::new();
        for (entry, own) in self.entries(service) {
            let Some(hosts) = in_common(&hosts, &own) else {
                continue;
            };
            let plain = plain_server(&entry, &hosts);
            let mut before = Vec::new();
            for route in &routes {
                for mut way in self.of_route(route, &entry, &hosts, &before) {
                    if !way.conditional {
                        before.push(way.path);
                    }
                    way.settings.plain.clone_from(&plain);
                    ways.push(way);
                }
            }
            ways.extend(self.connections(service, &entry, &hosts));
        }
        ways.retain(|way| !way.destinations.is_empty());
        ways
    }

    /// Where it is for, with the hosts of each gateway; none is any.
    fn entries(&self, service: &Object<'a>) -> Vec<(Entry<'a>, Vec<String>)> {
        let mut named = service.spec.texts("gateways");
        if named.is_empty() {
            named.push(MESH.to_owned());
        }
        named
            .into_iter()
            .map(|name| self.entry(service, &name))
            .collect()
    }

    fn entry(&self, service: &Object<'a>, name: &str) -> (Entry<'a>, Vec<String>) {
        if name == MESH {
            return (Entry::Mesh, Vec::new());
        }
        let (namespace, name) = name.split_once('/').unwrap_or((service.namespace, name));
        let object = find(&self.gateways, namespace, name).cloned();
        let servers = object
            .as_ref()
            .map(|object| object.spec.list("servers"))
            .unwrap_or_default();
        let hosts = servers.iter().flat_map(server_hosts).collect();
        let entry = Entry::Gateway {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            object,
        };
        (entry, hosts)
    }

    /// Its HTTP routes, those that it delegates included.
    fn routes(&self, service: &Object<'a>) -> Vec<Route<'a>> {
        let mut routes = Vec::new();
        for place in service.spec.list("http") {
            let route = |place: Place<'a>, namespace, outer| Route {
                place,
                namespace,
                outer,
                unproven: Vec::new(),
            };
            let Some(delegate) = place.get("delegate") else {
                routes.push(route(place, service.namespace, Vec::new()));
                continue;
            };
            let namespace = delegate.text_of("namespace").unwrap_or(service.namespace);
            let name = delegate.text_of("name").unwrap_or_default();
            match find(&self.services, namespace, name) {
                Some(other) => {
                    let inner = other.spec.list("http").into_iter();
                    routes.extend(
                        inner.map(|inner| route(inner, other.namespace, place.list("match"))),
                    );
                }
                None => {
                    let why = format!(
                        "the VirtualService {namespace}/{name}, to which it delegates, is not in the given files"
                    );
                    routes.push(Route {
                        unproven: vec![(delegate, why)],
                        ..route(place, service.namespace, Vec::new())
                    });
                }
            }
        }
        routes
    }

    fn of_route(
        &self,
        route: &Route<'a>,
        entry: &Entry<'a>,
        hosts: &[String],
        before: &[PathRule<'a>],
    ) -> Vec<Way<'a>> {
        let own = route.place.list("match");
        let rules: Vec<Option<Place<'a>>> = match (own.is_empty(), route.outer.is_empty()) {
            (false, _) => own.into_iter().map(Some).collect(),
            (true, false) => route.outer.iter().cloned().map(Some).collect(),
            (true, true) => vec![None],
        };
        let destinations = self.destinations(route);
        let settings = self.settings(route);
        let rewrite = route.place.get("rewrite");
        let to_way = |matched: Option<Place<'a>>| {
            // What does not speak of the path takes what the outer route takes.
            let outer = || route.outer.first().and_then(|outer| outer.get("uri"));
            let uri = matched
                .as_ref()
                .and_then(|matched| matched.get("uri"))
                .or_else(outer);
            let path = uri.as_ref().map_or(PathRule::Prefix("/"), path_rule);
            let is_true = |name: &str| {
                matched
                    .as_ref()
                    .filter(|it| it.is_true(name))
                    .and_then(|it| it.get(name))
            };
            let place = matched.clone().unwrap_or_else(|| route.place.clone());
            let mut settings = settings.clone();
            settings.chooses_by = matched.iter().flat_map(header_conditions).collect();
            Way {
                entry: entry.clone(),
                layer: Layer::Http,
                hosts: hosts.to_vec(),
                rewrite: rewrite
                    .as_ref()
                    .map_or(Rewrite::Kept, |rewrite| rewriting(rewrite, path)),
                any_case: is_true("ignoreUriCase"),
                conditional: matched.as_ref().is_some_and(is_conditional),
                before: before.to_vec(),
                destinations: destinations.clone(),
                path,
                place,
                settings,
            }
        };
        rules.into_iter().map(to_way).collect()
    }

    fn destinations(&self, route: &Route<'a>) -> Vec<Destination<'a>> {
        let end = |destination: Place<'a>, is_mirror| Destination {
            known_as: self.known_as(&destination, route.namespace),
            place: destination,
            is_mirror,
        };
        let mut ends: Vec<Destination<'a>> = route
            .place
            .list("route")
            .iter()
            .filter_map(|weighted| weighted.get("destination"))
            .map(|destination| end(destination, false))
            .collect();
        ends.extend(route.place.get("mirror").map(|mirror| end(mirror, true)));
        let mirrors = route.place.list("mirrors");
        let mirrors = mirrors
            .iter()
            .filter_map(|mirror| mirror.get("destination"));
        ends.extend(mirrors.map(|mirror| end(mirror, true)));
        // What it delegates to is somewhere.
        let unknown = route.unproven.iter().map(|(place, _)| Destination {
            place: place.clone(),
            known_as: vec![Endpoint::Unknown(place.to_json())],
            is_mirror: false,
        });
        ends.extend(unknown);
        ends
    }

    fn known_as(&self, destination: &Place<'a>, namespace: &str) -> Vec<Endpoint> {
        let port = destination
            .get("port")
            .and_then(|port| port.number_of("number"));
        let host = destination.text_of("host").unwrap_or_default();
        self.directory.host(host, namespace, port)
    }

    fn settings(&self, route: &Route<'a>) -> Settings<'a> {
        let place = &route.place;
        let retries = match place.get("retries") {
            Some(retries) => (!is_harmless(&retries)).then_some(retries),
            None => (!self.retries_off).then(|| place.clone()),
        };
        let ends = place.list("route");
        let holders = std::iter::once(place.clone()).chain(ends);
        let changes: Vec<Place<'a>> = holders
            .filter_map(|holder| holder.at(&["headers", "request"]))
            .collect();
        let removed = changes.iter().flat_map(|it| it.list("remove"));
        Settings {
            plain: None,
            removes: removed
                .filter_map(|name| Some((name.clone(), name.text()?)))
                .collect(),
            writes: changes.iter().flat_map(header_writes).collect(),
            chooses_by: Vec::new(),
            retries,
            time_limit: place.get("timeout").and_then(time_limit),
            unproven: route.unproven.clone(),
        }
    }

    /// Its TCP and TLS routes.
    fn connections(
        &self,
        service: &Object<'a>,
        entry: &Entry<'a>,
        hosts: &[String],
    ) -> Vec<Way<'a>> {
        let lists = [
            (
                "tcp",
                "a TCP route forwards connections, and HTTP filters do not run",
            ),
            (
                "tls",
                "a TLS route forwards connections as they are, and HTTP filters do not run",
            ),
        ];
        let mut ways = Vec::new();
        for (list, why) in lists {
            for place in service.spec.list(list) {
                let route = Route {
                    place,
                    namespace: service.namespace,
                    outer: Vec::new(),
                    unproven: Vec::new(),
                };
                ways.push(Way {
                    entry: entry.clone(),
                    layer: Layer::Without(why),
                    hosts: hosts.to_vec(),
                    path: PathRule::Prefix("/"),
                    rewrite: Rewrite::Kept,
                    any_case: None,
                    conditional: true,
                    before: Vec::new(),
                    destinations: self.destinations(&route),
                    settings: Settings::default(),
                    place: route.place,
                });
            }
        }
        ways
    }
}

/// `namespace/host` is a host, too, where a gateway serves the routes of one namespace only.
fn server_hosts(server: &Place<'_>) -> Vec<String> {
    let hosts = server.texts("hosts").into_iter();
    hosts
        .map(|host| host.rsplit('/').next().unwrap_or_default().to_owned())
        .collect()
}

/// A server of the gateway that takes requests for these hosts without TLS, and does not only redirect them.
fn plain_server<'a>(entry: &Entry<'a>, hosts: &[String]) -> Option<Place<'a>> {
    let Entry::Gateway {
        object: Some(gateway),
        ..
    } = entry
    else {
        return None;
    };
    let is_plain = |server: &Place<'a>| {
        let protocol = server.at(&["port", "protocol"]);
        let protocol = protocol
            .as_ref()
            .and_then(Place::text)
            .unwrap_or_default()
            .to_ascii_uppercase();
        let redirects = server
            .get("tls")
            .is_some_and(|tls| tls.is_true("httpsRedirect"));
        ["HTTP", "HTTP2", "GRPC", "GRPC-WEB"].contains(&protocol.as_str())
            && !redirects
            && in_common(&server_hosts(server), hosts).is_some()
    };
    gateway.spec.list("servers").into_iter().find(is_plain)
}
