"""`check` over the shipped manifests of Envoy Gateway with a deployment's own names, and with one change."""

import copy
from pathlib import Path
from typing import Any

import pytest

from harness.manifests import Edit, Objects, findings, load, named


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
    spec = {
        "parentRefs": [{"name": "mlflow"}],
        "rules": [{"backendRefs": [BACKEND], "timeouts": {"request": "0s"}, **rules}],
    }
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


@pytest.mark.parametrize(("code", "edit"), named(GATEWAY_FOUND))
def test_what_opens_a_way_under_envoy_gateway_is_found(tmp_path: Path, code: str, edit: Edit) -> None:
    objects = load("gateway")
    edit(objects)
    assert code in [found["code"] for found in findings(objects, tmp_path)]


@pytest.mark.parametrize(("edit",), named(GATEWAY_CLEAN))
def test_what_is_harmless_under_envoy_gateway_is_not(tmp_path: Path, edit: Edit) -> None:
    objects = load("gateway")
    edit(objects)
    assert not findings(objects, tmp_path)
