"""envoy/istio and envoy/gateway: valid by their CRDs, consistent, and safe; and what Envoy makes of them."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_envoy_sample import on_this_machine, self_signed

from harness import crds, envoy_config, keys, paths, translate
from harness.envoy import validate
from harness.http import bearer
from harness.stack import Stack
from harness.translate import GATEWAY, GATEWAY_EXTENSIONS, ISTIO, ISTIO_EXTENSIONS

# Values of a chart: there is no CRD for them.
MANIFESTS = sorted(f for f in [*ISTIO.rglob("*.yaml"), *GATEWAY.rglob("*.yaml")] if f.name != "mesh-config.yaml")
READ, WRITE = keys.READ["key"], keys.WRITE["key"]
CREATE = "/api/mlflow/api/2.0/mlflow/registered-models/create"


def file_id(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


Edit = Callable[[dict[str, Any]], object]
# File, kind, a word of the complaint, and what is broken.
BROKEN: list[tuple[str, str, str, Edit]] = [
    ("istio/1.30/traffic-extension.yaml", "TrafficExtension", "failStrategy",
     lambda spec: spec["wasm"].update(failStrategy="FAIL_RELAOD")),
    ("istio/1.30/traffic-extension.yaml", "TrafficExtension", "sha256",
     lambda spec: spec["wasm"].update(sha256="sha256:" + "0" * 64)),
    ("istio/1.30/traffic-extension.yaml", "TrafficExtension", "url", lambda spec: spec["wasm"].pop("url")),
    ("istio/1.29/wasm-plugin.yaml", "WasmPlugin", "phase", lambda spec: spec.update(phase="FIRST")),
    ("istio/1.29/wasm-plugin.yaml", "WasmPlugin", "pluginConfiguration",
     lambda spec: spec.update(pluginConfiguration=spec.pop("pluginConfig"))),
    ("istio/common/auth-service.yaml", "DestinationRule", "mode",
     lambda spec: spec["trafficPolicy"]["tls"].update(mode="TLS")),
    ("istio/common/auth-service.yaml", "ServiceEntry", "number",
     lambda spec: spec["ports"][0].update(number="https")),
    ("istio/common/envoy-filter.yaml", "EnvoyFilter", "operation",
     lambda spec: spec["configPatches"][0]["patch"].update(operation="PATCH")),
    ("gateway/envoy-extension-policy.yaml", "EnvoyExtensionPolicy", "type",
     lambda spec: spec["wasm"][0]["code"].update(type="OCI")),
    ("gateway/envoy-extension-policy.yaml", "EnvoyExtensionPolicy", "sha",
     lambda spec: spec["wasm"][0]["code"]["image"].update(sha=spec["wasm"][0]["code"]["image"].pop("sha256"))),
    ("gateway/module-over-http/envoy-extension-policy-http.yaml", "EnvoyExtensionPolicy", "url",
     lambda spec: spec["wasm"][0]["code"]["http"].pop("url")),
    ("gateway/gateway.yaml", "ClientTrafficPolicy", "escapedSlashesAction",
     lambda spec: spec["path"].update(escapedSlashesAction="KEEP_UNCHANGED")),
    ("gateway/gateway.yaml", "ClientTrafficPolicy", "withUnderscores",
     lambda spec: spec["headers"].update(withUnderscores="RejectRequest")),
    ("gateway/gateway.yaml", "HTTPRoute", "request",
     lambda spec: spec["rules"][0]["timeouts"].update(request="never")),
    ("gateway/envoy-proxy.yaml", "EnvoyProxy", "op",
     lambda spec: spec["bootstrap"]["jsonPatches"][0].update(op="append")),
    ("gateway/envoy-patch-policy.yaml", "EnvoyPatchPolicy", "jsonPatches",
     lambda spec: spec["jsonPatches"][0].pop("name")),
    ("istio/jwt/request-authentication.yaml", "RequestAuthentication", "audience",
     lambda spec: spec["jwtRules"][0].update(audience="mlflow")),
    ("istio/jwt/request-authentication.yaml", "RequestAuthentication", "fromHeaders",
     lambda spec: spec["jwtRules"][0].update(fromHeaders=["Authorization"])),
    ("gateway/jwt/security-policy.yaml", "SecurityPolicy", "audiences",
     lambda spec: spec["jwt"]["providers"][0].update(audiences="mlflow")),
    ("gateway/jwt/security-policy.yaml", "SecurityPolicy", "extractFrom",
     lambda spec: spec["jwt"]["providers"][0]["extractFrom"].update(header=[])),
    ("gateway/auth-service-as-backend/auth-service-backend.yaml", "BackendTLSPolicy", "hostname",
     lambda spec: spec["validation"].pop("hostname")),
]  # fmt: skip


def broken(file: str, kind: str, edit: Edit) -> dict[str, Any]:
    manifest = translate.find(paths.ROOT / "envoy" / file, kind)
    edit(manifest["spec"])
    return manifest


def misspelt(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "spec": {**manifest["spec"], "failOpn": True}}


Complaints = Callable[[dict[str, Any]], list[str]]


@pytest.fixture(scope="module")
def complaints() -> Complaints:
    """What the CRDs have against a manifest; all are asked about at once, since asking takes a second."""
    valid = [manifest for file in MANIFESTS for manifest in crds.objects(file)]
    subjects = [
        *valid,
        *(misspelt(manifest) for manifest in valid),
        *(broken(file, kind, edit) for file, kind, _, edit in BROKEN),
    ]
    known = dict(zip(map(json.dumps, subjects), crds.complaints(subjects), strict=True))
    return lambda manifest: known[json.dumps(manifest)]


@pytest.mark.parametrize("file", MANIFESTS, ids=file_id)
def test_valid_by_the_crd(complaints: Complaints, file: Path) -> None:
    manifests = crds.objects(file)
    assert manifests
    for manifest in manifests:
        assert not complaints(manifest), manifest["kind"]


@pytest.mark.parametrize("file", MANIFESTS, ids=file_id)
def test_a_field_the_crd_does_not_know_is_refused(complaints: Complaints, file: Path) -> None:
    for manifest in crds.objects(file):
        found = complaints(misspelt(manifest))
        assert any("failOpn" in each for each in found), (manifest["kind"], found)


@pytest.mark.parametrize(("file", "kind", "named", "edit"), BROKEN, ids=lambda v: v if isinstance(v, str) else "")
def test_a_broken_manifest_is_refused(complaints: Complaints, file: str, kind: str, named: str, edit: Edit) -> None:
    found = complaints(broken(file, kind, edit))
    assert any(named in each for each in found), found


def plugin_configs() -> list[Any]:
    istio = [(file, translate.istio_extension(file)["pluginConfig"]) for file in ISTIO_EXTENSIONS]
    gateway = [
        (file, translate.find(GATEWAY / file, "EnvoyExtensionPolicy")["spec"]["wasm"][0]["config"])
        for file in GATEWAY_EXTENSIONS
    ]
    return [pytest.param(config, id=file) for file, config in istio + gateway]


@pytest.mark.parametrize("config", plugin_configs())
def test_check_accepts_the_plugin_configuration(tmp_path: Path, config: dict[str, Any]) -> None:
    file = tmp_path / "plugin.json"
    file.write_text(json.dumps(config))
    result = subprocess.run([paths.cli(), "check", file], capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("file", ISTIO_EXTENSIONS)
def test_istio_has_the_cluster_and_verifies_whom_it_talks_to(file: str) -> None:
    auth = translate.istio_extension(file)["pluginConfig"]["auth_service"]
    entry = translate.find(ISTIO / "common" / "auth-service.yaml", "ServiceEntry")["spec"]
    rule = translate.find(ISTIO / "common" / "auth-service.yaml", "DestinationRule")["spec"]
    (host,), (port,) = entry["hosts"], entry["ports"]
    assert auth["cluster"] == f"outbound|{port['number']}||{host}"
    assert auth["authority"] == rule["host"] == host
    tls = rule["trafficPolicy"]["tls"]
    assert tls["mode"] == "SIMPLE" and tls["caCertificates"] and tls["subjectAltNames"] == [host]


def test_istio_before_and_after_1_30_say_the_same() -> None:
    new = crds.objects(ISTIO / ISTIO_EXTENSIONS[0])[0]["spec"]
    old = crds.objects(ISTIO / ISTIO_EXTENSIONS[1])[0]["spec"]
    assert {**new, **new.pop("wasm")} | {"wasm": None} == old | {"wasm": None}


@pytest.mark.parametrize("file", GATEWAY_EXTENSIONS)
def test_envoy_gateway_does_not_fail_open(file: str) -> None:
    (wasm,) = translate.find(GATEWAY / file, "EnvoyExtensionPolicy")["spec"]["wasm"]
    assert wasm["failOpen"] is False


def test_a_crashed_vm_comes_back_under_envoy_gateway() -> None:
    (patch,) = translate.find(GATEWAY / "envoy-patch-policy.yaml", "EnvoyPatchPolicy")["spec"]["jsonPatches"]
    assert (patch["operation"]["path"], patch["operation"]["value"]) == ("failure_policy", "FAIL_RELOAD")


def test_routes_go_by_path_without_a_time_limit_and_nothing_is_repeated() -> None:
    istio, redirect = translate.find(ISTIO / "common" / "mlflow.yaml", "VirtualService")["spec"]["http"]
    assert [list(match) for match in [*istio["match"], *redirect["match"]]] == [["uri"], ["uri"]]
    assert istio["timeout"] == "0s" and istio["retries"] == {"attempts": 0}
    gateway, redirect = translate.find(GATEWAY / "gateway.yaml", "HTTPRoute")["spec"]["rules"]
    assert [list(match) for match in [*gateway["matches"], *redirect["matches"]]] == [["path"], ["path"]]
    assert gateway["timeouts"] == {"request": "0s"} and "retry" not in gateway


def test_idle_connections_to_mlflow_end_before_uvicorn_ends_them() -> None:
    rule = translate.find(ISTIO / "common" / "mlflow.yaml", "DestinationRule")["spec"]
    policy = translate.find(GATEWAY / "gateway.yaml", "BackendTrafficPolicy")["spec"]
    assert rule["trafficPolicy"]["connectionPool"]["http"]["idleTimeout"] == "4s"
    assert policy["timeout"]["http"]["connectionIdleTimeout"] == "4s"


def test_a_folder_that_is_applied_whole_is_one_deployment() -> None:
    """`kubectl apply -f FOLDER`: no two manifests of the filter, and nothing that is no object."""
    extensions = {"TrafficExtension", "WasmPlugin", "EnvoyExtensionPolicy"}
    folders = {file.parent for file in MANIFESTS}
    for folder in folders:
        kinds = [each.get("kind") for file in folder.glob("*.yaml") for each in crds.objects(file)]
        assert all(kinds) and len([kind for kind in kinds if kind in extensions]) <= 1, folder


def test_istio_does_not_fail_open() -> None:
    assert len(ISTIO_EXTENSIONS) > 1
    for file in ISTIO_EXTENSIONS:
        assert translate.istio_extension(file)["failStrategy"] == "FAIL_RELOAD"


def test_the_other_cluster_of_the_auth_service_is_named_after_its_route_which_is_closed() -> None:
    file = GATEWAY / "auth-service-as-backend" / "auth-service-backend.yaml"
    route = translate.find(file, "HTTPRoute")
    name = f"httproute/{route['metadata']['namespace']}/{route['metadata']['name']}/rule/0"
    assert name in file.read_text() and name in (GATEWAY / "envoy-extension-policy.yaml").read_text()
    assert len(route["spec"]["rules"]) == 1
    policy = translate.find(file, "SecurityPolicy")["spec"]
    assert policy == {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": route["metadata"]["name"]}],
        "authorization": {"defaultAction": "Deny"},
    }


def test_envoy_accepts_the_tls_of_envoy_gateways_cluster(tmp_path: Path) -> None:
    config = on_this_machine(envoy_config.load_sample(), tmp_path)
    del config["stats_config"]
    clusters = config["static_resources"]["clusters"]
    clusters[:] = [c for c in clusters if c["name"] != "auth_service"]
    patches = translate.find(GATEWAY / "envoy-proxy.yaml", "EnvoyProxy")["spec"]["bootstrap"]["jsonPatches"]
    translate.patch_bootstrap(config, copy.deepcopy(patches))
    trust = clusters[-1]["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]
    # Without both of these, Envoy encrypts to whoever answers.
    assert trust["trusted_ca"] and trust["match_typed_subject_alt_names"]
    trust["trusted_ca"] = {"inline_string": self_signed(tmp_path)}
    result = validate(config, tmp_path)
    assert result.returncode == 0, result.stderr


def test_envoy_gateway_has_the_samples_rules_for_metrics() -> None:
    patches = translate.find(GATEWAY / "envoy-proxy.yaml", "EnvoyProxy")["spec"]["bootstrap"]["jsonPatches"]
    (stats,) = (p["value"] for p in patches if p["path"] == "/stats_config")
    assert stats == envoy_config.load_sample()["stats_config"]


def test_istio_has_a_label_for_every_rule_of_the_sample() -> None:
    sample = envoy_config.load_sample()["stats_config"]["stats_tags"]
    tags = translate.mesh_config()["meshConfig"]["defaultConfig"]["extraStatTags"]
    assert tags == [rule["tag_name"] for rule in sample]


OUR_HOST = ("host", "mlflow.example.com")


def decides(stack: Stack) -> None:
    """A decision of each kind, and the settings around the filter."""
    client = stack.client
    read = "/api/mlflow/api/2.0/mlflow/runs/get"
    assert client.get(read, [OUR_HOST, bearer(READ)]).status == 200
    assert client.post(CREATE, [OUR_HOST, bearer(WRITE)]).status == 200
    refused = client.post(CREATE, [OUR_HOST, bearer(READ)])
    assert refused.status == 403 and refused.json()["required_permission"] == "registered_model:write"
    assert client.post(CREATE, [OUR_HOST]).status == 401
    assert client.get(read, [OUR_HOST, bearer(READ), ("x_user", "me")]).status == 400
    # Neither unescaped nor redirected on the way to the filter.
    escaped = client.get("/api/mlflow/api/2.0/mlflow/runs%2Fget", [OUR_HOST, bearer(READ)])
    assert escaped.status == 400 and escaped.json()["reason"] == "target_ambiguous"
    entries = [entry for entry in stack.envoy.access_log() if entry["status"] == 403]
    assert [entry["authz"]["reason"] for entry in entries] == ["scope_missing"]
    # The filter lets requests for the gateway's other hosts pass.
    assert client.post(CREATE, [("host", "shop.example.com")]).status == 200


@pytest.mark.parametrize("config", plugin_configs())
def test_the_filter_guards_the_hosts_of_mlflows_routes(config: dict[str, Any]) -> None:
    istio = translate.find(ISTIO / "common" / "mlflow.yaml", "VirtualService")["spec"]["hosts"]
    gateway = translate.find(GATEWAY / "gateway.yaml", "HTTPRoute")["spec"]["hostnames"]
    assert config["hosts"] == istio == gateway == [OUR_HOST[1]]


@pytest.mark.parametrize("file", ISTIO_EXTENSIONS)
def test_envoy_decides_as_istio_configures_it(start_stack: Callable[..., Stack], file: str) -> None:
    stack = start_stack(edit=lambda config: translate.as_istio(file, config))
    decides(stack)
    labels = {"decision": "deny", "reason": "scope_missing", "object": "registered_model", "access": "write"}
    assert stack.envoy.metric("mlflow_authz_decisions", **labels) == 1


@pytest.mark.parametrize("file", GATEWAY_EXTENSIONS)
def test_envoy_decides_as_envoy_gateway_configures_it(start_stack: Callable[..., Stack], file: str) -> None:
    stack = start_stack(edit=lambda config: translate.as_envoy_gateway(file, config))
    decides(stack)
    labels = {"decision": "deny", "reason": "scope_missing", "object": "registered_model", "access": "write"}
    assert stack.envoy.metric("mlflow_authz_decisions", **labels) == 1
