"""Request trailers: what an upstream that takes them receives of identity, credentials and other paths."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.checks import CREATE_RUN, unharmed
from harness.envoy_config import Config, connection_manager
from harness.http import Connection, Response, bearer, encode_head
from harness.http2 import Http2
from harness.pool import Pool
from harness.stack import MOUNT, Stack
from harness.upstream import EchoUpstream, Seen

WRITE = keys.WRITE["key"]

IDENTITY = [
    *("x-mlflow-authz-user", "X-MLflow-Authz-User", "x_mlflow_authz_user", "x.mlflow.authz.user"),
    *("x-mlflow-authz-key", "x.mlflow_authz-key", "x-mlflow-authz-scopes", "X~Mlflow|Authz!Scopes"),
]
CREDENTIALS = [
    *("authorization", "proxy-authorization", "Proxy_Authorization", "x-api-key", "x_api_key", "X.Api.Key"),
    "cookie",
]
OVERRIDES = [
    *("x-original-url", "x.http.method.override", "script_name", "x-forwarded-prefix"),
    *("x-mlflow-workspace", "x_mlflow_workspace", "x_mlflow.workspace", "content-type", "content-encoding"),
]
KEPT = ["x-checksum", "x-mlflow-authz-users", "x.kept", "x_kept"]

NEVER = [(name, f"spoof-{number}") for number, name in enumerate((IDENTITY + CREDENTIALS) * 2)]
ELSEWHERE = [(name, "other") for name in OVERRIDES]
ALWAYS = [(name, "kept") for name in KEPT]
TRAILERS = [*NEVER, *ELSEWHERE, *ALWAYS]


def with_trailers(config: Config) -> None:
    """Trailers are let in and out on HTTP/1.1; on HTTP/2 they always are."""
    connection_manager(config)["http_protocol_options"] = {"enable_trailers": True}
    kind = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    for cluster in config["static_resources"]["clusters"]:
        if cluster["name"] == "mlflow":
            cluster["typed_extension_protocol_options"] = {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": kind,
                    "explicit_http_config": {"http_protocol_options": {"enable_trailers": True}},
                }
            }


@pytest.fixture(scope="module", params=[None, True], ids=["headers stop all", "headers stop iteration"])
def stack(
    request: pytest.FixtureRequest, session_dir: Path, auth_service: AuthService, echo: EchoUpstream, pool: Pool
) -> Iterator[Stack]:
    """An Envoy that hands on trailers and names with underscores, under either setting of allow_on_headers_stop_iteration."""
    with Stack(
        session_dir / f"trailers-{request.param}",
        auth=auth_service,
        upstream=echo,
        reject_underscores=False,
        forward_rest=True,
        plugin={"outside": "forward"},
        allow_on_headers_stop_iteration=request.param,
        edit=with_trailers,
        pool=pool,
    ) as started:
        yield started


def http1(stack: Stack, target: str, headers: list, trailers: list, method: str = "POST") -> Response:
    head = encode_head(method, target, [("host", "x"), *headers, ("transfer-encoding", "chunked")])
    lines = "".join(f"{name}: {value}\r\n" for name, value in trailers).encode()
    with Connection(stack.envoy.host, stack.envoy.port) as connection:
        connection.send(head + b"3\r\nabc\r\n0\r\n" + lines + b"\r\n")
        return connection.read_response()


def http2(stack: Stack, target: str, headers: list, trailers: list, method: str = "POST") -> Response:
    with Http2(stack.envoy.host, stack.envoy.port) as connection:
        stream = connection.start(method, target, headers, b"abc", end=False)
        connection.send_trailers(stream, [(name.lower(), value) for name, value in trailers])
        return connection.wait(stream)


def last(stack: Stack) -> Seen:
    return stack.upstream.requests()[-1]


WAYS = [
    # Method, target, caller, whether it is for MLflow.
    ("POST", CREATE_RUN, [bearer(WRITE)], True),
    ("GET", MOUNT + "/health", [], True),
    ("POST", "/elsewhere", [], False),
    ("POST", "/elsewhere", [bearer(WRITE)], False),
]


@pytest.mark.parametrize("send", [http1, http2])
@pytest.mark.parametrize(("method", "target", "caller", "mounted"), WAYS)
def test_trailers_carry_no_identity_and_no_credential(
    stack: Stack, send: type(http1), method: str, target: str, caller: list, mounted: bool
) -> None:
    for _ in range(2):  # After a callout, and from the cache.
        with unharmed(stack):
            assert send(stack, target, caller, TRAILERS, method).status == 200
            seen = last(stack)
        expected = ALWAYS if mounted else [*ELSEWHERE, *ALWAYS]
        assert sorted(seen.trailers) == sorted(expected)
        assert "spoof" not in repr(seen)
        assert seen.body_bytes == 3


@pytest.mark.parametrize("send", [http1, http2])
def test_a_cold_key_whose_trailers_wait_with_it(stack: Stack, send: type(http1), fresh_write) -> None:
    key = fresh_write()
    with unharmed(stack), stack.auth.faults(delay_ms=200):
        assert send(stack, CREATE_RUN, [bearer(key)], TRAILERS).status == 200
        assert sorted(last(stack).trailers) == sorted(ALWAYS)


@pytest.mark.parametrize("send", [http1, http2])
def test_a_request_of_nothing_but_bad_trailers_goes_on_without_any(stack: Stack, send: type(http1)) -> None:
    with unharmed(stack):
        assert send(stack, CREATE_RUN, [bearer(WRITE)], NEVER).status == 200
        assert last(stack).trailers == []


@pytest.mark.parametrize("send", [http1, http2])
def test_a_refused_request_stays_refused(stack: Stack, send: type(http1)) -> None:
    with unharmed(stack):
        upstream = stack.upstream.count
        assert send(stack, CREATE_RUN, [bearer(keys.READ["key"])], TRAILERS).status == 403
        assert send(stack, CREATE_RUN, [], TRAILERS).status == 401
        assert stack.upstream.count == upstream
