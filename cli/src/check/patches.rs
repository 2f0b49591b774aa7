//! Patches of Envoy's configuration, in Istio's `EnvoyFilter` and Envoy Gateway's `EnvoyPatchPolicy`: what is known to
//! leave the filter where it is, and a finding about all else.

use super::envoy::plugins::names_us;
use super::finding::Findings;
use super::node::Value;
use super::place::{Place, snake};
use super::rules;

/// Fields of a connection manager that do not change which requests the filter sees.
const MANAGER: &[&str] = &[
    "@type",
    "access_log",
    "common_http_protocol_options",
    "delayed_close_timeout",
    "drain_timeout",
    "http2_protocol_options",
    "max_request_headers_kb",
    "path_with_escaped_slashes_action",
    "request_headers_timeout",
    "server_name",
    "stream_idle_timeout",
    "strip_trailing_host_dot",
    "tracing",
    "use_remote_address",
    "xff_num_trusted_hops",
];
/// HTTP filters that change neither path, headers nor routes.
const FILTERS: &[&str] = &[
    "Buffer",
    "Compressor",
    "Cors",
    "HTTPFault",
    "LocalRateLimit",
    "Wasm",
];
/// Fields of a cluster that do not change where its requests end.
const CLUSTER: &[&str] = &[
    "circuit_breakers",
    "connect_timeout",
    "max_requests_per_connection",
    "transport_socket",
    "upstream_connection_options",
];
/// Fields of `HttpProtocolOptions` that say how requests are sent, and neither change nor repeat them.
const PROTOCOL: &[&str] = &[
    "@type",
    "auto_config",
    "common_http_protocol_options",
    "explicit_http_config",
    "upstream_http_protocol_options",
    "use_downstream_protocol_config",
];
/// Fields of a bootstrap that are about metrics alone.
pub const STATS: &[&str] = &["stats_config", "stats_sinks", "stats_flush_interval"];

/// Where a value switches the filter off, or lets requests through when it fails.
pub fn switches_off<'a>(value: &Place<'a>) -> Option<Place<'a>> {
    value.descendants().find(|place| match place.value() {
        Value::Text(text) => text == "FAIL_OPEN",
        Value::Map(_) => {
            let per_filter = place.get("typed_per_filter_config");
            let ours = per_filter
                .iter()
                .flat_map(Place::fields)
                .any(|(name, _)| names_us(name));
            let disables =
                per_filter.is_some_and(|it| it.fields().any(|(_, over)| over.is_true("disabled")));
            ours || disables || place.is_true("fail_open") || place.is_true("disabled")
        }
        _ => false,
    })
}

/// Says that a patch lets requests past the filter.
pub fn around(findings: &mut Findings, place: &Place<'_>) {
    findings.add(
        rules::AROUND_FILTER,
        place,
        "the patch switches the filter off, or lets requests through when it fails",
        "remove the patch",
    );
}

/// Says that a patch is not one of those known.
pub fn unknown(findings: &mut Findings, place: &Place<'_>) {
    findings.add(
        rules::CANNOT_TELL,
        place,
        "cannot tell whether every request to MLflow still passes the filter: the patch changes Envoy's configuration \
         behind the routes",
        "look at the result with `istioctl proxy-config` or `egctl config`, and give that to check; or remove the patch",
    );
}

/// Whether a cluster keeps its endpoints.
pub fn keeps_endpoints(value: &Place<'_>) -> bool {
    const OPTIONS: &str = "typed_extension_protocol_options";
    let options = value.get(OPTIONS);
    let only_send = options.is_none_or(|options| {
        let mut options = options.fields();
        options.all(|(_, options)| only(&options, PROTOCOL))
    });
    let known = |name: &str| name == OPTIONS || CLUSTER.contains(&name);
    only_send && value.is_object() && value.fields().all(|(name, _)| known(name))
}

/// Whether an HTTP filter is this one: its settings are read as Envoy's own.
pub fn is_our_filter(value: &Place<'_>) -> bool {
    kind_of(value) == "Wasm" && names_us(&value.to_json())
}

/// The last word of an HTTP filter's type.
fn kind_of<'a>(value: &Place<'a>) -> &'a str {
    let written = ["type_url", "@type"];
    let config = value.get("typed_config");
    let kind = written
        .iter()
        .find_map(|name| config.as_ref()?.text_of(name));
    kind.unwrap_or_default()
        .rsplit('.')
        .next()
        .unwrap_or_default()
}

/// Whether an added HTTP filter changes nothing that the filter reads.
pub fn is_known_filter(value: &Place<'_>) -> bool {
    let name = kind_of(value);
    FILTERS.contains(&name) && (name != "Wasm" || is_our_filter(value)) && !writes_headers(value)
}

/// Whether a filter adds headers to requests, such as a rate limit that is not enforced.
fn writes_headers(value: &Place<'_>) -> bool {
    let adds = |(name, _): (&str, Place<'_>)| snake(name).starts_with("request_headers_to_add");
    value.descendants().any(|place| place.fields().any(adds))
}

/// Whether a patch of the bootstrap is about metrics alone.
pub fn is_about_stats(value: &Place<'_>) -> bool {
    only(value, STATS)
}

/// Whether a patch of a virtual host only says what Envoy counts.
pub fn only_counts(value: &Place<'_>) -> bool {
    only(value, &["virtual_clusters"])
}

/// Whether a patch of a connection manager leaves filters and routes alone. What it weakens is said.
pub fn is_known_manager(findings: &mut Findings, value: &Place<'_>) -> bool {
    let Some(manager) = value.get("typed_config") else {
        return false;
    };
    let underscores = manager.at(&[
        "common_http_protocol_options",
        "headers_with_underscores_action",
    ]);
    if let Some(place) = underscores.filter(|place| place.is_word("ALLOW", 0)) {
        findings.add(
            rules::UNDERSCORE_HEADERS,
            &place,
            "MLflow's server reads x_user as x-user",
            "set REJECT_REQUEST",
        );
    }
    let address = manager.get("use_remote_address");
    if let Some(place) = address.filter(|_| !manager.is_true("use_remote_address")) {
        findings.add(
            rules::CLIENT_ADDRESS,
            &place,
            "clients write their own address",
            "set it to true",
        );
    }
    only(&manager, MANAGER)
}

fn only(value: &Place<'_>, known: &[&str]) -> bool {
    value.is_object() && value.fields().all(|(name, _)| known.contains(&name))
}
