"""Revoked keys: refused on every worker within the time between two polls, whatever their TTL."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import Connection, bearer
from harness.many import lookups, on_every_worker
from harness.processes import wait_until
from harness.stack import Stack

READ, WRITE = keys.READ["key"], keys.WRITE["key"]
EVERY = 0.5
WORKERS = 4
SLACK = 1.5
POLLS = "mlflow_authz_revocation_polls"
SECRET = "Bearer s3cret-of-the-poller-0123456789"
StartStack = Callable[..., Stack]


def config(every: float = EVERY, credential: str | None = None, **cache: str) -> dict[str, Any]:
    """Without polls, a key would be believed for hours."""
    revocation = {"path": "/api/v1/keys/revocations", "every": f"{int(every * 1000)}ms"}
    if credential:
        revocation["credential_header"] = f"authorization: {credential}"
    service = {"timeout": "300ms"}
    return {"cache": {"ttl": "12h", **cache}, "revocation": revocation, "auth_service": service}


def statuses(connections: list[Connection], key: str, target: str = READ_RUN) -> set[int]:
    return {connection.request("GET", target, [bearer(key)]).status for connection in connections}


def polls(stack: Stack, outcome: str) -> float:
    return stack.envoy.metric(POLLS, outcome=outcome)


def wait_for_poll(stack: Stack, outcome: str = "list", more: int = 1) -> None:
    """Waits until so many further polls had this outcome."""
    wanted = polls(stack, outcome) + more
    wait_until(lambda: polls(stack, outcome) >= wanted, f"a poll with outcome {outcome}", timeout=5)


def test_a_revoked_key_is_refused_on_every_worker(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=WORKERS, plugin=config())
    with on_every_worker(stack) as connections:
        for key in (READ, WRITE):
            assert statuses(connections, key) == {200}
        assert stack.auth.validations == 2
        stack.auth.revoke(keys.READ["key_id"])
        began = time.monotonic()
        wait_until(lambda: statuses(connections, READ) == {401}, "the refusal", timeout=10)
        assert time.monotonic() - began < EVERY + SLACK
        # For good, and for nobody else: only the revoked key was asked about again, once for all workers.
        for _ in range(3):
            assert statuses(connections, READ) == {401}
            assert statuses(connections, WRITE) == {200}
    asked = stack.auth.stats()["by_key_id"]
    assert asked[keys.WRITE["key_id"]] == 1
    assert stack.auth.validations == 3
    assert stack.envoy.metric("mlflow_authz_revoked_principals") == WORKERS


def test_without_polls_it_is_believed(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=WORKERS, plugin={**config(), "revocation": None})
    with on_every_worker(stack) as connections:
        assert statuses(connections, READ) == {200}
        stack.auth.revoke(keys.READ["key_id"])
        time.sleep(EVERY + SLACK)
        assert statuses(connections, READ) == {200}
    assert stack.auth.stats()["revocation_polls"] == 0


def test_a_worker_that_never_saw_the_key_does_not_take_a_neighbours_old_word(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=WORKERS, plugin=config())
    with on_every_worker(stack) as connections:
        assert statuses(connections[:1], READ) == {200}
        stack.auth.revoke(keys.READ["key_id"])
        time.sleep(EVERY + SLACK)
        assert statuses(connections, READ) == {401}
    assert stack.auth.validations == 2


def test_a_key_that_is_brought_back_works(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=WORKERS, plugin=config(negative_ttl="1s"))
    with on_every_worker(stack) as connections:
        assert statuses(connections, READ) == {200}
        stack.auth.revoke(keys.READ["key_id"])
        wait_until(lambda: statuses(connections, READ) == {401}, "the refusal", timeout=5)
        stack.auth.put_keys(keys.READ)
        wait_until(lambda: statuses(connections, READ) == {200}, "the key", timeout=5)
        asked = stack.auth.validations
        time.sleep(2 * EVERY)
        assert statuses(connections, READ) == {200}
    assert stack.auth.validations == asked


def polled(stack: Stack, intervals: int) -> tuple[int, float]:
    """Polls made while so many intervals pass, and how many intervals really did."""
    wait_for_poll(stack)
    before, began = stack.auth.stats()["revocation_polls"], time.monotonic()
    time.sleep(intervals * EVERY)
    return stack.auth.stats()["revocation_polls"] - before, (time.monotonic() - began) / EVERY


@pytest.mark.parametrize("workers", [1, 4])
def test_one_worker_polls_for_all(start_stack: StartStack, workers: int) -> None:
    made, intervals = polled(start_stack(concurrency=workers, plugin=config()), 8)
    assert intervals / 2 <= made <= intervals + 2


def test_a_long_timeout_does_not_slow_polls_down(start_stack: StartStack) -> None:
    patient = {**config(), "auth_service": {"timeout": "5s"}}
    made, intervals = polled(start_stack(plugin=patient), 8)
    assert intervals / 2 <= made <= intervals + 2


def test_a_revoked_key_is_not_served_stale(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=WORKERS, plugin=config(ttl="300ms", stale_if_error="12h"))
    with on_every_worker(stack) as connections:
        for key in (READ, WRITE):
            assert statuses(connections, key) == {200}
        with stack.auth.faults(status=500, target="validate"):
            time.sleep(0.35)
            for key in (READ, WRITE):
                assert statuses(connections, key) == {200}
            stack.auth.revoke(keys.READ["key_id"])
            wait_until(lambda: statuses(connections, READ) == {503}, "the end of its rights", timeout=5)
            assert statuses(connections, WRITE) == {200}


def test_more_than_one_list_of_revoked_keys(start_stack: StartStack, tmp_path: Path) -> None:
    options = ["--any-key-prefix", "hk_any_", "--any-key-scopes", "model:read"]
    with AuthService([keys.READ, keys.WRITE], tmp_path, options=options) as service:
        stack = start_stack(auth=service, concurrency=2, plugin=config())
        with on_every_worker(stack) as connections:
            for key in (READ, WRITE):
                assert statuses(connections, key) == {200}
            with service.faults(status=500, target="revocations"):
                for number in range(1100):
                    service.revoke(f"key_{number}")
                service.revoke(keys.READ["key_id"])
            wait_until(lambda: statuses(connections, READ) == {401}, "the refusal", timeout=5)
            assert statuses(connections, WRITE) == {200}
        assert service.stats()["by_key_id"][keys.WRITE["key_id"]] == 1


# --- a service that has forgotten ---


def test_after_a_restart_every_key_is_asked_about_again(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=WORKERS, plugin=config())
    with on_every_worker(stack) as connections:
        for key in (READ, WRITE):
            assert statuses(connections, key) == {200}
        wait_for_poll(stack)
        # What was revoked while it was away, it does not list.
        stack.auth.restart([entry for entry in keys.STANDARD if entry is not keys.READ])
        wait_until(lambda: polls(stack, "forgotten") == 1, "the loss of the cursor", timeout=5)
        wait_until(lambda: statuses(connections, READ) == {401}, "the refusal", timeout=3)
        assert statuses(connections, WRITE) == {200}
        assert stack.auth.stats()["by_key_id"] == {keys.WRITE["key_id"]: 1}
        # And from then on as before.
        wait_for_poll(stack)
        stack.auth.revoke(keys.WRITE["key_id"])
        wait_until(lambda: statuses(connections, WRITE) == {401}, "the refusal", timeout=5)
    assert polls(stack, "forgotten") == 1
    assert not any(stack.envoy.stats("vm_reload").values())


# --- the poller's credential ---


@pytest.mark.parametrize("sent", [SECRET, "Bearer an0ther-s3cret", None], ids=["right", "wrong", "none"])
def test_the_credential_of_the_poller(start_stack: StartStack, tmp_path: Path, sent: str | None) -> None:
    options = ["--revocations-credential", f"authorization: {SECRET}"]
    with AuthService(keys.STANDARD, tmp_path, options=options) as service:
        stack = start_stack(auth=service, concurrency=2, plugin=config(credential=sent))
        stack.envoy.admin("/logging?wasm=trace", method="POST")
        with on_every_worker(stack) as connections:
            assert statuses(connections, READ) == {200}
            wait_for_poll(stack, "list" if sent == SECRET else "unexpected_status", more=2)
            service.revoke(keys.READ["key_id"])
            if sent == SECRET:
                wait_until(lambda: statuses(connections, READ) == {401}, "the refusal", timeout=5)
            else:
                wait_for_poll(stack, "unexpected_status", more=3)
                assert statuses(connections, READ) == {200}
            # Requests go on, new keys among them.
            assert statuses(connections, WRITE) == {200}
        lines = [text for _, text in stack.envoy.wasm_log() if "revocation_unavailable" in text]
        assert bool(lines) == (sent != SECRET)
        assert all("401" in line for line in lines)
        for place in (stack.envoy.log(), stack.envoy.admin("/stats"), stack.envoy.prometheus()):
            assert "s3cret" not in place
        # A key's callout does not carry it, nor does what goes upstream.
        assert "s3cret" not in str(stack.upstream.requests()) + str(service.stats())


# --- polls in trouble ---

TROUBLES: list[tuple[dict[str, Any], str]] = [
    ({"status": 500}, "error"),
    ({"status": 404}, "unexpected_status"),
    ({"status": 302}, "unexpected_status"),
    ({"garbage": "text"}, "contract"),
    ({"garbage": "empty"}, "contract"),
    ({"garbage": "huge"}, "contract"),
    ({"garbage": "truncated"}, "reset"),
    ({"garbage": "reset"}, "reset"),
    ({"garbage": "nothing"}, "unreachable"),
    ({"garbage": "hang"}, "timeout"),
]


@pytest.mark.parametrize(("faults", "outcome"), TROUBLES, ids=lambda value: repr(value)[:30])
def test_trouble_of_polls_is_not_trouble_of_requests(
    start_stack: StartStack, faults: dict[str, Any], outcome: str
) -> None:
    service = {"timeout": "300ms", "breaker": {"failures": 2, "open_for": "1h"}}
    stack = start_stack(concurrency=2, plugin={**config(every=0.2), "auth_service": service})
    with on_every_worker(stack) as connections:
        assert statuses(connections, READ) == {200}
        wait_for_poll(stack)
        with stack.auth.faults(target="revocations", **faults):
            stack.auth.revoke(keys.READ["key_id"])
            wait_for_poll(stack, outcome, more=3)
            for key in (READ, WRITE, keys.DELETE["key"]):
                assert statuses(connections, key) == {200}
            write = connections[0].request("POST", CREATE_RUN, [bearer(READ)], b"")
            assert (write.status, write.json()["reason"]) == (403, "scope_missing")
            assert stack.auth.validations == 3
        # What was revoked meanwhile is caught up on.
        wait_until(lambda: statuses(connections, READ) == {401}, "the refusal", timeout=5)
        assert statuses(connections, WRITE) == {200}
    assert stack.envoy.metric("mlflow_authz_open_circuits") == 0
    assert any("revocation_unavailable: " in text for _, text in stack.envoy.wasm_log())
    assert lookups(stack).get("stale", 0) == 0


def test_polls_go_on_while_the_service_is_away(start_stack: StartStack) -> None:
    stack = start_stack(concurrency=2, plugin=config(every=0.2))
    with on_every_worker(stack) as connections:
        assert statuses(connections, READ) == {200}
        stack.auth.outage(1)
        wait_until(lambda: polls(stack, "unreachable") >= 2, "polls that fail", timeout=5)
        assert statuses(connections, READ) == {200}
        stack.auth.wait_back()
        stack.auth.revoke(keys.READ["key_id"])
        wait_until(lambda: statuses(connections, READ) == {401}, "the refusal", timeout=5)
