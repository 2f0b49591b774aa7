"""`check` over manifests of Istio: the shipped ones with a deployment's own names, and with one change; every sample as it is.

Changes to Envoy Gateway's are in test_check_gateway.py.
"""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import paths
from harness.manifests import SAMPLES, Edit, Objects, findings, load, named

SERVICE = "mlflow.mlflow.svc.cluster.local"


def http(objects: Objects) -> dict[str, Any]:
    return objects["VirtualService mlflow"]["spec"]["http"][0]


def extension(objects: Objects) -> dict[str, Any]:
    return objects["TrafficExtension mlflow-authz"]["spec"]


def plugin(objects: Objects) -> dict[str, Any]:
    return extension(objects)["wasm"]["pluginConfig"]


def to(host: str = SERVICE, port: int = 5000) -> dict[str, Any]:
    return {"destination": {"host": host, "port": {"number": port}}}


def virtual_service(name: str, **spec: Any) -> Objects:
    base = {"hosts": ["mlflow.corp.internal"], "gateways": ["mlflow-gateway"]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "istio-ingress"},
        "spec": base | spec,
    }


def route(path: str = "/other/", **more: Any) -> dict[str, Any]:
    return {"match": [{"uri": {"prefix": path}}], "route": [to()], "retries": {"attempts": 0}, **more}


def second(**spec: Any) -> Edit:
    """One more VirtualService."""
    return lambda objects: objects.update(second=virtual_service("second", **spec))


def other_gateway(objects: Objects) -> None:
    gateway = copy.deepcopy(objects["Gateway mlflow-gateway"])
    gateway["metadata"]["name"] = "other"
    gateway["spec"]["selector"] = {"istio": "egress"}
    objects["other"] = gateway
    second(gateways=["other"], http=[route("/api/mlflow/", rewrite={"uri": "/"})])(objects)


def with_wasm_plugin(objects: Objects) -> None:
    objects["WasmPlugin"] = load("istio-1.29")["WasmPlugin mlflow-authz"]


def patched(**patch: Any) -> Edit:
    def edit(objects: Objects) -> None:
        objects["EnvoyFilter mlflow-authz-connection-manager"]["spec"]["configPatches"].append(patch)

    return edit


def service(name: str, namespace: str, **spec: Any) -> Objects:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def same_pods(objects: Objects) -> None:
    """A second Service in front of MLflow's pods, and a route to it."""
    ports = [{"port": 5000, "targetPort": 5000}]
    objects["s1"] = service("mlflow", "mlflow", selector={"app": "mlflow"}, ports=ports)
    objects["s2"] = service("models", "mlflow", selector={"app": "mlflow", "tier": "a"}, ports=ports)
    second(http=[route(route=[to("models.mlflow.svc.cluster.local")])])(objects)


def service_entry_alias(objects: Objects) -> None:
    objects["alias"] = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "alias", "namespace": "istio-ingress"},
        "spec": {
            "hosts": ["models.corp.internal"],
            "ports": [{"number": 5000, "name": "http", "protocol": "HTTP"}],
            "resolution": "DNS",
            "endpoints": [{"address": SERVICE}],
        },
    }
    second(http=[route(route=[to("models.corp.internal")])])(objects)


def delegated(objects: Objects) -> None:
    del http(objects)["route"]
    http(objects)["delegate"] = {"name": "inner", "namespace": "mlflow"}


def delegated_outside(objects: Objects) -> None:
    objects["VirtualService mlflow"]["spec"]["http"].append(
        {"match": [{"uri": {"prefix": "/models/"}}], "delegate": {"name": "inner", "namespace": "mlflow"}}
    )
    inner = virtual_service("inner", http=[{"route": [to("mlflow")], "retries": {"attempts": 0}}])
    inner["metadata"]["namespace"] = "mlflow"
    del inner["spec"]["hosts"], inner["spec"]["gateways"]
    objects["inner"] = inner


def set_header(name: str, where: str = "set") -> Edit:
    return lambda objects: http(objects).update(headers={"request": {where: {name: "root"}}})


