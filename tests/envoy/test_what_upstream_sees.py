"""Credentials in every form, and what goes on of them: verified identity, nothing that looks like it."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.checks import CREATE_RUN, READ_RUN, unharmed
from harness.http import Headers, bearer
from harness.http2 import Http2
from harness.pool import Pool
from harness.stack import MOUNT, Stack
from harness.upstream import EchoUpstream, Seen

READ = keys.READ["key"]
IDENTITY = {
    "x-mlflow-authz-user": "user_read",
    "x-mlflow-authz-key": "key_read",
    "x-mlflow-authz-scopes": "model:read",
}

# Headers with underscores come in, and what is not mounted is forwarded.
OPEN = {"reject_underscores": False, "forward_rest": True}


def basic(user: str, password: str) -> tuple[str, str]:
    return ("authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


@pytest.fixture(scope="module")
def forwarding(session_dir: Path, auth_service: AuthService, echo: EchoUpstream, pool: Pool) -> Iterator[Stack]:
    """Every form of credential, handed on."""
    plugin = {"credentials": ["bearer", "x-api-key", "basic", "query"], "outside": "forward"}
    options = {"auth": auth_service, "upstream": echo, "plugin": plugin, **OPEN}
    with Stack(session_dir / "forwarding", **options, pool=pool) as started:
        yield started


@pytest.fixture(scope="module")
def withholding(session_dir: Path, auth_service: AuthService, echo: EchoUpstream, pool: Pool) -> Iterator[Stack]:
    """The same, but credentials are not handed on."""
    plugin = {
        "credentials": ["bearer", "x-api-key", "basic", "query"],
        "forward_credential": False,
        "outside": "forward",
    }
    options = {"auth": auth_service, "upstream": echo, "plugin": plugin, **OPEN}
    with Stack(session_dir / "withholding", **options, pool=pool) as started:
        yield started


def last(stack: Stack) -> Seen:
    return stack.upstream.requests()[-1]


# --- forms of credentials ---

FORMS: list[tuple[Headers, str]] = [
    ([bearer(READ)], ""),
    ([("authorization", f"bEaReR {READ}")], ""),
    ([("authorization", f"Bearer   {READ}  ")], ""),
    ([("authorization", f"ApiKey {READ}")], ""),
    ([("authorization", f"apikey {READ}")], ""),
    ([("X-API-Key", READ)], ""),
    ([basic("anybody", READ)], ""),
    ([basic("", READ)], ""),
    ([basic(READ, "")], ""),
    ([("authorization", basic("anybody", READ)[1].replace("Basic", "BASIC"))], ""),
    ([], f"?api_key={READ}"),
    ([], f"?api_key={READ}&run_id=1"),
    ([], f"?run_id=1&api_key={READ}&x=%2F"),
    ([], f"?run_id=1&%61pi_key={READ.replace('_', '%5F')}"),
    # The same key twice is one key, as long as it stands in two places.
    ([bearer(READ), ("x-api-key", READ)], ""),
    ([basic("anybody", READ), ("x-api-key", READ)], f"?api_key={READ}"),
]


def stripped(query: str) -> str:
    kept = [pair for pair in query.lstrip("?").split("&") if pair and "pi_key=" not in pair]
    return "?" + "&".join(kept) if kept else ""


@pytest.mark.parametrize(("headers", "query"), FORMS, ids=lambda value: repr(value)[:60])
def test_forms_of_credentials(forwarding: Stack, headers: Headers, query: str) -> None:
    assert forwarding.client.get(READ_RUN + query, headers).status == 200
    seen = last(forwarding)
    assert seen.path == READ_RUN.removeprefix(MOUNT) + stripped(query)
    for name in ("authorization", "x-api-key"):
        sent = [value.strip() for key, value in headers if key.lower() == name]
        assert seen.header(name) == sent
    # In no other header either: Envoy keeps the path from before its rewrite in one of its own.
    others = [value for name, value in seen.headers if name.lower() not in ("authorization", "x-api-key")]
    assert READ not in repr(others)
    for name, value in IDENTITY.items():
        assert seen.header(name) == [value]
    assert forwarding.client.post(CREATE_RUN + query, headers).status == 403


@pytest.mark.parametrize(("headers", "query"), FORMS, ids=lambda value: repr(value)[:60])
def test_credentials_that_are_withheld(withholding: Stack, headers: Headers, query: str) -> None:
    assert withholding.client.get(READ_RUN + query, headers).status == 200
    seen = last(withholding)
    assert READ not in repr(seen)
    assert not [value for _, value in headers if value.split()[-1] in repr(seen)]
    assert not seen.header("authorization") and not seen.header("x-api-key")
    assert seen.header("x-mlflow-authz-key") == ["key_read"]


def test_withholding_ends_at_the_mount(withholding: Stack) -> None:
    assert withholding.client.get("/elsewhere?api_key=1", [bearer(READ)]).status == 200
    assert (last(withholding).path, last(withholding).header("authorization")) == (
        "/elsewhere?api_key=1",
        [f"Bearer {READ}"],
    )


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ([bearer(READ)], f"?api_key={keys.WRITE['key']}", 400),
        ([], f"?api_key={READ}&api_key={READ}", 400),
        ([], f"?api_key={READ}&API_KEY=x", 200),
        ([], "?api_key=", 401),
        ([], "?api_key", 401),
        ([], "?api_key=%ff", 401),
        ([], f"?x_api_key={READ}", 401),
        ([bearer(READ)], "?api_key=", 401),
    ],
)
def test_keys_in_the_query(forwarding: Stack, headers: Headers, query: str, status: int) -> None:
    upstream = forwarding.upstream.count
    assert forwarding.client.get(READ_RUN + query, headers).status == status
    assert forwarding.upstream.count == upstream + (status == 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("X_Api_Key", READ)], 200),
        ([("X.Api.Key", READ)], 200),
        ([("x-api-key", READ), ("x.api.key", keys.WRITE["key"])], 400),
        ([bearer(READ), ("x_api_key", READ)], 200),
        ([bearer(READ), ("x_api-key", keys.WRITE["key"])], 400),
        ([("x-api-key", READ), ("x_api_key", READ)], 400),
        ([("x_api_key", keys.UNKNOWN)], 401),
    ],
)
def test_what_wsgi_reads_as_one_header_is_one(
    forwarding: Stack, withholding: Stack, headers: Headers, status: int
) -> None:
    for stack in (forwarding, withholding):
        upstream = stack.upstream.count
        assert stack.client.get(READ_RUN, headers).status == status
        assert stack.upstream.count == upstream + (status == 200)
        if status == 200:
            assert (READ in repr(last(stack))) == (stack is forwarding)


def test_a_query_key_counts_only_where_configured(stack: Stack) -> None:
    answer = stack.client.get(f"{READ_RUN}?api_key={READ}")
    assert (answer.status, answer.json()["reason"]) == (401, "credential_missing")
    theirs = stack.client.get(f"{READ_RUN}?api_key=theirs", [bearer(READ)]).json()
    assert theirs["path"].endswith("?api_key=theirs")


# --- identity headers ---

SPOOFED = [
    *("x-mlflow-authz-user", "X-MLFLOW-AUTHZ-USER", "x_mlflow_authz_user", "X_Mlflow-Authz_User"),
    *("x-mlflow-authz-key", "x_mlflow_authz_key", "x-mlflow-authz-scopes", "X-Mlflow_Authz_Scopes"),
    *("X.Mlflow.Authz.User", "x~mlflow|authz.key", "x-mlflow-authz.scopes"),
]
SPOOF = [(name, f"spoof-{number}") for number, name in enumerate(SPOOFED * 2)]
NO_SPOOF = [("x-mlflow-authz-users", "mine"), ("mlflow-authz-user", "mine"), ("x-mlflow", "mine")]

WAYS = [
    # Method, target, caller, identity expected.
    ("GET", READ_RUN, [bearer(READ)], IDENTITY),
    ("GET", MOUNT + "/health", [], {}),
    ("GET", MOUNT + "/health", [bearer(READ)], {}),
    ("OPTIONS", CREATE_RUN, [("origin", "https://x.example"), ("access-control-request-method", "GET")], {}),
    ("GET", "/elsewhere", [], {}),
    ("GET", "/elsewhere", [bearer(READ)], {}),
    ("POST", "/elsewhere;v=1", [], {}),
    ("GET", READ_RUN, [bearer(keys.NO_SCOPES["key"])], None),
]


@pytest.mark.parametrize("protocol", ["http/1.1", "http/2"])
@pytest.mark.parametrize(("method", "target", "caller", "identity"), WAYS)
def test_identity_headers_are_verified_ones(
    forwarding: Stack, method: str, target: str, caller: Headers, identity: dict | None, protocol: str
) -> None:
    upstream = forwarding.upstream.count
    headers = [*SPOOF, *caller, *NO_SPOOF]
    with unharmed(forwarding):
        if protocol == "http/2":
            with Http2(forwarding.envoy.host, forwarding.envoy.port) as connection:
                lower = [(name.lower(), value) for name, value in headers]
                answer = connection.request(method, target, lower)
        else:
            answer = forwarding.client.request(method, target, headers)
        if identity is None:
            assert answer.status == 403
            assert forwarding.upstream.count == upstream
            return
        assert answer.status == 200
        seen = last(forwarding)
    assert "spoof" not in repr(seen)
    folded = [(name.lower().replace("_", "-"), value) for name, value in seen.headers]
    assert sorted(pair for pair in folded if pair[0] in IDENTITY) == sorted(identity.items())
    for name, value in NO_SPOOF:
        assert seen.header(name) == [value]


@pytest.fixture(scope="module")
def odd_principals(session_dir: Path, echo: EchoUpstream, pool: Pool) -> Iterator[Stack]:
    """Principals with absent and odd fields, under identity headers of other names."""
    odd_scopes = ["model:read", "two words", "", 'q"', "\u00fc"]
    entries = [
        *keys.STANDARD,
        {"key": "hk_live_nobody", "scopes": ["model:read"]},
        {"key": "hk_live_odd", "scopes": odd_scopes, "user_id": "\u00fc r%\n"},
        {"key": "hk_live_nested", "scopes": [], "key_id": -7, "user": {"id": "u", "is_admin": True}},
    ]
    plugin = {"identity_headers": {"user_id": "X-Platform-User-Id", "key_id": "x-platform-api-key-id"}}
    with Stack(
        session_dir / "odd", keys=entries, upstream=echo, plugin=plugin, reject_underscores=False, pool=pool
    ) as started:
        yield started


@pytest.mark.parametrize(
    ("key", "user", "key_id", "scopes"),
    [
        ("read", ["user_read"], ["key_read"], ["model:read"]),
        ("nobody", [], [], ["model:read"]),
        ("odd", ["%C3%BC%20r%25%0A"], [], ["model:read"]),
        ("nested", ["u"], ["-7"], []),
    ],
)
def test_identity_of_odd_principals(
    odd_principals: Stack, key: str, user: list[str], key_id: list[str], scopes: list[str]
) -> None:
    names = ("X_Platform_User_Id", "x-platform-api-key-id", "x-mlflow-authz-scopes")
    spoof = [(name, "spoof") for name in names]
    for _ in range(2):  # After a callout, and from the cache.
        assert odd_principals.client.get(READ_RUN, [*spoof, bearer(f"hk_live_{key}")]).status == 200
        seen = last(odd_principals)
        assert seen.header("x-platform-user-id") == user
        assert seen.header("x-platform-api-key-id") == key_id
        assert seen.header("x-mlflow-authz-scopes") == scopes
        assert "spoof" not in repr(seen)


def test_a_prefix_is_not_handed_on(forwarding: Stack) -> None:
    headers = [bearer(READ), ("X-Forwarded-Prefix", "/other"), ("x_forwarded_prefix", "/other")]
    assert forwarding.client.get(READ_RUN, headers).status == 200
    assert "/other" not in repr(last(forwarding))
    assert forwarding.client.get("/elsewhere", headers).status == 200
    assert last(forwarding).header("x-forwarded-prefix") == ["/other"]


# --- the client's address ---


def test_the_address_is_sent_only_when_configured(
    start_stack: Callable[..., Stack], stack: Stack, fresh_read: Callable[[], str]
) -> None:
    assert stack.client.get(READ_RUN, [bearer(fresh_read())]).status == 200
    assert stack.auth.stats()["last"] == {"service_id": "mlflow"}
    sending = start_stack(plugin={"auth_service": {"send_client_ip": True, "service_id": "registry"}})
    # Envoy's view of the peer, whatever the client writes.
    assert sending.client.get(READ_RUN, [bearer(READ), ("x-forwarded-for", "192.0.2.1")]).status == 200
    assert sending.auth.stats()["last"] == {"service_id": "registry", "client_ip": "127.0.0.1"}


def test_each_address_is_asked_about(start_stack: Callable[..., Stack]) -> None:
    def behind_one_proxy(config: dict) -> None:
        manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
        manager["typed_config"]["xff_num_trusted_hops"] = 1

    stack = start_stack(plugin={"auth_service": {"send_client_ip": True}}, edit=behind_one_proxy)
    asked = []
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.1", "2001:db8::1"):
        caller = [bearer(READ), ("x-forwarded-for", f"198.51.100.9, {address}")]
        assert stack.client.get(READ_RUN, caller).status == 200
        asked.append((stack.auth.validations, stack.auth.stats()["last"]["client_ip"]))
    # An address seen before is answered from the cache.
    assert asked[:3] == [(1, "192.0.2.1"), (2, "192.0.2.2"), (3, "2001:db8::1")]
    assert [count for count, _ in asked[3:]] == [3, 3]
