"""Paths outside every mount, and hosts that are not MLflow's."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.checks import CREATE_RUN, READ_RUN, access_log_entry
from harness.http import Headers, Response, bearer
from harness.http2 import Http2
from harness.pool import Pool
from harness.stack import Stack
from harness.upstream import EchoUpstream

READ, WRITE = keys.READ["key"], keys.WRITE["key"]
SPOOF = ("x-mlflow-authz-user", "root")
StartStack = Callable[..., Stack]


@pytest.fixture(scope="module")
def refusing(session_dir: Path, auth_service: AuthService, echo: EchoUpstream, pool: Pool) -> Iterator[Stack]:
    """Every path leads to the upstream; two mounts, one below the other."""
    plugin = {"mounts": ["/api/mlflow", "/api/mlflow/team"], "help_url": "https://docs.example/keys"}
    options = {"auth": auth_service, "upstream": echo, "plugin": plugin, "forward_rest": True, "pool": pool}
    with Stack(session_dir / "refusing", **options) as started:
        yield started


@pytest.fixture(scope="module")
def shared_gateway(session_dir: Path, auth_service: AuthService, echo: EchoUpstream, pool: Pool) -> Iterator[Stack]:
    """A listener for MLflow's host and others. Paths come as they are sent."""
    plugin = {"hosts": ["registry.example", "*.ml.example"]}
    options = {"auth": auth_service, "upstream": echo, "plugin": plugin, "forward_rest": True, "pool": pool}
    with Stack(session_dir / "shared", **options, normalize=False, reject_underscores=False) as started:
        yield started


def refused(answer: Response, reason: str = "outside_mounts") -> bool:
    return (answer.status, answer.json()["reason"]) == (403, reason)


# --- outside ---


@pytest.mark.parametrize(
    "target",
    ["/", "/elsewhere", "/api", "/api/mlflowx/api/2.0/mlflow/runs/create", "/API/mlflow/health", "/x;y"],
)
def test_a_path_outside_every_mount_is_refused(refusing: Stack, target: str) -> None:
    upstream, validations = refusing.upstream.count, refusing.auth.validations
    for headers in ([], [bearer(WRITE)], [bearer(keys.UNKNOWN)]):
        for method in ("GET", "POST", "OPTIONS"):
            assert refused(refusing.client.request(method, target, headers)), (method, headers)
    assert refusing.upstream.count == upstream and refusing.auth.validations == validations


def test_the_answer_says_what_to_configure_and_repeats_nothing(refusing: Stack) -> None:
    answer = refusing.client.get("/shop/<b>hk_live_secret?api_key=hk_live_secret", [("origin", "https://ui.example")])
    assert answer.json() == {
        "error_code": "PERMISSION_DENIED",
        "message": "The path of this request is outside the paths at which MLflow is served here (mounts: "
        "/api/mlflow, /api/mlflow/team). Check the path. If MLflow is served there too, add its path to "
        '"mounts" in the filter\'s configuration; to forward such requests without authorization, set '
        '"outside": "forward". See https://docs.example/keys',
        "reason": "outside_mounts",
        "request_id": answer.json()["request_id"],
    }
    assert answer.header("access-control-allow-origin") == "https://ui.example"


def test_metrics_audit_and_access_log_know_it(refusing: Stack) -> None:
    labels = {"decision": "deny", "reason": "outside_mounts", "object": "none", "access": "none"}
    before = refusing.envoy.metric("mlflow_authz_decisions", **labels)
    agent = ("user-agent", "outside")
    refusing.client.get("/nowhere", [agent, bearer(READ)])
    assert refusing.envoy.metric("mlflow_authz_decisions", **labels) == before + 1
    record = [it for it in refusing.envoy.audit() if it["target"] == "/nowhere"][-1]
    assert (record["decision"], record["reason"], record["mount"]) == ("deny", "outside_mounts", None)
    entry = access_log_entry(refusing, user_agent="outside")
    assert entry["authz"]["reason"] == "outside_mounts"
    assert entry["response_code_details"] == "mlflow_authz_outside_mounts"


def test_the_longest_mount_wins(refusing: Stack) -> None:
    for prefix, operation in (("/api/mlflow", "GetRun"), ("/api/mlflow/team", "GetRun"), ("/api/mlflow/teams", None)):
        target = prefix + READ_RUN.removeprefix("/api/mlflow")
        assert refusing.client.get(target, [bearer(READ)]).status == 200
        assert access_log_entry(refusing, path=target)["authz"]["operation"] == operation


def test_it_is_forwarded_where_configured(
    start_stack: StartStack, auth_service: AuthService, echo: EchoUpstream
) -> None:
    stack = start_stack(auth=auth_service, upstream=echo, plugin={"outside": "forward"}, forward_rest=True)
    assert stack.client.get("/elsewhere", [SPOOF]).status == 200
    assert not echo.requests()[-1].header(SPOOF[0])
    assert not access_log_entry(stack, path="/elsewhere", response_code_details="via_upstream")["authz"]
    assert stack.client.post(CREATE_RUN).status == 401


