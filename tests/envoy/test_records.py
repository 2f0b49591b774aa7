"""What a decision leaves behind: audit record, access-log field, metrics."""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from harness import envoy_config, keys
from harness.checks import CREATE_RUN, READ_RUN, access_log_entry
from harness.http import bearer
from harness.processes import wait_until
from harness.stack import MOUNT, Stack

READ = keys.READ["key"]
StartStack = Callable[..., Stack]
NOBODY = {"identity": None, "user_id": None, "key_id": None, "scopes": [], "roles": [], "admin": False}
ACCESSES = ["read", "write", "promote", "delete", "use", "admin"]
READER = {
    **NOBODY,
    "identity": "auth_service",
    "user_id": "user_read",
    "key_id": "key_read",
    "scopes": ["model:read"],
}


def records(stack: Stack, marker: str) -> list[dict[str, Any]]:
    """The audit records of the requests whose id has the marker."""
    return [record for record in stack.envoy.audit() if marker in (record["request_id"] or "")]


def request_id(answer: Any) -> str:
    return answer.json()["request_id"]


# --- audit records ---


def test_fields_of_a_denial(stack: Stack) -> None:
    answer = stack.client.post(CREATE_RUN + "?run_id=7", [bearer(READ), ("host", "registry.example:8443")])
    record = records(stack, request_id(answer))[0]
    written = datetime.fromisoformat(record.pop("time"))
    assert abs(written.timestamp() - time.time()) < 30
    assert record == {
        "request_id": request_id(answer),
        "method": "POST",
        "target": CREATE_RUN,
        "host": "registry.example:8443",
        "mount": MOUNT,
        "decision": "deny",
        "reason": "scope_missing",
        "operation": "CreateRun",
        "object": "run",
        "access": "write",
        "permission": "run:write",
        **READER,
        "route": "mlflow",
        "client": "127.0.0.1",
        "mode": "enforce",
        "stale": False,
    }


def test_fields_of_an_allow_and_of_no_principal(stack: Stack) -> None:
    seen = dict(stack.client.get(READ_RUN, [bearer(READ)]).json()["headers"])
    allow = records(stack, seen["x-request-id"])[0]
    assert (allow["decision"], allow["reason"], allow["permission"]) == ("allow", "allowed", "run:read")
    assert {name: allow[name] for name in NOBODY} == READER
    unknown = records(stack, request_id(stack.client.post(MOUNT + "/brand/new")))[0]
    assert (unknown["reason"], unknown["operation"], unknown["permission"]) == (
        *("credential_missing", None, "*:admin"),
    )
    assert {name: unknown[name] for name in NOBODY} == NOBODY


def test_a_long_target_is_cut(stack: Stack) -> None:
    record = records(stack, request_id(stack.client.post(MOUNT + "/api/" + "a" * 5000)))[0]
    assert record["target"] == (MOUNT + "/api/" + "a" * 5000)[:1024]


def test_denials_are_at_warn_and_allows_are_not_recorded_by_default(start_stack: StartStack) -> None:
    stack = start_stack()
    assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
    assert stack.client.get(MOUNT + "/health").status == 200
    assert stack.client.get("/elsewhere").status == 403
    assert stack.client.get(READ_RUN).status == 401
    lines = [(level, json.loads(text)) for level, text in stack.envoy.wasm_log() if text[0] == "{"]
    said = [(level, line.get("reason") or line["event"]) for level, line in lines]
    assert said == [
        ("warning", "configuration_taken"),
        ("warning", "outside_mounts"),
        ("warning", "credential_missing"),
    ]


def test_allows_are_recorded_where_configured(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"audit": {"allows": True}, "outside": "forward"})
    stack.client.get(READ_RUN, [bearer(READ)])
    stack.client.get(MOUNT + "/health")
    stack.client.get("/elsewhere")  # Not MLflow's: nobody's business.
    found = [(record["decision"], record["reason"]) for record in stack.envoy.audit()]
    assert found == [("allow", "allowed"), ("allow", "public")]


def test_a_flood_is_cut_and_counted(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"audit": {"max_per_second": 5}})
    time.sleep(1.01 - time.time() % 1)
    with stack.client.connect() as connection:
        assert all(connection.request("GET", READ_RUN).status == 401 for _ in range(100))
    seconds = {record["time"][:19] for record in stack.envoy.audit()}
    time.sleep(1.01 - time.time() % 1)
    assert stack.client.get(READ_RUN).status == 401
    found = stack.envoy.audit()
    assert len(found) == 5 * len(seconds) + 1
    suppressed = [record.get("suppressed") for record in found]
    assert suppressed[:5] == [None] * 5 and suppressed[-1]
    assert len(found) + sum(number or 0 for number in suppressed) == 101
    # The limit is on records, not on decisions.
    assert stack.envoy.metric("mlflow_authz_decisions", reason="credential_missing") == 101


# --- access log ---


