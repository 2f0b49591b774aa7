//! Rules about the filter in an Envoy file.

use super::{assert_edits, codes, findings, sample};

const POLICY: &str = "failure_policy: FAIL_RELOAD\n";
const VM: &str = "vm_id: mlflow_authz\n";
const CONFIG: &str = "                configuration:\n                  \"@type\": type.googleapis.com/google.protobuf.StringValue\n                  value: |\n";

#[test]
fn the_sample_is_clean() {
    assert_eq!(codes(&sample(&[])), [""; 0]);
}

#[test]
fn what_a_crash_does() {
    assert_edits(&[
        (
            &[(POLICY, "failure_policy: FAIL_OPEN\n")],
            &[("fail-open", "config.failure_policy")],
        ),
        (
            &[(POLICY, "failure_policy: 3\n")],
            &[("fail-open", "config.failure_policy")],
        ),
        (
            &[(POLICY, "failurePolicy: FAIL_OPEN\n")],
            &[("fail-open", "config.failurePolicy")],
        ),
        (
            &[(POLICY, "fail_open: true\n")],
            &[("fail-open", "config.fail_open")],
        ),
        (
            &[(POLICY, "fail_open: false\n")],
            &[("fail-reload", "typed_config.config")],
        ),
        (
            &[(POLICY, "failure_policy: FAIL_CLOSED\n")],
            &[("fail-reload", "typed_config.config")],
        ),
        (
            &[(POLICY, "failure_policy: UNSPECIFIED\n")],
            &[("fail-reload", "typed_config.config")],
        ),
        (&[(POLICY, "failurePolicy: FAIL_RELOAD\n")], &[]),
        (&[(POLICY, "failure_policy: 1\n")], &[]),
    ]);
}

#[test]
fn bodies_and_the_way_they_come() {
    const INSPECT: (&str, &str) = (
        "\"version\": 1,",
        "\"version\": 1, \"bodies\": \"inspect\",",
    );
    const CONTINUES: (&str, &str) = (
        POLICY,
        "failure_policy: FAIL_RELOAD\n                allow_on_headers_stop_iteration: true\n",
    );
    const LISTENER: &str = "  - name: mlflow\n    address:\n";
    const BUFFER: (&str, &str) = (
        LISTENER,
        "  - name: mlflow\n    per_connection_buffer_limit_bytes: 65535\n    address:\n",
    );
    const LARGE: (&str, &str) = (
        "\"version\": 1,",
        "\"version\": 1, \"bodies\": \"inspect\", \"body_limit\": 1048577,",
    );
    const WINDOW: (&str, &str) = (
        "initial_stream_window_size: 65536",
        "initial_stream_window_size: 2097152",
    );
    assert_edits(&[
        (
            &[INSPECT],
            &[("stop-iteration-missing", "typed_config.config")],
        ),
        (
            &[CONTINUES],
            &[("stop-iteration-unneeded", "allow_on_headers_stop_iteration")],
        ),
        (&[INSPECT, CONTINUES], &[]),
        (
            &[INSPECT, CONTINUES, BUFFER],
            &[("body-limit", "config.configuration")],
        ),
        (&[BUFFER], &[]),
        (
            &[LARGE, CONTINUES, WINDOW],
            &[("body-limit", "config.configuration")],
        ),
        (
            &[LARGE, CONTINUES],
            &[("body-limit", ""), ("body-limit", "")],
        ),
    ]);
}