def test_shadow_mode_records_it(start_stack: StartStack, auth_service: AuthService, echo: EchoUpstream) -> None:
    overrides = [{"match": {"host": "new.example"}, "mode": "enforce"}]
    plugin = {"mode": "shadow", "overrides": overrides}
    stack = start_stack(auth=auth_service, upstream=echo, plugin=plugin, forward_rest=True)
    assert stack.client.get("/elsewhere", [SPOOF]).status == 200
    assert not echo.requests()[-1].header(SPOOF[0])
    for host in ("new.example", "New.Example.", "new.example:443"):
        assert refused(stack.client.get("/elsewhere", [("host", host)])), host
    decisions = [(it["decision"], it["reason"]) for it in stack.envoy.audit()]
    assert decisions == [("would_deny", "outside_mounts")] + [("deny", "outside_mounts")] * 3
    forwarded = access_log_entry(stack, path="/elsewhere", response_code_details="via_upstream")
    assert forwarded["authz"]["decision"] == "would_deny"


# --- hosts ---


@pytest.mark.parametrize("host", ["shop.example", "shop.example:443", "registry.example.evil.example", "ml.example"])
def test_another_host_is_forwarded(shared_gateway: Stack, host: str) -> None:
    for target in ("/shop", CREATE_RUN, "/api/mlflow/a//b"):
        answer = shared_gateway.client.post(target, [("host", host), SPOOF, ("X_Mlflow_Authz_Key", "root")])
        assert answer.status == 200, target
        assert "root" not in repr(shared_gateway.upstream.requests()[-1])


@pytest.mark.parametrize(
    "host",
    [
        *("registry.example", "registry.example:443", "registry.example.", "Registry.EXAMPLE.:8443"),
        *("a.ml.example", "A.ML.example"),
        # Hosts that cannot be read without doubt.
        *("me@shop.example", "me:secret@shop.example", "shop.example@registry.example", "shop%2eexample"),
        *("shop.example:443:443", "shop.example..", "shop.example,other.example", "127.1", "[::1", "::1"),
        *("[::ffff:127.0.0.1]", "b\u00fccher.example", ""),
    ],
)
def test_our_hosts_in_every_spelling_and_hosts_in_doubt_are_guarded(shared_gateway: Stack, host: str) -> None:
    upstream = shared_gateway.upstream.count
    for target in ("/shop", CREATE_RUN):
        answer = shared_gateway.client.post(target, [("host", host)])
        # Envoy itself refuses some of these with 400.
        assert answer.status in (400, 401, 403), (target, answer)
    assert shared_gateway.upstream.count == upstream


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        # An absolute target: Envoy takes the host out of it (RFC 9112, section 3.2.2).
        ("http://registry.example/shop", [("host", "shop.example")]),
        ("/shop", [("host", "shop.example"), ("host", "registry.example")]),
        ("/shop", [("host", "registry.example"), ("host", "shop.example")]),
    ],
)
def test_two_hosts_do_not_lead_around_the_filter(shared_gateway: Stack, target: str, headers: Headers) -> None:
    upstream = shared_gateway.upstream.count
    answer = shared_gateway.client.get(target, headers)
    assert answer.status in (400, 403), answer
    assert shared_gateway.upstream.count == upstream


@pytest.mark.parametrize("target", ["/shop", CREATE_RUN, "/api/mlflow/health"])
def test_user_information_is_logged_nowhere(shared_gateway: Stack, target: str) -> None:
    agent = f"userinfo {target}"
    host = ("host", "me:SECRET_PASSWORD@registry.example")
    answer = shared_gateway.client.get(target, [host, ("user-agent", agent)])
    assert answer.status == (200 if target.endswith("health") else 403 if target == "/shop" else 401)
    assert access_log_entry(shared_gateway, user_agent=agent)["authority"] == "registry.example"
    assert "SECRET_PASSWORD" not in shared_gateway.envoy.log() + repr(shared_gateway.upstream.requests())


def test_an_absolute_target_names_the_host(shared_gateway: Stack) -> None:
    ours = ("host", "registry.example")
    # Envoy cuts the user information itself.
    for target in ("http://shop.example/shop", "http://me:secret@shop.example/shop"):
        assert shared_gateway.client.get(target, [ours]).status == 200
        assert "secret" not in repr(shared_gateway.upstream.requests()[-1])


def test_http2_too(shared_gateway: Stack) -> None:
    with Http2(shared_gateway.envoy.host, shared_gateway.envoy.port) as connection:
        for host, status in (("registry.example", 403), ("Registry.Example.", 403), ("shop.example", 200)):
            assert connection.request("GET", "/shop", [], authority=host).status == status, host


def test_our_host_is_decided_as_ever(shared_gateway: Stack) -> None:
    ours = ("host", "registry.example")
    assert shared_gateway.client.get(READ_RUN, [ours, bearer(READ)]).status == 200
    assert refused(shared_gateway.client.post(CREATE_RUN, [ours, bearer(READ)]), "scope_missing")
    body = shared_gateway.client.post("/api/mlflow/..%2f", [ours]).json()
    assert body["reason"] == "target_ambiguous", json.dumps(body)
