"""envoy/istio and envoy/gateway as Istio and Envoy Gateway hand them to Envoy.

There is no Kubernetes here. What their control planes do with a manifest is repeated by hand, as far as it is
known from their sources (Istio's model/extensions.go and bootstrap template, Envoy Gateway's
xds/translator/wasm.go), and laid over envoy.yaml; the values are those of the manifests.
"""

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from . import crds, paths
from .envoy_config import Config, connection_manager, wasm_plugin

ISTIO = paths.ROOT / "envoy" / "istio"
GATEWAY = paths.ROOT / "envoy" / "gateway"
# The filter in each Istio release, and in Envoy Gateway from an image and from a web server.
ISTIO_EXTENSIONS = ["1.30/traffic-extension.yaml", "1.29/wasm-plugin.yaml"]
GATEWAY_EXTENSIONS = ["envoy-extension-policy.yaml", "module-over-http/envoy-extension-policy-http.yaml"]
WASM_FILTER = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"


def find(file: Path, kind: str) -> dict[str, Any]:
    """The one object of this kind in a file of manifests."""
    (found,) = (each for each in crds.objects(file) if each["kind"] == kind)
    return found


def merge(base: Any, over: Any) -> Any:
    """Protobuf's merge, as far as EnvoyFilter needs it: messages merge, scalars replace."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: merge(base.get(key), value) for key, value in over.items()}}
    return over


def rename_cluster(config: Config, name: str) -> None:
    """The auth service's cluster under another name, at the address it has."""
    (cluster,) = (c for c in config["static_resources"]["clusters"] if c["name"] == "auth_service")
    cluster["name"] = cluster["load_assignment"]["cluster_name"] = name


def istio_extension(manifest: str) -> dict[str, Any]:
    """The Wasm settings of TrafficExtension or WasmPlugin."""
    (resource,) = crds.objects(ISTIO / manifest)
    return resource["spec"].get("wasm", resource["spec"])


def istio_stats(values: dict[str, Any]) -> dict[str, Any]:
    """What Istio's bootstrap template makes of `extraStatTags` and `proxyStatsMatcher`."""
    proxy = values["meshConfig"]["defaultConfig"]
    tags = [{"tag_name": tag, "regex": rf"({tag}=\.=(.*?);\.;)"} for tag in proxy["extraStatTags"]]
    # Rules of Istio's own that apply to every metric.
    own = {"cache": r"(cache\.(.+?)\.)", "component": r"(component\.(.+?)\.)", "tag": r"(tag\.(.+?);\.)"}
    tags += [{"tag_name": tag, "regex": regex} for tag, regex in own.items()]
    prefixes = [{"prefix": prefix} for prefix in proxy["proxyStatsMatcher"]["inclusionPrefixes"]]
    # Those that the harness asks for.
    prefixes.append({"prefix": "http.mlflow"})
    return {
        "use_all_default_tags": False,
        "stats_tags": tags,
        "stats_matcher": {"inclusion_list": {"patterns": prefixes}},
    }


def as_istio(manifest: str, config: Config) -> None:
    """An edit for EnvoyOptions: the gateway as Istio configures it from `manifest`."""
    extension = istio_extension(manifest)
    values = mesh_config()
    plugin = wasm_plugin(config)
    # An address of their own is all the tests add to the manifests.
    rename_cluster(config, extension["pluginConfig"]["auth_service"]["cluster"])
    plugin["name"] = "istio-ingress.mlflow-authz"
    plugin["root_id"] = extension["pluginName"]
    plugin["failure_policy"] = {"FAIL_CLOSE": "FAIL_CLOSED"}.get(extension["failStrategy"], extension["failStrategy"])
    del plugin["vm_config"]["vm_id"]
    plugin["configuration"]["value"] = json.dumps(extension["pluginConfig"])
    manager = connection_manager(config)
    # What Istio says itself, and then the patch.
    for name in ("common_http_protocol_options", "path_with_escaped_slashes_action", "request_headers_timeout"):
        del manager[name]
    manager["merge_slashes"] = "MERGE_SLASHES" in values["meshConfig"]["pathNormalization"]["normalization"]
    (patch,) = find(ISTIO / "common" / "envoy-filter.yaml", "EnvoyFilter")["spec"]["configPatches"]
    merged = merge(copy.deepcopy(manager), patch["patch"]["value"]["typed_config"])
    manager.clear()
    manager.update(merged)
    log_format = json.loads(values["meshConfig"]["accessLogFormat"])
    manager["access_log"][0]["typed_config"]["log_format"] = {"json_format": log_format}
    config["stats_config"] = istio_stats(values)


