//! Rules about the way to the auth service.

use super::{assert_edits, codes, sample};

const ADDRESS: &str = "{ address: auth.internal, port_value: 443 }";

/// The sample without TLS towards the auth service, which is at `address`.
fn in_plain_text(address: &str) -> Vec<String> {
    let text = sample(&[(&format!("socket_address: {ADDRESS}"), address)]);
    let end = text.rfind("    transport_socket:\n").unwrap();
    codes(&text[..end])
}

#[test]
fn keys_in_plain_text() {
    for (address, plain) in [
        (
            "socket_address: { address: auth.internal, port_value: 80 }",
            true,
        ),
        (
            "socket_address: { address: 10.0.0.1, port_value: 80 }",
            true,
        ),
        ("socket_address: { address: \"::2\", port_value: 80 }", true),
        (
            "socket_address: { address: 127.0.0.1, port_value: 80 }",
            false,
        ),
        (
            "socket_address: { address: 127.1.2.3, port_value: 80 }",
            false,
        ),
        (
            "socket_address: { address: \"::1\", port_value: 80 }",
            false,
        ),
        (
            "socket_address: { address: localhost, port_value: 80 }",
            false,
        ),
        ("pipe: { path: /run/auth.sock }", false),
    ] {
        let expected: &[&str] = if plain {
            &["auth-plain-text static_resources.clusters[1]"]
        } else {
            &[]
        };
        assert_eq!(in_plain_text(address), expected, "{address}");
    }
}

#[test]
fn encryption_to_whoever_answers() {
    const TRUST: &str =
        "            trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }\n";
    const NAMES: &str = "            match_typed_subject_alt_names:\n            - san_type: DNS\n              matcher: { exact: auth.internal }\n";
    assert_edits(&[
        (
            &[(TRUST, "")],
            &[("auth-tls-unverified", "transport_socket.typed_config")],
        ),
        (
            &[(NAMES, "")],
            &[("auth-tls-unverified", "transport_socket.typed_config")],
        ),
        (
            &[
                (NAMES, ""),
                ("sni: auth.internal", "auto_sni_san_validation: true"),
            ],
            &[],
        ),
        (
            &[("validation_context:\n", "tls_certificates_unused:\n")],
            &[("auth-tls-unverified", "typed_config")],
        ),
    ]);
}

#[test]
fn a_cluster_that_is_not_there() {
    const NAMED: (&str, &str) = ("\"cluster\": \"auth_service\"", "\"cluster\": \"auth\"");
    assert_edits(&[(&[NAMED], &[("auth-cluster", "config.configuration")])]);
    // It may come by CDS.
    let dynamic = (
        "static_resources:\n",
        "dynamic_resources: { cds_config: { path_config_source: { path: /c } } }\nstatic_resources:\n",
    );
    assert_edits(&[(&[NAMED, dynamic], &[("cannot-tell", "cds_config")])]);
}

/// Both are in seconds; Envoy's own default is 5 s.
#[test]
fn a_connection_that_takes_longer_than_the_answer() {
    const CONNECT: &str = "    connect_timeout: 1s\n";
    assert_edits(&[
        (
            &[(CONNECT, "    connect_timeout: 2s\n")],
            &[("connect-timeout", "clusters[1].connect_timeout")],
        ),
        (&[(CONNECT, "")], &[("connect-timeout", "clusters[1]")]),
        (&[(CONNECT, "    connect_timeout: 1.999s\n")], &[]),
        (
            &[("\"timeout\": \"2s\"", "\"timeout\": \"500ms\"")],
            &[("connect-timeout", "clusters[1].connect_timeout")],
        ),
    ]);
}

/// Filters of the auth service's cluster run after the filter's lookup has left it.
#[test]
fn what_writes_into_a_lookup() {
    const CONNECT: &str =
        "    connect_timeout: 1s\n    load_assignment:\n      cluster_name: auth_service\n";
    let with = |filters: &str| {
        format!(
            "{CONNECT}    typed_extension_protocol_options:\n      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n        \
             \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n        \
             explicit_http_config: {{ http_protocol_options: {{}} }}\n        http_filters:\n{filters}        \
             - name: envoy.filters.http.upstream_codec\n          typed_config: {{ \"@type\": \
             type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec }}\n"
        )
    };
    let filter = |name: &str, kind: &str, more: &str| {
        with(&format!(
            "        - name: {name}\n          typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.{kind}, {more} }}\n"
        ))
    };
    let injector = |more: &str| {
        filter(
            "envoy.filters.http.credential_injector",
            "credential_injector.v3.CredentialInjector",
            more,
        )
    };
    let mutation = filter(
        "envoy.filters.http.header_mutation",
        "header_mutation.v3.HeaderMutation",
        "mutations: {}",
    );
    for (text, expected) in [
        (with(""), None),
        (injector("credential: { name: x }"), None),
        (injector("overwrite: false"), None),
        (injector("overwrite: true"), Some("key-overwritten")),
        (mutation, Some("cannot-tell")),
    ] {
        let found = codes(&sample(&[(CONNECT, &text)]));
        let found: Vec<&str> = found.iter().filter_map(|it| it.split(' ').next()).collect();
        assert_eq!(found, Vec::from_iter(expected), "{text}");
    }
}
