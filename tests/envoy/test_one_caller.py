"""One caller takes the auth service from nobody else, and keeps no revoked key alive."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from harness import keys
from harness.checks import READ_RUN
from harness.http import Client, Response, bearer
from harness.many import lookups, send
from harness.processes import wait_until
from harness.stack import Stack

StartStack = Callable[..., Stack]

ATTACKER = "127.0.0.2"
BAD = "hk_live_bad"
KNOWN, REVOKED = keys.READ, keys.WRITE
NEW = [keys.key(f"new{number}", ["model:read"]) for number in range(5)]
TTL = 0.5
OPEN = "mlflow_authz_open_circuits"
STALE = "mlflow_authz_stale_served"


def attacker(stack: Stack) -> Client:
    return Client(stack.envoy.host, stack.envoy.port, source=ATTACKER)


def started(start_stack: StartStack, **service: Any) -> Stack:
    """With two keys that are past their time, of which one has been revoked since."""
    entries = [KNOWN, REVOKED, keys.key("bad", ["model:read"]), *NEW]
    plugin = {"auth_service": {"timeout": "600ms", **service}, "cache": {"ttl": f"{int(TTL * 1000)}ms"}}
    stack = start_stack(keys=entries, plugin=plugin)
    for entry in (KNOWN, REVOKED):
        assert stack.client.get(READ_RUN, [bearer(entry["key"])]).status == 200
    stack.auth.put_keys({**REVOKED, "status": 401})
    time.sleep(TTL + 0.05)
    return stack


def assert_served(stack: Stack) -> None:
    """Each key is decided by what the auth service says of it now."""

    def read(entry: keys.Key) -> Response:
        return stack.client.get(READ_RUN, [bearer(entry["key"])])

    assert read(REVOKED).status == 401
    assert read(KNOWN).status == 200
    assert [read(entry).status for entry in NEW] == [200] * len(NEW)
    assert (stack.envoy.metric(STALE), stack.envoy.metric(OPEN)) == (0, 0)


TROUBLES: list[dict[str, Any]] = [
    {"status": 500},
    {"status": 503},
    {"garbage": "nothing"},
    {"garbage": "reset"},
    {"garbage": "hang"},
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
def test_one_key_that_fails(start_stack: StartStack, trouble: dict[str, Any]) -> None:
    stack = started(start_stack)
    with stack.auth.faults(key_prefix=BAD, **trouble):
        for _ in range(5):
            for _ in range(5):
                answer = attacker(stack).get(READ_RUN, [bearer(BAD)])
                assert (answer.status, answer.json()["reason"]) == (503, "auth_unavailable")
            time.sleep(1)
        # Asked about once a second and no more often.
        assert stack.auth.stats()["by_key_id"]["key_bad"] <= 6
        assert_served(stack)


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
def test_invented_keys_that_fail(start_stack: StartStack, trouble: dict[str, Any]) -> None:
    stack = started(start_stack)
    with stack.auth.faults(key_prefix=BAD, **trouble):
        for number in range(12):
            answer = attacker(stack).get(READ_RUN, [bearer(f"{BAD}_{number}")])
            assert (answer.status, answer.json()["reason"]) == (503, "auth_unavailable")
        assert lookups(stack)["address_circuit"] == 7
        assert_served(stack)
        # A key that is known passes from there too.
        assert attacker(stack).get(READ_RUN, [bearer(KNOWN["key"])]).status == 200


def test_an_address_that_invents_keys(start_stack: StartStack) -> None:
    stack = started(start_stack, max_in_flight=8, timeout="5s")
    with stack.auth.faults(key_prefix=BAD, delay_ms=2500), ExitStack() as opened:
        connections = [opened.enter_context(attacker(stack).connect()) for _ in range(20)]
        for number, connection in enumerate(connections):
            send(connection, "GET", READ_RUN, f"{BAD}_{number}")
        wait_until(lambda: lookups(stack).get("address_limit", 0) == 17, "what is over its share is refused")
        assert stack.auth.stats()["in_flight"] == 3
        assert_served(stack)
        reasons = [connection.read_response().json()["reason"] for connection in connections]
    assert sorted(reasons) == ["key_invalid"] * 3 + ["overloaded"] * 17


def test_where_all_have_one_address_new_keys_share_a_limit(start_stack: StartStack) -> None:
    stack = started(start_stack, max_in_flight=8, timeout="5s", per_address_limit=False)
    with stack.auth.faults(key_prefix=BAD, delay_ms=1500), ExitStack() as opened:
        connections = [opened.enter_context(attacker(stack).connect()) for _ in range(20)]
        for number, connection in enumerate(connections):
            send(connection, "GET", READ_RUN, f"{BAD}_{number}")
        wait_until(lambda: lookups(stack).get("max_in_flight", 0) == 14, "what is over the limit is refused")
        answer = stack.client.get(READ_RUN, [bearer(NEW[0]["key"])])
        assert (answer.status, answer.json()["reason"]) == (503, "overloaded")
        # What is left to known keys is theirs.
        assert stack.client.get(READ_RUN, [bearer(REVOKED["key"])]).status == 401
        assert stack.client.get(READ_RUN, [bearer(KNOWN["key"])]).status == 200
        assert stack.envoy.metric(STALE) == 0
