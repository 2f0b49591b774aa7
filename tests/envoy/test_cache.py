"""The principal cache through the real Envoy: one callout per key and TTL, a decision per request."""

import time
from collections.abc import Callable

from harness import keys
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import bearer
from harness.processes import wait_until
from harness.stack import Stack

READ = keys.READ["key"]
TTL = 0.5
StartStack = Callable[..., Stack]


def test_one_callout_serves_reads_and_writes(stack: Stack, fresh_read: Callable[[], str]) -> None:
    caller = [bearer(fresh_read())]
    asked = stack.auth.validations
    statuses = [
        (stack.client.get(READ_RUN, caller).status, stack.client.post(CREATE_RUN, caller).status) for _ in range(20)
    ]
    assert statuses == [(200, 403)] * 20
    assert stack.auth.validations == asked + 1


def test_a_callout_for_a_refused_request_serves_too(stack: Stack, fresh_read: Callable[[], str]) -> None:
    caller = [bearer(fresh_read())]
    asked = stack.auth.validations
    assert stack.client.post(CREATE_RUN, caller).status == 403
    assert stack.client.get(READ_RUN, caller).status == 200
    assert stack.auth.validations == asked + 1


def test_every_form_of_a_key_is_one_entry(stack: Stack, fresh_read: Callable[[], str]) -> None:
    key = fresh_read()
    asked = stack.auth.validations
    for credential in (bearer(key), ("x-api-key", key), ("authorization", f"ApiKey {key}")):
        assert stack.client.get(READ_RUN, [credential]).status == 200
    assert stack.auth.validations == asked + 1


def test_what_needs_no_principal_asks_nobody(stack: Stack, fresh_read: Callable[[], str]) -> None:
    caller = [bearer(fresh_read())]
    asked = stack.auth.validations
    assert stack.client.get("/api/mlflow/health", caller).status == 200
    assert stack.client.get("/api/mlflow/a;b", caller).status == 400
    assert stack.client.get("/elsewhere", caller).status == 403
    assert stack.client.get(READ_RUN, [*caller, ("x-api-key", "another")]).status == 400
    assert stack.auth.validations == asked


def test_the_ttl_is_counted_from_the_question(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"cache": {"ttl": "2s"}})
    began = time.monotonic()
    assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
    # Using an entry does not keep it longer. In the last fifth it would be asked about ahead of time.
    while time.monotonic() < began + 1.2:
        assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
        assert stack.auth.validations == 1
        time.sleep(0.05)
    time.sleep(began + 2.05 - time.monotonic())
    assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
    assert stack.auth.validations == 2
    assert stack.envoy.metric("mlflow_authz_cache_lookups", result="miss") == 2


def test_a_change_at_the_auth_service_takes_effect_after_the_ttl(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"cache": {"ttl": f"{int(TTL * 1000)}ms"}})
    caller = [bearer(READ)]
    assert stack.client.post(CREATE_RUN, caller).status == 403
    stack.auth.restart([keys.key("read", ["model:write"])])
    # Once the entry has run out; meanwhile Envoy may find the old connection closed.
    wait_until(lambda: stack.client.post(CREATE_RUN, caller).status == 200, "the wider scope", timeout=3)
    assert stack.client.post(CREATE_RUN, caller).status == 200
    stack.auth.restart([keys.WRITE])
    wait_until(lambda: stack.client.get(READ_RUN, caller).status == 401, "the end of the key", timeout=3)
    assert stack.client.get(READ_RUN, caller).json()["reason"] == "key_invalid"
    # What is gone is gone at once, from the cache too.
    assert stack.envoy.metric("mlflow_authz_cache_entries") == 0


def test_the_cache_keeps_the_capacity(start_stack: StartStack) -> None:
    entries = [keys.key(f"n{number}", ["model:read"]) for number in range(10)]
    # Without what VMs share, where an evicted principal would be found.
    stack = start_stack(keys=entries, plugin={"cache": {"capacity": 3, "shared_slots": 0}})

    def use(*numbers: int) -> int:
        before = stack.auth.validations
        for number in numbers:
            assert stack.client.get(READ_RUN, [bearer(entries[number]["key"])]).status == 200
        return stack.auth.validations - before

    assert use(*range(10)) == 10
    assert stack.envoy.metric("mlflow_authz_cache_entries") == 3
    assert use(9, 8, 7) == 0
    assert use(0) == 1  # In place of the one used longest ago, 9.
    assert use(8, 7) == 0
    assert use(9) == 1


def test_an_evicted_key_is_found_where_vms_share(start_stack: StartStack) -> None:
    entries = [keys.key(f"n{number}", ["model:read"]) for number in range(10)]
    stack = start_stack(keys=entries, plugin={"cache": {"capacity": 3}})
    for entry in entries * 2:
        assert stack.client.get(READ_RUN, [bearer(entry["key"])]).status == 200
    # Two keys may fall into one of 4096 slots.
    assert 10 <= stack.auth.validations <= 11
    assert stack.envoy.metric("mlflow_authz_cache_entries") == 3
