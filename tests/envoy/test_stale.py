"""While the auth service is unavailable, a key that was valid shortly before keeps its rights. No key gets more rights."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from harness import keys
from harness.checks import CREATE_RUN, READ_RUN, access_log_entry
from harness.http import Response, bearer
from harness.many import at_once, lookups, on_every_worker
from harness.processes import wait_until
from harness.stack import Stack

READ, WRITE = keys.READ["key"], keys.WRITE["key"]
COLD = keys.DELETE["key"]
SERVED = "mlflow_authz_stale_served"
TTL = 0.4
StartStack = Callable[..., Stack]


def config(stale_if_error: str = "1h", cache: dict[str, Any] | None = None, **service: Any) -> dict[str, Any]:
    """A short TTL; failures do not open the circuit unless `breaker` says so."""
    return {
        "cache": {"ttl": f"{int(TTL * 1000)}ms", "stale_if_error": stale_if_error, **(cache or {})},
        "auth_service": {"timeout": "300ms", "breaker": {"failures": 1_000_000}, **service},
        "audit": {"allows": True, "max_per_second": 100_000},
    }


def warm(stack: Stack, *callers: str) -> None:
    """These keys are known, and their time is over."""
    for key in callers or (READ, WRITE):
        assert stack.client.get(READ_RUN, [bearer(key)]).status == 200
    time.sleep(TTL + 0.05)


def assert_unavailable(answer: Response) -> None:
    assert (answer.status, answer.header("retry-after")) == (503, "15")
    assert answer.json()["reason"] == "auth_unavailable"


@contextmanager
def outage(stack: Stack) -> Iterator[None]:
    stack.auth.outage(60)
    yield


TROUBLES: dict[str, Callable[[Stack], AbstractContextManager[None]]] = {
    "outage": outage,
    "error": lambda stack: stack.auth.faults(status=500),
    "unexpected status": lambda stack: stack.auth.faults(status=404),
    "no reply": lambda stack: stack.auth.faults(garbage="hang"),
    "reset": lambda stack: stack.auth.faults(garbage="nothing"),
    "half a reply": lambda stack: stack.auth.faults(garbage="truncated"),
    "a page": lambda stack: stack.auth.faults(garbage="html"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("workers", [1, 2])
def test_known_keys_keep_their_rights_and_only_those(start_stack: StartStack, trouble: str, workers: int) -> None:
    stack = start_stack(concurrency=workers, plugin=config())
    warm(stack)
    with TROUBLES[trouble](stack):
        for _ in range(4):
            read = stack.client.get(READ_RUN, [bearer(READ)])
            assert read.status == 200
            assert dict(read.json()["headers"])["x-mlflow-authz-key"] == keys.READ["key_id"]
            write = stack.client.post(CREATE_RUN, [bearer(READ)])
            assert (write.status, write.json()["reason"]) == (403, "scope_missing")
            assert stack.client.post(CREATE_RUN, [bearer(WRITE)]).status == 200
            assert_unavailable(stack.client.get(READ_RUN, [bearer(COLD)]))
            assert_unavailable(stack.client.get(READ_RUN, [bearer(keys.UNKNOWN)]))
    assert stack.envoy.metric(SERVED) == 12
    assert stack.upstream.count == 2 + 8


def test_records_say_stale(start_stack: StartStack) -> None:
    stack = start_stack(plugin=config())
    warm(stack)
    with outage(stack):
        for method, target, key, agent in (
            ("GET", READ_RUN, READ, "allowed"),
            ("POST", CREATE_RUN, READ, "denied"),
            ("GET", READ_RUN, COLD, "cold"),
        ):
            stack.client.request(method, target, [bearer(key), ("user-agent", agent)])
    known = {"key_id": keys.READ["key_id"], "user_id": keys.READ["user_id"], "stale": True}
    for agent, expected in {
        "allowed": {"decision": "allow", "reason": "allowed", **known},
        "denied": {"decision": "deny", "reason": "scope_missing", **known},
        "cold": {"decision": "deny", "reason": "auth_unavailable", "stale": False},
    }.items():
        entry = access_log_entry(stack, user_agent=agent)
        assert entry["authz"] == {**entry["authz"], **expected}
    records = stack.envoy.audit()
    told = [(record["reason"], record.get("key_id"), record["stale"]) for record in records]
    assert told[:2] == [("allowed", entry["key_id"], False) for entry in (keys.READ, keys.WRITE)]
    assert told[2:4] == [("allowed", keys.READ["key_id"], True), ("scope_missing", keys.READ["key_id"], True)]
    assert [(reason, stale) for reason, _, stale in told[4:]] == [("auth_unavailable", False)]
    assert (stack.envoy.metric(SERVED), lookups(stack).get("stale", 0) >= 1) == (2, True)


def test_zero_serves_nobody(start_stack: StartStack) -> None:
    stack = start_stack(plugin=config(stale_if_error="0s"))
    warm(stack)
    with outage(stack):
        for key in (READ, WRITE, COLD):
            assert_unavailable(stack.client.get(READ_RUN, [bearer(key)]))
    assert stack.envoy.metric(SERVED) == 0


@pytest.mark.parametrize("workers", [1, 4])
def test_there_is_a_limit(start_stack: StartStack, workers: int) -> None:
    stack = start_stack(concurrency=workers, plugin=config(stale_if_error="2s"))
    with on_every_worker(stack) as connections:
        began = time.monotonic()

        def statuses() -> set[int]:
            return {connection.request("GET", READ_RUN, [bearer(READ)]).status for connection in connections}

        assert statuses() == {200}
        stack.auth.outage(60)
        time.sleep(TTL + 0.05)
        while time.monotonic() < began + 1.7:
            assert statuses() == {200}
            time.sleep(0.1)
        time.sleep(began + TTL + 2.1 - time.monotonic())
        assert statuses() == {503}


def test_a_circuit_that_is_open_serves_the_same(start_stack: StartStack) -> None:
    stack = start_stack(plugin=config(breaker={"failures": 2, "open_for": "1h"}))
    warm(stack, READ, WRITE, keys.FULL["key"])
    with stack.auth.faults(status=500):
        for key in (WRITE, keys.FULL["key"]):
            assert stack.client.get(READ_RUN, [bearer(key)]).status == 200
        asked = stack.auth.validations
        for _ in range(5):
            assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
            assert stack.client.post(CREATE_RUN, [bearer(READ)]).status == 403
            assert_unavailable(stack.client.get(READ_RUN, [bearer(COLD)]))
    assert stack.auth.validations == asked


def test_nobody_waits_while_the_service_is_known_to_be_away(start_stack: StartStack) -> None:
    stack = start_stack(plugin=config())
    warm(stack)
    with stack.auth.faults(garbage="hang"):
        for key in (READ, WRITE):
            assert stack.client.get(READ_RUN, [bearer(key)]).status == 200  # Each has to find out.
        waited = {name: count for name, count in lookups(stack).items() if name in ("miss", "joined")}
        for _ in range(10):
            for key in (READ, WRITE):
                assert stack.client.get(READ_RUN, [bearer(key)]).status == 200
        assert {name: count for name, count in lookups(stack).items() if name in waited} == waited


def test_a_service_that_answers_ends_it(start_stack: StartStack) -> None:
    """Also for a key that has fewer rights since."""
    stack = start_stack(plugin=config())
    warm(stack)
    stack.auth.outage(1)
    assert stack.client.post(CREATE_RUN, [bearer(WRITE)]).status == 200
    stack.auth.wait_back()
    stack.auth.put_keys({**keys.WRITE, "scopes": ["model:read"]})
    wait_until(lambda: stack.client.post(CREATE_RUN, [bearer(WRITE)]).status == 403, "the news", timeout=5)
    before = stack.envoy.metric(SERVED)
    assert stack.client.get(READ_RUN, [bearer(WRITE)]).status == 200
    assert stack.envoy.metric(SERVED) == before


REFUSALS = [({"status": 401}, 401, "key_invalid"), ({"status": 403}, 403, "key_refused")]


@pytest.mark.parametrize(("order", "status", "reason"), REFUSALS)
@pytest.mark.parametrize("workers", [1, 4])
def test_a_refusal_ends_all_rights_at_once(
    start_stack: StartStack, workers: int, order: dict[str, int], status: int, reason: str
) -> None:
    stack = start_stack(concurrency=workers, plugin=config(cache={"negative_ttl": "300ms"}))
    with on_every_worker(stack) as connections:

        def reads() -> list[Response]:
            return [connection.request("GET", READ_RUN, [bearer(READ)]) for connection in connections]

        assert {answer.status for answer in reads()} == {200}
        stack.auth.put_keys({**keys.READ, **order})
        time.sleep(TTL + 0.05)
        assert {(answer.status, answer.json()["reason"]) for answer in reads()} == {(status, reason)}
        # After negative_ttl nothing is left of the principal that could be served stale.
        time.sleep(0.35)
        with stack.auth.faults(status=500):
            assert {answer.status for answer in reads()} == {503}


def test_a_rate_limit_is_no_outage(start_stack: StartStack) -> None:
    stack = start_stack(plugin=config())
    warm(stack)
    with stack.auth.faults(status=429, retry_after=9):
        answer = stack.client.get(READ_RUN, [bearer(READ)])
    assert (answer.status, answer.header("retry-after")) == (429, "9")
    assert answer.json()["reason"] == "rate_limited"


def test_a_burst_at_the_end_of_the_time_is_served_after_one_callout(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=4, plugin=config())
    warm(stack)
    asked = stack.auth.validations
    with stack.auth.faults(status=500, delay_ms=150):
        answers = at_once(stack, [("GET", READ_RUN, READ), ("POST", CREATE_RUN, READ)] * 10)
    assert [answer.status for answer in answers] == [200, 403] * 10
    assert stack.auth.validations == asked + 1
    assert stack.envoy.metric(SERVED) == 20


# --- ahead of time ---


@pytest.mark.parametrize("workers", [1, 4])
def test_the_owner_of_a_busy_key_never_waits(start_stack: StartStack, workers: int) -> None:
    cache = {"ttl": "2500ms", "stale_if_error": "0s"}
    stack = start_stack(concurrency=workers, plugin={"cache": cache})
    with on_every_worker(stack) as connections, stack.auth.faults(delay_ms=150):
        assert connections[0].request("GET", READ_RUN, [bearer(READ)]).status == 200
        until = time.monotonic() + 7
        while time.monotonic() < until:
            for connection in connections:
                assert connection.request("GET", READ_RUN, [bearer(READ)]).status == 200
            time.sleep(0.02)
    counted = lookups(stack)
    assert (counted["miss"], counted.get("joined", 0)) == (1, 0), counted
    # Each lasts from 1.8 s to 2 s, for all workers together.
    assert 4 <= stack.auth.validations <= 6


def test_a_change_of_scopes_comes_with_the_refresh(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"cache": {"ttl": "1s"}})
    assert stack.client.post(CREATE_RUN, [bearer(READ)]).status == 403
    stack.auth.put_keys({**keys.READ, "scopes": ["model:write"]})
    wait_until(lambda: stack.client.post(CREATE_RUN, [bearer(READ)]).status == 200, "the scopes", timeout=3)
    assert lookups(stack)["miss"] == 1


def test_a_refresh_that_fails_takes_nothing_away(start_stack: StartStack) -> None:
    service = {"breaker": {"failures": 5, "open_for": "1s"}}
    stack = start_stack(plugin={"cache": {"ttl": "2s"}, "auth_service": service})
    began = time.monotonic()
    assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
    with stack.auth.faults(status=500):
        while time.monotonic() < began + 3:
            assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
            time.sleep(0.02)
    # The first, and then not with every request: until the circuit opens, and its probe.
    assert 2 <= stack.auth.validations <= 1 + 5 + 1

    def refreshed() -> bool:
        assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
        return stack.auth.stats()["by_status"]["200"] == 2

    wait_until(refreshed, "a refresh that succeeds", timeout=5, every=0.05)
    assert lookups(stack)["miss"] == 1


def test_a_key_refused_in_the_background_is_refused(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"cache": {"ttl": "1s"}})
    assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
    stack.auth.put_keys({**keys.READ, "status": 401})
    wait_until(lambda: stack.client.get(READ_RUN, [bearer(READ)]).status == 401, "the refusal", timeout=3)
    assert lookups(stack)["miss"] == 1
    assert stack.envoy.metric("mlflow_authz_cache_entries") == 0
