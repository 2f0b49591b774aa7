//! Listeners: every filter chain, and what its network filters do with a connection.

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::clusters::{is_conduit, tcp_clusters};
use super::extensions::Extension;
use super::fields;
use super::mlflow::{Mlflow, Target};
use super::typed::{self, Typed};

/// Network filters that forward nothing themselves and choose no cluster.
const PASSIVE_NETWORK: &[&str] = &[
    "filters.network.connection_limit.v3.ConnectionLimit",
    "filters.network.direct_response.v3.Config",
    "filters.network.echo.v3.Echo",
    "filters.network.ext_authz.v3.ExtAuthz",
    "filters.network.geoip.v3.Geoip",
    "filters.network.local_ratelimit.v3.LocalRateLimit",
    "filters.network.ratelimit.v3.RateLimit",
    "filters.network.rbac.v3.RBAC",
    // Read where the routes are.
    "HttpConnectionManager",
    "TcpProxy",
];

/// Listener filters that only look at a connection, or say where it came from.
const PASSIVE_LISTENER: &[&str] = &[
    "filters.listener.http_inspector.v3.HttpInspector",
    "filters.listener.local_ratelimit.v3.LocalRateLimit",
    "filters.listener.original_dst.v3.OriginalDst",
    "filters.listener.original_src.v3.OriginalSrc",
    "filters.listener.proxy_protocol.v3.ProxyProtocol",
    "filters.listener.tls_inspector.v3.TlsInspector",
];

/// Every listener, by whatever file it comes.
pub fn all<'a>(roots: &[&Place<'a>], typed: &[Typed<'a>]) -> Vec<Place<'a>> {
    let mut listeners: Vec<Place<'a>> = roots
        .iter()
        .flat_map(|root| root.list_at(&["static_resources", "listeners"]))
        .collect();
    // A listener in a bootstrap may name its type, too.
    for typed in typed
        .iter()
        .filter(|typed| typed.is("envoy.config.listener.v3.Listener"))
    {
        if !listeners.iter().any(|known| known.is_same(&typed.body)) {
            listeners.push(typed.body.clone());
        }
    }
    listeners
}

/// Where an HTTP connection manager or a TCP proxy stands.
pub struct Entry<'a> {
    pub place: Place<'a>,
    /// The listener, or the thing itself where no listener is around it.
    pub listener: Place<'a>,
    pub chain: Option<Place<'a>>,
}

/// Everything of a type that clients can connect to.
pub fn entries<'a>(
    listeners: &[Place<'a>],
    typed: &[Typed<'a>],
    extensions: &[Extension<'a>],
    name: &str,
) -> Vec<Entry<'a>> {
    let mut found: Vec<Entry<'a>> = Vec::new();
    let mut hidden = Vec::new();
    for listener in listeners {
        if is_conduit(listener) {
            hidden.extend(typed::all(listener, name));
            continue;
        }
        let chains = chains(listener);
        for place in typed::all(listener, name) {
            let chain = chains.iter().find(|chain| place.is_below(chain)).cloned();
            found.push(Entry {
                place,
                listener: listener.clone(),
                chain,
            });
        }
        for chain in &chains {
            let discovered = chain.list("filters").into_iter().filter_map(|filter| {
                let typed = Extension::of(&filter, extensions)?;
                typed.is(name).then_some(typed.body)
            });
            found.extend(discovered.map(|place| Entry {
                place,
                listener: listener.clone(),
                chain: Some(chain.clone()),
            }));
        }
    }
    for orphan in typed.iter().filter(|typed| typed.is(name)) {
        let known = found.iter().map(|entry| &entry.place).chain(&hidden);
        if !known.into_iter().any(|place| place.is_same(&orphan.body)) {
            found.push(Entry {
                place: orphan.body.clone(),
                listener: orphan.body.clone(),
                chain: None,
            });
        }
    }
    found
}

fn chains<'a>(listener: &Place<'a>) -> Vec<Place<'a>> {
    let mut chains = listener.list("filter_chains");
    chains.extend(listener.get("default_filter_chain"));
    chains
}

