//! Ways past every gateway: an `Ingress`, and a Service that is open to the outside.

use super::super::input::Document;
use super::super::place::Place;
use super::endpoint::Directory;
use super::object::{Object, of_kinds};
use super::path::{PathRule, Rewrite};
use super::way::{Destination, Entry, Layer, Settings, Way};

/// Reads both.
pub fn read<'a>(documents: &[Document<'a>], directory: &Directory<'a>) -> Vec<Way<'a>> {
    let ingresses = of_kinds(documents, &["Ingress"]);
    let behind = ingresses
        .iter()
        .flat_map(|ingress| of_ingress(ingress, directory));
    let services = of_kinds(documents, &["Service"]);
    let open = services
        .iter()
        .flat_map(|service| of_service(service, directory));
    behind.chain(open).collect()
}

fn of_ingress<'a>(ingress: &Object<'a>, directory: &Directory<'a>) -> Vec<Way<'a>> {
    let paths = ingress
        .spec
        .list("rules")
        .into_iter()
        .filter_map(|rule| rule.get("http"));
    let paths = paths
        .flat_map(|http| http.list("paths"))
        .filter_map(|path| path.get("backend"));
    let backends = paths.chain(ingress.spec.get("defaultBackend"));
    let to = |backend: Place<'a>| {
        let service = backend.get("service")?;
        let port = service
            .at(&["port", "number"])
            .and_then(|port| port.number());
        let host = format!("{}.{}.svc", service.text_of("name")?, ingress.namespace);
        let known_as = directory.host(&host, ingress.namespace, port);
        Some(around(
            backend,
            known_as,
            "an Ingress forwards to it and bypasses the gateway with the filter",
        ))
    };
    backends.filter_map(to).collect()
}

fn of_service<'a>(service: &Object<'a>, directory: &Directory<'a>) -> Vec<Way<'a>> {
    let kind = service.spec.get("type");
    let is_open = |kind: &Place<'a>| matches!(kind.text(), Some("LoadBalancer" | "NodePort"));
    let Some(open) = kind
        .filter(is_open)
        .or_else(|| service.spec.get("externalIPs"))
    else {
        return Vec::new();
    };
    let host = format!("{}.{}.svc", service.name, service.namespace);
    let ports = service.spec.list("ports");
    let to = |port: &Place<'a>| {
        let known_as = directory.host(&host, service.namespace, port.number_of("port"));
        around(
            open.clone(),
            known_as,
            "its Service is open to clients outside the cluster",
        )
    };
    ports.iter().map(to).collect()
}

fn around<'a>(
    place: Place<'a>,
    known_as: Vec<super::endpoint::Endpoint>,
    why: &'static str,
) -> Way<'a> {
    Way {
        entry: Entry::Around,
        layer: Layer::Without(why),
        hosts: Vec::new(),
        path: PathRule::Prefix("/"),
        rewrite: Rewrite::Kept,
        any_case: None,
        conditional: false,
        before: Vec::new(),
        destinations: vec![Destination {
            place: place.clone(),
            known_as,
            is_mirror: false,
        }],
        settings: Settings::default(),
        place,
    }
}
