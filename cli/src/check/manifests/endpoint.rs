//! Where requests end: what two routes share when both lead to the same server.

use std::collections::BTreeMap;

use super::super::input::Document;
use super::super::place::Place;
use super::object::{Object, labels, of_kinds};

/// How often an alias is followed: an alias of an alias, and a circle of them ends.
const DEEPEST: usize = 4;

/// One server, as far as manifests tell it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A host and its port; a port that is not written may be any.
    Host { host: String, port: Option<u64> },
    /// The pods behind a Service.
    Pods {
        namespace: String,
        labels: BTreeMap<String, String>,
        port: Option<String>,
    },
    /// An object that is not in the given files.
    Unknown(String),
    /// Whatever host the client names.
    Any,
}

/// Whether two endpoints are one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sameness {
    No,
    CannotTell,
    Same,
}

impl Endpoint {
    /// Compares two endpoints.
    pub fn compare(&self, other: &Self) -> Sameness {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Sameness::Same,
            (Self::Unknown(a), Self::Unknown(b)) if a == b => Sameness::Same,
            (Self::Unknown(_), _) | (_, Self::Unknown(_)) => Sameness::CannotTell,
            (Self::Host { host: a, port: p }, Self::Host { host: b, port: q }) if a == b => {
                match (p, q) {
                    (Some(p), Some(q)) if p != q => Sameness::CannotTell,
                    _ => Sameness::Same,
                }
            }
            (
                Self::Pods {
                    namespace: a,
                    labels: x,
                    port: p,
                },
                Self::Pods {
                    namespace: b,
                    labels: y,
                    port: q,
                },
            ) if a == b && (contains(x, y) || contains(y, x)) => match (p, q) {
                (Some(p), Some(q)) if p != q => Sameness::CannotTell,
                _ => Sameness::Same,
            },
            _ => Sameness::No,
        }
    }
}

fn contains(all: &BTreeMap<String, String>, some: &BTreeMap<String, String>) -> bool {
    some.iter()
        .all(|(name, value)| all.get(name) == Some(value))
}

/// Compares two servers, each by everything it is known as.
pub fn compare(a: &[Endpoint], b: &[Endpoint]) -> Sameness {
    let pairs = a.iter().flat_map(|a| b.iter().map(|b| a.compare(b)));
    pairs.max().unwrap_or(Sameness::No)
}

/// A host's one spelling: in lower case, with its namespace, without the domain of the cluster.
pub fn canonical(host: &str, namespace: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if !host.contains('.') {
        return format!("{host}.{namespace}");
    }
    match host.find(".svc.") {
        Some(at) => host.get(..at).unwrap_or_default().to_owned(),
        None => host.strip_suffix(".svc").unwrap_or(&host).to_owned(),
    }
}

/// The objects that stand between a route and a server.
#[derive(Debug)]
pub struct Directory<'a> {
    services: Vec<Object<'a>>,
    entries: Vec<Object<'a>>,
    backends: Vec<Object<'a>>,
}

