"""`check` over manifests of Istio and Envoy Gateway: the shipped ones with a deployment's own names, and with one change."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import paths
from harness.translate import GATEWAY, ISTIO, ISTIO_EXTENSIONS

Objects = dict[str, Any]
Edit = Callable[[Objects], object]

SERVICE = "mlflow.mlflow.svc.cluster.local"
NEW = [*sorted((ISTIO / "common").glob("*.yaml")), ISTIO / ISTIO_EXTENSIONS[0]]
OLD = [*sorted((ISTIO / "common").glob("*.yaml")), ISTIO / ISTIO_EXTENSIONS[1]]
ENVOY_GATEWAY = sorted(GATEWAY.glob("*.yaml"))
SAMPLES = {"istio": NEW, "istio-1.29": OLD, "gateway": ENVOY_GATEWAY}


def own_names(text: str) -> str:
    """A sample edited as its comments ask for."""
    for placeholder, own in {
        "example.com": "corp.internal",
        "registry.example": "registry.internal",
        "0" * 64: "ab" * 32,
    }.items():
        text = text.replace(placeholder, own)
    return text


def load(sample: str) -> Objects:
    """The objects by kind and name."""
    documents = (each for file in SAMPLES[sample] for each in yaml.safe_load_all(own_names(file.read_text())))
    return {f"{each['kind']} {each['metadata']['name']}": each for each in documents}


def findings(objects: Objects, folder: Path) -> list[dict[str, Any]]:
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(list(objects.values()), sort_keys=False))
    result = subprocess.run(
        [paths.cli(), "check", "--format", "json", file], capture_output=True, text=True, timeout=30, check=False
    )
    assert result.stdout, result.stderr
    return json.loads(result.stdout)["findings"]


# --- Istio ---


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


# --- Envoy Gateway ---


def rule(objects: Objects) -> dict[str, Any]:
    return objects["HTTPRoute mlflow"]["spec"]["rules"][0]


def policy(objects: Objects) -> dict[str, Any]:
    return objects["EnvoyExtensionPolicy mlflow-authz"]["spec"]


def config(objects: Objects) -> dict[str, Any]:
    return policy(objects)["wasm"][0]["config"]


BACKEND = {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "mlflow"}
TARGET_ROUTE = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "mlflow"}


def api(kind: str, name: str, group: str = "gateway.networking.k8s.io/v1", **spec: Any) -> Objects:
    metadata = {"name": name, "namespace": "mlflow"}
    return {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec}


def more(kind: str, group: str = "gateway.envoyproxy.io/v1alpha1", name: str = "more", **spec: Any) -> Edit:
    return lambda objects: objects.update({kind + name: api(kind, name, group, **spec)})


def second_route(kind: str = "HTTPRoute", **rules: Any) -> Edit:
    spec = {"parentRefs": [{"name": "mlflow"}], "rules": [{"backendRefs": [BACKEND], "timeouts": {"request": "0s"}, **rules}]}
    return lambda objects: objects.update(second=api(kind, "second", **spec))


def path(value: str, kind: str = "PathPrefix") -> list[dict[str, Any]]:
    return [{"path": {"type": kind, "value": value}}]


def second_backend(objects: Objects) -> None:
    backend = copy.deepcopy(objects["Backend mlflow"])
    backend["metadata"]["name"] = "alias"
    objects["alias"] = backend
    second_route(matches=path("/x"), backendRefs=[{**BACKEND, "name": "alias"}])(objects)


def second_gateway(objects: Objects) -> None:
    gateway = copy.deepcopy(objects["Gateway mlflow"])
    gateway["metadata"]["name"] = "other"
    objects["other"] = gateway
    objects["HTTPRoute mlflow"]["spec"]["parentRefs"].append({"name": "other"})


def second_listener(**listener: Any) -> Edit:
    def edit(objects: Objects) -> None:
        base = {"hostname": "mlflow.corp.internal", "port": 80, "protocol": "HTTP", "name": "http"}
        objects["Gateway mlflow"]["spec"]["listeners"].append(base | listener)
        del objects["HTTPRoute mlflow"]["spec"]["parentRefs"][0]["sectionName"]

    return edit


def filtered(**route_filter: Any) -> Edit:
    return lambda objects: rule(objects)["filters"].append(route_filter)


GATEWAY_FOUND: list[tuple[str, str, Edit]] = [
    ("the mount is another path than the route", "mounts-unrouted", lambda o: config(o).update(mounts=["/mlflow"])),
    ("a second route outside the mounts", "outside-mounts", second_route(matches=path("/x"))),
    ("no match, which is every path", "outside-mounts", second_route()),
    ("a match of a header alone", "outside-mounts", second_route(matches=[{"headers": [{"name": "a", "value": "b"}]}])),
    ("a match of an identity header", "route-on-identity",
     lambda o: rule(o)["matches"][0].update(headers=[{"name": "X-MLflow-Authz-Key", "value": "a"}])),
    ("a regular expression", "cannot-tell", lambda o: rule(o).update(matches=path("/api/mlflow/.*", "RegularExpression"))),
    ("another Backend of the same server", "outside-mounts", second_backend),
    ("a Backend that is not given", "cannot-tell",
     second_route(matches=path("/x"), backendRefs=[{**BACKEND, "name": "elsewhere"}])),
    ("a Service of the same name and port", "outside-mounts",
     second_route(matches=path("/x"), backendRefs=[{"name": "mlflow", "port": 5000}])),
    ("a resolver of any host", "outside-mounts",
     lambda o: (more("Backend", type="DynamicResolver")(o),
                second_route(matches=path("/x"), backendRefs=[{**BACKEND, "name": "more"}])(o))),
    ("every host of the listener", "outside-hosts",
     lambda o: (o["HTTPRoute mlflow"]["spec"].pop("hostnames"), o["Gateway mlflow"]["spec"]["listeners"][0].pop("hostname"))),
    ("a wildcard", "outside-hosts",
     lambda o: (o["HTTPRoute mlflow"]["spec"].update(hostnames=["*.corp.internal"]),
                o["Gateway mlflow"]["spec"]["listeners"][0].update(hostname="*.corp.internal"))),
    ("gRPC", "cannot-tell", second_route("GRPCRoute")),
    ("TCP", "around-filter", second_route("TCPRoute")),
    ("TLS", "around-filter", second_route("TLSRoute")),
    ("a mirror to MLflow", "outside-mounts",
     second_route(matches=path("/x"), backendRefs=[{"name": "other", "port": 1}],
                  filters=[{"type": "RequestMirror", "requestMirror": {"backendRef": BACKEND}}])),
    ("a mirror of MLflow's requests", "mirror",
     filtered(type="RequestMirror", requestMirror={"backendRef": {"name": "copy", "port": 1}})),
    ("a rewrite that drops more than the mount", "rewrite",
     lambda o: o["HTTPRoute mlflow"]["spec"]["rules"].append({**rule(o), "matches": path("/api/mlflow/x")})),
    ("a rewrite into the API", "rewrite",
     lambda o: rule(o)["filters"][0]["urlRewrite"]["path"].update(replacePrefixMatch="/api/2.0/mlflow/users")),
    ("a rewrite of the whole path", "rewrite",
     lambda o: rule(o)["filters"][0]["urlRewrite"].update(path={"type": "ReplaceFullPath", "replaceFullPath": "/"})),
    ("the policy is for another Gateway", "around-filter", lambda o: policy(o)["targetRefs"][0].update(name="other")),
    ("the policy is for another route", "around-filter",
     lambda o: policy(o).update(targetRefs=[{**TARGET_ROUTE, "name": "other"}])),
    ("the policy is for another listener", "around-filter",
     lambda o: policy(o)["targetRefs"][0].update(sectionName="admin")),
    ("the policy is for another rule", "around-filter",
     lambda o: policy(o).update(targetRefs=[{**TARGET_ROUTE, "sectionName": "other"}])),
    ("the policy is in another namespace", "around-filter",
     lambda o: o["EnvoyExtensionPolicy mlflow-authz"]["metadata"].update(namespace="default")),
    ("the policy selects by label", "cannot-tell",
     lambda o: (policy(o).pop("targetRefs"), policy(o).update(
         targetSelectors=[{"kind": "Gateway", "matchLabels": {"a": "b"}}]))),
    ("a policy of the route takes its place", "around-filter",
     more("EnvoyExtensionPolicy", targetRefs=[TARGET_ROUTE], lua=[{"type": "Inline", "inline": ""}])),
    ("a second gateway", "around-filter", second_gateway),
    ("the filter twice", "cannot-tell", lambda o: o.update(
        twice={**copy.deepcopy(o["EnvoyExtensionPolicy mlflow-authz"]), "metadata": {"name": "b", "namespace": "mlflow"}})),
    ("Lua on the same requests", "cannot-tell", lambda o: policy(o).update(lua=[{"type": "Inline", "inline": ""}])),
    ("an external processor", "cannot-tell", lambda o: policy(o).update(extProc=[{"backendRefs": [{"name": "x"}]}])),
    ("fail open", "fail-open", lambda o: policy(o)["wasm"][0].update(failOpen=True)),
    ("no digest", "digest-missing", lambda o: policy(o)["wasm"][0]["code"]["image"].pop("sha256")),
    ("retries of the route", "retries", lambda o: rule(o).update(retry={"attempts": 2})),
    ("retries of a policy", "retries",
     lambda o: o["BackendTrafficPolicy mlflow"]["spec"].update(retry={"numRetries": 3})),
    ("Envoy's own time limit", "time-limit", lambda o: rule(o).pop("timeouts")),
    ("a time limit", "time-limit", lambda o: rule(o).update(timeouts={"request": "30s"})),
    ("an identity header", "header-written",
     filtered(type="RequestHeaderModifier",
              requestHeaderModifier={"set": [{"name": "x-mlflow-authz-scopes", "value": "admin"}]})),
    ("an early credential", "header-written",
     lambda o: o["ClientTrafficPolicy mlflow"]["spec"]["headers"].update(
         earlyRequestHeaders={"addIfAbsent": [{"name": "Authorization", "value": "Bearer k"}]})),
    ("a credential by a filter of the route", "header-written",
     lambda o: (more("HTTPRouteFilter", credentialInjection={"credential": {}})(o),
                filtered(type="ExtensionRef", extensionRef={
                    "group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": "more"})(o))),
    ("a filter of the route that is not given", "cannot-tell",
     filtered(type="ExtensionRef", extensionRef={
         "group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": "elsewhere"})),
    ("a claim in an identity header", "header-written",
     more("SecurityPolicy", targetRefs=[TARGET_ROUTE], jwt={"providers": [
         {"claimToHeaders": [{"claim": "sub", "header": "x-mlflow-authz-user"}]}]})),
    ("an access token as the credential", "header-written",
     more("SecurityPolicy", targetRefs=[TARGET_ROUTE], oidc={"forwardAccessToken": True})),
    ("requests of the mesh", "around-filter",
     lambda o: o["HTTPRoute mlflow"]["spec"]["parentRefs"].append({"group": "", "kind": "Service", "name": "mlflow"})),
    ("CONNECT", "cannot-tell",
     lambda o: o["BackendTrafficPolicy mlflow"]["spec"].update(httpUpgrade=[{"type": "CONNECT"}])),
    ("a listener without TLS", "listener-plain-text", second_listener()),
    ("underscores", "underscore-headers",
     lambda o: o["ClientTrafficPolicy mlflow"]["spec"]["headers"].update(withUnderscoresAction="Allow")),
    ("slashes are not merged", "path-normalization",
     lambda o: o["ClientTrafficPolicy mlflow"]["spec"]["path"].update(disableMergeSlashes=True)),
    ("the order of filters", "cannot-tell",
     lambda o: o["EnvoyProxy mlflow-authz"]["spec"].update(
         filterOrder=[{"name": "envoy.filters.http.wasm", "after": "envoy.filters.http.router"}])),
    ("another patch", "cannot-tell",
     lambda o: o["EnvoyPatchPolicy mlflow-authz"]["spec"]["jsonPatches"].append(
         {"type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "r",
          "operation": {"op": "add", "path": "/virtual_hosts/0/routes/0/route/cluster", "value": "x"}})),
    ("a patch that fails open", "around-filter",
     lambda o: o["EnvoyPatchPolicy mlflow-authz"]["spec"]["jsonPatches"][0]["operation"].update(value="FAIL_OPEN")),
    ("listeners from elsewhere", "cannot-tell", more("XListenerSet", "gateway.networking.x-k8s.io/v1alpha1")),
]  # fmt: skip

GATEWAY_CLEAN: list[tuple[str, Edit]] = [
    ("as it is", lambda o: None),
    ("another application", second_route(matches=path("/shop"), backendRefs=[{"name": "shop", "port": 80}])),
    ("a listener that only redirects", lambda o: (
        o["Gateway mlflow"]["spec"]["listeners"].append(
            {"hostname": "mlflow.corp.internal", "port": 80, "protocol": "HTTP", "name": "http"}),
        o.update(r=api("HTTPRoute", "r", parentRefs=[{"name": "mlflow", "sectionName": "http"}], rules=[
            {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]}])))),
    ("a header that nobody reads", filtered(
        type="RequestHeaderModifier", requestHeaderModifier={"add": [{"name": "x-start", "value": "1"}]})),
    ("a long time limit", lambda o: rule(o).update(timeouts={"request": "6h"})),
    ("the policy is for the route", lambda o: policy(o).update(targetRefs=[TARGET_ROUTE])),
    ("the policy is for the listener", lambda o: policy(o)["targetRefs"][0].update(sectionName="https")),
    ("retries are off", lambda o: o["BackendTrafficPolicy mlflow"]["spec"].update(retry={"numRetries": 0})),
    ("CORS", filtered(type="CORS", cors={"allowOrigins": ["https://ui.corp.internal"]})),
]  # fmt: skip


def named(cases: list[Any]) -> list[Any]:
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


@pytest.mark.parametrize(("code", "edit"), named(ISTIO_FOUND))
def test_what_opens_a_way_under_istio_is_found(tmp_path: Path, code: str, edit: Edit) -> None:
    objects = load("istio")
    edit(objects)
    assert code in [found["code"] for found in findings(objects, tmp_path)]


@pytest.mark.parametrize(("code", "edit"), named(GATEWAY_FOUND))
def test_what_opens_a_way_under_envoy_gateway_is_found(tmp_path: Path, code: str, edit: Edit) -> None:
    objects = load("gateway")
    edit(objects)
    assert code in [found["code"] for found in findings(objects, tmp_path)]


@pytest.mark.parametrize(("edit",), named(ISTIO_CLEAN))
def test_what_is_harmless_under_istio_is_not(tmp_path: Path, edit: Edit) -> None:
    objects = load("istio")
    edit(objects)
    assert not findings(objects, tmp_path)


@pytest.mark.parametrize(("edit",), named(GATEWAY_CLEAN))
def test_what_is_harmless_under_envoy_gateway_is_not(tmp_path: Path, edit: Edit) -> None:
    objects = load("gateway")
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


# --- files that are odd ---

PIECES = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 12))
ODD: list[tuple[str, str]] = [
    ("aliases of aliases", "a0: &a0 [x]\n" + PIECES),
    ("an alias of itself", "a: &a\n  b: *a\n"),
    ("merge keys", "base: &b {kind: Gateway, apiVersion: v1}\nother:\n  <<: *b\n  <<: [*b, *b]\n  spec: 1\n"),
    ("merge keys at the top", "<<: {apiVersion: networking.istio.io/v1, kind: VirtualService}\nspec: {http: 5}\n"),
    ("tags", "apiVersion: !!str v1\nkind: !custom {a: b}\nspec: !!binary aGVsbG8=\nn: !!int '5'\nd: !!timestamp 2001-01-01\n"),
    ("many documents", "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n" * 5_000),
    ("deep nesting", "apiVersion: v1\nkind: Service\nspec: " + "[" * 20_000 + "]" * 20_000 + "\n"),
    ("deep mappings", "apiVersion: v1\nkind: Service\nspec: " + "{a: " * 5_000 + "b" + "}" * 5_000 + "\n"),
    ("wrong types", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: []\nspec: {hosts: 5, http: [[], 3, {match: 5, route: x}]}\n"),
    ("keys that are no text", "apiVersion: v1\nkind: Service\nspec: {1: a, true: b, null: c, 1.5: d}\n"),
    ("a key twice", "apiVersion: v1\nkind: Service\nkind: Gateway\nspec: {}\n"),
    ("no end", "apiVersion: v1\nkind: \"Service\nspec: {"),
    ("zero bytes", "apiVersion: v1\0\nkind: Service\n"),
    ("a byte order mark", "\ufeffapiVersion: v1\nkind: Service\nspec: {}\n"),
    ("services that are each other", "".join(
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{n}, namespace: x}}\nspec: {{type: ExternalName, externalName: s{1 - n}.x.svc}}\n"
        for n in range(2)) + "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: x}\n"
        "spec: {defaultBackend: {service: {name: s0}}}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text",), named(ODD))
def test_odd_files_end_with_words(tmp_path: Path, text: str) -> None:
    """An answer within seconds, and no crash: 0, or 1 with findings, or 2 for what is no YAML."""
    file = tmp_path / "odd.yaml"
    file.write_bytes(text.encode())
    result = subprocess.run([paths.cli(), "check", file], capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode in (0, 1, 2), result
    assert result.stdout or result.stderr
    assert "panicked" not in result.stderr


def test_ten_megabytes_are_read_in_seconds(tmp_path: Path) -> None:
    one = "\n---\n".join(own_names(file.read_text()) for file in NEW)
    filler = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: big, namespace: x}\ndata:\n"
    filler += "".join(f"  key{n}: {'v' * 90}\n" for n in range(100_000))
    file = tmp_path / "big.yaml"
    file.write_text(one + "\n" + filler)
    assert file.stat().st_size > 10_000_000
    result = subprocess.run(
        [paths.cli(), "check", "--format", "json", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert json.loads(result.stdout)["findings"] == [], result.stderr
