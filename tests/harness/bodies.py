"""Requests to create a model, whose name is in the body: keys that are limited to names, and every way to send a body."""

import hashlib
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

from . import keys
from .http import Connection, Response, bearer, encode_head
from .http2 import Http2
from .stack import MOUNT, Stack

REGISTRY = f"{MOUNT}/api/2.0/mlflow/registered-models"
CREATE = f"{REGISTRY}/create"
LIMIT = 64 << 10
"""The default of `body_limit`, in bytes."""
SCOPES = ["model:write:acme-*"]
PLUGIN: dict[str, Any] = {"bodies": "inspect", "audit": {"allows": True, "max_per_second": 100_000}}
"""It needs allow_on_headers_stop_iteration, as the fixture `inspecting_stack` has it."""
JSON = ("content-type", "application/json")
DELAY = 0.3
"""How long the auth service takes where a body is to come before its reply, in seconds."""

_numbers = itertools.count()


def fresh(stack: Stack, scopes: list[str] | None = None) -> str:
    """A key that nobody has used, limited to names unless said otherwise."""
    entry = keys.key(f"narrow_{next(_numbers):04}", scopes or SCOPES)
    stack.auth.put_keys(entry)
    return entry["key"]


def warm(stack: Stack, scopes: list[str] | None = None) -> str:
    """A key that the worker remembers."""
    key = fresh(stack, scopes)
    assert stack.client.get(f"{REGISTRY}/get?name=acme-fraud", [bearer(key)]).status == 200
    return key


def body(name: str, size: int = 0) -> bytes:
    """A request to create a model, padded to a size."""
    text = json.dumps({"name": name, "description": ""})
    return json.dumps({"name": name, "description": "d" * max(size - len(text), 0)}).encode()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pieces(data: bytes, count: int = 5) -> list[bytes]:
    step = -(-len(data) // count)
    return [data[at : at + step] for at in range(0, len(data), step)]


def reason(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json()["reason"]


# --- ways to send a body: each sends all of it, then returns how to get the response ---

Answer = Callable[[], Response]


def on_a_connection(stack: Stack, head: list[tuple[str, str]], parts: list[bytes], pause: float = 0) -> Answer:
    connection = Connection(stack.envoy.host, stack.envoy.port)
    connection.send(encode_head("POST", CREATE, [("host", "x"), JSON, *head]) + parts[0])
    for part in parts[1:]:
        time.sleep(pause)
        connection.send(part)

    def answer() -> Response:
        with connection:
            return connection.read_response()

    return answer


def with_length(stack: Stack, key: str, data: bytes) -> Answer:
    return on_a_connection(stack, [bearer(key), ("content-length", str(len(data)))], [data])


def with_length_slowly(stack: Stack, key: str, data: bytes) -> Answer:
    head = [bearer(key), ("content-length", str(len(data)))]
    return on_a_connection(stack, head, [b"", *pieces(data)], 0.03)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(stack: Stack, key: str, data: bytes) -> Answer:
    head = [bearer(key), ("transfer-encoding", "chunked")]
    return on_a_connection(stack, head, [b"".join(map(chunk, pieces(data))) + b"0\r\n\r\n"])


def chunked_slowly(stack: Stack, key: str, data: bytes) -> Answer:
    head = [bearer(key), ("transfer-encoding", "chunked")]
    return on_a_connection(stack, head, [b"", *map(chunk, pieces(data)), b"0\r\n\r\n"], 0.03)


def chunked_with_trailers(stack: Stack, key: str, data: bytes) -> Answer:
    head = [bearer(key), ("transfer-encoding", "chunked")]
    end = b"0\r\nx-checksum: 1\r\nx-odd: \xff\xfe\r\n\r\n"
    return on_a_connection(stack, head, [b"".join(map(chunk, pieces(data))) + end])


def on_http2(
    stack: Stack, headers: list[tuple[str, str]], parts: list[bytes], pause: float = 0, trailers: bool = False
) -> Answer:
    connection = Http2(stack.envoy.host, stack.envoy.port)
    is_all = len(parts) == 1 and not trailers
    stream = connection.start("POST", CREATE, [JSON, *headers], parts[0], end=is_all)
    for number, part in enumerate(parts[1:], 2):
        time.sleep(pause)
        connection.send_body(stream, part, end=number == len(parts) and not trailers)
    if trailers:
        connection.send_trailers(stream, [("x-checksum", "1"), (b"x-odd", b"\xff\xfe")])

    def answer() -> Response:
        with connection:
            return connection.wait(stream)

    return answer


def http2_with_length(stack: Stack, key: str, data: bytes) -> Answer:
    return on_http2(stack, [bearer(key), ("content-length", str(len(data)))], [data])


def http2_without_length(stack: Stack, key: str, data: bytes) -> Answer:
    return on_http2(stack, [bearer(key)], [data])


def http2_slowly(stack: Stack, key: str, data: bytes) -> Answer:
    return on_http2(stack, [bearer(key), ("content-length", str(len(data)))], pieces(data), 0.03)


def http2_slowly_without_length(stack: Stack, key: str, data: bytes) -> Answer:
    # The last frame is empty: nothing but the end.
    return on_http2(stack, [bearer(key)], [*pieces(data), b""], 0.03)


def http2_with_trailers(stack: Stack, key: str, data: bytes) -> Answer:
    return on_http2(stack, [bearer(key)], pieces(data), trailers=True)


def no_body(stack: Stack, key: str) -> Answer:
    return on_a_connection(stack, [bearer(key)], [b""])


FORMS = [
    with_length,
    with_length_slowly,
    chunked,
    chunked_slowly,
    chunked_with_trailers,
    http2_with_length,
    http2_without_length,
    http2_slowly,
    http2_slowly_without_length,
    http2_with_trailers,
]
Form = Callable[[Stack, str, bytes], Answer]
