"""What the auth service is spared, and for how long it lets its answers be used."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from harness import keys
from harness.checks import CREATE_RUN, READ_RUN, access_log_entry
from harness.http import Response, bearer
from harness.many import at_once, lookups, sent_at_once
from harness.processes import wait_until
from harness.stack import Stack

READ, WRITE = keys.READ["key"], keys.WRITE["key"]
OPEN = "mlflow_authz_open_circuits"
StartStack = Callable[..., Stack]


def read(stack: Stack, key: str) -> Response:
    return stack.client.get(READ_RUN, [bearer(key)])


def assert_denied(answer: Response, reason: str) -> None:
    body = answer.json()
    assert (answer.status, body["error_code"], body["reason"]) == (503, "TEMPORARILY_UNAVAILABLE", reason)
    assert answer.header("retry-after") == "15"


# --- the cap ---


def test_above_the_cap_only_those_who_need_a_callout_are_refused(start_stack: StartStack) -> None:
    entries = [keys.READ, *(keys.key(f"n{number}", ["model:read"]) for number in range(4))]
    stack = start_stack(
        keys=entries, plugin={"auth_service": {"max_in_flight": 3, "per_address_limit": False, "timeout": "10s"}}
    )
    cold = [entry["key"] for entry in entries[1:]]
    assert read(stack, READ).status == 200
    with stack.auth.faults(delay_ms=1500):
        with sent_at_once(stack, [("GET", READ_RUN, key) for key in cold[:2]]) as waiting:
            wait_until(lambda: stack.auth.stats()["in_flight"] == 2, "two callouts")
            for key in cold[2:]:
                assert_denied(read(stack, key), "overloaded")
            assert read(stack, READ).status == 200
            assert stack.client.post(CREATE_RUN, [bearer(READ)]).status == 403
            assert stack.auth.stats()["in_flight"] == 2
            # Those who join are not counted.
            joined = at_once(stack, [("GET", READ_RUN, key) for key in cold[:2] * 3])
            assert [answer.status for answer in joined] == [200] * 6
            assert [connection.read_response().status for connection in waiting] == [200] * 2
    assert stack.auth.validations == 3
    assert [read(stack, key).status for key in cold] == [200] * 4
    assert stack.envoy.metric("mlflow_authz_denials", reason="overloaded") == 2


def test_overload_is_recorded(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"auth_service": {"max_in_flight": 2}})
    with stack.auth.faults(delay_ms=800), sent_at_once(stack, [("GET", READ_RUN, READ)]) as waiting:
        wait_until(lambda: stack.auth.stats()["in_flight"] == 1, "the callout")
        assert_denied(stack.client.get(READ_RUN, [bearer(WRITE), ("user-agent", "over")]), "overloaded")
        assert waiting[0].read_response().status == 200
    entry = access_log_entry(stack, user_agent="over")
    assert entry["response_code_details"] == "mlflow_authz_overloaded"
    assert entry["authz"]["reason"] == "overloaded"
    assert [record["reason"] for record in stack.envoy.audit()] == ["overloaded"]


def test_above_the_cap_known_keys_have_a_callout_of_their_own_and_no_stale_rights(
    start_stack: StartStack,
) -> None:
    service = {"max_in_flight": 2, "timeout": "5s"}
    stack = start_stack(plugin={"auth_service": service, "cache": {"ttl": "300ms"}})
    for known in (READ, keys.DELETE["key"]):
        assert read(stack, known).status == 200
    time.sleep(0.35)
    stack.auth.put_keys({**keys.READ, "status": 401})
    with (
        stack.auth.faults(delay_ms=1500),
        sent_at_once(stack, [("GET", READ_RUN, WRITE), ("GET", READ_RUN, READ)]) as waiting,
    ):
        wait_until(lambda: stack.auth.stats()["in_flight"] == 2, "the callouts")
        assert_denied(read(stack, keys.DELETE["key"]), "overloaded")
        assert [connection.read_response().status for connection in waiting] == [200, 401]
    assert read(stack, keys.DELETE["key"]).status == 200
    assert stack.envoy.metric("mlflow_authz_stale_served") == 0


# --- the circuit ---

OUTAGES: list[dict[str, Any]] = [
    {"status": 500},
    {"status": 503},
    {"garbage": "nothing"},
    {"garbage": "hang"},
    {"garbage": "reset"},
]


def cold(number: int) -> str:
    return f"hk_live_cold_{number}"


@pytest.mark.parametrize("faults", OUTAGES, ids=repr)
def test_failures_of_known_keys_open_the_circuit_and_a_probe_closes_it(
    start_stack: StartStack, faults: dict[str, Any]
) -> None:
    entries = [keys.WRITE, *(keys.key(f"known{number}", ["model:read"]) for number in range(6))]
    known = [entry["key"] for entry in entries[1:]]
    service = {"timeout": "300ms", "breaker": {"failures": 3, "open_for": "2s"}}
    stack = start_stack(keys=entries, plugin={"auth_service": service, "cache": {"ttl": "300ms"}})
    assert [read(stack, key).status for key in known] == [200] * 6
    time.sleep(0.35)
    with stack.auth.faults(**faults):
        for key in known[:3]:
            assert stack.envoy.metric(OPEN) == 0
            assert read(stack, key).status == 200
        opened = time.monotonic()
        assert stack.envoy.metric(OPEN) == 1
        asked = stack.auth.validations
        # Known keys keep their rights, all others are refused, and nobody is asked about.
        assert [read(stack, key).status for key in known] == [200] * 6
        for answer in at_once(stack, [("GET", READ_RUN, cold(number)) for number in range(10)]):
            assert_denied(answer, "auth_unavailable")
        assert time.monotonic() < opened + 1.8, "too slow to tell"
        assert stack.auth.validations == asked
        # One callout finds out that nothing has changed.
        time.sleep(2.1)
        assert [read(stack, key).status for key in known] == [200] * 6
        wait_until(lambda: stack.auth.validations == asked + 1, "the probe")
        time.sleep(0.4)
        assert stack.envoy.metric(OPEN) == 1
    time.sleep(2.1)
    assert read(stack, known[0]).status == 200
    wait_until(lambda: stack.envoy.metric(OPEN) == 0, "the circuit is closed")
    assert read(stack, WRITE).status == 200
    assert [read(stack, cold(number)).status for number in range(5)] == [401] * 5


@pytest.mark.parametrize("faults", OUTAGES, ids=repr)
def test_failures_of_new_keys_close_their_address_until_a_probe(
    start_stack: StartStack, faults: dict[str, Any]
) -> None:
    service = {"timeout": "300ms", "breaker": {"failures": 3, "open_for": "1s"}}
    stack = start_stack(plugin={"auth_service": service})
    with stack.auth.faults(**faults):
        for number in range(3):
            assert_denied(read(stack, cold(number)), "auth_unavailable")
        for number in range(10, 15):
            assert_denied(read(stack, cold(number)), "auth_unavailable")
        assert stack.auth.validations == 3
        assert lookups(stack)["address_circuit"] == 5
    time.sleep(1.1)
    assert [read(stack, cold(number)).status for number in range(5)] == [401] * 5
    assert stack.envoy.metric(OPEN) == 0


ALIVE: list[tuple[dict[str, Any], int]] = [
    ({}, 401),
    ({"status": 403}, 403),
    ({"status": 429}, 429),
    ({"status": 404}, 503),
    ({"garbage": "html"}, 503),
]


@pytest.mark.parametrize(("faults", "status"), ALIVE, ids=lambda value: repr(value)[:30])
def test_a_service_that_answers_keeps_the_circuit_closed(
    start_stack: StartStack, faults: dict[str, Any], status: int
) -> None:
    """What it answers outside its contract may be about one key only, so it does not count either."""
    stack = start_stack(plugin={"auth_service": {"breaker": {"failures": 3, "open_for": "1h"}}})
    with stack.auth.faults(**faults):
        assert [read(stack, cold(number)).status for number in range(10)] == [status] * 10
    assert stack.auth.validations == 10
    assert stack.envoy.metric(OPEN) == 0
    assert read(stack, READ).status == 200


def test_failures_must_follow_each_other(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"auth_service": {"breaker": {"failures": 3, "open_for": "1h"}}})
    for number in range(12):
        with stack.auth.faults(status=500 if number % 3 else None):
            assert read(stack, cold(number)).status == (503 if number % 3 else 401)
    assert stack.auth.validations == 12
    assert stack.envoy.metric(OPEN) == 0


# --- what a key looks like ---


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (READ, 200),
        (keys.UNKNOWN, 401),
        ("hk_test_read", 401),
        ("HK_LIVE_read", 401),
        ("xhk_live_read", 401),
        ("eyJhbGciOiJub25lIn0.e30.", 401),
    ],
)
@pytest.mark.parametrize("way", ["bearer", "x-api-key"])
def test_a_key_that_cannot_be_one_asks_nobody(start_stack: StartStack, way: str, key: str, status: int) -> None:
    stack = start_stack(plugin={"key_pattern": "hk_live_*"})
    credential = bearer(key) if way == "bearer" else ("x-api-key", key)
    answer = stack.client.get(READ_RUN, [credential])
    assert answer.status == status
    asked = key.startswith("hk_live_")
    assert stack.auth.validations == asked
    if not asked:
        assert answer.json()["reason"] == "credential_malformed"
        assert "bearer" in (answer.header("www-authenticate") or "").lower()
        assert key not in answer.body.decode()


# --- how long an answer may be used ---


def at(seconds: float, zone: timezone = UTC) -> datetime:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).astimezone(zone)


def written(seconds: float) -> dict[str, Any]:
    """A time so many seconds from now, in the spellings of the contract."""
    east = timezone(timedelta(hours=5, minutes=30))
    return {
        "utc": at(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "offset": at(seconds, east).isoformat(),
        "no zone": at(seconds).replace(tzinfo=None).isoformat(),
        "number": time.time() + seconds,
    }


@pytest.mark.parametrize("spelling", written(0))
def test_nothing_is_used_after_the_key_has_expired(start_stack: StartStack, spelling: str) -> None:
    stack = start_stack(keys=[keys.READ], plugin={"cache": {"ttl": "1h", "stale_if_error": "1h"}})
    stack.auth.put_keys({**keys.READ, "expires_at": written(3)[spelling]})
    until = time.monotonic() + 3
    assert [read(stack, READ).status for _ in range(5)] == [200] * 5
    assert stack.auth.validations == 1
    time.sleep(until + 0.1 - time.monotonic())
    # The service says what it is worth now; without its word it is worth nothing.
    with stack.auth.faults(status=500):
        assert_denied(read(stack, READ), "auth_unavailable")
    time.sleep(1)  # A key that has just failed is not asked about.
    stack.auth.put_keys({**keys.READ, "status": 401})
    assert read(stack, READ).status == 401
    assert stack.envoy.metric("mlflow_authz_stale_served") == 0


def test_a_time_that_is_none_is_outside_the_contract(start_stack: StartStack) -> None:
    stack = start_stack(keys=[{**keys.READ, "expires_at": "tomorrow"}])
    assert_denied(read(stack, READ), "auth_unavailable")
    assert any("field expires_at: " in text for _, text in stack.envoy.wasm_log())


# What the service says, the configured TTL, and how many of 3 reads ask: at once, again at once, 1.5 s later.
CACHE_CONTROL = [
    ("max-age=1", "1h", 2),
    ("MAX-AGE = 1", "1h", 2),
    ("private, max-age=1", "1h", 2),
    ("max-age=3600", "1s", 2),
    ("max-age=3600", "1h", 1),
    ("private", "1h", 1),
    ("no-store", "1h", 3),
    ("no-cache", "1h", 3),
    ("max-age=0", "1h", 3),
    ("max-age=never", "1h", 3),
]


@pytest.mark.parametrize(("says", "ttl", "asked"), CACHE_CONTROL)
def test_cache_control_is_honoured(start_stack: StartStack, says: str, ttl: str, asked: int) -> None:
    stack = start_stack(keys=[{**keys.READ, "cache_control": says}], plugin={"cache": {"ttl": ttl}})
    assert read(stack, READ).status == 200
    assert read(stack, READ).status == 200
    time.sleep(1.5)
    assert read(stack, READ).status == 200
    assert stack.auth.validations == asked


@pytest.mark.parametrize("workers", [1, 4])
def test_an_answer_not_to_be_stored_still_serves_those_who_wait(start_stack: StartStack, workers: int) -> None:
    stack = start_stack(keys=[{**keys.READ, "cache_control": "no-store"}], concurrency=workers)
    with stack.auth.faults(delay_ms=300):
        answers = at_once(stack, [("GET", READ_RUN, READ), ("POST", CREATE_RUN, READ)] * 5)
    assert [answer.status for answer in answers] == [200, 403] * 5
    assert stack.auth.validations == 1
    assert read(stack, READ).status == 200
    assert stack.auth.validations == 2
    assert lookups(stack)["miss"] == 2
    with stack.auth.faults(status=500):
        assert_denied(read(stack, READ), "auth_unavailable")