def mesh_config() -> dict[str, Any]:
    return yaml.safe_load((ISTIO / "mesh-config.yaml").read_text())


def filter_name(policy: dict[str, Any]) -> str:
    """What Envoy Gateway calls the first Wasm filter of an EnvoyExtensionPolicy."""
    where = policy["metadata"]
    return f"envoy.filters.http.wasm/envoyextensionpolicy/{where['namespace']}/{where['name']}/wasm/0"


def patch_bootstrap(config: Config, patches: list[dict[str, Any]]) -> None:
    """JSON Patch, as far as envoy-proxy.yaml needs it: `add` to an object, or to the end of a list."""
    for patch in patches:
        assert patch["op"] == "add", patch
        *parents, last = patch["path"].removeprefix("/").split("/")
        holder: Any = config
        for name in parents:
            holder = holder[name]
        if last == "-":
            holder.append(copy.deepcopy(patch["value"]))
        else:
            holder[last] = copy.deepcopy(patch["value"])


def as_envoy_gateway(manifest: str, config: Config) -> None:
    """An edit for EnvoyOptions: the proxy as Envoy Gateway configures it from `manifest`."""
    policy = find(GATEWAY / manifest, "EnvoyExtensionPolicy")
    proxy = find(GATEWAY / "envoy-proxy.yaml", "EnvoyProxy")
    (wasm,) = policy["spec"]["wasm"]
    clusters = config["static_resources"]["clusters"]
    (here,) = (c for c in clusters if c["name"] == "auth_service")
    clusters.remove(here)
    del config["stats_config"]
    patch_bootstrap(config, proxy["spec"]["bootstrap"]["jsonPatches"])
    # The tests' auth service speaks plain HTTP on an address of its own.
    (added,) = (c for c in clusters if c["name"] == wasm["config"]["auth_service"]["cluster"])
    added["load_assignment"]["endpoints"] = here["load_assignment"]["endpoints"]
    del added["transport_socket"]

    name = filter_name(policy)
    manager = connection_manager(config)
    filters = manager["http_filters"]
    (ours,) = (f for f in filters if f["name"] == "mlflow_authz")
    plugin = wasm_plugin(config)
    ours["name"] = name
    # Envoy Gateway adds the filter to the chain switched off, and each route switches it on.
    ours["disabled"] = True
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        route["typed_per_filter_config"] = {
            name: {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}
        }
    plugin["name"], plugin["root_id"] = wasm["name"], wasm["rootID"]
    plugin["vm_config"]["vm_id"] = name.removeprefix("envoy.filters.http.wasm/")
    plugin["configuration"]["value"] = json.dumps(wasm["config"])
    del plugin["failure_policy"]
    apply_listener_patch(config)
    read_clients(manager)
    setting = proxy["spec"]["telemetry"]["accessLog"]["settings"][0]["format"]["json"]
    manager["access_log"][0]["typed_config"]["log_format"] = {"json_format": setting}


def apply_listener_patch(config: Config) -> None:
    """envoy-patch-policy.yaml: its expression finds filters by name, its path names a field of `config`."""
    (patch,) = find(GATEWAY / "envoy-patch-policy.yaml", "EnvoyPatchPolicy")["spec"]["jsonPatches"]
    operation = patch["operation"]
    head, _, tail = operation["jsonPath"].partition("..http_filters[?(@.name=='")
    name, _, rest = tail.partition("')]")
    assert (head, rest) == ("", ".typed_config.config"), operation["jsonPath"]
    found = [f for f in connection_manager(config)["http_filters"] if f["name"] == name]
    assert found, f"the patch names no filter: {name}"
    for each in found:
        each["typed_config"]["config"][operation["path"]] = operation["value"]


def read_clients(manager: Config) -> None:
    """The ClientTrafficPolicy, as far as it differs from what Envoy Gateway sets by itself."""
    policy = find(GATEWAY / "gateway.yaml", "ClientTrafficPolicy")["spec"]
    slashes = {"KeepUnchanged": "KEEP_UNCHANGED", "UnescapeAndRedirect": "UNESCAPE_AND_REDIRECT"}
    underscores = {"RejectRequest": "REJECT_REQUEST", "Allow": "ALLOW", "DropHeader": "DROP_HEADER"}
    manager["path_with_escaped_slashes_action"] = slashes[policy["path"]["escapedSlashesAction"]]
    manager["merge_slashes"] = not policy["path"]["disableMergeSlashes"]
    common = manager["common_http_protocol_options"]
    common["headers_with_underscores_action"] = underscores[policy["headers"]["withUnderscoresAction"]]