#[test]
fn the_form_of_the_configuration() {
    let as_struct = sample(&[(
        CONFIG,
        "                configuration:\n                  \"@type\": type.googleapis.com/google.protobuf.Struct\n                  value:\n",
    )]);
    assert_eq!(codes(&as_struct).len(), 1);
    assert!(codes(&as_struct)[0].starts_with("config-type "));
    assert_edits(&[
        (
            &[(
                "google.protobuf.StringValue\n                  value: |",
                "google.protobuf.BytesValue\n                  value: eyJhdXRoX3NlcnZpY2UiOnsiY2x1c3RlciI6ImF1dGhfc2VydmljZSJ9LCJtb3VudHMiOlsiL2FwaS9tbGZsb3ciXX0=\n                unused: |",
            )],
            // What stands under a name that Envoy does not know is told.
            &[("cannot-tell", "config.unused")],
        ),
        (
            &[(
                "                configuration:\n",
                "                unused:\n",
            )],
            &[
                ("config-missing", "typed_config.config"),
                ("cannot-tell", "config.unused"),
            ],
        ),
        (
            &[("\"timeout\": \"2s\"", "\"tiemout\": \"2s\"")],
            &[(
                "config-refused",
                "configuration.value > auth_service.tiemout",
            )],
        ),
        (
            &[("\"version\": 1,", "\"version\": 1, \"roles\": {\"a\": []},")],
            &[("grants-nothing", "configuration.value > roles.a")],
        ),
    ]);
}

/// The shipped block as it is, then without one of its lines at a time.
#[test]
fn what_the_module_may_do() {
    const SHIPPED: &str = include_str!("../../../../envoy/capabilities.yaml");
    let with = |block: &str| {
        let indented = |line: &str| format!("                {line}\n");
        let block: String = block.lines().map(indented).collect();
        let becomes = format!("failure_policy: FAIL_RELOAD\n{block}");
        codes(&sample(&[(POLICY, &becomes)]))
    };
    assert_eq!(with(SHIPPED), [""; 0]);
    let lines = SHIPPED.lines().filter(|line| line.ends_with(": {}"));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() > 30, "{lines:?}");
    for line in lines {
        let found = with(&SHIPPED.replace(&format!("{line}\n"), ""));
        let decides = [
            "_on_request_",
            "_on_vm_start",
            "_on_configure",
            "_on_context_create",
            "_on_http_call_response",
        ]
        .iter()
        .any(|part| line.contains(part));
        let code = if decides {
            "around-filter "
        } else {
            "cannot-tell "
        };
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert!(
            found[0].starts_with(code) && found[0].ends_with("allowed_capabilities"),
            "{line}: {found:?}"
        );
    }
    assert_eq!(
        with("capability_restriction_config: { allowed_capabilities: {} }"),
        [""; 0]
    );
}

/// What Envoy's API may have besides.
#[test]
fn fields_that_are_not_known() {
    assert_edits(&[
        (
            &[(
                POLICY,
                "failure_policy: FAIL_RELOAD\n                capability_restriction_config: { later: {} }\n",
            )],
            &[("cannot-tell", "capability_restriction_config.later")],
        ),
        (
            &[(
                POLICY,
                "failure_policy: FAIL_RELOAD\n                later: {}\n",
            )],
            &[("cannot-tell", "config.later")],
        ),
        (
            &[(VM, "vm_id: mlflow_authz\n                  later: {}\n")],
            &[("cannot-tell", "vm_config.later")],
        ),
        (
            &[(
                "runtime: envoy.wasm.runtime.v8",
                "runtime: envoy.wasm.runtime.null",
            )],
            &[("cannot-tell", "vm_config.runtime")],
        ),
    ]);
}

/// Another filter in front, with its own `vm_config`.
fn with_other(vm: &str) -> String {
    let other = format!(
        "          - name: other\n            typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n              config:\n                name: other\n                vm_config:\n                  {vm}\n                  code: {{ local: {{ filename: /etc/envoy/other.wasm }} }}\n          - name: mlflow_authz\n"
    );
    sample(&[("          - name: mlflow_authz\n", &other)])
}

