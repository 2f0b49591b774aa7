"""Odd requests through the real Envoy: none traps the filter, none gets past it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import keys, paths
from harness.auth_service import AuthService
from harness.checks import CREATE_RUN, READ_RUN, unharmed
from harness.envoy_config import Config, connection_manager
from harness.http import Client, Response, bearer
from harness.http2 import Http2, StreamWasReset
from harness.http2 import _Stream as Http2Stream
from harness.pool import Pool
from harness.processes import wait_until
from harness.stack import MOUNT, Stack
from harness.upstream import EchoUpstream

READ, WRITE = keys.READ["key"], keys.WRITE["key"]
ODD = b"\xff\xfe"
FreshKey = Callable[[], str]


@pytest.fixture(scope="module")
def open_stack(session_dir: Path, auth_service: AuthService, echo: EchoUpstream, pool: Pool) -> Iterator[Stack]:
    """Envoy with all of its own guards off: what it would refuse reaches the filter."""

    def close_at_once(config: Config) -> None:
        # Envoy keeps a connection it has given up for a second, and there are many here.
        connection_manager(config)["delayed_close_timeout"] = "0.02s"

    options = {"auth": auth_service, "upstream": echo, "edit": close_at_once}
    guards = {"normalize": False, "reject_underscores": False, "use_remote_address": False}
    with Stack(session_dir / "open", **options, **guards, pool=pool) as started:
        yield started


# --- bytes that are not UTF-8 ---

# Header, value, and the statuses of an allowed read and of a write without the scope.
ODD_HEADERS = [
    ("authorization", ODD, 401, 401),
    ("authorization", b"Bearer " + ODD, 401, 401),
    ("authorization", b"Basic " + ODD, 401, 401),
    ("authorization", b"ApiKey hk_live_read" + ODD, 401, 401),
    ("x-api-key", ODD, 401, 401),
    ("origin", ODD, 200, 403),
    ("access-control-request-method", ODD, 200, 403),
    ("x-request-id", ODD, 200, 403),
    ("cookie", ODD, 200, 403),
    ("user-agent", ODD, 200, 403),
    ("content-type", ODD, 200, 403),
    ("accept", ODD, 200, 403),
    ("x-forwarded-for", ODD, 200, 403),
    ("x-forwarded-proto", ODD, 200, 403),
    ("x-mlflow-authz-user", ODD, 200, 403),
    ("x_mlflow-authz_scopes", ODD, 200, 403),
    ("x-anything", ODD, 200, 403),
    ("host", ODD, 400, 400),
    (b"x-" + ODD, b"value", 400, 400),
]


@pytest.mark.parametrize(("name", "value", "read", "write"), ODD_HEADERS, ids=lambda value: repr(value)[:30])
def test_header_bytes(open_stack: Stack, fresh_read: FreshKey, name: str, value: bytes, read: int, write: int) -> None:
    for key in (READ, fresh_read()):  # The reply of a callout reads the headers once more.
        credential = [] if name == "authorization" else [bearer(key)]
        upstream = open_stack.upstream.count
        with unharmed(open_stack):
            assert open_stack.client.get(READ_RUN, [*credential, (name, value)]).status == read
            answer = open_stack.client.post(CREATE_RUN, [*credential, (name, value)])
        assert answer.status == write
        assert open_stack.upstream.count == upstream + (read == 200) + 1
        if write != 400:  # Not Envoy's own: the filter's answers are JSON whatever the request holds.
            assert answer.json()["reason"] in ("credential_malformed", "scope_missing")


def test_header_bytes_reach_upstream_as_they_came(open_stack: Stack) -> None:
    seen = open_stack.client.get(READ_RUN, [bearer(READ), ("x-anything", ODD)]).json()
    assert ["x-anything", "\xff\xfe"] in seen["headers"]


# --- request lines ---

REQUEST_LINES = [
    ("GET", "", 400),
    ("GET", "*", 400),
    ("OPTIONS", "*", 404),  # Envoy's: no route.
    ("GET", "http://example.test" + READ_RUN, 200),
    ("POST", "http://example.test" + CREATE_RUN, 403),
    ("CONNECT", "example.test:443", 400),
    ("CONNECT", READ_RUN, 400),
    ("TRACE", READ_RUN, 403),
    ("get", READ_RUN, 400),
    ("post", CREATE_RUN, 400),
    ("", READ_RUN, 400),
    ("PROPFIND", READ_RUN, 403),
    ("GET", "?x", 400),
    ("GET", MOUNT, 301),
    ("GET", MOUNT + "/" + "a" * 50_000, 200),
    ("POST", MOUNT + "/" + "a" * 50_000, 403),
    ("GET", MOUNT + "/a" * 60, 200),
    # Too many segments to compare each end with the known endpoints.
    ("GET", MOUNT + "/a" * 10_000, 403),
    ("GET", MOUNT + "/%25" * 10_000, 403),
    ("GET", MOUNT + "/%25" + "25" * 20_000 + "2f", 400),
    ("GET", READ_RUN + "?" + "&" * 50_000, 200),
    ("GET", MOUNT + "/%ff", 400),
    ("GET", MOUNT + "/%", 400),
    ("GET", MOUNT + "/a%00b", 400),
    ("GET", MOUNT + "/;x", 400),
    ("GET", MOUNT + "/a b", 400),
    (b"GET", MOUNT.encode() + b"/" + ODD, 400),
    (b"GET", READ_RUN.encode() + b"?x=" + ODD, 400),
]


@pytest.mark.parametrize(("method", "target", "status"), REQUEST_LINES, ids=lambda value: repr(value)[:40])
def test_request_line(open_stack: Stack, method: str, target: str, status: int) -> None:
    upstream = open_stack.upstream.count
    with unharmed(open_stack):
        assert open_stack.client.request(method, target, [bearer(READ)]).status == status
    assert open_stack.upstream.count == upstream + (status == 200) + 1


@pytest.mark.parametrize(
    "path", ["/%25" + "25" * 20_000, "/%25" * 13_000, "/%" + "25%" * 13_000, "/." * 20_000, "//" * 20_000]
)
def test_a_path_made_to_be_slow_is_not(open_stack: Stack, path: str) -> None:
    for target in (MOUNT + path, path, READ_RUN + "?" + path, f"{MOUNT}?api_key={path}"):
        began = time.monotonic()
        open_stack.client.get(target)  # No key: anybody can send it.
        assert time.monotonic() - began < 0.3, target[:60]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("x-long", "a" * 50_000), bearer(READ)], 200),
        ([(f"x-{number}", "a") for number in range(80)] + [bearer(READ)], 200),
        ([(f"x-{number}", "a") for number in range(100)] + [bearer(READ)], 431),
        ([("x-long", "a" * 70_000), bearer(READ)], 431),
        ([bearer("a" * 50_000)], 401),
        ([("x-api-key", "a" * 50_000)], 401),
        ([("authorization", "Basic " + "QUFB" * 12_000)], 401),
        ([("authorization", "")], 401),
        ([("authorization", "Bearer")], 401),
        ([("x-api-key", "")], 401),
        ([("x-request-id", "a" * 50_000), bearer(keys.NO_SCOPES["key"])], 403),
        ([("origin", "a" * 50_000), bearer(keys.NO_SCOPES["key"])], 403),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_long_and_empty_headers(open_stack: Stack, headers: list[tuple[str, str]], status: int) -> None:
    with unharmed(open_stack):
        assert open_stack.client.get(READ_RUN, headers).status == status


# --- HTTP/2 ---


class RawHttp2(Http2):
    """Sends exactly the header block it is given."""

    def exchange(self, headers: list[tuple[str, str | bytes]]) -> int | str:
        """The status of the response, or how the server refused to give one."""
        stream = self._h2.get_next_available_stream_id()
        self._streams[stream] = Http2Stream()
        try:
            self._h2.send_headers(stream, headers, end_stream=True)
            self._flush()
            return self.wait(stream).status
        except StreamWasReset:
            return "reset"
        except ConnectionError:
            return "closed"


def block(**changed: str | bytes | None) -> list[tuple[str, str | bytes]]:
    """An allowed read, but for these pseudo-headers; None leaves one out."""
    pseudo = {"method": "GET", "scheme": "http", "authority": "example.test", "path": READ_RUN, **changed}
    return [(f":{name}", value) for name, value in pseudo.items() if value is not None] + [bearer(READ)]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (block(), 200),
        (block(method=None), "closed"),
        (block(path=None), "closed"),
        (block(scheme=None), "closed"),
        (block(authority=None), "closed"),
        (block(method=""), "closed"),
        (block(path=""), "closed"),
        (block(path="*"), "closed"),
        (block(method="OPTIONS", path="*"), 404),
        (block(method="CONNECT", scheme=None, path=None), 400),
        (block(method="CONNECT"), "closed"),
        (block(protocol="websocket", method="CONNECT"), "closed"),
        (block(method="get"), 400),
        (block(method="post", path=CREATE_RUN), 400),
        (block(method="PROPFIND"), 403),
        (block(method=ODD), "closed"),
        (block(scheme=ODD), "closed"),
        (block(authority=ODD), "closed"),
        (block(path=READ_RUN.encode() + ODD), 400),
        (block(path="http://example.test" + READ_RUN), "closed"),
        ([*block(), ("host", "other.test")], 200),
        ([*block(), ("x-anything", ODD)], 200),
        ([*block(), ("cookie", "a=b"), ("cookie", ODD)], 200),
        ([*block()[:4], ("authorization", b"Bearer " + ODD)], 401),
        ([*block()[:4], (":path", "/"), bearer(READ)], "closed"),
    ],
    ids=lambda value: repr(value)[:90],
)
def test_pseudo_headers(open_stack: Stack, headers: list[tuple[str, str | bytes]], expected: int | str) -> None:
    upstream, envoy = open_stack.upstream.count, open_stack.envoy
    if headers == block(scheme=ODD) and paths.envoy_version() < (1, 37):
        expected = 200  # Envoy 1.36 lets it in.
    with unharmed(open_stack), RawHttp2(envoy.host, envoy.port) as connection:
        assert connection.exchange(headers) == expected
    assert open_stack.upstream.count == upstream + (expected == 200) + 1


# --- many at once ---


def key_id(response: Response) -> str:
    """Whom the filter took the caller for, as upstream was told."""
    return next(value for name, value in response.json()["headers"] if name == "x-mlflow-authz-key")


@pytest.mark.parametrize("same_key", [True, False], ids=["same key", "different keys"])
def test_concurrent_streams_of_one_connection(stack: Stack, fresh_read: FreshKey, same_key: bool) -> None:
    # One address has half of the callouts for keys that were never validated: 24 by default.
    count = 50 if same_key else 20
    one = fresh_read()
    callers = [one if same_key else fresh_read() for _ in range(count)]
    with unharmed(stack), stack.auth.faults(delay_ms=200), Http2(stack.envoy.host, stack.envoy.port) as h2:
        streams = [h2.start("GET", READ_RUN, [bearer(caller)]) for caller in callers]
        answers = [h2.wait(stream) for stream in streams]
    assert [answer.status for answer in answers] == [200] * count
    assert [key_id(answer) for answer in answers] == [caller.replace("hk_live_", "key_") for caller in callers]


def test_concurrent_streams_get_their_own_answers(stack: Stack, fresh_read: FreshKey) -> None:
    reader = fresh_read()
    kinds = [
        ("GET", READ_RUN, reader, 200),
        ("POST", CREATE_RUN, reader, 403),
        ("POST", CREATE_RUN, fresh_read(), 403),
        ("GET", READ_RUN, "hk_live_nobody", 401),
        ("GET", READ_RUN, keys.LIMITED["key"], 429),
        ("POST", CREATE_RUN, WRITE, 200),
    ]
    wanted = kinds * 8
    with unharmed(stack), stack.auth.faults(delay_ms=100), Http2(stack.envoy.host, stack.envoy.port) as h2:
        streams = [h2.start(method, path, [bearer(key)]) for method, path, key, _ in wanted]
        assert [h2.wait(stream).status for stream in streams] == [status for *_, status in wanted]


def test_pipelined_requests_are_answered_in_order(stack: Stack, fresh_read: FreshKey) -> None:
    head = b"%s %s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n\r\n"
    key = fresh_read().encode()
    sent = head % (b"GET", READ_RUN.encode(), key) + head % (b"POST", CREATE_RUN.encode(), key)
    with unharmed(stack), stack.auth.faults(delay_ms=100), stack.client.connect() as connection:
        connection.send(sent)
        assert [connection.read_response().status for _ in range(2)] == [200, 403]


# --- clients that hang up ---

HEAD = "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 1000\r\n\r\n"


def hang_up(client: Client, key: str, body: bytes) -> None:
    with client.connect() as connection:
        connection.send(HEAD.format(path=CREATE_RUN, key=key).encode() + body)
        threading.Event().wait(0.03)


@pytest.mark.parametrize("body", [b"", bytes(10), bytes(1000)], ids=["no body", "some body", "all body"])
@pytest.mark.parametrize("verdict", ["write", "unknown"])
def test_clients_that_hang_up_during_the_callout(
    stack: Stack, fresh_write: FreshKey, body: bytes, verdict: str
) -> None:
    upstream = stack.upstream.count
    unknown = [f"hk_live_gone_{len(body)}_{number}" for number in range(20)]
    callers = [fresh_write() for _ in range(20)] if verdict == "write" else unknown
    before = stack.auth.validations
    with unharmed(stack), stack.auth.faults(delay_ms=200), ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda key: hang_up(stack.client, key, body), callers))
    assert stack.auth.validations > before  # They did wait for a callout.
    wait_until(lambda: nothing_is_open(stack), "every stream and callout has ended")
    assert stack.upstream.count == upstream + 1  # The ordinary request of `unharmed`.


@pytest.mark.parametrize("ended", ["streams", "connection"])
def test_http2_clients_that_hang_up_during_the_callout(stack: Stack, fresh_write: FreshKey, ended: str) -> None:
    upstream = stack.upstream.count
    with unharmed(stack), stack.auth.faults(delay_ms=150):
        with Http2(stack.envoy.host, stack.envoy.port) as h2:
            streams = [
                h2.start("POST", CREATE_RUN, [bearer(fresh_write())], bytes(100), end=number % 2 == 0)
                for number in range(20)
            ]
            wait_until(lambda: stack.auth.stats()["in_flight"] >= 10, "callouts are open")
            if ended == "streams":
                for stream in streams:
                    h2.cancel(stream)
                assert h2.request("POST", CREATE_RUN, [bearer(READ)]).status == 403
    wait_until(lambda: nothing_is_open(stack), "every stream and callout has ended")
    assert stack.upstream.count == upstream + 1


def nothing_is_open(stack: Stack) -> bool:
    open_now = stack.envoy.stats("^(http.mlflow.downstream|cluster.auth_service.upstream)_rq_active$")
    assert len(open_now) == 2, open_now
    return not any(open_now.values())
