"""Auth services as they are: ten shapes of requests and replies, each a service made by hand, through the real Envoy.

For each: what a key with rights may and may not, what a key that is not valid gets, and what the service received.
"""

import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.checks import CREATE_RUN, READ_RUN
from harness.handmade import Answer, HandmadeService, Received
from harness.stack import Stack
from harness.upstream import EchoUpstream

GOOD = 'hk_live_good+/=&%41"\\;'
"""A key with everything in it that a body or a header could misread."""
BAD = "hk_live_bad"


@dataclass
class Shape:
    """One service: how the filter is told about it, where it looks for the key, and what it says of a good and a bad one."""

    config: dict[str, Any]
    key: Callable[[Received], str | None]
    good: Any
    bad: Answer
    method: str = "POST"
    sent: Callable[[Received], object] = field(default=lambda request: request.body)
    expected: object = b'{"service_id":"mlflow"}'
    user: list[str] = field(default_factory=lambda: ["u1"])


def from_bearer(request: Received) -> str | None:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def from_json(name: str) -> Callable[[Received], str | None]:
    return lambda request: json.loads(request.body).get(name)


def from_form(name: str) -> Callable[[Received], str | None]:
    return lambda request: dict(form(request)).get(name)


def from_header(name: str) -> Callable[[Received], str | None]:
    return lambda request: request.headers.get(name)


def form(request: Received) -> list[tuple[str, str]]:
    return urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)


CONTRACT = {"user_id": "u1", "key_id": "k1", "scopes": ["model:read"]}

