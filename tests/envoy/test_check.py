"""`mlflow-authz check` and a real Envoy agree: what one finds clean the other runs, and what Envoy cannot see, check tells.

What each rule finds is tested beside the rules, in cli/src/check/tests.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import envoy_config, keys, paths
from harness.checks import CREATE_RUN
from harness.envoy import validate
from harness.envoy_config import Config
from harness.http import bearer
from harness.processes import NotReady, wait_until
from harness.stack import MOUNT, Stack

FULL = keys.FULL["key"]


def check(*arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [paths.cli(), "check", *arguments], input=stdin, capture_output=True, text=True, timeout=30, check=False
    )


def found(config: Config, tmp_path: Path) -> list[str]:
    file = tmp_path / "envoy.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    return [finding["code"] for finding in json.loads(check(file, "--format", "json").stdout)["findings"]]


def rendered() -> Config:
    """What the harness runs: the sample on this machine."""
    return envoy_config.render(envoy_config.EnvoyOptions(mlflow=("127.0.0.1", 1), auth=("127.0.0.1", 2)))


def test_statuses(tmp_path: Path) -> None:
    good, warned, bad = (tmp_path / name for name in ("good.json", "warned.json", "bad.json"))
    good.write_text('{"mounts": ["/"], "auth_service": {"cluster": "c"}}')
    warned.write_text('{"mounts": ["/"], "auth_service": {"cluster": "c"}, "scopes": {"a": []}}')
    bad.write_text('{"mounts": ["/"], "auth_service": {"cluster": "c"}, "x": 1}')
    for arguments, status in [
        ((good,), 0),
        ((good, warned), 0),
        ((warned, "--strict"), 1),
        ((good, "--strict"), 0),
        ((good, bad), 1),
        ((bad, "--format", "json"), 1),
        ((tmp_path / "absent.json",), 2),
        ((good, tmp_path / "absent.json"), 2),
        ((), 2),
    ]:
        result = check(*arguments)
        assert result.returncode == status, f"{arguments}: {result.stdout}{result.stderr}"
    assert check("-", stdin=good.read_text()).stdout.startswith("(stdin): ok")


def test_what_check_finds_clean_envoy_runs(tmp_path: Path) -> None:
    config = rendered()
    assert found(config, tmp_path) == []
    result = validate(config, tmp_path)
    assert result.returncode == 0, result.stderr


def test_a_config_dump_in_json_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps(rendered(), indent="\t"))
    result = check(file)
    assert (result.returncode, result.stdout) == (0, f"{file}: ok\n")


def with_struct(config: Config) -> None:
    plugin = envoy_config.wasm_plugin(config)
    value = json.loads(plugin["configuration"]["value"])
    plugin["configuration"] = {"@type": "type.googleapis.com/google.protobuf.Struct", "value": value}


def without_configuration(config: Config) -> None:
    del envoy_config.wasm_plugin(config)["configuration"]


def with_unknown_field(config: Config) -> None:
    envoy_config.wasm_plugin(config)["configuration"]["value"] = (
        '{"mounts": ["/"], "auth_service": {"clutser": "auth_service"}}'
    )


def behind_the_router(config: Config) -> None:
    envoy_config.connection_manager(config)["http_filters"].reverse()


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (with_struct, "config-type"),
        (without_configuration, "config-missing"),
        (with_unknown_field, "config-refused"),
        (behind_the_router, "filter-order"),
    ],
)
def test_what_envoy_refuses_check_tells(
    start_stack: Callable[..., Stack], tmp_path: Path, edit: Callable[[Config], None], code: str
) -> None:
    config = rendered()
    edit(config)
    with pytest.raises(NotReady):
        start_stack(edit=edit)
    assert code in found(config, tmp_path)


# --- what Envoy accepts, and what goes wrong then ---


def disabled_for_a_route(config: Config) -> None:
    routes = envoy_config.connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    routes[0]["typed_per_filter_config"] = {"mlflow_authz": off}


def change_plugin(config: Config, change: Config) -> None:
    plugin = envoy_config.wasm_plugin(config)["configuration"]
    plugin["value"] = json.dumps(envoy_config.merge(json.loads(plugin["value"]), change))


def without_a_slash(config: Config) -> None:
    routes = envoy_config.connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]
    routes[0]["match"] = {"prefix": "/api/mlflow"}
    change_plugin(config, {"outside": "forward"})


def first_route(config: Config) -> Config:
    return envoy_config.connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"][0]


def plugin_over(over: Config) -> Callable[[Config], None]:
    def edit(config: Config) -> None:
        configuration = envoy_config.wasm_plugin(config)["configuration"]
        configuration["value"] = json.dumps(envoy_config.merge(json.loads(configuration["value"]), over))

    return edit


def mounted_elsewhere(config: Config) -> None:
    plugin_over({"mounts": ["/mlflow"], "outside": "forward"})(config)


def in_any_case(config: Config) -> None:
    plugin_over({"outside": "forward"})(config)
    first_route(config)["match"]["case_sensitive"] = False


def weighted_without_the_filter(config: Config) -> None:
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    entry = {"name": "mlflow", "weight": 100, "typed_per_filter_config": {"mlflow_authz": off}}
    action = first_route(config)["route"]
    del action["cluster"]
    action["weighted_clusters"] = {"clusters": [entry]}


def another_cluster_with_the_endpoint(config: Config) -> None:
    plugin_over({"outside": "forward"})(config)
    clusters = config["static_resources"]["clusters"]
    clusters.append({**clusters[0], "name": "web"})
    routes = envoy_config.connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]
    routes.append({"match": {"prefix": "/web/"}, "route": {"cluster": "web", "prefix_rewrite": "/"}})


def mirrored(config: Config) -> None:
    plugin_over({"outside": "forward"})(config)
    routes = envoy_config.connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]
    mirror = {"cluster": "auth_service", "request_mirror_policies": [{"cluster": "mlflow"}]}
    routes.append({"match": {"prefix": "/web/"}, "route": mirror})


def past_the_filter_by_tcp(config: Config) -> None:
    proxy = {
        "name": "tcp",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "tcp",
            "cluster": "mlflow",
        },
    }
    loopback = {"direct_source_prefix_ranges": [{"address_prefix": "127.0.0.1", "prefix_len": 32}]}
    chain = {"filter_chain_match": loopback, "filters": [proxy]}
    envoy_config.listener(config)["filter_chains"].append(chain)


def upgraded_without_the_filter(config: Config) -> None:
    manager = envoy_config.connection_manager(config)
    upgrade = {"upgrade_type": "websocket", "filters": [manager["http_filters"][-1]]}
    manager["upgrade_configs"] = [upgrade]


WEBSOCKET = [("connection", "upgrade"), ("upgrade", "websocket")]


@pytest.mark.parametrize(
    ("edit", "code", "target", "headers"),
    [
        (mounted_elsewhere, "mounts-unrouted", CREATE_RUN, []),
        (in_any_case, "path-case", CREATE_RUN.replace("/api/mlflow/", "/API/mlflow/", 1), []),
        (weighted_without_the_filter, "around-filter", CREATE_RUN, []),
        (another_cluster_with_the_endpoint, "outside-forwarded", CREATE_RUN.replace("/api/mlflow/", "/web/", 1), []),
        (mirrored, "around-filter", CREATE_RUN.replace("/api/mlflow/", "/web/", 1), []),
        (past_the_filter_by_tcp, "around-filter", CREATE_RUN, []),
        (upgraded_without_the_filter, "around-filter", f"{MOUNT}/api/2.0/mlflow/runs/get", WEBSOCKET),
    ],
)
def test_ways_past_the_filter_that_check_tells(
    start_stack: Callable[..., Stack],
    tmp_path: Path,
    edit: Callable[[Config], None],
    code: str,
    target: str,
    headers: list[tuple[str, str]],
) -> None:
    """Real Envoy takes each of these, and a request without any key reaches MLflow."""
    config = rendered()
    edit(config)
    assert code in found(config, tmp_path)
    stack = start_stack(edit=edit)
    # Envoy sends no body with an upgrade.
    stack.client.request("GET" if headers else "POST", target, headers)
    wait_until(lambda: stack.upstream.count > 0, "the request at MLflow")


def test_without_such_a_way_nothing_reaches_mlflow(start_stack: Callable[..., Stack]) -> None:
    stack = start_stack()
    for target in (CREATE_RUN, CREATE_RUN.replace("/api/", "/API/", 1), CREATE_RUN.replace("/api/mlflow/", "/web/", 1)):
        for headers in ([], WEBSOCKET):
            assert stack.client.post(target, headers).status in (401, 403, 404)
    assert stack.upstream.count == 0


def another_auth_cluster(config: Config) -> None:
    change_plugin(config, {"auth_service": {"cluster": "auth"}})


@pytest.mark.parametrize(
    ("edit", "code", "target", "key", "status"),
    [
        # Nobody asked for a key.
        (disabled_for_a_route, "around-filter", CREATE_RUN, None, 200),
        (without_a_slash, "route-prefix", CREATE_RUN.replace("/api/mlflow/", "/api/mlflow", 1), None, 200),
        # No key can be checked.
        (another_auth_cluster, "auth-cluster", CREATE_RUN, FULL, 503),
    ],
)
def test_what_envoy_accepts_and_check_tells(
    start_stack: Callable[..., Stack],
    tmp_path: Path,
    edit: Callable[[Config], None],
    code: str,
    target: str,
    key: str | None,
    status: int,
) -> None:
    config = rendered()
    edit(config)
    assert code in found(config, tmp_path)
    options: dict[str, Any] = {"edit": edit}
    stack = start_stack(**options)
    assert stack.client.post(target, [bearer(key)] if key else []).status == status
