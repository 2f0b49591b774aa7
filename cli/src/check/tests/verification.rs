//! Who verifies the tokens and certificates that an instance believes.

use super::{Edit, Found, assert_edits, codes, sample};

pub(super) const JWT: Edit<'_> = ("\"version\": 1,", "\"version\": 1, \"jwt\": {},");
const OTHER_KEY: Edit<'_> = (
    "\"version\": 1,",
    "\"version\": 1, \"jwt\": {\"metadata_key\": [\"corp\", \"claims\"]},",
);
const MTLS: Edit<'_> = (
    "\"version\": 1,",
    "\"version\": 1, \"mtls\": {\"by\": \"uri_san\", \"principals\": {\"spiffe://a/b\": {\"scopes\": [\"model:read\"]}}},",
);
pub(super) const OURS: &str = "          - name: mlflow_authz\n";
const ROUTER: &str = "          - name: envoy.filters.http.router\n";
pub(super) const HEADERS: &str =
    "require_expiration: true, from_headers: [{ name: authorization, value_prefix: \"Bearer \" }]";
pub(super) const GOOD: &str = "audiences: [mlflow], payload_in_metadata: payload, ";
const FILTERS: &str = "http_filters";

/// A `jwt_authn` with one provider, before what comes next.
fn jwt_authn(provider: &str, next: &str) -> String {
    jwt_authn_with(provider, EVERY, next)
}

/// The same with rules in YAML's flow style.
pub(super) fn jwt_authn_with(provider: &str, rules: &str, next: &str) -> String {
    format!(
        "          - name: envoy.filters.http.jwt_authn\n            typed_config:\n              \"@type\": \
         type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication\n              \
         providers: {{ corp: {{ issuer: i, {provider} }} }}\n              \
         rules: [{rules}]\n{next}"
    )
}

const EVERY: &str = "{ match: { prefix: / }, requires: { requires_any: { requirements: [{ provider_name: corp }, { allow_missing_or_failed: {} }] } } }";

fn found(edits: &[Edit<'_>], expected: &[Found<'_>]) {
    assert_edits(&[(edits, expected)]);
}

#[test]
fn who_verifies_tokens() {
    let good = jwt_authn(&format!("{GOOD}{HEADERS}"), OURS);
    found(&[JWT, (OURS, &good)], &[]);
    found(&[JWT], &[("jwt-unverified", "jwt")]);
    let behind = jwt_authn(&format!("{GOOD}{HEADERS}"), ROUTER);
    found(
        &[JWT, (ROUTER, &behind)],
        &[
            ("jwt-unverified", "jwt"),
            ("cannot-tell", "http_filters[1]"),
        ],
    );
    // No claims are read, so nobody need verify them.
    found(&[(OURS, &jwt_authn(HEADERS, OURS))], &[]);
    let off = good.replace(
        "jwt_authn\n            typed",
        "jwt_authn\n            disabled: true\n            typed",
    );
    found(&[JWT, (OURS, &off)], &[("cannot-tell", "http_filters[0]")]);
    // What it does is not in the file.
    let unknown = format!("          - name: envoy.filters.http.jwt_authn\n{OURS}");
    found(
        &[JWT, (OURS, &unknown)],
        &[("cannot-tell", "http_filters[0]")],
    );
    let other = good.replace("jwt_authn.v3.JwtAuthentication", "rbac.v3.RBAC");
    found(&[JWT, (OURS, &other)], &[("jwt-unverified", "jwt")]);
}

