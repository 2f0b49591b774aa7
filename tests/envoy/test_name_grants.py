"""What a grant limited to names covers beside names in bodies: searches, GraphQL, runs, logged models; on every worker."""

import json
from collections.abc import Callable

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.bodies import CREATE, JSON, PLUGIN, REGISTRY, body, fresh, reason, warm
from harness.checks import CREATE_RUN, sent_upstream
from harness.http import bearer
from harness.many import on_every_worker
from harness.stack import MOUNT, Stack

GRAPHQL = f"{MOUNT}/graphql"


@pytest.fixture
def stack(inspecting_stack: Stack) -> Stack:
    return inspecting_stack


# --- a version that is made from a logged model ---


def test_naming_a_logged_model_needs_what_tagging_it_needs(stack: Stack) -> None:
    create = f"{MOUNT}/api/2.0/mlflow/model-versions/create"
    source = "mlflow-artifacts:/7/run/artifacts/model"
    data = json.dumps({"name": "acme-fraud", "source": source, "model_id": "m-" + "0" * 32}).encode()
    may = ["model:write:acme-*", "model:write:7"]
    tags = f"{MOUNT}/api/2.0/mlflow/logged-models/m-1/tags"
    key = warm(stack, may)
    assert stack.client.request("PATCH", tags, [bearer(key)]).status == 403
    before = sent_upstream(stack)
    answer = stack.client.post(create, [bearer(key), JSON], data)
    assert reason(answer) == (403, "scope_missing")
    assert answer.json()["required_permission"] == "logged_model:write"
    assert "its source has no name" in answer.json()["message"]
    assert sent_upstream(stack) == before
    may_tag = warm(stack, [*may, "tracking:write"])
    assert stack.client.request("PATCH", tags, [bearer(may_tag)]).status == 200
    assert stack.client.post(create, [bearer(may_tag), JSON], data).status == 200


# --- what names nothing ---


SEARCHES = [
    ("GET", f"{REGISTRY}/search", b""),
    ("GET", f"{MOUNT}/api/2.0/mlflow/model-versions/search", b""),
    ("POST", f"{MOUNT}/api/2.0/mlflow/experiments/search", b"{}"),
]


def test_searches(start_stack: Callable[..., Stack], auth_service: AuthService) -> None:
    scopes = {"any:list": {"permissions": ["*:read"]}, "any:get": {"permissions": ["*:read"], "searches": False}}
    plugin = {**PLUGIN, "scopes": scopes}
    stack = start_stack(auth=auth_service, plugin=plugin, allow_on_headers_stop_iteration=True)
    lister, reader = fresh(stack, ["any:list:acme-*"]), fresh(stack, ["any:get:acme-*"])
    both, wide = fresh(stack, ["any:list:acme-*", "any:get:acme-*"]), fresh(stack, ["any:get"])
    for method, path, data in SEARCHES:
        for key in (lister, both, wide):
            assert stack.client.request(method, path, [bearer(key), JSON], data).status == 200
        before = sent_upstream(stack)
        answer = stack.client.request(method, path, [bearer(reader), JSON], data)
        assert reason(answer) == (403, "scope_missing")
        assert "may not search" in answer.json()["message"]
        assert sent_upstream(stack) == before
    for key in (lister, reader):
        assert stack.client.get(f"{REGISTRY}/get?name=acme-fraud", [bearer(key)]).status == 200
        answer = stack.client.get(f"{REGISTRY}/get?name=globex-fraud", [bearer(key)])
        assert reason(answer) == (403, "name_not_granted")


def test_graphql_needs_a_wide_grant(stack: Stack) -> None:
    query = json.dumps({"query": "{ mlflowSearchModelVersions(input: {}) { apiError { code } } }"}).encode()
    wide, narrow = fresh(stack, ["model:read"]), fresh(stack, ["model:read:acme-*", "model:write:*"])
    before = stack.upstream.count
    for method, path, data in [("POST", GRAPHQL, query), ("GET", f"{GRAPHQL}?query=acme-fraud", b"")]:
        answer = stack.client.request(method, path, [bearer(narrow), JSON], data)
        assert reason(answer) == (403, "scope_missing")
        assert stack.upstream.count == before
    assert stack.client.post(GRAPHQL, [bearer(wide), JSON], query).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CREATE_RUN),
        ("POST", f"{MOUNT}/api/2.0/mlflow/runs/log-metric"),
        ("GET", f"{MOUNT}/api/2.0/mlflow/runs/get?run_id=acme-1"),
        ("POST", f"{MOUNT}/v1/traces"),
        ("POST", f"{MOUNT}/api/2.0/mlflow-artifacts/mpu/create/7/acme-1"),
    ],
)
def test_what_has_no_name_needs_a_wide_grant_and_says_so(stack: Stack, method: str, path: str) -> None:
    key = fresh(stack, ["mlflow:write:*", "mlflow:write:7"])
    before = stack.upstream.count
    answer = stack.client.request(method, path, [bearer(key), JSON], b'{"name": "acme-1"}')
    assert reason(answer) == (403, "scope_missing")
    assert "names no model or experiment" in answer.json()["message"]
    assert stack.upstream.count == before


# --- grants in the auth service's reply ---


def test_grants_hold_on_every_worker(start_stack: Callable[..., Stack], auth_service: AuthService) -> None:
    grants = [{"scope": "model:write", "names": ["acme-*", "shared-?"]}, {"scope": "no such", "names": ["*"]}]
    entry = keys.key("narrow_grants", ["model:read"], grants=grants)
    auth_service.put_keys(entry)
    stack = start_stack(auth=auth_service, plugin=PLUGIN, allow_on_headers_stop_iteration=True, concurrency=2)
    names = {"acme-1": 200, "shared-1": 200, "shared-10": 403, "globex-1": 403}
    asked = stack.auth.validations
    with on_every_worker(stack) as connections:
        for connection in connections:
            for name, status in names.items():
                headers = [bearer(entry["key"]), JSON]
                answer = connection.request("POST", CREATE, headers, body(name))
                assert answer.status == status, (name, answer)
                assert status == 200 or "it may do so on names that match acme-*, shared-?" in answer.json()["message"]
    # The second worker knows the key, with its grants, from the first.
    assert stack.auth.validations == asked + 1
