"""Workspaces through a real Envoy: exactly one header goes upstream, and a limited key's requests go nowhere else."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.checks import CREATE_RUN
from harness.http import bearer
from harness.stack import MOUNT, Stack

StartStack = Callable[..., Stack]
HEADER = "x-mlflow-workspace"
EVERYWHERE = "mk_everywhere_0123456789_0123456789"
LIMITED = "mk_limited_0123456789_0123456789_01"
PINNED = "mk_pinned_0123456789_0123456789_012"


def entry(key: str, key_id: str, **more: Any) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(key.encode()).hexdigest(), "key_id": key_id, **more}


KEYS = [
    entry(EVERYWHERE, "everywhere", scopes=["model:write"]),
    entry(LIMITED, "limited", scopes=["acme/model:write", "team-*/tracking:write"]),
    entry(PINNED, "pinned", scopes=["model:write"], workspace="acme"),
]


@pytest.fixture
def stack(start_stack: StartStack) -> Stack:
    return start_stack(plugin={"keys": KEYS, "workspaces": {"enabled": True}})


def reason(response: Any) -> str:
    return str(json.loads(response.body)["reason"])


@pytest.mark.parametrize(
    ("key", "sent", "expected"),
    [
        (EVERYWHERE, [], "default"),
        (EVERYWHERE, [(HEADER, "")], "default"),
        (EVERYWHERE, [("X-MLFLOW-WORKSPACE", "  beta  ")], "beta"),
        (EVERYWHERE, [("x.mlflow.workspace", "beta")], "beta"),
        (LIMITED, [(HEADER, "acme")], "acme"),
        (LIMITED, [(HEADER, "team-a")], "team-a"),
        (PINNED, [], "acme"),
        (PINNED, [(HEADER, " ")], "acme"),
        (PINNED, [(HEADER, "acme")], "acme"),
    ],
)
def test_upstream_receives_one_header(stack: Stack, key: str, sent: list[tuple[str, str]], expected: str) -> None:
    assert stack.client.post(CREATE_RUN, [bearer(key), *sent]).status == 200
    seen = stack.upstream.requests()[-1]
    assert seen.header(HEADER) == [expected]
    assert seen.header("x.mlflow.workspace") == []


def test_what_no_right_covers_goes_nowhere(stack: Stack) -> None:
    before = stack.upstream.count
    for key, sent, expected in (
        (LIMITED, [], (403, "workspace_not_granted")),
        (LIMITED, [(HEADER, "beta")], (403, "workspace_not_granted")),
        (PINNED, [(HEADER, "beta")], (403, "workspace_not_granted")),
        (PINNED, [(HEADER, "default")], (403, "workspace_not_granted")),
        (EVERYWHERE, [(HEADER, "Beta")], (400, "workspace_ambiguous")),
        (EVERYWHERE, [(HEADER, "acme"), (HEADER, "beta")], (400, "workspace_ambiguous")),
        (EVERYWHERE, [(HEADER, "acme"), ("x.mlflow.workspace", "acme")], (400, "workspace_ambiguous")),
    ):
        response = stack.client.post(CREATE_RUN, [bearer(key), *sent])
        assert (response.status, reason(response)) == expected, (key, sent)
    assert stack.upstream.count == before
    record = stack.envoy.audit()[0]
    assert (record["reason"], record["workspace"]) == ("workspace_not_granted", "default")


def test_files_of_another_workspace_are_not_asked_for(stack: Stack) -> None:
    """In each spelling that MLflow would decode; the own ones are."""
    files = f"{MOUNT}/api/2.0/mlflow-artifacts/artifacts"
    for target, status in (
        (f"{files}/workspaces/acme/1/f.txt", 200),
        (f"{files}/1/f.txt", 200),
        (f"{files}/workspaces/beta/1/f.txt", 403),
        (f"{files}/%77orkspaces/beta/1/f.txt", 403),
        (f"{files}?path=workspaces/beta", 403),
        (f"{files}?path=workspaces", 400),
    ):
        before = stack.upstream.count
        answer = stack.client.get(target, [bearer(LIMITED), (HEADER, "acme")])
        assert (answer.status, stack.upstream.count - before) == (status, int(status == 200)), target


def test_the_filter_lists_the_workspaces_of_a_limited_key(stack: Stack) -> None:
    before = stack.upstream.count
    target = f"{MOUNT}/ajax-api/3.0/mlflow/workspaces"
    for key in (LIMITED, PINNED):
        response = stack.client.get(target, [bearer(key), (HEADER, "")])
        assert (response.status, json.loads(response.body)) == (200, {"workspaces": [{"name": "acme"}]})
    assert stack.upstream.count == before


def test_without_workspaces_nothing_changes(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"keys": KEYS})
    assert stack.client.post(CREATE_RUN, [bearer(EVERYWHERE), (HEADER, "Beta")]).status == 200
    assert stack.upstream.requests()[-1].header(HEADER) == ["Beta"]
    assert stack.client.post(CREATE_RUN, [bearer(EVERYWHERE)]).status == 200
    assert stack.upstream.requests()[-1].header(HEADER) == []
    for key in (LIMITED, PINNED):
        response = stack.client.post(CREATE_RUN, [bearer(key), (HEADER, "acme")])
        assert (response.status, reason(response)) == (403, "scope_missing")