#[test]
fn who_shares_a_vm() {
    for (text, expected) in [
        // What another module does to a request is not known either.
        (with_other("vm_id: other"), &["cannot-tell"][..]),
        (
            with_other("runtime: envoy.wasm.runtime.v8"),
            &["cannot-tell"],
        ),
        (
            with_other("vm_id: mlflow_authz"),
            &["cannot-tell", "vm-id-shared"],
        ),
        (
            sample(&[(VM, "allow_precompiled: false\n")]),
            &["vm-id-missing"],
        ),
    ] {
        let found = findings(&[("f", text.as_str())]);
        let found: Vec<&str> = found.iter().map(|finding| finding.code).collect();
        assert_eq!(found, expected);
    }
}

/// Two listeners: the sample's, and a copy in a file of its own.
fn twice(from: &str, to: &str) -> Vec<&'static str> {
    let text = sample(&[(
        "\"version\": 1,",
        "\"version\": 1, \"revocation\": {\"path\": \"/revoked\"},",
    )]);
    assert!(text.contains(from));
    let other = text.replace(from, to);
    let found = findings(&[("a", text.as_str()), ("b", other.as_str())]);
    found.iter().map(|finding| finding.code).collect()
}

/// What is kept of keys is kept by the auth service's identity; the list of revoked keys as well.
#[test]
fn instances_that_must_not_share() {
    assert_eq!(twice("\"/revoked\"", "\"/revoked\""), [""; 0]);
    assert_eq!(twice("\"/revoked\"", "\"/gone\""), ["vm-id-shared"]);
    assert_eq!(
        twice("\"service_id\": \"mlflow\"", "\"service_id\": \"other\""),
        [""; 0]
    );
    assert_eq!(twice("\"ttl\": \"60s\"", "\"ttl\": \"1s\""), [""; 0]);
}

/// By ECDS, in a `TypedStruct`, and under names in camel case.
#[test]
fn the_filter_is_found_wherever_it_stands() {
    let wasm = "config:\n        root_id: mlflow_authz\n        fail_open: true\n        failure_policy: FAIL_RELOAD\n        vm_config: { vm_id: a }\n        configuration: { \"@type\": type.googleapis.com/google.protobuf.StringValue, value: '{\"mounts\": [\"/\"], \"auth_service\": {\"cluster\": \"c\"}}' }\n";
    let ecds = format!(
        "resources:\n- \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n  name: a\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n    {}",
        wasm.replace("\n        ", "\n      ")
    );
    assert_eq!(
        codes(&ecds),
        ["fail-open resources[0].typed_config.config.fail_open"]
    );
    let envoy_filter = format!(
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nspec:\n  configPatches:\n  - applyTo: HTTP_FILTER\n    patch:\n      value:\n        name: x\n        typed_config:\n          \"@type\": type.googleapis.com/udpa.type.v1.TypedStruct\n          type_url: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n          value:\n            {}",
        wasm.replace("\n        ", "\n              ")
    );
    let found = codes(&envoy_filter);
    assert_eq!(
        found,
        ["fail-open spec.configPatches[0].patch.value.typed_config.value.config.fail_open"]
    );
    assert_eq!(codes("static_resources: {}\n"), ["no-filter"]);
}

/// In a matcher it runs for some requests only.
#[test]
fn the_filter_inside_another() {
    const ENTRY: &str = "          - name: mlflow_authz\n            typed_config:\n";
    const ROUTER: &str = "          - name: envoy.filters.http.router\n";
    let text = sample(&[]);
    let (head, rest) = text.split_once(ENTRY).unwrap();
    let (filter, tail) = rest.split_once(ROUTER).unwrap();
    let inner: String = filter.lines().map(|line| format!("    {line}\n")).collect();
    let wrapped = format!(
        "{head}{ENTRY}              \"@type\": type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher\n              extension_config:\n                name: inner\n                typed_config:\n{inner}{ROUTER}{tail}"
    );
    let found = codes(&wrapped);
    assert!(
        found.iter().any(|found| found.starts_with("cannot-tell")
            && found.ends_with("extension_config.typed_config.config")),
        "{found:?}"
    );
}