ISTIO_FOUND: list[tuple[str, str, Edit]] = [
    ("the mount is another path than the route", "mounts-unrouted", lambda o: plugin(o).update(mounts=["/mlflow"])),
    ("one mount of two has no route", "mount-unrouted", lambda o: plugin(o).update(mounts=["/api/mlflow", "/mlflow"])),
    ("prefix without its slash", "route-prefix", lambda o: http(o)["match"][0]["uri"].update(prefix="/api/mlflow")),
    ("the case is ignored", "path-case", lambda o: http(o)["match"][0].update(ignoreUriCase=True)),
    ("a regular expression", "cannot-tell", lambda o: http(o)["match"][0].update(uri={"regex": "/api/mlflow/.*"})),
    ("no path at all", "outside-mounts", lambda o: http(o).pop("match")),
    ("a match of a header alone", "outside-mounts",
     lambda o: http(o)["match"].append({"headers": {"x-model": {"exact": "1"}}})),
    ("a match of an identity header", "route-on-identity",
     lambda o: http(o)["match"][0].update(headers={"x-mlflow-authz-user": {"exact": "root"}})),
    ("a rewrite into the API", "rewrite", lambda o: http(o).update(rewrite={"uri": "/api/2.0/mlflow/registered-models/"})),
    ("a rewrite that drops more than the mount", "rewrite",
     lambda o: o["VirtualService mlflow"]["spec"]["http"].insert(0, route("/api/mlflow/x/", rewrite={"uri": "/"}))),
    ("a rewrite without its slash", "rewrite", lambda o: http(o).update(rewrite={"uri": "/p"})),
    ("a rewrite to a prefix", "cannot-tell", lambda o: http(o).update(rewrite={"uri": "/p/"})),
    ("a rewrite by a regular expression", "rewrite",
     lambda o: http(o).update(rewrite={"uriRegexRewrite": {"match": "^/api/mlflow/(.*)", "rewrite": r"/\1"}})),
    ("a second route outside the mounts", "outside-mounts", second(http=[route()])),
    ("a second route by the short name", "outside-mounts", second(http=[route(route=[to("mlflow.mlflow")])])),
    ("a weight", "outside-mounts",
     second(http=[route(route=[{**to("other.mlflow.svc"), "weight": 99}, {**to(), "weight": 1}])])),
    ("another port of the host", "cannot-tell", second(http=[route(route=[to(port=5001)])])),
    ("another Service of the same pods", "outside-mounts", same_pods),
    ("an alias", "outside-mounts", service_entry_alias),
    ("a mirror to MLflow", "outside-mounts",
     second(http=[route(route=[to("other.mlflow.svc")], mirror=to()["destination"])])),
    ("a list of mirrors to MLflow", "outside-mounts",
     second(http=[route(route=[to("other.mlflow.svc")], mirrors=[to()])])),
    ("a mirror of MLflow's requests", "mirror", lambda o: http(o).update(mirror={"host": "copy.corp.internal"})),
    ("a delegate that is not given", "cannot-tell", delegated),
    ("a delegate outside the mounts", "outside-mounts", delegated_outside),
    ("a TCP route", "around-filter", second(tcp=[{"match": [{"port": 5000}], "route": [to()]}])),
    ("a TLS route", "around-filter",
     second(tls=[{"match": [{"port": 443, "sniHosts": ["mlflow.corp.internal"]}], "route": [to()]}])),
    ("a gateway without the filter", "around-filter", other_gateway),
    ("the sidecars", "around-filter",
     lambda o: o["VirtualService mlflow"]["spec"]["gateways"].append("mesh")),
    ("no gateway named, which is the sidecars", "around-filter", lambda o: o["VirtualService mlflow"]["spec"].pop("gateways")),
    ("another selector", "around-filter", lambda o: extension(o)["selector"].update(matchLabels={"istio": "other"})),
    ("a label that the gateway does not name", "cannot-tell",
     lambda o: extension(o)["selector"]["matchLabels"].update(track="canary")),
    ("another namespace", "cannot-tell", lambda o: o["TrafficExtension mlflow-authz"]["metadata"].update(namespace="default")),
    ("targets that are other gateways", "around-filter",
     lambda o: (extension(o).pop("selector"),
                extension(o).update(targetRefs=[{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "x"}]))),
    ("requests to the workload alone", "around-filter", lambda o: extension(o).update(match=[{"mode": "SERVER"}])),
    ("some ports", "cannot-tell", lambda o: extension(o).update(match=[{"ports": [{"number": 8443}]}])),
    ("the gateway is not given", "cannot-tell", lambda o: o.pop("Gateway mlflow-gateway")),
    ("no route is given", "cannot-tell", lambda o: o.pop("VirtualService mlflow")),
    ("the filter twice", "filter-twice", with_wasm_plugin),
    ("another phase", "phase", lambda o: extension(o).update(phase="AUTHZ")),
    ("fail open", "fail-open", lambda o: extension(o)["wasm"].update(failStrategy="FAIL_OPEN")),
    ("no digest", "digest-missing", lambda o: extension(o)["wasm"].pop("sha256")),
    ("zeros for a digest", "placeholder", lambda o: extension(o)["wasm"].update(sha256="0" * 64)),
    ("zeros in the URL", "placeholder",
     lambda o: extension(o)["wasm"].update(url="oci://registry.internal/f@sha256:" + "0" * 64)),
    ("an example host", "placeholder", lambda o: plugin(o)["auth_service"].update(authority="auth.example")),
    ("outside is forwarded", "outside-forwarded",
     lambda o: (plugin(o).update(outside="forward"), second(http=[route()])(o))),
    ("a host that the plugin does not name", "outside-hosts",
     lambda o: (o["VirtualService mlflow"]["spec"]["hosts"].append("models.corp.internal"),
                o["Gateway mlflow-gateway"]["spec"]["servers"][0]["hosts"].append("models.corp.internal"))),
    ("every host", "outside-hosts",
     lambda o: (o["VirtualService mlflow"]["spec"].update(hosts=["*"]),
                o["Gateway mlflow-gateway"]["spec"]["servers"][0].update(hosts=["*"]))),
    ("a host that no route has", "host-unrouted",
     lambda o: plugin(o).update(hosts=["mlflow.corp.internal", "old.corp.internal"])),
    ("Istio's own retries", "retries", lambda o: http(o).pop("retries")),
    ("retries", "retries", lambda o: http(o).update(retries={"attempts": 3, "retryOn": "5xx"})),
    ("a time limit", "time-limit", lambda o: http(o).update(timeout="30s")),
    ("an identity header", "header-written", set_header("X-MLflow-Authz-User")),
    ("an identity header in another spelling", "header-written", set_header("x_mlflow_authz_key", "add")),
    ("a credential", "header-written", set_header("authorization")),
    ("a workspace", "header-written", set_header("X-MLFLOW-WORKSPACE")),
    ("a credential at one destination", "header-written",
     lambda o: http(o)["route"][0].update(headers={"request": {"set": {"x-api-key": "k"}}})),
    ("a listener without TLS", "listener-plain-text",
     lambda o: o["Gateway mlflow-gateway"]["spec"]["servers"][0].update(
         port={"number": 80, "name": "http", "protocol": "HTTP"}, tls={})),
    ("a patch of the routes", "cannot-tell",
     patched(applyTo="HTTP_ROUTE", patch={"operation": "MERGE", "value": {"route": {"cluster": "x"}}})),
    ("a patch that disables the filter", "around-filter",
     patched(applyTo="HTTP_ROUTE", patch={"operation": "MERGE", "value": {
         "typed_per_filter_config": {"istio-ingress.mlflow-authz": {"disabled": True}}}})),
    ("a patch that removes a filter", "cannot-tell",
     patched(applyTo="HTTP_FILTER", patch={"operation": "REMOVE"})),
    ("Lua", "cannot-tell", patched(applyTo="HTTP_FILTER", patch={"operation": "INSERT_FIRST", "value": {
        "name": "lua", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"}}})),
    ("a slow connect_timeout", "connect-timeout",
     lambda o: o["DestinationRule mlflow-auth-service"]["spec"]["trafficPolicy"]["connectionPool"]["tcp"].update(
         connectTimeout="5s")),
    ("a Service that is open", "around-filter",
     lambda o: o.update(s=service("mlflow", "mlflow", type="LoadBalancer", ports=[{"port": 5000}]))),
    ("an Ingress", "around-filter",
     lambda o: o.update(i={
         "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i", "namespace": "mlflow"},
         "spec": {"rules": [{"http": {"paths": [
             {"path": "/", "backend": {"service": {"name": "mlflow", "port": {"number": 5000}}}}]}}]}})),
    ("anybody in the cluster", "cannot-tell",
     lambda o: o.update(p={
         "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
         "metadata": {"name": "p", "namespace": "mlflow"}, "spec": {"mtls": {"mode": "PERMISSIVE"}}})),
]  # fmt: skip

ISTIO_CLEAN: list[tuple[str, Edit]] = [
    ("as it is", lambda o: None),
    ("another application on the gateway", second(http=[route("/shop/", route=[to("shop.shop.svc.cluster.local")])])),
    ("a redirect", second(http=[{"match": [{"uri": {"prefix": "/"}}], "redirect": {"uri": "/api/mlflow/"}}])),
    ("a header that nobody reads", set_header("x-request-start")),
    ("a header is removed", lambda o: http(o).update(headers={"request": {"remove": ["x-mlflow-authz-user"]}})),
    ("a method is matched too", lambda o: http(o)["match"][0].update(method={"exact": "GET"})),
    ("a longer path within the mount",
     lambda o: o["VirtualService mlflow"]["spec"]["http"].insert(
         0, route("/api/mlflow/api/", rewrite={"uri": "/api/"}))),
    ("retries where MLflow has seen nothing",
     lambda o: http(o).update(retries={"attempts": 2, "retryOn": "connect-failure,refused-stream"})),
    ("a listener that only redirects",
     lambda o: o["Gateway mlflow-gateway"]["spec"]["servers"].append(
         {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["mlflow.corp.internal"],
          "tls": {"httpsRedirect": True}})),
    ("a gateway for more hosts than the route",
     lambda o: o["Gateway mlflow-gateway"]["spec"]["servers"][0].update(hosts=["*"])),
    ("hosts by a pattern", lambda o: plugin(o).update(hosts=["*.corp.internal"])),
    ("every pod of the namespace", lambda o: extension(o).pop("selector")),
    ("a patch of a cluster's limits",
     patched(applyTo="CLUSTER", patch={"operation": "MERGE", "value": {"circuit_breakers": {}}})),
]  # fmt: skip


@pytest.mark.parametrize(("code", "edit"), named(ISTIO_FOUND))
def test_what_opens_a_way_under_istio_is_found(tmp_path: Path, code: str, edit: Edit) -> None:
    objects = load("istio")
    edit(objects)
    assert code in [found["code"] for found in findings(objects, tmp_path)]


@pytest.mark.parametrize(("edit",), named(ISTIO_CLEAN))
def test_what_is_harmless_under_istio_is_not(tmp_path: Path, edit: Edit) -> None:
    objects = load("istio")
    edit(objects)
    assert not findings(objects, tmp_path)


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_is_clean_with_a_deployments_own_names(tmp_path: Path, sample: str) -> None:
    assert not findings(load(sample), tmp_path)


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_as_shipped_reports_names_and_digests_alone(sample: str) -> None:
    result = subprocess.run(
        [paths.cli(), "check", "--format", "json", *SAMPLES[sample]], capture_output=True, text=True, check=False
    )
    assert {found["code"] for found in json.loads(result.stdout)["findings"]} == {"placeholder"}
