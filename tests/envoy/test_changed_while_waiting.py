"""The filter's configuration replaced while requests wait: for the auth service, and for their bodies.

Whoever waits is decided by what its request met; whoever comes after by what came after. Nobody waits for ever.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.bodies import CREATE, JSON, PLUGIN
from harness.checks import CREATE_RUN
from harness.hot import LONG_DRAIN, HotFilter, HotListener
from harness.http import Connection, bearer, encode_head
from harness.stack import Stack

StartStack = Callable[..., Stack]
WAYS = {"LDS": HotListener, "ECDS": HotFilter}
DELAY = 1.0
"""How long the auth service takes, in seconds."""
READERS_WRITE = {"scopes": {"model:read": ["*:read", "run:write"]}}
READERS_READ = {"scopes": {"model:read": ["*:read"]}}
NAMED = json.dumps({"name": "acme-1"}).encode()
FOREIGN = json.dumps({"name": "other-1"}).encode()

_LIMITED = keys.FreshKeys(["model:write:acme-*"])
_READ = keys.FreshKeys(["model:read"])


def opened(stack: Stack, target: str, key: str, length: int, begun: bytes) -> Connection:
    connection = Connection(stack.envoy.host, stack.envoy.port)
    head = [("host", "x"), JSON, bearer(key), ("content-length", str(length))]
    connection.send(encode_head("POST", target, head) + begun)
    return connection


@pytest.mark.parametrize("way", WAYS)
def test_whoever_waits_while_the_filter_is_replaced(start_stack: StartStack, tmp_path: Path, way: str) -> None:
    hot = WAYS[way](tmp_path / "hot")
    plugin: dict[str, Any] = {**PLUGIN, **READERS_READ}
    with AuthService([*keys.STANDARD, *_LIMITED.entries, *_READ.entries], tmp_path) as auth:
        stack = start_stack(
            auth=auth, edit=hot.edit, plugin=plugin, arguments=LONG_DRAIN, allow_on_headers_stop_iteration=True
        )
        with auth.faults(delay_ms=int(DELAY * 1000), target="validate"):
            old = [opened(stack, CREATE_RUN, _READ.take(), 2, b"{}") for _ in range(10)]
            named = [opened(stack, CREATE, _LIMITED.take(), len(NAMED), NAMED[:5]) for _ in range(5)]
            foreign = [opened(stack, CREATE, _LIMITED.take(), len(FOREIGN), FOREIGN[:5]) for _ in range(5)]
            stalled = opened(stack, CREATE, _LIMITED.take(), len(NAMED), NAMED[:5])
            gone = [opened(stack, CREATE_RUN, _READ.take(), 2, b"{}") for _ in range(10)]
            time.sleep(DELAY / 4)
            assert hot.swap(stack.envoy, READERS_WRITE)
            for connection in gone[:5]:
                connection.close()
            new = [opened(stack, CREATE_RUN, _READ.take(), 2, b"{}") for _ in range(10)]
            time.sleep(DELAY / 4)
            assert hot.swap(stack.envoy, READERS_READ)
            for connection in gone[5:]:
                connection.close()
            newest = [opened(stack, CREATE_RUN, _READ.take(), 2, b"{}") for _ in range(10)]
            for connections, status in ((old, 403), (new, 200), (newest, 403)):
                assert [c.read_response().status for c in connections] == [status] * 10
            time.sleep(0.5)
        for connections, rest, status in ((named, NAMED[5:], 200), (foreign, FOREIGN[5:], 403)):
            for connection in connections:
                connection.send(rest)
            assert [c.read_response().status for c in connections] == [status] * 5
        answer = stalled.read_response()
        assert (answer.status, answer.json()["reason"]) == (403, "body_unavailable")
        assert not any(stack.envoy.stats(r"^wasm\..*vm_reload").values())
        assert not [text for level, text in stack.envoy.wasm_log() if level == "critical"]
