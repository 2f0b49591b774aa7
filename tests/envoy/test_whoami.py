"""A caller asks the filter what its key may do."""

from collections.abc import Callable

import pytest

from harness import keys
from harness.http import bearer
from harness.stack import MOUNT, Stack

WHOAMI = MOUNT + "/.well-known/mlflow-authz/whoami"
READ = keys.READ["key"]
StartStack = Callable[..., Stack]


def test_a_caller_is_told_and_upstream_is_not_asked(start_stack: StartStack) -> None:
    limited = keys.key("limited_to", ["model:read", "model:write:acme-*", "typo:write"])
    stack = start_stack(keys=[limited], plugin={"help_url": "https://docs.example/keys"})
    answer = stack.client.get(WHOAMI, [bearer(limited["key"])])
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert answer.header("cache-control") == "no-store"
    said = answer.json()
    assert (said["key_id"], said["user_id"]) == ("key_limited_to", "user_limited_to")
    assert said["scopes"] == limited["scopes"]
    assert said["permissions"] == ["*:read"]
    assert said["unknown_scopes"] == ["typo:write"]
    assert said["limited"][0]["names"] == ["acme-*"]
    model = said["objects"]["registered_model"]
    assert (model["read"], model["write"], model["delete"]) == (True, ["acme-*"], False)
    assert said["help_url"] == "https://docs.example/keys"
    assert b"hk_live" not in answer.body
    assert not stack.upstream.requests()
    assert stack.envoy.metric("mlflow_authz_decisions", decision="allow", reason="whoami") == 1


def test_what_it_says_is_what_is_decided(stack: Stack) -> None:
    """Each access of a standard key, as told and as `explain` of the same engine decides in other tests."""
    said = stack.client.get(WHOAMI, [bearer(READ)]).json()
    for object_, path in (("run", "runs/create"), ("registered_model", "registered-models/create")):
        allowed = stack.client.post(f"{MOUNT}/api/2.0/mlflow/{path}", [bearer(READ)]).status == 200
        assert said["objects"][object_]["write"] is allowed
    allowed = stack.client.get(f"{MOUNT}/api/2.0/mlflow/runs/get?run_id=1", [bearer(READ)]).status == 200
    assert said["objects"]["run"]["read"] is allowed


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
def test_who_is_not_known_is_told_so(start_stack: StartStack, mode: str) -> None:
    stack = start_stack(plugin={"mode": mode})
    assert stack.client.get(WHOAMI).json()["reason"] == "credential_missing"
    assert stack.client.get(WHOAMI, [bearer(keys.UNKNOWN)]).status == 401
    assert not stack.upstream.requests()


def test_switched_off_it_is_any_unknown_path(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"whoami": False})
    assert stack.client.get(WHOAMI, [bearer(READ)]).status == 200  # The upstream's own.
    assert len(stack.upstream.requests()) == 1
    assert stack.client.get(WHOAMI, [bearer(keys.NO_SCOPES["key"])]).json()["reason"] == "operation_unknown"
