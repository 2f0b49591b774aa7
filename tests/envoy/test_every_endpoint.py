"""Every endpoint of the catalog through the real Envoy: each key gets what its scopes say, and no more."""

import itertools
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from harness import keys, paths
from harness.envoy import Envoy
from harness.http import Connection, Response, bearer
from harness.stack import MOUNT, Stack

Row = dict[str, Any]


def catalog() -> list[Row]:
    """`mlflow-authz routes`: one row a path, with its methods."""
    command = [paths.cli(), "routes", "--format", "json"]
    return json.loads(subprocess.run(command, capture_output=True, timeout=30, check=True).stdout)


def requests() -> Iterator[tuple[str, str, Row]]:
    """Method, path and row of each endpoint; HEAD is served wherever GET is."""
    for row in catalog():
        path = re.sub(r"\{\*\w+\}", "a/b", row["path"])
        path = re.sub(r"\{\w+\}", "1", path)
        assert "{" not in path, row
        for method in row["methods"]:
            yield method, path, row
            if method == "GET":
                yield "HEAD", path, row


@pytest.fixture(scope="module")
def endpoints() -> list[tuple[str, str, Row]]:
    return list(requests())


def is_open(row: Row) -> bool:
    """Whether it needs no key: the sample leaves the group `health` open."""
    return row["public"] == "health"


def answers(envoy: Envoy, endpoints: list[tuple[str, str, Row]], key: str | None) -> list[Response]:
    """The answers to all endpoints, on one connection."""
    headers = [] if key is None else [bearer(key)]
    with Connection(envoy.host, envoy.port) as connection:
        return [connection.request(method, MOUNT + path, headers) for method, path, _ in endpoints]


def test_the_catalog_is_there(endpoints: list[tuple[str, str, Row]]) -> None:
    """Without it, the other tests would pass for lack of rows."""
    assert len(endpoints) > 400
    accesses = Counter(row["access"] for *_, row in endpoints)
    assert set(accesses) == {"read", "write", "promote", "delete", "use", "admin"}
    assert min(accesses.values()) >= 5, accesses
    assert Counter(row["public"] for *_, row in endpoints)["health"] >= 2


EDITS = ("read", "write", "promote")
REGISTRY = {
    *("experiment", "run", "logged_model", "registered_model", "model_version"),
    *("artifact", "dataset", "trace"),
}

CALLERS = {
    # Key, and whether its scopes grant (object, access): the default table, written down once more.
    "read only": (keys.READ["key"], lambda _, access: access == "read"),
    "admin": (keys.ADMIN["key"], lambda *_: True),
    "full access": (keys.FULL["key"], lambda *_: True),
    "no scopes": (keys.NO_SCOPES["key"], lambda *_: False),
    "write": (keys.WRITE["key"], lambda o, access: o in REGISTRY and access in EDITS),
    "register": (keys.REGISTER["key"], lambda o, access: o in REGISTRY and access in ("read", "write")),
    "delete": (keys.DELETE["key"], lambda o, access: o in REGISTRY and access in ("read", "delete")),
    "gateway": (keys.GATEWAY["key"], lambda o, access: o == "gateway" and access in ("read", "use")),
}


def needs(row: Row) -> list[tuple[str, str]]:
    """(object, access) of what a row needs, all of it; nothing where any permission will do."""
    if row.get("needs") == "any permission":
        return []
    return [tuple(each.split(":")) for each in row.get("needs", row["permission"]).split(", ")]


