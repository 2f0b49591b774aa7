"""Two instances of the filter in one listener: uploads of any size, and bodies read where grants are narrow.

A pair, one behind the other on every request, cannot work: what the first refuses, the second never sees. What works is one instance a route: each route has exactly one of them switched on.
"""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness import envoy_config, keys
from harness.auth_service import AuthService
from harness.http import Connection, Response, Upload, bearer
from harness.stack import MOUNT, Stack

CREATE = f"{MOUNT}/api/2.0/mlflow/registered-models/create"
UPLOAD = f"{MOUNT}/api/2.0/mlflow-artifacts/artifacts/7/run/artifacts/weights.bin"
JSON = ("content-type", "application/json")
FILTER = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
LARGE = 16 << 20
StartStack = Callable[..., Stack]


def second_instance(config: envoy_config.Config) -> dict[str, Any]:
    """Puts a second filter behind the sample's: with the field, and reading bodies."""
    filters = envoy_config.connection_manager(config)["http_filters"]
    second = copy.deepcopy(filters[0])
    second["name"] = "mlflow_authz_bodies"
    plugin = second["typed_config"]["config"]
    plugin["name"] = "mlflow_authz_bodies"
    plugin["allow_on_headers_stop_iteration"] = True
    settings = json.loads(plugin["configuration"]["value"])
    plugin["configuration"]["value"] = json.dumps({**settings, "bodies": "inspect"})
    filters.insert(1, second)
    return second


def one_behind_the_other(config: envoy_config.Config) -> None:
    second_instance(config)


def one_a_route(config: envoy_config.Config) -> None:
    """The second instance on the paths whose bodies hold names, the first everywhere else."""
    second_instance(config)["disabled"] = True
    routes = envoy_config.connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]
    mlflow = next(route for route in routes if route["name"] == "mlflow")
    for api in ("api", "ajax-api"):
        for group in ("registered-models", "model-versions", "experiments"):
            path = f"{api}/2.0/mlflow/{group}/"
            route = copy.deepcopy(mlflow)
            route["name"] = f"{api}-{group}"
            route["match"] = {"prefix": f"{MOUNT}/{path}"}
            route["route"]["prefix_rewrite"] = f"/{path}"
            route["typed_per_filter_config"] = {
                "mlflow_authz": {"@type": FILTER, "disabled": True},
                # An empty config switches on what is disabled elsewhere.
                "mlflow_authz_bodies": {"@type": FILTER, "config": {}},
            }
            routes.insert(0, route)


def fresh(stack: Stack, name: str, scopes: list[str]) -> str:
    entry = keys.key(f"instances_{name}", scopes)
    stack.auth.put_keys(entry)
    return entry["key"]


def post(stack: Stack, key: str, name: str, path: str = CREATE) -> Response:
    return stack.client.post(path, [bearer(key), JSON], json.dumps({"name": name}).encode())


def upload(stack: Stack, key: str) -> Response:
    with Connection(stack.envoy.host, stack.envoy.port, timeout=30) as connection:
        return connection.request("PUT", UPLOAD, [bearer(key)], Upload(LARGE))


@pytest.fixture
def start_pair(start_stack: StartStack, auth_service: AuthService) -> Callable[..., Stack]:
    def start(edit: Callable[[envoy_config.Config], None]) -> Stack:
        return start_stack(auth=auth_service, plugin={"audit": {"allows": True}}, edit=edit)

    return start


def test_one_behind_the_other_refuses_what_needs_the_second(start_pair: Callable[..., Stack]) -> None:
    stack = start_pair(one_behind_the_other)
    narrow = fresh(stack, "behind", ["model:write:acme-*"])
    answer = post(stack, narrow, "acme-fraud")
    # The first instance cannot read the body, and does not know that there is a second.
    assert (answer.status, answer.json()["reason"]) == (403, "body_unavailable")
    assert stack.upstream.count == 0
    assert post(stack, keys.WRITE["key"], "globex").status == 200


def test_one_instance_a_route(start_pair: Callable[..., Stack]) -> None:
    stack = start_pair(one_a_route)
    narrow, wide = fresh(stack, "narrow", ["model:write:acme-*"]), fresh(stack, "wide", ["model:write"])
    # Cold keys: a large upload goes by flow control, a body with a name is buffered and read.
    with stack.auth.faults(delay_ms=300):
        answer = upload(stack, wide)
        assert (answer.status, answer.json()["body_bytes"]) == (200, LARGE)
        assert post(stack, narrow, "acme-fraud").status == 200
    count = stack.upstream.count
    for path in (CREATE, CREATE.replace("/api/2.0", "/ajax-api/2.0")):
        answer = post(stack, narrow, "globex-fraud", path)
        assert (answer.status, answer.json()["reason"]) == (403, "name_not_granted")
    # Spellings that choose the other route are decided by the other instance, never by none.
    for path in (CREATE.replace("d-m", "d%2Dm"), CREATE.replace("/2.0/", "/2%2E0/")):
        assert post(stack, narrow, "globex-fraud", path).status in (400, 403)
    for path in (CREATE, UPLOAD):
        assert stack.client.post(path, [], b"{}").status == 401
    assert stack.upstream.count == count
    seen = post(stack, narrow, "acme-2").json()
    assert seen["path"] == "/api/2.0/mlflow/registered-models/create"
    assert seen["headers"].count(["x-mlflow-authz-key", narrow.replace("hk_live_", "key_")]) == 1


def test_both_instances_share_what_they_know_of_a_key(start_pair: Callable[..., Stack]) -> None:
    stack = start_pair(one_a_route)
    key = fresh(stack, "shared", ["model:write:acme-*", "tracking:write"])
    asked = stack.auth.validations
    assert stack.client.request("PUT", UPLOAD, [bearer(key)], b"x").status == 200
    assert post(stack, key, "acme-fraud").status == 200
    assert post(stack, key, "acme-fraud").status == 200
    assert stack.auth.validations == asked + 1
    records = [record for record in stack.envoy.audit() if record.get("name")]
    assert {record["name"] for record in records} == {"acme-fraud"}
