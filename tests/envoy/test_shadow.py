"""Rolling out: denials that are recorded and not answered, and for whom they are answered."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness import keys
from harness.checks import CREATE_RUN, READ_RUN, access_log_entry
from harness.http import bearer
from harness.pool import Pool
from harness.stack import MOUNT, Stack

READ, WRITE = keys.READ["key"], keys.WRITE["key"]
DELETE_RUN = MOUNT + "/api/2.0/mlflow/runs/delete"
CREATE_EXPERIMENT = MOUNT + "/api/2.0/mlflow/experiments/create"
READ_EXPERIMENT = MOUNT + "/api/2.0/mlflow/experiments/get?experiment_id=1"
READ_VERSION = MOUNT + "/api/2.0/mlflow/model-versions/get?name=m&version=1"
StartStack = Callable[..., Stack]
Header = tuple[str, str]

SHADOWED: list[tuple[str, str, str, list[Header]]] = [
    ("credential_missing", "POST", CREATE_RUN, []),
    ("credential_malformed", "POST", CREATE_RUN, [("authorization", "Digest x")]),
    ("credential_ambiguous", "POST", CREATE_RUN, [bearer(READ), ("x-api-key", WRITE)]),
    ("key_invalid", "POST", CREATE_RUN, [bearer(keys.UNKNOWN)]),
    ("key_refused", "POST", CREATE_RUN, [bearer(keys.REFUSED["key"])]),
    ("rate_limited", "POST", CREATE_RUN, [bearer(keys.LIMITED["key"])]),
    ("scope_missing", "POST", CREATE_RUN, [bearer(READ)]),
    ("operation_unknown", "POST", MOUNT + "/api/9.0/new", [bearer(READ)]),
    ("target_ambiguous", "GET", MOUNT + "/api/2.0/mlflow/runs/get;x", [bearer(READ)]),
]


@pytest.fixture(scope="module")
def shadow(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Iterator[Stack]:
    plugin = {"mode": "shadow", "audit": {"max_per_second": 100_000}}
    with Stack(tmp_path_factory.mktemp("shadow"), plugin=plugin, pool=pool) as stack:
        yield stack


@pytest.mark.parametrize(("reason", "method", "target", "headers"), SHADOWED, ids=[row[0] for row in SHADOWED])
def test_nothing_is_refused(shadow: Stack, reason: str, method: str, target: str, headers: list[Header]) -> None:
    sent = shadow.client.request(method, target, [*headers, ("x-mlflow-authz-user", "root")])
    assert sent.status == 200, sent.body
    received = dict(sent.json()["headers"])
    record = next(it for it in shadow.envoy.audit() if it["request_id"] == received["x-request-id"])
    assert (record["decision"], record["reason"], record["mode"]) == ("would_deny", reason, "shadow")
    # What upstream is told of the caller is what is known of it, and nothing else.
    known = reason in {"scope_missing", "operation_unknown"}
    assert received.get("x-mlflow-authz-user") == ("user_read" if known else None)
    entry = access_log_entry(shadow, request_id=received["x-request-id"])
    assert (entry["authz"]["decision"], entry["authz"]["mode"]) == ("would_deny", "shadow")


def test_what_is_allowed_is_what_it_was(shadow: Stack) -> None:
    received = dict(shadow.client.post(CREATE_RUN, [bearer(WRITE)]).json()["headers"])
    assert received["x-mlflow-authz-user"] == "user_write"
    assert received["x-request-id"] not in {it["request_id"] for it in shadow.envoy.audit()}


def test_shadow_denials_are_counted_and_the_gauge_says_what_is_on(start_stack: StartStack) -> None:
    deletes_first = [{"match": {"access": "delete"}, "mode": "enforce"}]
    stack = start_stack(plugin={"mode": "shadow", "overrides": deletes_first})
    assert stack.client.post(CREATE_RUN, [bearer(READ)]).status == 200
    assert stack.client.post(DELETE_RUN, [bearer(READ)]).status == 403
    metric = stack.envoy.metric
    assert metric("mlflow_authz_shadow_denials", operation="CreateRun", reason="scope_missing") == 1
    assert metric("mlflow_authz_denials", operation="DeleteRun", reason="scope_missing") == 1
    assert metric("mlflow_authz_decisions", decision="would_deny", object="run", access="write") == 1
    on = {access: metric("mlflow_authz_enforcing", access=access) for access in ("read", "write", "delete")}
    assert on == {"read": 0, "write": 0, "delete": 100}


@pytest.mark.parametrize("trouble", ["slow", "hanging", "refusing"])
def test_an_auth_service_in_trouble_costs_a_shadowed_request_little(start_stack: StartStack, trouble: str) -> None:
    stack = start_stack(plugin={"mode": "shadow"})
    faults: dict[str, dict[str, Any]] = {
        "slow": {"delay_ms": 1500},
        "hanging": {"garbage": "hang"},
        "refusing": {"status": 503},
    }
    with stack.auth.faults(**faults[trouble]):
        began = time.monotonic()
        answer = stack.client.post(CREATE_RUN, [bearer(WRITE)])
        took = time.monotonic() - began
    assert answer.status == 200
    assert "x-mlflow-authz-user" not in dict(answer.json()["headers"])
    assert took < 0.1 + 0.025 + 0.275, took  # The bound, a tick, and a busy machine.
    assert stack.envoy.audit()[-1]["reason"] == "auth_unavailable"


def test_the_late_answer_is_kept_for_the_next_request(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"mode": "shadow"})
    with stack.auth.faults(delay_ms=400):
        stack.client.post(CREATE_RUN, [bearer(READ)])
        time.sleep(0.6)
    stack.client.post(CREATE_RUN, [bearer(READ)])
    assert [it["reason"] for it in stack.envoy.audit()] == ["auth_unavailable", "scope_missing"]
    assert stack.auth.validations == 1


def test_a_share_of_callers_is_enforced_and_each_stays_on_its_side(start_stack: StartStack) -> None:
    callers = [keys.key(f"caller_{number}", ["model:read"]) for number in range(60)]

    def refused(stack: Stack) -> set[str]:
        answers = {caller["key"]: stack.client.post(CREATE_RUN, [bearer(caller["key"])]) for caller in callers}
        assert {answer.status for answer in answers.values()} <= {200, 403}
        return {key for key, answer in answers.items() if answer.status == 403}

    by_percent = {}
    for percent in (0, 10, 50, 100):
        with start_stack(keys=callers, plugin={"enforce_percent": percent}) as stack:
            by_percent[percent] = refused(stack)
            assert refused(stack) == by_percent[percent]
            # A key that is not known has no side: it counts as the last percent.
            assert stack.client.post(CREATE_RUN).status == (401 if percent == 100 else 200)
    assert not by_percent[0] and len(by_percent[100]) == 60
    assert 1 <= len(by_percent[10]) <= 16 and 18 <= len(by_percent[50]) <= 42
    assert by_percent[10] < by_percent[50]


def test_overrides_by_host_operation_and_scopes(start_stack: StartStack) -> None:
    overrides = [
        {"match": {"operation": "GetModelVersion", "host": "open.example"}, "public": True},
        {"match": {"mount": MOUNT, "object": "experiment"}, "scopes": {"model:read": ["experiment:write"]}},
        {"match": {"host": "staging.*"}, "mode": "shadow"},
    ]
    stack = start_stack(plugin={"overrides": overrides})

    def status(method: str, target: str, host: str, key: str | None = None) -> int:
        headers: list[Header] = [("host", host), *([bearer(key)] if key else [])]
        return stack.client.request(method, target, headers).status

    assert status("GET", READ_VERSION, "open.example") == 200
    assert status("GET", READ_VERSION, "closed.example") == 401
    assert status("GET", READ_RUN, "open.example") == 401
    assert status("POST", CREATE_RUN, "a.example", READ) == 403
    assert status("POST", CREATE_RUN, "staging.example", READ) == 200
    # Experiments have a table of their own here.
    assert status("POST", CREATE_EXPERIMENT, "a.example", READ) == 200
    assert status("GET", READ_EXPERIMENT, "a.example", READ) == 403
