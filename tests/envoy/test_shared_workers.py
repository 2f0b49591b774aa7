"""What one worker was told, all know; what belongs to another auth service, none."""

import copy
import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.checks import CREATE_RUN, READ_RUN
from harness.envoy_config import Config, connection_manager, listener, merge
from harness.http import Client, bearer
from harness.many import lookups, on_every_worker, send
from harness.stack import Stack

READ = keys.READ["key"]
WORKERS = 4
StartStack = Callable[..., Stack]


def on_all(stack: Stack, *requests: tuple[str, str, str]) -> list[list[int]]:
    """The statuses of these requests, one after another, on each of connections that reach every worker."""
    with on_every_worker(stack) as connections:
        return [
            [
                connection.request(method, target, [bearer(key)], b"" if method == "POST" else None).status
                for method, target, key in requests
            ]
            for connection in connections
        ]


BOTH = (("GET", READ_RUN, READ), ("POST", CREATE_RUN, READ))


def test_a_key_that_one_worker_knows_is_known_to_all(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=WORKERS)
    found = on_all(stack, *BOTH)
    assert found == [[200, 403]] * len(found)
    assert stack.auth.validations == 1
    counted = lookups(stack)
    assert (counted["miss"], counted["shared"]) == (1, WORKERS - 1)
    assert counted["hit"] == 2 * len(found) - WORKERS


def test_without_shared_slots_each_worker_asks(start_stack: StartStack) -> None:
    """So the connections of the other tests do reach every worker."""
    stack = start_stack(concurrency=WORKERS, plugin={"cache": {"shared_slots": 0}})
    found = on_all(stack, *BOTH)
    assert found == [[200, 403]] * len(found)
    assert stack.auth.validations == WORKERS


@pytest.mark.parametrize(("key", "status"), [(keys.UNKNOWN, 401), (keys.REFUSED["key"], 403)])
def test_a_refusal_is_known_to_all(start_stack: StartStack, key: str, status: int) -> None:
    stack = start_stack(concurrency=WORKERS, plugin={"cache": {"negative_ttl": "1h"}})
    found = on_all(stack, ("GET", READ_RUN, key), ("POST", CREATE_RUN, key))
    assert found == [[status, status]] * len(found)
    assert stack.auth.validations == 1
    counted = lookups(stack)
    assert (counted["miss"], counted["shared_refusal"]) == (1, WORKERS - 1)


def test_keys_that_are_cold_everywhere_are_asked_about_once_each(start_stack: StartStack) -> None:
    entries = keys.FreshKeys(["model:read"], 12).entries
    stack = start_stack(keys=entries, concurrency=WORKERS)
    with stack.auth.faults(delay_ms=500), ExitStack() as opened:
        waiting = []
        for entry in entries:
            for connection in opened.enter_context(on_every_worker(stack)):
                send(connection, "GET", READ_RUN, entry["key"])
                waiting.append((connection, entry["key_id"]))
        for connection, key_id in waiting:
            answer = connection.read_response()
            assert (answer.status, dict(answer.json()["headers"])["x-mlflow-authz-key"]) == (200, key_id)
    counted = stack.auth.stats()
    assert (counted["distinct_keys"], counted["most_per_key"]) == (12, 1)


def test_a_principal_too_large_to_share_is_asked_about_by_each(start_stack: StartStack) -> None:
    many = keys.key("many", ["model:read", *(f"team-{number}:{'x' * 40}" for number in range(100))])
    stack = start_stack(keys=[many], concurrency=WORKERS)
    requests = (("GET", READ_RUN, many["key"]), ("POST", CREATE_RUN, many["key"]))
    found = on_all(stack, *requests)
    assert found == [[200, 403]] * len(found)
    assert stack.auth.validations == WORKERS


