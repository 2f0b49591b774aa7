"""Bodies that are too large, empty, or not as long as their request says, where a name in them decides."""

import time
from collections.abc import Callable

import pytest

from harness.auth_service import AuthService
from harness.bodies import (
    CREATE,
    DELAY,
    JSON,
    LIMIT,
    PLUGIN,
    Answer,
    body,
    chunk,
    chunked,
    digest,
    fresh,
    http2_with_length,
    http2_without_length,
    no_body,
    on_a_connection,
    on_http2,
    reason,
    warm,
    with_length,
)
from harness.checks import sent_upstream, unharmed
from harness.envoy_config import Config, connection_manager
from harness.http import Connection, bearer, encode_head
from harness.http2 import Http2, StreamWasReset
from harness.processes import wait_until
from harness.stack import Stack


@pytest.fixture
def stack(inspecting_stack: Stack) -> Stack:
    return inspecting_stack


# --- too large ---


def test_too_large_by_its_length_is_refused_at_once(stack: Stack) -> None:
    key = warm(stack)
    with unharmed(stack):
        before = sent_upstream(stack)
        answer = on_a_connection(stack, [bearer(key), ("content-length", str(LIMIT + 1))], [b""])()
        assert reason(answer) == (413, "body_too_large")
        assert f"{LIMIT} bytes" in answer.json()["message"]
        with Http2(stack.envoy.host, stack.envoy.port) as connection:
            headers = [bearer(key), JSON, ("content-length", str(LIMIT + 1))]
            stream = connection.start("POST", CREATE, headers, b"", end=False)
            assert reason(connection.wait(stream)) == (413, "body_too_large")
        assert sent_upstream(stack) == before


@pytest.mark.parametrize("is_cold", [False, True], ids=["cached key", "cold key"])
def test_too_large_by_counting_is_refused_before_its_end(stack: Stack, is_cold: bool) -> None:
    data = body("acme-fraud", LIMIT + 1)
    assert len(data) == LIMIT + 1
    with unharmed(stack), stack.auth.faults(delay_ms=int(DELAY * 1000)):
        key = fresh(stack) if is_cold else warm(stack)
        before = sent_upstream(stack)
        answer = on_a_connection(stack, [bearer(key), ("transfer-encoding", "chunked")], [chunk(data)])()
        assert reason(answer) == (413, "body_too_large")
        assert sent_upstream(stack) == before


@pytest.mark.parametrize("is_cold", [False, True], ids=["cached key", "cold key"])
def test_too_large_by_counting_on_http2(stack: Stack, is_cold: bool) -> None:
    with unharmed(stack), stack.auth.faults(delay_ms=int(DELAY * 1000)):
        key = fresh(stack) if is_cold else warm(stack)
        before = sent_upstream(stack)
        with Http2(stack.envoy.host, stack.envoy.port) as connection:
            data = body("acme-fraud", LIMIT + 1)
            stream = connection.start("POST", CREATE, [bearer(key), JSON], data, end=False)
            answer = connection.wait(stream)
        # Envoy's own answer to a stream whose buffer is full: initial_stream_window_size, 64 KiB as well.
        assert (answer.status, answer.body) == (413, b"Payload Too Large")
        assert sent_upstream(stack) == before


def test_far_too_large_and_unannounced(stack: Stack) -> None:
    key = warm(stack)
    with unharmed(stack):
        before = sent_upstream(stack)
        with stack.client.connect() as connection:
            headers = [("host", "x"), bearer(key), JSON, ("transfer-encoding", "chunked")]
            connection.send(encode_head("POST", CREATE, headers))
            try:
                for _ in range(100):
                    connection.send(chunk(b" " * LIMIT))
            except ConnectionError:
                pass  # Refused and closed in the middle.
            else:
                assert reason(connection.read_response()) == (413, "body_too_large")
        assert sent_upstream(stack) == before


def test_the_limit_is_configured(start_stack: Callable[..., Stack], auth_service: AuthService) -> None:
    plugin = {**PLUGIN, "body_limit": 100}
    stack = start_stack(auth=auth_service, plugin=plugin, allow_on_headers_stop_iteration=True)
    key = warm(stack)
    for form in (with_length, chunked, http2_without_length):
        assert form(stack, key, body("acme-fraud", 100))().status == 200
        assert reason(form(stack, key, body("acme-fraud", 101))()) == (413, "body_too_large")


def test_on_http2_the_window_is_a_limit_too(start_stack: Callable[..., Stack], auth_service: AuthService) -> None:
    # A held body has to fit into the stream's window; Envoy answers what does not, and none of it goes upstream.
    def with_window(size: int) -> Stack:
        def edit(config: Config) -> None:
            connection_manager(config)["http2_protocol_options"]["initial_stream_window_size"] = size

        return start_stack(
            auth=auth_service, plugin={**PLUGIN, "body_limit": 4 * LIMIT}, edit=edit,
            allow_on_headers_stop_iteration=True,
        )  # fmt: skip

    data = body("acme-fraud", 3 * LIMIT)
    for window, status in ((LIMIT, 413), (4 * LIMIT, 200)):
        stack = with_window(window)
        key = warm(stack)
        before = sent_upstream(stack)
        for form in (http2_with_length, http2_without_length):
            answer = form(stack, key, data)()
            assert answer.status == status, (window, form, answer)
            if status == 200:
                assert answer.json()["body_sha256"] == digest(data)
            else:
                assert answer.body == b"Payload Too Large"
                assert sent_upstream(stack) == before
        assert with_length(stack, key, data)().json()["body_sha256"] == digest(data)


