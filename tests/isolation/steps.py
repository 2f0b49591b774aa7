"""One request of an attempt, written with the names of what it asks for: `{it.run}`, `{me.experiment}`, `{got.trace}`.

`it` is the workspace whose objects are asked for, `me` the one that the request is sent in, `got` what earlier
steps of the same attempt have answered.
"""

import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Names = Mapping[str, Mapping[str, str]]
API2, API3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
AJAX2, AJAX3 = "/ajax-api/2.0/mlflow", "/ajax-api/3.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"

_NAME = re.compile(r"\{(it|me|got)\.(\w+)\}")


@dataclass(frozen=True)
class Step:
    method: str
    target: str
    body: Any = None
    """What is sent as JSON; bytes are sent as they are, and a function makes them from the names."""
    headers: tuple[tuple[str, str], ...] = ()
    keep: Mapping[str, str] = field(default_factory=dict)
    """Names for `got`, each with the path of its value in the answer: `run.info.run_id`."""


@dataclass(frozen=True)
class Attempt:
    """A way to ask for an object of another workspace."""

    operation: str
    way: str
    steps: tuple[Step, ...]
    control: tuple[Step, ...] = ()
    """What the owner sends, where a spelling only makes sense from elsewhere; otherwise the same steps."""
    shows: str = "sees"
    """What the owner's own request has to be: done (`sees`), or answered otherwise than without the object
    (`answer`), or nothing (`none`)."""
    only_from: str = ""
    """The one workspace that this is tried from: the default one's paths."""
    since: str = "3.10"
    until: str = "99"


def fill(text: str, names: Names, quote: bool = False) -> str:
    def value(found: re.Match[str]) -> str:
        word = names[found[1]][found[2]]
        return urllib.parse.quote(word, safe="/") if quote else word

    return _NAME.sub(value, text)


def fill_json(value: Any, names: Names) -> Any:
    if isinstance(value, str):
        return fill(value, names)
    if isinstance(value, dict):
        return {fill(key, names): fill_json(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_json(item, names) for item in value]
    return value


def encode(step: Step, names: Names) -> tuple[str, list[tuple[str, str]], bytes | None]:
    """Target, headers and body as they are sent."""
    headers = [(name, fill(value, names)) for name, value in step.headers]
    target = fill(step.target, names, quote=True)
    if step.body is None:
        return target, headers, None
    if isinstance(step.body, bytes):
        return target, headers, fill(step.body.decode(), names).encode()
    if isinstance(step.body, Raw):
        return target, headers, step.body.make(names)
    return target, [("content-type", "application/json"), *headers], json.dumps(fill_json(step.body, names)).encode()


@dataclass(frozen=True)
class Raw:
    """A body that is no JSON and has names in it."""

    make: Callable[[Names], bytes]


def get(target: str, **keep: str) -> Step:
    return Step("GET", target, keep=keep)


def post(target: str, body: Any, **keep: str) -> Step:
    return Step("POST", target, body, keep=keep)


def patch(target: str, body: Any) -> Step:
    return Step("PATCH", target, body)


def delete(target: str, body: Any = None) -> Step:
    return Step("DELETE", target, body)


def put(target: str, body: bytes = b"zqmade") -> Step:
    return Step("PUT", target, body)


def tries(operation: str, *ways: tuple[Any, ...], **options: Any) -> list[Attempt]:
    """Several ways of one operation: of each its name, then its steps."""
    return [Attempt(operation, way, tuple(steps), **options) for way, *steps in ways]


def with_control(attempts: list[Attempt], *control: Step) -> list[Attempt]:
    return [replace(attempt, control=control) for attempt in attempts]
