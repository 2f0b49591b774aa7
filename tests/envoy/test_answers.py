"""Refusals end to end: what a refused caller receives, and what the logs say about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.checks import CREATE_RUN, READ_RUN, access_log_entry
from harness.http import Headers, Response, bearer
from harness.pool import Pool
from harness.stack import MOUNT, Stack
from harness.upstream import EchoUpstream

READ = keys.READ["key"]
REGISTER_MODEL = f"{MOUNT}/api/2.0/mlflow/registered-models/create"
ORIGIN = ("origin", "https://notebook.example")
BEARER, BASIC = 'Bearer realm="mlflow"', 'Basic realm="mlflow"'


@pytest.fixture(scope="module")
def stack(session_dir: Path, auth_service: AuthService, echo: EchoUpstream, pool: Pool) -> Iterator[Stack]:
    """Like the session's, but with short logs: these tests read them again and again."""
    plugin = {"audit": {"allows": True}}
    with Stack(session_dir / "answers", auth=auth_service, upstream=echo, plugin=plugin, pool=pool) as started:
        yield started


# --- the table of reasons ---


@dataclass
class Refusal:
    """A request, and the answer it must get."""

    reason: str
    status: int
    error_code: str
    headers: Headers = ()
    method: str = "GET"
    target: str = READ_RUN
    operation: str | None = "GetRun"
    challenges: list[str] = field(default_factory=list)
    retry_after: str | None = None
    faults: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.reason} {list(self.headers)}"[:60]


def refused_401(reason: str, headers: Headers) -> Refusal:
    return Refusal(reason, 401, "UNAUTHENTICATED", headers, challenges=[BEARER, BASIC])


def refused_400(reason: str, headers: Headers, **more: Any) -> Refusal:
    return Refusal(reason, 400, "BAD_REQUEST", headers, **more)


TWICE = [bearer(READ), bearer(READ)]
TWO = [bearer(READ), ("x-api-key", keys.WRITE["key"])]
OTHER_PATH = MOUNT + "/api/2.0/mlflow/brand/new"
REFUSALS = [
    refused_400("target_ambiguous", [bearer(READ)], target=MOUNT + "/a;b", operation=None),
    refused_400("target_ambiguous", [], target=MOUNT + "/%ff", operation=None),
    *(
        refused_400("target_ambiguous", [bearer(READ), (name, "DELETE")], operation=None)
        for name in ("X-HTTP-Method-Override", "x-original-url", "x-rewrite-url", "x-script-name")
    ),
    refused_400("credential_ambiguous", TWICE),
    refused_400("credential_ambiguous", [bearer(READ), ("authorization", "other")]),
    refused_400("credential_ambiguous", TWO),
    refused_400("credential_ambiguous", [("x-api-key", READ), ("x-api-key", READ)]),
    refused_401("credential_missing", []),
    refused_401("credential_missing", [("cookie", f"api_key={READ}")]),
    refused_401("credential_malformed", [("authorization", f"Digest {READ}")]),
    refused_401("credential_malformed", [("authorization", READ)]),
    refused_401("credential_malformed", [bearer(READ + "\xfc")]),
    refused_401("credential_malformed", [bearer("two words")]),
    refused_401("credential_malformed", [bearer("k" * 4097)]),
    refused_401("credential_malformed", [("authorization", "Basic ====")]),
    refused_401("credential_malformed", [bearer(READ), ("x-api-key", "\xfc")]),
    refused_401("key_invalid", [bearer(keys.UNKNOWN)]),
    refused_401("key_invalid", [bearer("k" * 4096)]),
    Refusal("scope_missing", 403, "PERMISSION_DENIED", [bearer(READ)], "POST", CREATE_RUN, "CreateRun"),
    Refusal("operation_unknown", 403, "PERMISSION_DENIED", [bearer(READ)], "POST", OTHER_PATH, None),
    Refusal("key_refused", 403, "PERMISSION_DENIED", [bearer(keys.REFUSED["key"])]),
    Refusal("rate_limited", 429, "REQUEST_LIMIT_EXCEEDED", [bearer(keys.LIMITED["key"])], retry_after="7"),
    Refusal(
        *("auth_unavailable", 503, "TEMPORARILY_UNAVAILABLE", [bearer("hk_live_any")]),
        retry_after="15",
        faults={"status": 500},
    ),
]


