"""Sends load with wrk (Debian package wrk): a fixed number of requests over kept-alive connections."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

CONNECTIONS = 16

_SCRIPT = Path(__file__).with_name("load.lua")
_LONGEST_SECONDS = 60


@dataclass(frozen=True)
class Request:
    """What is sent, again and again."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class Numbers:
    """What stands in place of `{number}` in a header: one of `keys` numbers from `first` on."""

    first: int = 0
    keys: int = 1
    order: Literal["turn", "random"] = "turn"


@dataclass(frozen=True)
class Load:
    """What wrk saw. Latencies are from the sending of a request to the end of its answer."""

    requests: int
    seconds: float
    p50_us: int
    p99_us: int
    refused: int
    """Answers with a status of 400 and above."""
    errors: int


def send(
    request: Request,
    url: str,
    count: int,
    pause_ms: int = 0,
    numbers: Numbers = Numbers(),
    connections: int = CONNECTIONS,
) -> Load:
    """Sends a request `count` times, each connection waiting for the answer before the next.

    With `pause_ms`, a connection also waits for a random time of that mean. wrk leaves out the last few
    answers, those still under way when the last request has been sent.
    """
    command = ["wrk", "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{_LONGEST_SECONDS}s", "--script", str(_SCRIPT)]
    for name, value in request.headers.items():
        command += ["--header", f"{name}: {value}"]
    command += [url + request.target, "--", request.method, str(count), str(pause_ms)]
    command += [numbers.order, str(numbers.first), str(numbers.keys)]
    if request.body:
        command.append(request.body)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_SECONDS + 30, check=True)
    load = Load(**json.loads(ended.stdout.splitlines()[-1]))
    if load.errors or load.requests < count - connections:
        raise RuntimeError(f"wrk got {load.requests} of {count} answers:\n{ended.stdout}{ended.stderr}")
    return load