#[test]
fn what_a_provider_must_say() {
    for (provider, expected) in [
        (
            format!("payload_in_metadata: payload, {HEADERS}"),
            &[("jwt-audiences", "providers.corp")][..],
        ),
        (
            format!("{GOOD}audiences: [], {HEADERS}").replace("audiences: [mlflow], ", ""),
            &[("jwt-audiences", "providers.corp")],
        ),
        (
            GOOD.to_owned(),
            &[
                ("jwt-expiration", "providers.corp"),
                ("jwt-passed-over", "providers.corp"),
                ("jwt-locations", "providers.corp"),
            ],
        ),
        (
            format!("{GOOD}{HEADERS}").replace("require_expiration: true", "require_expiration: false"),
            &[("jwt-expiration", "providers.corp")],
        ),
        (
            format!("{GOOD}{HEADERS}, from_params: [t]"),
            &[
                ("jwt-locations", "from_params"),
                ("jwt-passed-over", "from_params"),
            ],
        ),
        (
            format!("{GOOD}{HEADERS}, from_cookies: [t]"),
            &[
                ("jwt-locations", "from_cookies"),
                ("jwt-passed-over", "from_cookies"),
            ],
        ),
        // A bad token there is a bad key: 401.
        (
            format!("{GOOD}{HEADERS}").replace(" }]", " }, { name: X_Api_Key }]"),
            &[],
        ),
        (
            format!("{GOOD}{HEADERS}").replace(" }]", " }, { name: x-user-token }]"),
            &[("jwt-passed-over", "from_headers")],
        ),
        (
            format!("audiences: [mlflow], {HEADERS}"),
            &[("jwt-metadata-key", "> jwt.metadata_key")],
        ),
        (
            format!("audiences: [mlflow], payload_in_metadata: other, {HEADERS}"),
            &[("jwt-metadata-key", "> jwt.metadata_key")],
        ),
        (
            format!("{GOOD}{HEADERS}, header_in_metadata: payload"),
            &[("jwt-metadata-key", "header_in_metadata")],
        ),
        (
            format!("{GOOD}{HEADERS}, failed_status_in_metadata: payload"),
            &[("jwt-metadata-key", "failed_status_in_metadata")],
        ),
        (format!("{GOOD}{HEADERS}, header_in_metadata: header"), &[]),
        // As protobuf's JSON has it.
        (
            "audiences: [mlflow], payloadInMetadata: payload, requireExpiration: true, fromHeaders: [{ name: authorization }]"
                .to_owned(),
            &[],
        ),
    ] {
        found(&[JWT, (OURS, &jwt_authn(&provider, OURS))], expected);
    }
    let own = format!("audiences: [mlflow], payload_in_metadata: claims, {HEADERS}");
    found(&[OTHER_KEY, (OURS, &jwt_authn(&own, OURS))], &[]);
    let good = jwt_authn(&format!("{GOOD}{HEADERS}"), OURS);
    found(
        &[OTHER_KEY, (OURS, &good)],
        &[("jwt-metadata-key", "> jwt.metadata_key")],
    );
}

/// The clusters of the sample: the auth service's verifies who answers, MLflow's does not.
#[test]
fn where_key_sets_come_from() {
    for (cluster, expected) in [
        ("auth_service", &[][..]),
        (
            "mlflow",
            &[("jwks-unverified", "remote_jwks.http_uri.cluster")],
        ),
        ("not_in_the_file", &[]),
    ] {
        let provider = format!(
            "{GOOD}{HEADERS}, remote_jwks: {{ http_uri: {{ uri: https://login/certs, cluster: {cluster}, timeout: 2s }} }}"
        );
        found(&[JWT, (OURS, &jwt_authn(&provider, OURS))], expected);
    }
}

/// A claim in a header where keys travel is a key; the filter itself removes identity headers.
#[test]
fn claims_in_headers() {
    for (more, expected) in [
        ("forward_payload_header: x-jwt", &[][..]),
        (
            "forward_payload_header: X_API_Key",
            &[("header-written", "forward_payload_header")],
        ),
        (
            "claim_to_headers: [{ header_name: x-team, claim_name: team }, { header_name: authorization, claim_name: key }]",
            &[("header-written", "claim_to_headers[1].header_name")],
        ),
        (
            "claim_to_headers: [{ header_name: x-mlflow-authz-user, claim_name: sub }]",
            &[],
        ),
    ] {
        let filter = jwt_authn(&format!("{GOOD}{HEADERS}, {more}"), OURS);
        found(&[JWT, (OURS, &filter)], expected);
    }
}

#[test]
fn who_else_writes_where_claims_are() {
    let writer = |namespace: &str| {
        let filter = format!(
            "          - name: h\n            typed_config:\n              \"@type\": \
             type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config\n              \
             request_rules: [{{ header: x, on_header_present: {{ metadata_namespace: {namespace}, key: payload }} }}]\n{OURS}"
        );
        jwt_authn(&format!("{GOOD}{HEADERS}"), &filter)
    };
    const UNKNOWN: Found<'_> = ("cannot-tell", "http_filters[1]");
    found(
        &[JWT, (OURS, &writer("envoy.filters.http.jwt_authn"))],
        &[UNKNOWN, ("claims-written", "metadata_namespace")],
    );
    found(&[JWT, (OURS, &writer("envoy.lb"))], &[UNKNOWN]);
    found(
        &[(OURS, &writer("envoy.filters.http.jwt_authn"))],
        &[UNKNOWN],
    );
}

