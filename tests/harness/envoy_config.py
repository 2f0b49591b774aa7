"""envoy/envoy.yaml with ports, paths and a test's own wishes filled in.

The file is edited as data, so what tests and demo run is what operators copy, but for the edits below.
"""

import copy
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import paths, ports

Address = tuple[str, int]
Config = dict[str, Any]


@dataclass
class EnvoyOptions:
    """What a test may change in envoy.yaml. The defaults leave the file's own settings alone."""

    mlflow: Address
    """Where the cluster `mlflow` is."""
    auth: Address
    """Where the cluster `auth_service` is."""
    wasm: Path | None = None
    """The filter; dist/mlflow_authz.wasm unless given."""
    plugin: Config = field(default_factory=dict)
    """Laid over the sample's plugin configuration: objects merge, None removes, all else replaces."""
    plugin_text: str | None = None
    """Instead of all that: the plugin configuration, word for word."""
    with_filter: bool = True
    """False removes the filter, for comparisons."""
    port: int = 0
    """The listener's port; 0 lets the system choose."""
    concurrency: int = 1
    """Worker threads. One makes tests of a worker's state certain."""
    allow_on_headers_stop_iteration: bool | None = None
    """Whether body callbacks run while the headers are held; None leaves it unset."""
    per_connection_buffer_limit_bytes: int | None = None
    """The listener's buffer limit."""
    normalize: bool = True
    """False removes path normalization, to show what the filter does about raw paths."""
    reject_underscores: bool = True
    """False lets headers with underscores in."""
    use_remote_address: bool = True
    """False makes Envoy believe x-forwarded-for."""
    forward_rest: bool = False
    """True adds a route that forwards every other path to `mlflow` too, unchanged."""
    arguments: list[str] = field(default_factory=list)
    """More words on Envoy's command line."""
    edit: Callable[[Config], None] | None = None
    """Called last, with the whole configuration, for what has no field here."""


@functools.cache
def _sample() -> Config:
    return yaml.safe_load(paths.ENVOY_YAML.read_text())


def load_sample() -> Config:
    """envoy.yaml as it is."""
    return copy.deepcopy(_sample())


def listener(config: Config) -> Config:
    return config["static_resources"]["listeners"][0]


def connection_manager(config: Config) -> Config:
    return listener(config)["filter_chains"][0]["filters"][0]["typed_config"]


def wasm_plugin(config: Config) -> Config:
    """The `config` of the wasm filter."""
    filters = connection_manager(config)["http_filters"]
    return next(f for f in filters if f["name"] == "mlflow_authz")["typed_config"]["config"]


def sample_wasm_plugin() -> Config:
    """The `config` of the wasm filter that envoy.yaml holds."""
    return wasm_plugin(load_sample())


def sample_plugin_config() -> Config:
    """The plugin configuration that envoy.yaml holds."""
    return json.loads(sample_wasm_plugin()["configuration"]["value"])


def merge(base: Config, over: Config) -> Config:
    """`base` with `over` laid over it: objects merge, None removes a field, anything else replaces."""
    merged = copy.deepcopy(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def route(match: Config, cluster: str = "mlflow", **action: Any) -> Config:
    """A route without a time limit, which uploads and downloads need."""
    return {"match": match, "route": {"cluster": cluster, "timeout": "0s", **action}}


EVERYTHING = route({"prefix": "/"})


def routed(*routes: Config) -> Callable[[Config], None]:
    """An edit of envoy.yaml: these routes instead of its own."""

    def edit(config: Config) -> None:
        connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"] = list(routes)

    return edit


def in_place_of_the_sample(file: Config, called: dict[str, str] | None = None) -> Callable[[Config], None]:
    """An edit: what an example has, on the ports of this machine that the harness chose.

    `called` says which cluster of the sample stands for one of the example, where their names differ.
    """

    def edit(config: Config) -> None:
        here = {cluster["name"]: cluster["load_assignment"] for cluster in config["static_resources"]["clusters"]}
        address = listener(config)["address"]
        log = connection_manager(config)["access_log"]
        config["static_resources"] = file["static_resources"]
        config.update({"node": file["node"]} if "node" in file else {})
        listener(config)["address"] = address
        connection_manager(config)["access_log"] = log
        for cluster in config["static_resources"]["clusters"]:
            name = cluster["name"]
            cluster["load_assignment"]["endpoints"] = here[(called or {}).get(name, name)]["endpoints"]
            # What is put in its place here listens in plain text.
            cluster.pop("transport_socket", None)
        wasm_plugin(config)["vm_config"]["code"]["local"]["filename"] = str(paths.wasm_module())

    return edit


def _move(cluster: Config, address: Address) -> None:
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["address"]["socket_address"] = {"address": address[0], "port_value": address[1]}
    # The sample encrypts to the auth service; what tests put in its place listens in plain text on this machine.
    cluster.pop("transport_socket", None)


def render(options: EnvoyOptions) -> Config:
    """The configuration Envoy is to run."""
    config = load_sample()
    config["admin"]["address"]["socket_address"]["port_value"] = 0
    # Histograms show their values only after a flush; the default is every five seconds.
    config["stats_flush_interval"] = "0.2s"
    listener(config)["address"]["socket_address"] = {"address": ports.HOST, "port_value": options.port}
    # The sample's certificate is on no test machine; tests/deploy/test_envoy_sample.py has the listener with TLS.
    del listener(config)["filter_chains"][0]["transport_socket"]
    for cluster in config["static_resources"]["clusters"]:
        _move(cluster, {"mlflow": options.mlflow, "auth_service": options.auth}[cluster["name"]])
    _edit_plugin(config, options)
    _edit_connection_manager(connection_manager(config), options)
    if options.per_connection_buffer_limit_bytes is not None:
        listener(config)["per_connection_buffer_limit_bytes"] = options.per_connection_buffer_limit_bytes
    if options.edit:
        options.edit(config)
    return config


def _edit_plugin(config: Config, options: EnvoyOptions) -> None:
    if not options.with_filter:
        manager = connection_manager(config)
        manager["http_filters"] = [f for f in manager["http_filters"] if f["name"] != "mlflow_authz"]
        return
    plugin = wasm_plugin(config)
    wasm = options.wasm or paths.wasm_module()
    plugin["vm_config"]["code"]["local"]["filename"] = str(wasm)
    if options.plugin_text is not None:
        plugin["configuration"]["value"] = options.plugin_text
    else:
        merged = merge(sample_plugin_config(), options.plugin)
        plugin["configuration"]["value"] = json.dumps(merged, indent=2)
    if options.allow_on_headers_stop_iteration is not None:
        plugin["allow_on_headers_stop_iteration"] = options.allow_on_headers_stop_iteration


def _edit_connection_manager(manager: Config, options: EnvoyOptions) -> None:
    if not options.normalize:
        for name in ("normalize_path", "merge_slashes", "path_with_escaped_slashes_action"):
            del manager[name]
    if not options.reject_underscores:
        del manager["common_http_protocol_options"]["headers_with_underscores_action"]
    if not options.use_remote_address:
        del manager["use_remote_address"]
    if options.forward_rest:
        manager["route_config"]["virtual_hosts"][0]["routes"].append(
            {"name": "rest", "match": {"prefix": "/"}, "route": {"cluster": "mlflow", "timeout": "0s"}}
        )