SHAPES = {
    "the contract": Shape({}, from_bearer, CONTRACT, (401, {})),
    "nested data": Shape(
        {"reply": {"user_id": "/data/user/id", "key_id": "/data/id", "scopes": "/data/scopes"}},
        from_bearer,
        {"data": {"id": "k1", "user": {"id": "u1"}, "scopes": ["model:read"]}},
        (200, {"data": {"valid": False}}),
    ),
    "permissions, and the key in a JSON field": Shape(
        {"key_in": "json:api_key", "reply": {"scopes": "/permissions"}},
        from_json("api_key"),
        {"user_id": "u1", "permissions": ["model:read"]},
        (200, {"active": False}),
        sent=lambda request: json.loads(request.body),
        expected={"service_id": "mlflow", "api_key": GOOD},
    ),
    "scopes as one text, and the key in a form": Shape(
        {"key_in": "form:token", "reply": {"scopes": "/scope", "user_id": "/sub"}},
        from_form("token"),
        {"sub": "u1", "scope": "openid model:read"},
        (401, {}),
        sent=form,
        expected=[("token", GOOD), ("service_id", "mlflow")],
    ),
    "GET": Shape({"method": "GET"}, from_bearer, CONTRACT, (401, {}), method="GET", expected=b""),
    "GET with the key in a header": Shape(
        {"method": "GET", "key_in": "header:X-Gateway-Key"},
        from_header("x-gateway-key"),
        CONTRACT,
        (403, {}),
        method="GET",
        sent=lambda request: "authorization" in request.headers,
        expected=False,
    ),
    "a credential of the filter's own": Shape(
        {"key_in": "header:x-key", "headers": ["authorization: Bearer of-the-filter", "x-tenant: ml"]},
        from_header("x-key"),
        CONTRACT,
        (401, {}),
        sent=lambda request: (request.headers.get("authorization"), request.headers.get("x-tenant")),
        expected=("Bearer of-the-filter", "ml"),
    ),
    "a flag of its own name": Shape(
        {"reply": {"valid": "/usable"}}, from_bearer, {**CONTRACT, "usable": True}, (200, {"usable": False})
    ),
    "roles": Shape(
        {"reply": {"roles": "/realm_access/roles", "user_id": "/preferred_username"}},
        from_bearer,
        {"preferred_username": "u1", "realm_access": {"roles": ["viewer"]}},
        (200, {"revoked": True}),
    ),
    "a list whose first element counts, and names with a slash": Shape(
        {"reply": {"user_id": "/keys/0/owner", "scopes": ["/nothing", "/keys/0/mlflow.example~1scopes"]}},
        from_bearer,
        {"keys": [{"owner": "u1", "mlflow.example/scopes": ["model:read"]}]},
        (401, {}),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_service_of_another_shape(name: str, start_stack: Callable[..., Stack], echo: EchoUpstream) -> None:
    shape = SHAPES[name]

    def answer(request: Received) -> Answer:
        return (200, shape.good) if shape.key(request) == GOOD else shape.bad

    with HandmadeService(answer) as service:
        plugin = {"auth_service": {"path": "/v1/check", **shape.config}, "roles": {"viewer": ["*:read"]}}
        stack = start_stack(auth=service, upstream=echo, plugin=plugin)
        client = stack.client
        # As X-API-Key, since a comma or a quote in Authorization is no key.
        good, bad = [("x-api-key", GOOD)], [("x-api-key", BAD)]
        assert client.get(READ_RUN, good).status == 200
        assert echo.requests()[-1].header("x-mlflow-authz-user") == shape.user
        denied = client.post(CREATE_RUN, good)
        assert (denied.status, denied.json()["reason"]) == (403, "scope_missing")
        refused = client.get(READ_RUN, bad)
        expected = (403, "key_refused") if shape.bad[0] == 403 else (401, "key_invalid")
        assert (refused.status, refused.json()["reason"]) == expected

        assert [(it.method, it.path) for it in service.received] == [(shape.method, "/v1/check")] * 2
        first, second = service.received
        assert (shape.key(first), shape.key(second)) == (GOOD, BAD)
        assert shape.sent(first) == shape.expected
        log = stack.envoy.log()
        for secret in (GOOD, BAD, "of-the-filter"):
            assert secret not in log


UNCLEAR: list[tuple[dict[str, Any], Any]] = [
    ({"valid": "/usable"}, CONTRACT),
    ({"valid": "/usable"}, {**CONTRACT, "usable": "true"}),
    ({"valid": "/usable"}, {**CONTRACT, "usable": None}),
    ({"valid": "/usable"}, b'{"scopes": ["model:read"], "usable": true, "usable": true}'),
    ({"scopes": "/data/scopes"}, b'{"data": {"scopes": ["model:read"]}, "data": {"scopes": []}}'),
    ({"scopes": "/scopes"}, {"scopes": {"model:read": True}}),
    ({"is_admin": "/admin"}, {**CONTRACT, "admin": "yes"}),
    ({"expires_at": "/end"}, {**CONTRACT, "end": 4102444800000}),
    ({"scopes": "/0/scopes"}, [CONTRACT]),
]


def test_a_reply_that_is_unclear_is_no_answer(start_stack: Callable[..., Stack], echo: EchoUpstream) -> None:
    """503 for the caller, and a line that names the place and none of what stands there."""
    replies: dict[str, Any] = {}
    with HandmadeService(lambda request: (200, replies[from_bearer(request)])) as service:
        for number, (reply, body) in enumerate(UNCLEAR):
            with start_stack(auth=service, upstream=echo, plugin={"auth_service": {"reply": reply}}) as stack:
                key = f"hk_live_{number}"
                replies[key] = body
                response = stack.client.get(READ_RUN, [("x-api-key", key)])
                assert (response.status, response.json()["reason"]) == (503, "auth_unavailable"), (reply, body)
                assert "outside its contract" in stack.envoy.log(), (reply, body)
                assert key not in stack.envoy.log()


def test_a_service_whose_administrators_are_others(start_stack: Callable[..., Stack], echo: EchoUpstream) -> None:
    """With `reply`, what grants more than scopes counts only where it is named."""
    said = {**CONTRACT, "is_admin": True, "roles": ["boss"], "grants": [{"scope": "model:write", "names": ["*"]}]}
    with HandmadeService(lambda _: (200, said)) as service:
        for reply, status in (
            ({"scopes": "/scopes"}, 403),
            ({"is_admin": "/is_admin"}, 200),
            ({"roles": "/roles"}, 200),
        ):
            plugin = {"auth_service": {"reply": reply}, "roles": {"boss": ["*:*"]}}
            with start_stack(auth=service, upstream=echo, plugin=plugin) as stack:
                assert stack.client.post(CREATE_RUN, [("x-api-key", "K1")]).status == status, reply


def test_an_unreadable_configuration_does_not_start(start_stack: Callable[..., Stack], echo: EchoUpstream) -> None:
    with HandmadeService(lambda _: (200, CONTRACT)) as service:
        plugin = {"auth_service": {"key_in": "json:service_id"}}
        with pytest.raises(Exception, match="key_in"):
            start_stack(auth=service, upstream=echo, plugin=plugin)