@pytest.mark.parametrize("caller", CALLERS)
def test_each_key_reaches_what_its_scopes_grant(
    stack: Stack, endpoints: list[tuple[str, str, Row]], caller: str
) -> None:
    key, grants = CALLERS[caller]
    holds_any = any(grants(row["object"], row["access"]) for *_, row in endpoints)
    allowed = [is_open(row) or (holds_any and all(grants(*each) for each in needs(row))) for *_, row in endpoints]
    assert any(not needs(row) for *_, row in endpoints) and any(len(needs(row)) > 1 for *_, row in endpoints)
    before = len(stack.upstream.requests())
    found = answers(stack.envoy, endpoints, key)
    wrong = [
        (method, path, row["permission"], answer.status)
        for (method, path, row), answer, may in zip(endpoints, found, allowed, strict=True)
        if answer.status != (200 if may else 403)
    ]
    assert not wrong
    # Upstream has seen those, with method and path as they were sent below the mount, and no others.
    seen = [(request.method, request.path) for request in stack.upstream.requests()[before:]]
    assert seen == [(method, path) for (method, path, _), may in zip(endpoints, allowed, strict=True) if may]


def test_each_refusal_names_operation_and_permission(stack: Stack, endpoints: list[tuple[str, str, Row]]) -> None:
    found = answers(stack.envoy, endpoints, keys.NO_SCOPES["key"])
    refused = [
        (row, answer)
        for (method, _, row), answer in zip(endpoints, found, strict=True)
        if answer.status == 403 and method != "HEAD"
    ]
    for row, answer in refused:
        body = answer.json()
        first = ":".join(needs(row)[0]) if needs(row) else row["permission"]
        assert (body["operation"], body["required_permission"]) == (row["operation"], first)
        assert body["granting_scopes"] == row["scopes"][:5]
        assert first in body["message"]


@pytest.mark.parametrize("key", [None, keys.UNKNOWN], ids=["no key", "unknown key"])
def test_without_a_valid_key_all_but_health_is_401(
    stack: Stack, endpoints: list[tuple[str, str, Row]], key: str | None
) -> None:
    before, asked = stack.upstream.count, stack.auth.validations
    found = answers(stack.envoy, endpoints, key)
    wrong = [
        (method, path, answer.status)
        for (method, path, row), answer in zip(endpoints, found, strict=True)
        if answer.status != (200 if is_open(row) else 401)
    ]
    assert not wrong
    assert stack.upstream.count - before == sum(is_open(row) for *_, row in endpoints)
    if key is None:
        assert stack.auth.validations == asked


def test_other_methods_of_known_paths_need_admin(stack: Stack, endpoints: list[tuple[str, str, Row]]) -> None:
    """A method the catalog does not have for a path is never weaker than one it has."""
    served: dict[str, set[str]] = {}
    for method, path, _ in endpoints:
        served.setdefault(path, set()).add(method)
    others = [
        (method, path, {})
        for path, methods in served.items()
        for method in {"POST", "PUT", "PATCH", "DELETE"} - methods
    ]
    for_reader = answers(stack.envoy, others, keys.READ["key"])
    assert [answer.status for answer in for_reader] == [403] * len(others)


def test_unknown_paths_get_the_strict_reading(stack: Stack) -> None:
    sensitive = ["users", "roles", "permissions", "secrets", "webhooks", "gateway", "jobs", "assistant"]
    cases = [("GET", "/api/9.9/mlflow/brand/new", "*:read"), ("HEAD", "/new-page", "*:read")]
    cases += [("GET", f"/api/9.9/mlflow/{name}/new", "*:admin") for name in sensitive]
    cases += [(m, "/api/9.9/mlflow/new", "*:admin") for m in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")]
    # A grant on some objects is not one on every object.
    reader, writer, full = keys.READ["key"], keys.WRITE["key"], keys.FULL["key"]
    granted = {reader: {"*:read"}, writer: set(), full: {"*:read", "*:admin"}}
    for (method, path, needs), (key, grants) in itertools.product(cases, granted.items()):
        answer = stack.client.request(method, MOUNT + path, [bearer(key)])
        assert answer.status == (200 if needs in grants else 403), (method, path, key)
        if answer.status == 403 and method != "HEAD":
            body = answer.json()
            assert (body["reason"], body["required_permission"]) == ("operation_unknown", needs)