/// Tells of what in a listener may forward connections in a way that is not known here.
pub fn check(findings: &mut Findings, listeners: &[Place<'_>], extensions: &[Extension<'_>]) {
    for listener in listeners {
        fields::check(findings, listener, fields::LISTENER);
        for filter in listener.list("listener_filters") {
            passive(findings, &filter, extensions, PASSIVE_LISTENER);
        }
        for chain in chains(listener) {
            fields::check(findings, &chain, fields::FILTER_CHAIN);
            for filter in chain.list("filters") {
                passive(findings, &filter, extensions, PASSIVE_NETWORK);
            }
        }
    }
}

fn passive(
    findings: &mut Findings,
    filter: &Place<'_>,
    extensions: &[Extension<'_>],
    known: &[&str],
) {
    let typed = Extension::typed(filter, extensions);
    let is_certain = Extension::until_delivered(filter).is_none();
    if is_certain && typed.is_some_and(|typed| known.iter().any(|kind| typed.is(kind))) {
        return;
    }
    let name = filter.text_of("name").unwrap_or("without a name");
    findings.add(
        rules::CANNOT_TELL,
        filter,
        format!("check does not know where the filter {name} sends connections, so they may reach MLflow without a decision"),
        "remove it, or verify by hand that it sends nothing to MLflow",
    );
}

/// Checks a TCP proxy, which runs no HTTP filter.
pub fn tcp(findings: &mut Findings, proxy: &Place<'_>, mlflow: &Mlflow<'_, '_>) {
    const NO_FILTER: &str =
        "without a decision: a TCP proxy forwards the connection, and HTTP filters do not run";
    let mut targets: Vec<Target<'_>> = tcp_clusters(proxy)
        .into_iter()
        .map(Target::Cluster)
        .collect();
    if targets.is_empty() || proxy.get("on_demand").is_some() {
        targets.push(Target::Unknown(
            "check does not know how it chooses a cluster",
        ));
    }
    for target in targets {
        mlflow.lead(target).tell(
            findings,
            (rules::AROUND_FILTER, proxy),
            "requests",
            NO_FILTER,
            "send the connection to the listener that runs the filter, or remove the proxy",
        );
    }
}

/// Tells of a listener that takes API keys in plain text from other machines.
pub fn plain_text(findings: &mut Findings, entry: &Entry<'_>) {
    let Some(chain) = &entry.chain else {
        return;
    };
    let encrypts = |socket: &Place<'_>| {
        ["DownstreamTlsContext", "QuicDownstreamTransport"]
            .iter()
            .any(|kind| !typed::all(socket, kind).is_empty())
            && typed::all(socket, "StartTlsConfig").is_empty()
    };
    let listener = &entry.listener;
    let more = listener.list("additional_addresses").into_iter();
    let addresses = listener
        .get("address")
        .into_iter()
        .chain(more.filter_map(|more| more.get("address")));
    let open = addresses
        .into_iter()
        .find(|address| !is_on_this_machine(address));
    if let Some(address) =
        open.filter(|_| !chain.get("transport_socket").is_some_and(|s| encrypts(&s)))
    {
        findings.add(
            rules::LISTENER_PLAIN_TEXT,
            &address,
            "API keys travel to this listener in plain text, from other machines",
            "add a transport_socket with a DownstreamTlsContext to the filter chain, as envoy/envoy.yaml has it, or bind \
             the listener to 127.0.0.1 behind a proxy on this machine that ends TLS",
        );
    }
}

/// Whether only this machine reaches an address.
pub fn is_on_this_machine(address: &Place<'_>) -> bool {
    let Some(socket) = address.get("socket_address") else {
        return address.get("pipe").is_some() || address.get("envoy_internal_address").is_some();
    };
    let host = socket.text_of("address").unwrap_or_default();
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}
