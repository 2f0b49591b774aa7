"""Keys that were turned down: remembered for a while, and never at the cost of good ones."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from harness import keys
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import bearer
from harness.many import lookups
from harness.processes import wait_until
from harness.stack import Stack

READ = keys.READ["key"]
NEW = keys.key("new", ["model:write"])
StartStack = Callable[..., Stack]
TURNED_DOWN = [(keys.UNKNOWN, 401, "key_invalid"), (keys.REFUSED["key"], 403, "key_refused")]


@pytest.mark.parametrize(("key", "status", "reason"), TURNED_DOWN)
def test_a_key_that_is_turned_down_is_asked_about_once(
    start_stack: StartStack, key: str, status: int, reason: str
) -> None:
    stack = start_stack()
    answers = []
    for _ in range(10):
        answers += [stack.client.get(READ_RUN, [bearer(key)]), stack.client.post(CREATE_RUN, [bearer(key)])]
    assert [(answer.status, answer.json()["reason"]) for answer in answers] == [(status, reason)] * 20
    assert stack.auth.validations == 1
    assert lookups(stack) == {"miss": 1, "refusal": 19}
    # A remembered refusal reads as a fresh one does.
    told = [{**answer.json(), "request_id": None} for answer in answers[::2]]
    assert all(other == told[0] for other in told)
    assert {answer.header("www-authenticate") is None for answer in answers} == {status != 401}
    assert stack.upstream.count == 0
    assert stack.envoy.metric("mlflow_authz_cache_entries") == 0


@pytest.mark.parametrize(("key", "status", "reason"), TURNED_DOWN)
def test_it_is_asked_about_again_after_negative_ttl(
    start_stack: StartStack, key: str, status: int, reason: str
) -> None:
    stack = start_stack(plugin={"cache": {"negative_ttl": "1s"}})
    for asked in (1, 2):
        for _ in range(3):
            assert stack.client.get(READ_RUN, [bearer(key)]).json()["reason"] == reason
        assert stack.auth.validations == asked
        time.sleep(1.05)


@pytest.mark.parametrize(("key", "status", "reason"), TURNED_DOWN)
def test_zero_asks_each_time(start_stack: StartStack, key: str, status: int, reason: str) -> None:
    stack = start_stack(plugin={"cache": {"negative_ttl": "0s"}})
    assert [stack.client.get(READ_RUN, [bearer(key)]).status for _ in range(4)] == [status] * 4
    assert stack.auth.validations == 4


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("before", [None, {**NEW, "status": 403}], ids=["unknown", "refused"])
def test_a_new_key_works_within_negative_ttl(start_stack: StartStack, workers: int, before: keys.Key | None) -> None:
    stack = start_stack(keys=[before] if before else [], concurrency=workers, plugin={"cache": {"negative_ttl": "1s"}})
    refused = {stack.client.post(CREATE_RUN, [bearer(NEW["key"])]).status for _ in range(4 * workers)}
    assert refused == {403 if before else 401}
    stack.auth.put_keys(NEW)
    caller = [bearer(NEW["key"])]
    wait_until(lambda: stack.client.post(CREATE_RUN, caller).status == 200, "the key", timeout=2)
    # On every worker: what one was told later counts more than what another was told before.
    time.sleep(0.2)
    found = [stack.client.post(CREATE_RUN, caller).status for _ in range(8 * workers)]
    assert found == [200] * (8 * workers)
    assert stack.auth.validations <= 3


# Faults under which nothing is learnt about a key, and the answer meanwhile.
NOT_REMEMBERED: list[tuple[dict[str, Any], int]] = [
    ({"status": 429, "retry_after": 3}, 429),
    ({"status": 500}, 503),
    ({"status": 503, "retry_after": 60}, 503),
    ({"status": 404}, 503),
    ({"status": 302}, 503),
    ({"garbage": "html"}, 503),
    ({"garbage": "nothing"}, 503),
    ({"garbage": "hang"}, 503),
]


@pytest.mark.parametrize(("faults", "status"), NOT_REMEMBERED, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("workers", [1, 2])
def test_other_answers_are_not_remembered(
    start_stack: StartStack, workers: int, faults: dict[str, Any], status: int
) -> None:
    service = {"timeout": "200ms", "breaker": {"failures": 1_000_000}}
    cache = {"negative_ttl": "1h"}
    stack = start_stack(concurrency=workers, plugin={"auth_service": service, "cache": cache})
    with stack.auth.faults(**faults):
        for asked in (1, 2):
            answer = stack.client.get(READ_RUN, [bearer(READ)])
            assert (answer.status, answer.header("www-authenticate")) == (status, None)
            assert stack.auth.validations == asked
            if status == 503:
                # A failure is kept for a second, so that a key that fails cannot fill the auth service.
                time.sleep(1.2)
    assert [stack.client.get(READ_RUN, [bearer(READ)]).status for _ in range(4)] == [200] * 4
    assert stack.auth.validations == 3


@pytest.mark.parametrize("slots", [0, 16, 4096])
def test_a_flood_of_invented_keys_evicts_no_good_one(start_stack: StartStack, slots: int) -> None:
    stack = start_stack(plugin={"cache": {"capacity": 20, "shared_slots": slots, "negative_ttl": "1h"}})
    good = [keys.READ, keys.WRITE, keys.DELETE]
    for entry in good:
        assert stack.client.get(READ_RUN, [bearer(entry["key"])]).status == 200
    with stack.client.connect() as connection:
        for number in range(300):
            invented = [bearer(f"hk_live_invented_{number}")]
            assert connection.request("GET", READ_RUN, invented).status == 401
    assert stack.auth.validations == 303
    assert stack.envoy.metric("mlflow_authz_cache_entries") == 3
    for entry in good:
        assert stack.client.get(READ_RUN, [bearer(entry["key"])]).status == 200
    assert stack.auth.validations == 303
    # Of the invented ones, as many as fit are remembered, the latest.
    assert stack.client.get(READ_RUN, [bearer("hk_live_invented_299")]).status == 401
    assert stack.auth.validations == 303
