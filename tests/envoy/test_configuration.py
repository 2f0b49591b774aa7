"""What Envoy does with a bad configuration: refuses to start, with words for its operator, or goes on."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import envoy_config, keys
from harness.checks import CREATE_RUN, access_log_entry, unharmed
from harness.envoy_config import Config
from harness.http import bearer
from harness.processes import NotReady, wait_until
from harness.stack import Stack

READ = keys.READ["key"]
StartStack = Callable[..., Stack]
TYPE = "type.googleapis.com/google.protobuf."
MINIMAL = '{"auth_service": {"cluster": "auth_service"}, "mounts": ["/api/mlflow"]}'


def as_struct(config: Config) -> None:
    plugin = envoy_config.wasm_plugin(config)
    value = json.loads(plugin["configuration"]["value"])
    plugin["configuration"] = {"@type": TYPE + "Struct", "value": value}


def as_bytes(config: Config) -> None:
    plugin = envoy_config.wasm_plugin(config)
    text = plugin["configuration"]["value"].encode()
    plugin["configuration"] = {"@type": TYPE + "BytesValue", "value": base64.b64encode(text).decode()}


def without_configuration(config: Config) -> None:
    del envoy_config.wasm_plugin(config)["configuration"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"edit": as_struct}, "wrap the JSON in a google.protobuf.StringValue"),
    ({"edit": without_configuration}, "wrap the JSON in a google.protobuf.StringValue"),
    ({"plugin_text": "[]"}, "does not start with `{`"),
    ({"plugin_text": '{"auth_service": '}, "is not JSON"),
    ({"plugin_text": '{"mounts": ["/"]}'}, "auth_service"),
    ({"plugin": {"mounts": None}}, "mounts: is missing; write the paths at which clients reach MLflow"),
    ({"plugin": {"mounts": []}}, "mounts: is empty; write"),
    ({"plugin": {"outside": "allow"}}, "outside: "),
    ({"plugin": {"hosts": []}}, "hosts: is empty, so every request would be forwarded without a decision"),
    ({"plugin": {"hosts": ["registry.example:443"]}}, 'hosts: "registry.example:443" is not a host pattern; write'),
    ({"plugin": {"auth_service": {"pth": "/"}}}, "auth_service.pth: unknown field; did you mean `path`?"),
    ({"plugin": {"mount": ["/"]}}, "mount: unknown field; did you mean `mounts`?"),
    ({"plugin": {"auth_service": {"timeout": 2}}}, "auth_service.timeout: "),
    ({"plugin": {"mode": "shade"}}, "mode: "),
    ({"plugin": {"enforce_percent": 101}}, "enforce_percent: must be a whole number from 0 to 100, not 101"),
    ({"plugin": {"overrides": [{"match": {"acces": "read"}, "mode": "shadow"}]}}, "did you mean `access`?"),
    ({"plugin": {"bodies": "sniff"}}, "bodies: "),
    ({"plugin": {"cache": {"stale_if_eror": "5m"}}}, "unknown field; did you mean `stale_if_error`?"),
    ({"plugin": {"cache": {"shared_slots": 65_537}}}, "cache.shared_slots: must be at most 65536"),
    ({"plugin": {"auth_service": {"max_in_flight": 1}}}, "auth_service.max_in_flight: must be at least 2"),
    ({"plugin": {"auth_service": {"breaker": {"failures": 0}}}}, "auth_service.breaker.failures: must be"),
    ({"plugin": {"key_pattern": ""}}, "key_pattern: must be one or more visible ASCII characters"),
    ({"plugin": {"revocation": {"path": "/r", "every": "50ms"}}}, "revocation.every: must be at least 100ms"),
    ({"plugin": {"revocation": {"path": "/r?x"}}}, "revocation.path: must not have a query or fragment"),
    ({"plugin": {"scopes": {"a": ["models:read"]}}}, "scopes.a[0]: "),
    ({"plugin": {"mounts": ["/api/mlflow/"]}}, "mounts[0]: "),
]


def name(value: Any) -> str:
    """The same in every process, as pytest-xdist wants: a function without its address."""
    return re.sub(r"<function (\w+) at \w+>", r"\1", repr(value))[:60]


@pytest.mark.parametrize(("options", "says"), REFUSED, ids=name)
def test_envoy_refuses_it_and_the_log_says_why(start_stack: StartStack, options: dict[str, Any], says: str) -> None:
    """As an update of an Envoy that runs: the filter reads it as at a start, and nothing is compiled."""
    with pytest.raises(NotReady) as refusal:
        start_stack(**options)
    assert_refused(refusal, says)


@pytest.mark.parametrize(("options", "says"), [REFUSED[0], REFUSED[3], REFUSED[-1]], ids=name)
def test_envoy_does_not_start_with_it(start_stack: StartStack, options: dict[str, Any], says: str) -> None:
    with pytest.raises(NotReady, match="envoy ended with status 1") as refusal:
        start_stack(**options, pool=None)
    assert_refused(refusal, says)


def assert_refused(refusal: pytest.ExceptionInfo[NotReady], says: str) -> None:
    lines = re.findall(r"\[error\]\[wasm\].*: configuration refused: (.*)", str(refusal.value))
    assert lines and all(says in line for line in lines), str(refusal.value)
    assert "panic" not in str(refusal.value)


@pytest.mark.parametrize(
    "options",
    [{"edit": as_bytes}, {"plugin_text": MINIMAL}, {"plugin_text": "\n\t " + MINIMAL + "\n"}],
    ids=["bytes", "only what is required", "white space"],
)
def test_what_is_enough(start_stack: StartStack, options: dict[str, Any]) -> None:
    stack = start_stack(**options)
    with unharmed(stack):
        assert stack.client.post(CREATE_RUN, [bearer(READ)]).status == 403


def test_longest_mount_wins(start_stack: StartStack) -> None:
    def straight(config: Config) -> None:
        manager = envoy_config.connection_manager(config)
        route = {"match": {"prefix": "/"}, "route": {"cluster": "mlflow"}}
        manager["route_config"]["virtual_hosts"][0]["routes"] = [route]

    stack = start_stack(plugin={"mounts": ["/", "/api/mlflow", "/mlflow"]}, edit=straight)
    api = "/api/2.0/mlflow/runs/get"
    # The last is not below /mlflow, and below / it is no endpoint of MLflow's.
    wanted = {"": "GetRun", "/api/mlflow": "GetRun", "/mlflow": "GetRun", "/mlflowx": None}
    for mount, operation in wanted.items():
        assert stack.client.get(mount + api, [bearer(READ)]).status == 200
        assert access_log_entry(stack, path=mount + api)["authz"]["operation"] == operation


def test_graphql_can_be_switched_off(start_stack: StartStack, stack: Stack) -> None:
    target = "/api/mlflow/graphql"
    assert stack.client.post(target, [bearer(READ)]).status == 200
    answer = start_stack(plugin={"graphql": "deny"}).client.post(target, [bearer(keys.FULL["key"])])
    assert (answer.status, answer.json()["reason"]) == (403, "operation_unknown")


# --- updates while it runs ---


def put_aside(config: Config, path: Path) -> None:
    """Moves the listener into a file that Envoy watches."""
    listener = config["static_resources"]["listeners"].pop()
    listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener"
    source = {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}
    config["dynamic_resources"] = {"lds_config": source}
    config["node"] = {"id": "test", "cluster": "test"}
    write_listener(path, listener)


def write_listener(path: Path, listener: Config) -> None:
    # Envoy watches for a file that is moved there.
    draft = path.with_suffix(".draft")
    draft.write_text(yaml.safe_dump({"resources": [listener]}, sort_keys=False))
    draft.rename(path)


def test_updates_while_it_runs(start_stack: StartStack, tmp_path: Path) -> None:
    path = tmp_path / "listeners.yaml"
    stack = start_stack(edit=lambda config: put_aside(config, path))

    def update(change: Config) -> int:
        said = len(stack.envoy.log())
        listener = yaml.safe_load(path.read_text())["resources"][0]
        filters = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
        value = filters[0]["typed_config"]["config"]["configuration"]
        value["value"] = json.dumps(envoy_config.merge(json.loads(value["value"]), change))
        write_listener(path, listener)
        return said

    def status() -> int:
        return stack.client.post(CREATE_RUN, [bearer(READ)]).status

    assert status() == 403
    # A good one is in force without a restart, and what was cached under it is asked for again.
    update({"scopes": {"model:read": ["*:read", "run:write"]}})
    wait_until(lambda: status() == 200, "the update is in force")
    # A bad one is not; the log says why; the old one serves.
    said = update({"scopes": {"model:read": ["*:reed"]}})
    refusal = "configuration refused: scopes.model:read[0]: "
    wait_until(lambda: refusal in stack.envoy.log()[said:], "the refusal")
    assert status() == 200
    # As is a configuration from before `mounts` was required.
    said = update({"mounts": None, "scopes": None})
    refusal = "configuration refused: mounts: is missing; write the paths"
    wait_until(lambda: refusal in stack.envoy.log()[said:], "the refusal")
    assert status() == 200
    # And back.
    update({"scopes": None, "mounts": ["/api/mlflow"]})
    wait_until(lambda: status() == 403, "the update is in force")
    assert not any(stack.envoy.stats("vm_reload").values())
