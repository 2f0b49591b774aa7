//! Rules about connection managers and the bootstrap around them.

use super::super::envoy::LABELS;
use super::{assert_edits, codes, sample};

const ROUTER: &str = "          - name: envoy.filters.http.router\n            typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n";

#[test]
fn how_paths_are_read() {
    const MANAGER: &str = "filters[0].typed_config";
    assert_edits(&[
        (
            &[("normalize_path: true\n", "\n")],
            &[("path-normalization", MANAGER)],
        ),
        (&[("normalize_path: true\n", "normalizePath: true\n")], &[]),
        (
            &[("normalize_path: true\n", "normalize_path: false\n")],
            &[("path-normalization", "normalize_path")],
        ),
        (
            &[("merge_slashes: true\n", "\n")],
            &[("path-normalization", MANAGER)],
        ),
        (
            &[("path_with_escaped_slashes_action: KEEP_UNCHANGED\n", "\n")],
            &[("path-normalization", MANAGER)],
        ),
        (
            &[("action: KEEP_UNCHANGED", "action: UNESCAPE_AND_FORWARD")],
            &[("path-normalization", "path_with_escaped_slashes_action")],
        ),
    ]);
}

#[test]
fn whose_address_it_is() {
    const SENT: (&str, &str) = (
        "\"timeout\": \"2s\"",
        "\"timeout\": \"2s\", \"send_client_ip\": true",
    );
    const UNSET: (&str, &str) = ("          use_remote_address: true\n", "");
    const FALSE: (&str, &str) = ("use_remote_address: true\n", "use_remote_address: false\n");
    assert_edits(&[
        (&[SENT], &[]),
        (&[UNSET], &[("client-address", "filters[0].typed_config")]),
        (&[FALSE], &[("client-address", "use_remote_address")]),
        (
            &[SENT, UNSET],
            &[("client-address-sent", "filters[0].typed_config")],
        ),
    ]);
}

#[test]
fn headers_with_underscores() {
    assert_edits(&[
        (
            &[("action: REJECT_REQUEST", "action: ALLOW")],
            &[("underscore-headers", "headers_with_underscores_action")],
        ),
        (
            &[(
                "headers_with_underscores_action: REJECT_REQUEST",
                "max_headers_count: 100",
            )],
            &[("underscore-headers", "filters[0].typed_config")],
        ),
        (&[("action: REJECT_REQUEST", "action: DROP_HEADER")], &[]),
    ]);
}

#[test]
fn labels_of_metrics() {
    let cut = "  - { tag_name: reason, regex: '^wasmcustom\\.mlflow_authz_.*?(\\.?\\breason=\\.=(.*?);\\.;)' }\n";
    assert_edits(&[
        (&[(cut, "")], &[("stats-tags", "stats_config")]),
        (
            &[("stats_tags:\n", "unknown:\n")],
            &[("stats-tags", "stats_config")],
        ),
    ]);
}

/// Every label that a metric has is one that the rule asks for.
#[test]
fn the_labels_are_those_of_the_metrics() {
    use mlflow_authz::decision::{Effect, Reason};
    use mlflow_authz::metrics::{Denied, Metric};
    use mlflow_authz::principal::IdentitySource;

    let reason = Reason::Allowed;
    let mut labels = Vec::new();
    for metric in [
        Metric::Decisions {
            effect: Effect::Deny,
            reason,
            object: "run",
            access: "read",
        },
        Metric::Denials(Denied {
            operation: "CreateRun",
            reason,
            permission: None,
        }),
        Metric::CacheLookups("hit"),
        Metric::IdentityLookups {
            identity: IdentitySource::Keys,
            result: "valid",
        },
        Metric::RevocationPolls("list"),
        Metric::Callouts("valid"),
        Metric::BuildInfo,
        Metric::ConfigInfo([0; 4]),
    ] {
        let name = metric.name();
        let pieces = name.split(['.', ';']).collect::<Vec<_>>();
        let found = pieces
            .iter()
            .filter_map(|piece| piece.strip_suffix('='))
            .filter(|label| *label != "=");
        labels.extend(found.filter(|label| !label.is_empty()).map(str::to_owned));
    }
    labels.sort();
    labels.dedup();
    let mut known = LABELS.to_vec();
    known.sort_unstable();
    assert_eq!(labels, known);
}

#[test]
fn where_the_filter_stands() {
    let text = sample(&[]);
    let (head, tail) = text.split_once("          - name: mlflow_authz\n").unwrap();
    let (filter, tail) = tail.split_once(ROUTER).unwrap();
    let behind = format!("{head}{ROUTER}          - name: mlflow_authz\n{filter}{tail}");
    assert_eq!(codes(&behind).len(), 1);
    assert!(codes(&behind)[0].starts_with("filter-order "));

    let with = |kind: &str| {
        let first = format!(
            "          - name: first\n            typed_config:\n              \"@type\": type.googleapis.com/{kind}\n          - name: mlflow_authz\n"
        );
        codes(&sample(&[("          - name: mlflow_authz\n", &first)])).len()
    };
    assert_eq!(
        with("envoy.extensions.filters.http.cache.v3.CacheConfig"),
        1
    );
    assert_eq!(with("envoy.extensions.filters.http.cors.v3.Cors"), 0);
    assert_eq!(
        with("envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"),
        0
    );
}

/// A listener in a file of LDS, whose bootstrap is another file: no bootstrap, no `stats_tags` to miss.
#[test]
fn a_listener_by_itself() {
    let text = sample(&[("normalize_path: true\n", "\n")]);
    let start = text.find("  - name: mlflow\n    address:").unwrap();
    let end = text.find("  clusters:\n").unwrap();
    let listener = text[start..end].replacen(
        "name: mlflow",
        "\"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n    name: mlflow",
        1,
    );
    let found = codes(&format!("resources:\n{listener}"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("path-normalization resources[0].filter_chains[0]"));
}