# --- nothing, or less than promised ---


def zero_length(stack: Stack, key: str) -> Answer:
    return on_a_connection(stack, [bearer(key), ("content-length", "0")], [b""])


def no_chunks(stack: Stack, key: str) -> Answer:
    return on_a_connection(stack, [bearer(key), ("transfer-encoding", "chunked")], [b"0\r\n\r\n"])


def only_trailers(stack: Stack, key: str) -> Answer:
    return on_a_connection(stack, [bearer(key), ("transfer-encoding", "chunked")], [b"0\r\nx-a: 1\r\n\r\n"])


def http2_headers_only(stack: Stack, key: str) -> Answer:
    connection = Http2(stack.envoy.host, stack.envoy.port)
    stream = connection.start("POST", CREATE, [bearer(key), JSON])
    return lambda: connection.wait(stream)


def http2_empty_frame(stack: Stack, key: str) -> Answer:
    return on_http2(stack, [bearer(key)], [b""])


def http2_only_trailers(stack: Stack, key: str) -> Answer:
    return on_http2(stack, [bearer(key)], [b""], trailers=True)


EMPTY = [
    no_body, zero_length, no_chunks, only_trailers, http2_headers_only, http2_empty_frame, http2_only_trailers
]  # fmt: skip


@pytest.mark.parametrize("form", EMPTY, ids=lambda form: form.__name__)
@pytest.mark.parametrize("is_cold", [False, True], ids=["cached key", "cold key"])
def test_an_empty_body_names_nothing(stack: Stack, form: Callable[[Stack, str], Answer], is_cold: bool) -> None:
    key = fresh(stack) if is_cold else warm(stack)
    with unharmed(stack):
        before = sent_upstream(stack)
        with stack.auth.faults(delay_ms=100 if is_cold else 0):
            began = time.monotonic()
            answer = form(stack, key)()
        assert reason(answer) == (400, "body_ambiguous")
        assert time.monotonic() - began < 3
        assert sent_upstream(stack) == before


def test_a_length_that_is_not_the_bodys(stack: Stack) -> None:
    key, data = warm(stack), body("acme-fraud")
    with unharmed(stack):
        before = sent_upstream(stack)
        for length in (len(data) - 1, len(data) + 1):
            headers = [bearer(key), ("content-length", str(length))]
            # HTTP/2 says both: Envoy resets the stream, or the filter refuses.
            try:
                assert on_http2(stack, headers, [data])().status == 400
            except StreamWasReset:
                pass
        # HTTP/1.1: what is left over is the next request's beginning, and none.
        answer = on_a_connection(stack, [bearer(key), ("content-length", str(len(data) - 1))], [data])()
        assert reason(answer) == (400, "body_ambiguous")
        assert sent_upstream(stack) == before


def test_a_body_that_stops_coming(stack: Stack) -> None:
    key, data = warm(stack), body("acme-fraud")
    with unharmed(stack):
        before = sent_upstream(stack)
        began = time.monotonic()
        first = on_a_connection(stack, [bearer(key), ("content-length", str(len(data)))], [data[:-1]])
        second = on_a_connection(stack, [bearer(key), ("transfer-encoding", "chunked")], [chunk(data)])
        with Http2(stack.envoy.host, stack.envoy.port) as connection:
            stream = connection.start("POST", CREATE, [bearer(key), JSON], data, end=False)
            answers = [first(), second(), connection.wait(stream)]
        assert [reason(answer) for answer in answers] == [(403, "body_unavailable")] * 3
        assert 3 < time.monotonic() - began < 9
        assert sent_upstream(stack) == before
        time.sleep(1)  # The watch is over; whoever comes next is not affected.
        assert with_length(stack, key, data)().status == 200


@pytest.mark.parametrize("is_cold", [False, True], ids=["cached key", "cold key"])
def test_clients_that_leave_in_the_middle(stack: Stack, is_cold: bool) -> None:
    data = body("acme-fraud", 1000)
    with unharmed(stack):
        key = fresh(stack) if is_cold else warm(stack)
        before = sent_upstream(stack)
        with stack.auth.faults(delay_ms=int(DELAY * 1000)):
            for size in (0, 1, 500, len(data) - 1):
                with Connection(stack.envoy.host, stack.envoy.port) as connection:
                    headers = [("host", "x"), bearer(key), JSON, ("content-length", str(len(data)))]
                    connection.send(encode_head("POST", CREATE, headers) + data[:size])
                    time.sleep(0.02)
                with Http2(stack.envoy.host, stack.envoy.port) as connection:
                    stream = connection.start("POST", CREATE, [bearer(key), JSON], data[:size], end=False)
                    connection.cancel(stream)
                    gone = connection.start("POST", CREATE, [bearer(key), JSON], data[:size], end=False)
                    time.sleep(0.02)
                    assert gone != stream
        pattern = "^http.mlflow.downstream_rq_active$"
        wait_until(lambda: not sum(stack.envoy.stats(pattern).values()), "every request is gone", timeout=3)
        assert sent_upstream(stack) == before
        assert with_length(stack, key, data)().status == 200