def test_a_principal_too_large_to_share_is_not_waited_for_in_turn(start_stack: StartStack) -> None:
    many = keys.key("many", ["model:read", *(f"team-{number}:{'x' * 40}" for number in range(100))])
    stack = start_stack(keys=[many], concurrency=WORKERS)
    with stack.auth.faults(delay_ms=900), on_every_worker(stack) as connections:
        for connection in connections:
            send(connection, "GET", READ_RUN, many["key"])
        assert [connection.read_response().status for connection in connections] == [200] * len(connections)


# --- a second listener in the same VM ---


class Two:
    """A stack with a second listener, whose plugin differs as told, and a second auth service."""

    def __init__(self, start_stack: StartStack, second: AuthService, plugin: Config) -> None:
        self.second = second
        self._plugin = plugin
        self.stack = start_stack(edit=self._add_listener)
        statuses = json.loads(self.stack.envoy.admin("/listeners?format=json"))["listener_statuses"]
        found = {status["name"]: status["local_address"]["socket_address"] for status in statuses}
        self.clients = [Client(found[name]["address"], found[name]["port_value"]) for name in ("mlflow", "second")]

    def _add_listener(self, config: Config) -> None:
        resources = config["static_resources"]
        other = copy.deepcopy(listener(config))
        other["name"] = "second"
        resources["listeners"].append(other)
        alone = {"static_resources": {"listeners": [other]}}
        filters = connection_manager(alone)["http_filters"]
        value = filters[0]["typed_config"]["config"]["configuration"]
        value["value"] = json.dumps(merge(json.loads(value["value"]), self._plugin))
        cluster = copy.deepcopy(next(c for c in resources["clusters"] if c["name"] == "auth_service"))
        cluster["name"] = cluster["load_assignment"]["cluster_name"] = "second_auth_service"
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        host, port = self.second.address
        endpoint["address"]["socket_address"] = {"address": host, "port_value": port}
        resources["clusters"].append(cluster)


# How the second listener's plugin differs, and whether the two may share what they know of a key.
DIFFERENCES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"cache": {"ttl": "30s"}}, True),
    ({"auth_service": {"timeout": "3s"}}, True),
    ({"scopes": {"model:read": ["*:read", "run:write"]}}, True),
    ({"auth_service": {"cluster": "second_auth_service"}}, False),
    ({"auth_service": {"service_id": "other"}}, False),
    ({"auth_service": {"authority": "other.internal"}}, False),
    ({"auth_service": {"send_client_ip": True}}, False),
]


@pytest.mark.parametrize(("plugin", "shares"), DIFFERENCES, ids=lambda value: repr(value)[:60])
def test_listeners_share_only_what_one_auth_service_said(
    start_stack: StartStack, tmp_path: Any, plugin: dict[str, Any], shares: bool
) -> None:
    (tmp_path / "second").mkdir()
    # The same keys, but all of them write.
    writers = [keys.key(entry["key"].removeprefix("hk_live_"), ["model:write"]) for entry in keys.STANDARD]
    with AuthService(writers, tmp_path / "second") as second:
        two = Two(start_stack, second, plugin)
        own_service = "cluster" in plugin.get("auth_service", {})
        write_on_second = 200 if own_service or "scopes" in plugin else 403
        for _ in range(3):
            for client, write in zip(two.clients, (403, write_on_second), strict=True):
                assert client.get(READ_RUN, [bearer(READ)]).status == 200
                assert client.post(CREATE_RUN, [bearer(READ)]).status == write
        # A key that one service refuses is not refused on the other's word.
        for client, status in zip(two.clients, (403, 200 if own_service else 403), strict=True):
            assert client.get(READ_RUN, [bearer(keys.REFUSED["key"])]).status == status
        asked = two.stack.auth.validations + second.validations
    assert asked == (2 if shares else 4)


def test_addresses_are_apart_where_they_are_sent(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=2, use_remote_address=False, plugin={"auth_service": {"send_client_ip": True}})
    for _ in range(3):
        for address in ("192.0.2.1", "192.0.2.2"):
            caller = [bearer(READ), ("x-forwarded-for", address)]
            assert stack.client.get(READ_RUN, caller).status == 200
    assert stack.auth.validations == 2