impl<'a> Directory<'a> {
    /// Reads what was given.
    pub fn read(documents: &[Document<'a>]) -> Self {
        Self {
            services: of_kinds(documents, &["Service"]),
            entries: of_kinds(documents, &["ServiceEntry"]),
            backends: of_kinds(documents, &["Backend"]),
        }
    }

    /// A host by its name, and everything else that it is.
    pub fn host(&self, host: &str, namespace: &str, port: Option<u64>) -> Vec<Endpoint> {
        self.host_within(host, namespace, port, DEEPEST)
    }

    fn host_within(
        &self,
        host: &str,
        namespace: &str,
        port: Option<u64>,
        depth: usize,
    ) -> Vec<Endpoint> {
        let host = canonical(host, namespace);
        let mut found = vec![Endpoint::Host {
            host: host.clone(),
            port,
        }];
        if depth == 0 {
            return found;
        }
        for service in &self.services {
            if host == format!("{}.{}", service.name, service.namespace) {
                found.extend(self.behind_service(service, port, depth - 1));
            }
        }
        for entry in &self.entries {
            let hosts = entry.spec.list("hosts");
            let mut hosts = hosts.iter().filter_map(Place::text);
            if hosts.any(|other| canonical(other, entry.namespace) == host) {
                found.extend(self.behind_entry(entry, port, depth - 1));
            }
        }
        found
    }

    fn behind_service(
        &self,
        service: &Object<'_>,
        port: Option<u64>,
        depth: usize,
    ) -> Vec<Endpoint> {
        if let Some(alias) = service.spec.text_of("externalName") {
            return self.host_within(alias, service.namespace, port, depth);
        }
        let labels = owned(&service.spec, "selector");
        if labels.is_empty() {
            return Vec::new();
        }
        let ports = service.spec.list("ports").into_iter();
        let mut ports = ports.filter(|entry| port.is_none() || entry.number_of("port") == port);
        let target = ports.next().and_then(|entry| {
            let target = entry.get("targetPort").or_else(|| entry.get("port"))?;
            Some(target.to_json().trim_matches('"').to_owned())
        });
        let target = target.filter(|_| port.is_some());
        vec![Endpoint::Pods {
            namespace: service.namespace.to_owned(),
            labels,
            port: target,
        }]
    }

    fn behind_entry(&self, entry: &Object<'_>, port: Option<u64>, depth: usize) -> Vec<Endpoint> {
        let labels = entry
            .spec
            .get("workloadSelector")
            .map(|selector| owned(&selector, "labels"));
        if let Some(labels) = labels.filter(|labels| !labels.is_empty()) {
            let namespace = entry.namespace.to_owned();
            return vec![Endpoint::Pods {
                namespace,
                labels,
                port: None,
            }];
        }
        let endpoints = entry.spec.list("endpoints");
        let named = |address: &Place<'_>| {
            let host = address.text_of("address")?;
            let listed = address.get("ports");
            let ports = listed.iter().flat_map(Place::fields);
            let own: Vec<u64> = ports.filter_map(|(_, port)| port.number()).collect();
            let port = match own.as_slice() {
                [] => port,
                [only] => Some(*only),
                _ => None,
            };
            Some(self.host_within(host, entry.namespace, port, depth))
        };
        endpoints.iter().filter_map(named).flatten().collect()
    }

    /// What a route of the Gateway API refers to. Without a kind it is a Service.
    pub fn reference(&self, reference: &Place<'_>, namespace: &str) -> Vec<Endpoint> {
        let kind = reference.text_of("kind").unwrap_or("Service");
        let namespace = reference.text_of("namespace").unwrap_or(namespace);
        let name = reference.text_of("name").unwrap_or_default();
        let port = reference.number_of("port");
        match kind {
            "Service" | "ServiceImport" => {
                self.host(&format!("{name}.{namespace}.svc"), namespace, port)
            }
            // Istio's: the host of a ServiceEntry.
            "Hostname" => self.host(name, namespace, port),
            _ => {
                let is_it =
                    |object: &&Object<'_>| object.namespace == namespace && object.name == name;
                match self
                    .backends
                    .iter()
                    .find(is_it)
                    .filter(|_| kind == "Backend")
                {
                    Some(backend) => self.behind_backend(backend),
                    None => vec![Endpoint::Unknown(format!("{kind} {namespace}/{name}"))],
                }
            }
        }
    }

    fn behind_backend(&self, backend: &Object<'_>) -> Vec<Endpoint> {
        if backend.spec.text_of("type") == Some("DynamicResolver") {
            return vec![Endpoint::Any];
        }
        let endpoints = backend.spec.list("endpoints");
        let named = |endpoint: &Place<'_>| {
            if let Some(name) = endpoint.get("fqdn") {
                let host = name.text_of("hostname").unwrap_or_default();
                return self.host(host, backend.namespace, name.number_of("port"));
            }
            if let Some(ip) = endpoint.get("ip") {
                let host = ip.text_of("address").unwrap_or_default();
                return vec![Endpoint::Host {
                    host: host.to_owned(),
                    port: ip.number_of("port"),
                }];
            }
            vec![Endpoint::Unknown(backend.title())]
        };
        endpoints.iter().flat_map(named).collect()
    }
}

fn owned(place: &Place<'_>, name: &str) -> BTreeMap<String, String> {
    let labels = labels(place.get(name)).into_iter();
    labels
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