@pytest.mark.parametrize("origin", [[], [ORIGIN]], ids=["", "from a page"])
@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refusals(stack: Stack, refusal: Refusal, origin: list[tuple[str, str]]) -> None:
    upstream = stack.upstream.count
    with stack.auth.faults(**refusal.faults):
        answer = stack.client.request(refusal.method, refusal.target, [*refusal.headers, *origin])
    assert stack.upstream.count == upstream
    assert answer.status == refusal.status
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    assert answer.header_values("www-authenticate") == refusal.challenges
    assert answer.header("retry-after") == refusal.retry_after
    assert_cors(answer, bool(origin))
    body = answer.json()
    assert body["error_code"] == refusal.error_code
    assert body["reason"] == refusal.reason
    assert body["message"]
    assert body.get("operation") == refusal.operation
    assert body.get("covers") == ("2.0 to 3.18" if refusal.reason == "operation_unknown" else None)
    entry = access_log_entry(stack, request_id=body["request_id"])
    assert entry["response_code_details"] == f"mlflow_authz_{refusal.reason}"
    assert entry["status"] == refusal.status
    assert (entry["authz"]["decision"], entry["authz"]["reason"]) == ("deny", refusal.reason)


def assert_cors(answer: Response, from_page: bool) -> None:
    """A page may read the refusal, but never with the browser's own credentials."""
    assert answer.header("access-control-allow-origin") == (ORIGIN[1] if from_page else None)
    assert answer.header("access-control-allow-credentials") is None
    assert ("origin" in (answer.header("vary") or "").lower()) == from_page


def test_basic_is_offered_only_where_it_is_accepted(start_stack: Callable[..., Stack]) -> None:
    stack = start_stack(plugin={"credentials": ["bearer"]})
    answer = stack.client.get(READ_RUN)
    assert answer.header_values("www-authenticate") == [BEARER]
    basic = stack.client.get(READ_RUN, [("authorization", "Basic OmhrX2xpdmVfcmVhZA==")])
    assert (basic.status, basic.json()["reason"]) == (401, "credential_malformed")
    # A header that is no credential here is upstream's business.
    assert stack.client.get(READ_RUN, [("x-api-key", READ)]).json()["reason"] == "credential_missing"


# --- the body of a 403 ---


def test_a_403_says_what_is_missing(stack: Stack) -> None:
    answer = stack.client.post(REGISTER_MODEL, [bearer(READ)])
    body = answer.json()
    assert body.pop("request_id")
    assert body == {
        "error_code": "PERMISSION_DENIED",
        "message": "API key key_read may not create a registered model: it needs registered_model:write, "
        "which scope model:register or model:write grants; this key has: model:read.",
        "reason": "scope_missing",
        "operation": "CreateRegisteredModel",
        "required_permission": "registered_model:write",
        "granting_scopes": ["model:register", "model:write", "mlflow:write", "write", "admin"],
        "key_scopes": ["model:read"],
    }


