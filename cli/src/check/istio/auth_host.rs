//! The host of the auth service: whether the mesh knows it, and whether keys travel to it encrypted.

use mlflow_authz::Config;
use mlflow_authz::config::AuthService;

use super::super::envoy::plain_text;
use super::super::finding::Findings;
use super::super::input::Document;
use super::super::manifests::object::{Object, of_kinds};
use super::super::place::Place;
use super::super::rules;

/// `outbound|443|subset|host`, as Istio names clusters.
struct Cluster<'a> {
    port: u64,
    subset: &'a str,
    host: &'a str,
}

impl<'a> Cluster<'a> {
    fn read(name: &'a str) -> Option<Self> {
        let mut parts = name.strip_prefix("outbound|")?.splitn(3, '|');
        Some(Self {
            port: parts.next()?.parse().ok()?,
            subset: parts.next()?,
            host: parts.next().filter(|host| !host.is_empty())?,
        })
    }

    /// Whether the host is a service of the cluster, to which Istio encrypts by itself where it can.
    fn is_in_mesh(&self) -> bool {
        self.host.contains(".svc.") || self.host.ends_with(".svc") || !self.host.contains('.')
    }
}

/// Checks where one instance's keys go.
pub fn check(
    findings: &mut Findings,
    documents: &[Document<'_>],
    place: &Place<'_>,
    config: &Config,
) {
    let Some(service) = &config.auth_service else {
        return;
    };
    let name = &service.cluster;
    let place = place.at_or_self(&["auth_service", "cluster"]);
    // An EnvoyFilter can add a cluster of any name; `envoy` has checked that one.
    let Some(cluster) = Cluster::read(name) else {
        if of_kinds(documents, &["EnvoyFilter"]).is_empty() {
            findings.add(
                rules::AUTH_CLUSTER,
                &place,
                format!("{name:?} is not how Istio names a cluster: no key can be checked, and every request gets 503"),
                "write outbound|443||auth.example, with the port and the host of the auth service",
            );
        }
        return;
    };
    let entries = of_kinds(documents, &["ServiceEntry"]).into_iter();
    let mut entries = entries.filter(|entry| {
        let mut hosts = entry.spec.list("hosts").into_iter();
        hosts.any(|host| host.text() == Some(cluster.host))
    });
    let entry = entries.next();
    if let Some(entry) = &entry {
        has_port(findings, entry, &cluster);
    }
    connect_timeout(findings, documents, &cluster, service);
    match tls_mode(documents, &cluster) {
        Some(("DISABLE", at)) => {
            plain_text(
                findings,
                &at,
                "set tls.mode to SIMPLE, with a credential or caCertificates and subjectAltNames",
            );
        }
        Some(_) => {}
        None if cluster.is_in_mesh() && entry.is_none() => {}
        None => plain_text(
            findings,
            &place,
            &format!(
                "add a DestinationRule for {} with trafficPolicy.tls.mode SIMPLE, or give its file to check as well: a \
                 port called HTTPS does not make the proxy encrypt",
                cluster.host
            ),
        ),
    }
}

fn has_port(findings: &mut Findings, entry: &Object<'_>, cluster: &Cluster<'_>) {
    let ports = entry.spec.list("ports");
    let mut numbers = ports.iter().filter_map(|port| port.number_of("number"));
    if !numbers.any(|number| number == cluster.port) {
        findings.add(
            rules::AUTH_CLUSTER,
            &entry.root.at_or_self(&["spec", "ports"]),
            format!(
                "has no port {}, which auth_service.cluster names: no key can be checked, and every request gets 503",
                cluster.port
            ),
            "add the port, or correct auth_service.cluster",
        );
    }
}

/// Where Istio's own 10 s count, or longer ones, the filter gives up first, and the cause is not seen.
fn connect_timeout(
    findings: &mut Findings,
    documents: &[Document<'_>],
    cluster: &Cluster<'_>,
    service: &AuthService,
) {
    for policy in rules_for(documents, cluster).filter_map(|spec| spec.get("trafficPolicy")) {
        let written = policy.at(&["connectionPool", "tcp", "connectTimeout"]);
        let time = written.as_ref().and_then(Place::text).unwrap_or("10s");
        let limit = service.timeout;
        if humantime::parse_duration(time).is_ok_and(|time| time >= limit) {
            findings.add(
                rules::CONNECT_TIMEOUT,
                written.as_ref().unwrap_or(&policy),
                format!(
                    "the proxy tries to connect for {time}, and the filter waits for {} at most: a host that cannot be \
                     reached looks like one that is slow",
                    humantime::format_duration(limit)
                ),
                "set connectionPool.tcp.connectTimeout below auth_service.timeout",
            );
        }
    }
}

/// How the proxy encrypts to the host, from the most specific place that says so.
fn tls_mode<'a>(documents: &[Document<'a>], cluster: &Cluster<'_>) -> Option<(&'a str, Place<'a>)> {
    rules_for(documents, cluster).find_map(|spec| {
        let subset = spec.list("subsets").into_iter();
        let mut subset = subset.filter(|subset| subset.text_of("name") == Some(cluster.subset));
        let policies = [subset.next(), Some(spec)];
        policies
            .into_iter()
            .flatten()
            .filter_map(|holder| holder.get("trafficPolicy"))
            .find_map(|policy| {
                let ports = policy.list("portLevelSettings").into_iter();
                let mut ports = ports.filter(|settings| {
                    let port = settings.get("port");
                    port.and_then(|port| port.number_of("number")) == Some(cluster.port)
                });
                let mode = ports
                    .next()
                    .and_then(|settings| settings.at(&["tls", "mode"]));
                let mode = mode.or_else(|| policy.at(&["tls", "mode"]))?;
                Some((mode.text()?, mode))
            })
    })
}

/// `spec` of every `DestinationRule` that is about the host.
fn rules_for<'a>(
    documents: &[Document<'a>],
    cluster: &Cluster<'_>,
) -> impl Iterator<Item = Place<'a>> {
    let rules = of_kinds(documents, &["DestinationRule"]).into_iter();
    let specs = rules.map(|rule| rule.spec);
    specs.filter(move |spec| {
        let host = spec.text_of("host");
        host.is_some_and(|host| covers(host, cluster.host))
    })
}

/// Whether a rule's host, perhaps `*.example`, is about the host.
fn covers(rule: &str, host: &str) -> bool {
    match rule.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix),
        None => {
            rule == host
                || host
                    .strip_prefix(rule)
                    .is_some_and(|rest| rest.starts_with(".") && !rule.contains('.'))
        }
    }
}