#[test]
fn who_verifies_certificates() {
    const KEY: &str = "private_key: { filename: /etc/envoy/tls/tls.key }\n";
    const START: &str = "          common_tls_context:\n            tls_params: { tls_minimum_protocol_version: TLSv1_2 }\n            alpn";
    let with = |validation: &str| format!("{KEY}            {validation}\n");
    let without_resumption = |fields: &str| format!("{fields}{START}");
    let fresh = without_resumption(
        "          disable_stateless_session_resumption: true\n          disable_stateful_session_resumption: true\n",
    );
    found(&[MTLS], &[("certificate-not-asked", "typed_config")]);
    for (validation, expected) in [
        (
            "validation_context: { trusted_ca: { filename: ca } }",
            &[][..],
        ),
        ("validationContext: { trustedCa: { filename: ca } }", &[]),
        ("validation_context: { system_root_certs: {} }", &[]),
        ("validation_context: { verify_certificate_hash: [ab] }", &[]),
        (
            "validation_context: {}",
            &[("certificate-unverified", "validation_context")],
        ),
        (
            "validation_context: { match_typed_subject_alt_names: [{ san_type: URI, matcher: { prefix: 'spiffe://' } }] }",
            &[("certificate-unverified", "validation_context")],
        ),
        (
            "validation_context: { verify_certificate_spki: [ab] }",
            &[("certificate-unverified", "validation_context")],
        ),
        (
            "validation_context: { verify_certificate_hash: [ab], verify_certificate_spki: [ab] }",
            &[("certificate-unverified", "validation_context")],
        ),
        (
            "validation_context: { trusted_ca: { filename: ca }, verify_certificate_spki: [ab] }",
            &[],
        ),
        (
            "validation_context: { trusted_ca: { filename: ca }, allow_expired_certificate: true }",
            &[("certificate-unverified", "allow_expired_certificate")],
        ),
        (
            "validation_context: { trusted_ca: { filename: ca }, allow_expired_certificate: false }",
            &[],
        ),
        (
            "validation_context: { trusted_ca: { filename: ca }, trust_chain_verification: ACCEPT_UNTRUSTED }",
            &[("certificate-unverified", "trust_chain_verification")],
        ),
        (
            "validation_context: { trusted_ca: { filename: ca }, trust_chain_verification: 1 }",
            &[("certificate-unverified", "trust_chain_verification")],
        ),
        (
            "validation_context: { trusted_ca: { filename: ca }, trust_chain_verification: VERIFY_TRUST_CHAIN }",
            &[],
        ),
        (
            "validation_context: { custom_validator_config: { name: x, typed_config: { \"@type\": type.googleapis.com/a.B } } }",
            &[("cannot-tell", "custom_validator_config")],
        ),
        (
            "validation_context: { custom_validator_config: { name: x, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig } } }",
            &[],
        ),
        (
            "validation_context_sds_secret_config: { name: ca }",
            &[("cannot-tell", "validation_context_sds_secret_config")],
        ),
        (
            "combined_validation_context: { default_validation_context: {}, validation_context_sds_secret_config: { name: ca } }",
            &[("cannot-tell", "validation_context_sds_secret_config")],
        ),
        (
            "combined_validation_context: { default_validation_context: { trust_chain_verification: ACCEPT_UNTRUSTED }, validation_context_sds_secret_config: { name: ca } }",
            &[
                ("certificate-unverified", "trust_chain_verification"),
                ("cannot-tell", "validation_context_sds_secret_config"),
            ],
        ),
    ] {
        found(&[MTLS, (KEY, &with(validation)), (START, &fresh)], expected);
    }
    let good = with("validation_context: { trusted_ca: { filename: ca } }");
    for fields in [
        "",
        "          disable_stateless_session_resumption: true\n",
        "          disable_stateful_session_resumption: true\n",
    ] {
        found(
            &[MTLS, (KEY, &good), (START, &without_resumption(fields))],
            &[("certificate-resumed", "typed_config")],
        );
    }
    // Who reads no names needs none.
    found(&[(KEY, &with("validation_context: {}"))], &[]);
}

#[test]
fn a_listener_without_tls() {
    let text = sample(&[MTLS, ("address: 0.0.0.0", "address: 127.0.0.1")]);
    let (start, rest) = text.split_once("    - transport_socket:\n").unwrap();
    let (_, rest) = rest.split_once("      filters:\n").unwrap();
    let found = codes(&format!("{start}    - filters:\n{rest}"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("certificate-not-asked ")
            && found[0].contains(FILTERS)
            && found[0].ends_with("mtls"),
        "{found:?}"
    );
}