@pytest.fixture(scope="module")
def custom(session_dir: Path, echo: EchoUpstream, pool: Pool) -> Iterator[Stack]:
    """Scopes, roles, help page and Retry-After of a configuration's own."""
    entries = [
        keys.key("a", ["registry:edit", "registry:edit", "no:such"], key_id='k"\n<b>'),
        keys.key("role", [], roles=["curator", "curator"]),
        keys.key("plain", ["model:write"]),
        keys.key("none", []),
        {"key": "hk_live_nested", "scopes": [], "user": {"id": 7, "is_admin": True}},
        keys.key("soon", [], status=429),
        keys.key("late", [], status=429, retry_after=3600),
        keys.key("date", [], status=429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"),
    ]
    plugin = {
        "scopes": {"registry:edit": ["registered_model:*", "run:read"], "model:write": ["run:write"]},
        "roles": {"curator": ["registered_model:write"]},
        "help_url": "https://docs.example/keys",
        "auth_service": {"unavailable_retry_after": "2500ms"},
    }
    with Stack(session_dir / "custom", keys=entries, upstream=echo, plugin=plugin, pool=pool) as started:
        yield started


@pytest.mark.parametrize(
    ("key", "method", "target", "status"),
    [
        ("a", "POST", REGISTER_MODEL, 200),
        ("a", "GET", READ_RUN, 200),
        ("a", "POST", CREATE_RUN, 403),
        ("role", "POST", REGISTER_MODEL, 200),
        ("role", "GET", READ_RUN, 403),
        ("plain", "POST", CREATE_RUN, 200),  # The configuration's model:write, not the default one.
        ("plain", "GET", READ_RUN, 403),
        ("nested", "DELETE", MOUNT + "/api/2.0/mlflow/webhooks/1", 200),
        ("soon", "GET", READ_RUN, 429),
    ],
)
def test_configured_scopes_and_roles(custom: Stack, key: str, method: str, target: str, status: int) -> None:
    assert custom.client.request(method, target, [bearer(f"hk_live_{key}")]).status == status


def test_a_configured_403(custom: Stack) -> None:
    body = custom.client.post(CREATE_RUN, [bearer("hk_live_a")]).json()
    assert body["granting_scopes"][0] == "model:write"
    assert body["key_scopes"] == ["registry:edit", "registry:edit", "no:such"]
    assert body["message"].endswith(" See https://docs.example/keys")
    assert 'API key k"\\n<b> may not create a run' in body["message"]
    nobody = custom.client.post(CREATE_RUN, [bearer("hk_live_none")]).json()["message"]
    assert "this key has: no scopes" in nobody
    assert "See https://docs.example/keys" in custom.client.get(READ_RUN).json()["message"]


@pytest.mark.parametrize(("key", "seconds"), [("soon", "3"), ("late", "60"), ("date", "3")])
def test_retry_after_of_a_rate_limit(custom: Stack, key: str, seconds: str) -> None:
    answer = custom.client.get(READ_RUN, [bearer(f"hk_live_{key}")])
    assert (answer.status, answer.header("retry-after")) == (429, seconds)


def test_nothing_of_a_request_is_repeated(stack: Stack) -> None:
    target = MOUNT + "/api/2.0/mlflow/<script>alert(1)</script>\"'"
    answer = stack.client.request("POST", target, [bearer(READ), ("x-request-id", 'i"d<b>')])
    assert answer.status == 403 and b"script" not in answer.body
    assert answer.json()["request_id"]  # Still JSON.


@pytest.mark.parametrize("origin", ["https://x.example https://y.example", "\xfc", ""])
def test_an_origin_that_is_none_is_not_repeated(stack: Stack, origin: str) -> None:
    answer = stack.client.get(READ_RUN, [("origin", origin)])
    assert answer.status == 401
    assert not answer.header("access-control-allow-origin")


# --- requests that go on without a key ---


def test_preflights_go_to_upstream(stack: Stack) -> None:
    wanted = [ORIGIN, ("access-control-request-method", "POST"), ("x-mlflow-authz-user", "spoof")]
    asked = stack.auth.validations
    answer = stack.client.request("OPTIONS", CREATE_RUN, wanted)
    assert (answer.status, answer.json()["method"]) == (200, "OPTIONS")
    assert "spoof" not in answer.body.decode()
    assert stack.auth.validations == asked
    entry = access_log_entry(stack, method="OPTIONS", status=200)
    assert (entry["authz"]["decision"], entry["authz"]["reason"]) == ("allow", "preflight")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("OPTIONS", []),
        ("OPTIONS", [ORIGIN]),
        ("OPTIONS", [("access-control-request-method", "POST")]),
        ("POST", [ORIGIN, ("access-control-request-method", "POST")]),
        ("GET", [ORIGIN, ("access-control-request-method", "GET")]),
    ],
)
def test_what_only_looks_like_a_preflight(stack: Stack, method: str, headers: Headers) -> None:
    assert stack.client.request(method, CREATE_RUN, headers).status == 401


@pytest.mark.parametrize("path", ["/health", "/version"])
def test_public_endpoints(stack: Stack, path: str) -> None:
    asked = stack.auth.validations
    assert stack.client.get(MOUNT + path).status == 200
    assert stack.client.get(MOUNT + path, [bearer(keys.UNKNOWN)]).status == 200
    assert stack.client.post(MOUNT + path).status == 401
    assert stack.client.get(MOUNT + path + "/x").status == 401
    assert stack.auth.validations == asked


@pytest.mark.parametrize("groups", [[], ["ui"]], ids=str)
def test_public_groups_are_configured(start_stack: Callable[..., Stack], groups: list[str]) -> None:
    stack = start_stack(plugin={"public": groups})
    assert stack.client.get(MOUNT + "/health").status == 401
    for page in ("/", "/static-files/main.js"):
        assert stack.client.get(MOUNT + page).status == (200 if groups else 401)


def test_the_request_id_is_the_one_upstream_and_logs_have(stack: Stack) -> None:
    allowed = stack.client.get(READ_RUN, [bearer(READ)]).json()["headers"]
    upstream_id = dict(allowed)["x-request-id"]
    assert access_log_entry(stack, request_id=upstream_id)["status"] == 200
    refused = stack.client.post(CREATE_RUN, [bearer(READ)]).json()["request_id"]
    records = [record for record in stack.envoy.audit() if record["request_id"] in (upstream_id, refused)]
    assert [record["decision"] for record in records] == ["allow", "deny"]
    assert refused != upstream_id
