//! The way to the auth service: whether its cluster is there, and whether keys travel encrypted.

use std::time::Duration;

use mlflow_authz::config::AuthService;

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::clusters::Clusters;
use super::listeners::is_on_this_machine;
use super::plugins::Plugin;
use super::typed::{self, CREDENTIAL_INJECTOR, Typed, UPSTREAM_CODEC};

/// Envoy's `connect_timeout` where none is given.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Checks the auth service of every instance.
pub fn check(findings: &mut Findings, clusters: &Clusters<'_>, plugins: &[Plugin<'_>]) {
    for plugin in plugins {
        let config = plugin.config.as_ref();
        let Some(service) = config.and_then(|config| config.auth_service.as_ref()) else {
            continue;
        };
        let name = service.cluster.as_str();
        match clusters.get(name) {
            Some(cluster) => {
                encrypted(findings, cluster);
                connect_timeout(findings, cluster, service);
                rewritten(findings, cluster);
            }
            None if clusters.complete => findings.add(
                rules::AUTH_CLUSTER,
                &plugin.place.at_or_self(&["configuration"]),
                format!("no cluster is called {name:?}: no key can be checked, and every request gets 503"),
                "correct auth_service.cluster, or add that cluster",
            ),
            None => {}
        }
    }
}

/// Tells of filters of the cluster that may send something else than the caller's key.
fn rewritten(findings: &mut Findings, cluster: &Place<'_>) {
    let options = typed::all(cluster, "upstreams.http.v3.HttpProtocolOptions");
    let filters = options.iter().flat_map(|it| it.list("http_filters"));
    for filter in filters {
        match Typed::of(&filter) {
            Some(typed) if typed.is(UPSTREAM_CODEC) => {}
            Some(typed) if typed.is(CREDENTIAL_INJECTOR) && !typed.body.is_true("overwrite") => {}
            Some(typed) if typed.is(CREDENTIAL_INJECTOR) => findings.add(
                rules::KEY_OVERWRITTEN,
                &typed.body.at_or_self(&["overwrite"]),
                "with overwrite, Envoy's own credential replaces a key that travels in the same header, and the auth \
                 service finds every caller's key valid",
                "remove overwrite; where the key travels in that header, set auth_service.key_in or another header of \
                 the injected credential",
            ),
            _ => findings.add(
                rules::CANNOT_TELL,
                &filter,
                "this filter may rewrite the lookup, so check cannot tell whether the auth service is asked about the \
                 caller's key",
                "remove it, or verify by hand that it leaves the key as it is",
            ),
        }
    }
}

fn connect_timeout(findings: &mut Findings, cluster: &Place<'_>, service: &AuthService) {
    let field = cluster.get("connect_timeout");
    let given = field.as_ref().and_then(|field| seconds(field.text()?));
    let connect = given.unwrap_or(DEFAULT_CONNECT_TIMEOUT);
    let timeout = service.timeout;
    if connect >= timeout {
        findings.add(
            rules::CONNECT_TIMEOUT,
            field.as_ref().unwrap_or(cluster),
            format!(
                "connect_timeout is {} s and auth_service.timeout {} s: a host that does not answer looks like a slow \
                 auth service",
                connect.as_secs_f64(),
                timeout.as_secs_f64()
            ),
            "set connect_timeout below auth_service.timeout",
        );
    }
}

/// A duration in protobuf's JSON, `"1.5s"`.
fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// How somebody else could answer in the place of a cluster.
pub enum Exposure<'a> {
    PlainText,
    /// A TLS context, and what it lacks to know whom it talks to.
    Unverified(Place<'a>, &'static str),
}

/// Every way in which somebody else could answer in the place of a cluster.
pub fn exposures<'a>(cluster: &Place<'a>) -> Vec<Exposure<'a>> {
    let sockets = ["transport_socket", "transport_socket_matches"];
    let sockets: Vec<Place<'a>> = sockets
        .iter()
        .filter_map(|name| cluster.get(name))
        .collect();
    let contexts: Vec<Place<'a>> = sockets
        .iter()
        .flat_map(|socket| typed::all(socket, "UpstreamTlsContext"))
        .collect();
    if contexts.is_empty() && !is_local(cluster) {
        return vec![Exposure::PlainText];
    }
    let lacking = contexts.into_iter().filter_map(|context| {
        let missing = unverified(&context)?;
        Some(Exposure::Unverified(context, missing))
    });
    lacking.collect()
}

fn encrypted(findings: &mut Findings, cluster: &Place<'_>) {
    for exposure in exposures(cluster) {
        match exposure {
            Exposure::PlainText => plain_text(
                findings,
                cluster,
                "add a transport_socket with TLS, as envoy/envoy.yaml has it",
            ),
            Exposure::Unverified(context, missing) => findings.add(
                rules::AUTH_TLS_UNVERIFIED,
                &context,
                format!("Envoy does not verify who answers as the auth service: {missing} is not set"),
                "set trusted_ca and match_typed_subject_alt_names under common_tls_context.validation_context",
            ),
        }
    }
}

/// Tells that keys travel in plain text.
pub fn plain_text(findings: &mut Findings, place: &Place<'_>, remedy: &str) {
    findings.add(
        rules::AUTH_PLAIN_TEXT,
        place,
        "API keys travel to the auth service in plain text",
        remedy,
    );
}

/// What a TLS context lacks to know whom it talks to.
fn unverified(context: &Place<'_>) -> Option<&'static str> {
    let common = context.get("common_tls_context")?;
    let from_sds = [
        "validation_context_sds_secret_config",
        "combined_validation_context",
    ];
    if from_sds.iter().any(|name| common.get(name).is_some()) {
        return None;
    }
    let Some(validation) = common.get("validation_context") else {
        return Some("validation_context");
    };
    let any = |names: &[&str]| names.iter().any(|name| validation.get(name).is_some());
    if any(&[
        "custom_validator_config",
        "verify_certificate_spki",
        "verify_certificate_hash",
    ]) {
        return None;
    }
    if !any(&[
        "trusted_ca",
        "system_root_certs",
        "ca_certificate_provider_instance",
    ]) {
        return Some("trusted_ca");
    }
    let names = any(&["match_typed_subject_alt_names", "match_subject_alt_names"]);
    (!names && !context.is_true("auto_sni_san_validation"))
        .then_some("match_typed_subject_alt_names")
}

/// Whether every endpoint is on this machine.
fn is_local(cluster: &Place<'_>) -> bool {
    let groups = cluster.list_at(&["load_assignment", "endpoints"]);
    let endpoints: Vec<Place<'_>> = groups
        .iter()
        .flat_map(|group| group.list("lb_endpoints"))
        .collect();
    let local = |endpoint: &Place<'_>| {
        let address = endpoint.at(&["endpoint", "address"]);
        address.is_some_and(|address| is_on_this_machine(&address))
    };
    !endpoints.is_empty() && endpoints.iter().all(local)
}