@pytest.mark.parametrize(
    ("method", "target", "key", "expected"),
    [
        ("GET", READ_RUN, READ, {"decision": "allow", "reason": "allowed", "operation": "GetRun", **READER}),
        ("POST", CREATE_RUN, READ, {"decision": "deny", "reason": "scope_missing", **READER}),
        ("GET", READ_RUN, keys.UNKNOWN, {"decision": "deny", "reason": "key_invalid", **NOBODY}),
        ("GET", READ_RUN, None, {"decision": "deny", "reason": "credential_missing", **NOBODY}),
        ("GET", MOUNT + "/health", None, {"decision": "allow", "reason": "public", **NOBODY}),
        ("GET", MOUNT + "/a;b", None, {"decision": "deny", "reason": "target_ambiguous", "operation": None}),
        ("GET", "/elsewhere", None, {"decision": "deny", "reason": "outside_mounts", "operation": None}),
    ],
)
def test_access_log_field(
    stack: Stack, method: str, target: str, key: str | None, expected: dict[str, Any] | None
) -> None:
    marker = ("user-agent", f"test-{uuid.uuid4()}")
    stack.client.request(method, target, [marker, *([bearer(key)] if key else [])])
    found = access_log_entry(stack, user_agent=marker[1])["authz"]
    if expected is None:
        assert not found
    else:
        assert found == {**found, **expected, "mode": "enforce", "stale": False}


@pytest.mark.parametrize(
    ("access_log", "told"),
    [("all", ["allowed", "scope_missing"]), ("denials", [None, "scope_missing"]), ("none", [None, None])],
)
def test_the_access_log_is_told_what_is_configured(
    start_stack: StartStack, access_log: str, told: list[str | None]
) -> None:
    stack = start_stack(plugin={"audit": {"access_log": access_log}})
    found = []
    for method, target in (("GET", READ_RUN), ("POST", CREATE_RUN)):
        marker = ("user-agent", f"test-{uuid.uuid4()}")
        stack.client.request(method, target, [marker, bearer(READ)])
        field = access_log_entry(stack, user_agent=marker[1])["authz"]
        found.append(field["reason"] if field else None)
    assert found == told
    # Neither record nor metric depends on it.
    assert [record["reason"] for record in stack.envoy.audit()] == ["scope_missing"]
    assert stack.envoy.metric("mlflow_authz_decisions", reason="allowed") == 1


# --- metrics ---


def test_counters_with_labels(start_stack: StartStack) -> None:
    stack = start_stack()
    for _ in range(3):
        stack.client.get(READ_RUN, [bearer(READ)])
    stack.client.post(CREATE_RUN, [bearer(READ)])
    stack.client.post(CREATE_RUN, [bearer(keys.UNKNOWN)])
    stack.client.get(READ_RUN)
    stack.client.post(MOUNT + "/brand/new", [bearer(READ)])
    with stack.auth.faults(status=404):
        stack.client.get(READ_RUN, [bearer("hk_live_any")])
    found = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in stack.envoy.prometheus().splitlines()
        if line.startswith("mlflow_authz_") and "_ms" not in line and "_info" not in line
    }
    assert found == {
        series("decisions", decision="allow", reason="allowed", object="run", access="read"): 3,
        series("decisions", decision="deny", reason="scope_missing", object="run", access="write"): 1,
        series("decisions", decision="deny", reason="key_invalid", object="run", access="write"): 1,
        series("decisions", decision="deny", reason="credential_missing", object="run", access="read"): 1,
        series("decisions", decision="deny", reason="operation_unknown", object="none", access="none"): 1,
        series("decisions", decision="deny", reason="auth_unavailable", object="run", access="read"): 1,
        series("denials", reason="scope_missing", operation="CreateRun", permission="run:write"): 1,
        series("denials", reason="key_invalid", operation="CreateRun", permission="run:write"): 1,
        series("denials", reason="credential_missing", operation="GetRun", permission="run:read"): 1,
        series("denials", reason="auth_unavailable", operation="GetRun", permission="run:read"): 1,
        series("denials", reason="operation_unknown", operation="unknown", permission="*:admin"): 1,
        series("cache_lookups", result="hit"): 4,
        series("cache_lookups", result="miss"): 3,
        series("callouts", outcome="valid"): 1,
        series("callouts", outcome="invalid"): 1,
        series("callouts", outcome="unexpected_status"): 1,
        series("auth_service_misconfigured"): 1,
        series("cache_entries"): 1,
        **{series("enforcing", access=access): 100 for access in ACCESSES},
    }


def series(name: str, **labels: str) -> str:
    """How Envoy writes one: labels as the stats_tags of envoy.yaml name them, in their order."""
    pairs = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"mlflow_authz_{name}{{{pairs}}}"


def test_callouts_are_timed(start_stack: StartStack) -> None:
    stack = start_stack()
    with stack.auth.faults(delay_ms=300):
        stack.client.get(READ_RUN, [bearer(READ)])
    stack.client.get(READ_RUN, [bearer(READ)])
    # Envoy merges what its threads recorded every few seconds.
    wait_until(lambda: stack.envoy.metric("mlflow_authz_callout_ms_count") == 1, "the histogram", timeout=8)
    assert 250 <= stack.envoy.metric("mlflow_authz_callout_ms_sum") < 600


def test_build_and_configuration_are_told(stack: Stack) -> None:
    text = envoy_config.wasm_plugin(stack.envoy.config)["configuration"]["value"]
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    virtual_machines = 2  # One worker, the main thread.
    assert stack.envoy.metric("mlflow_authz_config_info", hash=digest) == virtual_machines
    labels = re.search(r"mlflow_authz_build_info\{(.*)\} 2$", stack.envoy.prometheus(), re.MULTILINE)
    assert labels and re.search(r'version="\d+\.\d+\.\d+"', labels[1]) and 'covers="2.0 to 3.18"' in labels[1]
