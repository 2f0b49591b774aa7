"""A key goes to the auth service and, where configured, to upstream as it came. It is found nowhere else."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import keys
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import Headers, Response
from harness.http2 import Http2
from harness.stack import MOUNT, Stack
from harness.upstream import EchoUpstream, Seen

# The part of each key that is searched for. The ids of keys do not have it.
SECRET = "s3cret"


def secret_key(name: str) -> str:
    return f"hk_live_{SECRET}_{name}_0123456789abcdef"


def entry(name: str, scopes: list[str], **more: object) -> keys.Key:
    return {**keys.key(name, scopes, **more), "key": secret_key(name)}


ENTRIES = [
    *keys.STANDARD,
    entry("read", ["model:read"]),
    entry("none", []),
    entry("refused", [], status=403),
    entry("limited", [], status=429),
    # A service that repeats the key where the contract has something else.
    {"key": secret_key("echoed"), "scopes": secret_key("echoed")},
    {"key": secret_key("named"), "scopes": [], "is_admin": {secret_key("named"): 1}},
]


@pytest.fixture(scope="module")
def secretive(session_dir: Path, echo: EchoUpstream) -> Iterator[Stack]:
    """All credentials, everything audited, and the wasm log at its most talkative."""
    plugin = {
        "credentials": ["bearer", "x-api-key", "basic", "query"],
        "audit": {"allows": True, "max_per_second": 100_000},
        "auth_service": {"timeout": "300ms"},
    }
    with Stack(session_dir / "secretive", keys=ENTRIES, upstream=echo, plugin=plugin) as started:
        started.envoy.admin("/logging?wasm=trace", method="POST")
        yield started


def basic(text: str) -> tuple[str, str]:
    return ("authorization", "Basic " + base64.b64encode(text.encode("latin-1")).decode())


# --- ways to send a key ---

WAYS = {
    "bearer": lambda key: ([("authorization", f"Bearer {key}")], ""),
    "apikey": lambda key: ([("authorization", f"ApiKey {key}")], ""),
    "x-api-key": lambda key: ([("x-api-key", key)], ""),
    "basic": lambda key: ([basic(f"user:{key}")], ""),
    "basic user": lambda key: ([basic(f"{key}:")], ""),
    "query": lambda key: ([], f"?api_key={key}"),
    "query, escaped": lambda key: ([], f"?run_id=1&%61pi_key={key}&x=1"),
    "two ways": lambda key: ([("authorization", f"Bearer {key}"), ("x-api-key", key)], f"?api_key={key}"),
    "two keys": lambda key: ([("authorization", f"Bearer {key}"), ("x-api-key", key + "x")], ""),
    "two headers": lambda key: ([("x-api-key", key), ("x-api-key", key)], ""),
    "no scheme": lambda key: ([("authorization", key)], ""),
    "other scheme": lambda key: ([("authorization", f"Digest {key}")], ""),
    "scheme alone": lambda key: ([("authorization", f"{key} x")], ""),
    "odd byte": lambda key: ([("authorization", f"Bearer {key}\xff")], ""),
    "odd basic": lambda key: ([basic(f"user:{key}\xff")], ""),
    "too long": lambda key: ([("x-api-key", key * 200)], ""),
}
# How the auth service knows the key; a fault; the statuses of a read and a write.
KNOWN = {
    "read": ({}, 200, 403),
    "none": ({}, 403, 403),
    "unknown": ({}, 401, 401),
    "refused": ({}, 403, 403),
    "limited": ({}, 429, 429),
    "echoed": ({}, 503, 503),
    "named": ({}, 503, 503),
    "broken": ({"garbage": "text"}, 503, 503),
    "reset": ({"garbage": "reset"}, 503, 503),
}
WELL_FORMED = ("bearer", "apikey", "x-api-key", "basic", "basic user", "query", "query, escaped", "two ways")


def without_credentials(seen: Seen) -> str:
    """What reached upstream, but for the headers that the caller sent a key in."""
    headers = [pair for pair in seen.headers if pair[0].lower() not in ("authorization", "x-api-key")]
    return repr((seen.method, seen.path, headers))


def assert_nowhere(stack: Stack, answers: list[Response], seen: list[Seen], spellings: list[str]) -> None:
    stack.envoy.access_log()  # Waits until it is complete.
    places = {
        "log": stack.envoy.log(),
        "access log": stack.envoy.process.out.read_text(errors="replace"),
        "stats": stack.envoy.admin("/stats"),
        "prometheus": stack.envoy.prometheus(),
        "config": stack.envoy.admin("/config_dump"),
        "clusters": stack.envoy.admin("/clusters"),
        "listeners": stack.envoy.admin("/listeners?format=json"),
        "upstream": "\n".join(without_credentials(request) for request in seen),
        # An allowed request's body is the echo's.
        "answers": repr([(a.headers, a.body if a.status != 200 else "") for a in answers]),
    }
    for place, text in places.items():
        assert text or place == "upstream"
        for spelling in spellings:
            at = text.find(spelling)
            assert at < 0, f"{place}: {text[max(at - 200, 0) : at + 100]}"


def spellings(headers: Headers, key: str) -> list[str]:
    """How the key could stand somewhere: in clear, and as the caller encoded it."""
    encoded = [value.split()[-1][:60] for _, value in headers]
    return [SECRET, key[:20], *(text for text in encoded if len(text) > 20)]


@pytest.mark.parametrize("way", WAYS)
def test_a_key_is_in_no_log_metric_or_answer(secretive: Stack, way: str) -> None:
    answers = []
    seen = len(secretive.upstream.requests())
    used = []
    for name, (faults, read, write) in KNOWN.items():
        key = secret_key(name)
        headers, query = WAYS[way](key)
        used += spellings(headers, key)
        with secretive.auth.faults(**faults):
            answers.append(secretive.client.get(READ_RUN + query, headers))
            answers.append(secretive.client.post(CREATE_RUN + query, headers))
            answers.append(secretive.client.post(MOUNT + "/a;b" + query, headers))
            answers.append(secretive.client.get(MOUNT + "/health" + query, headers))
        if way in WELL_FORMED:
            assert [answer.status for answer in answers[-4:]] == [read, write, 400, 200], name
    assert_nowhere(secretive, answers, secretive.upstream.requests()[seen:], used)


def test_a_key_that_never_gets_an_answer(secretive: Stack) -> None:
    key = secret_key("gone")
    headers, _ = WAYS["bearer"](key)
    seen = len(secretive.upstream.requests())
    with secretive.auth.faults(delay_ms=1000):
        with Http2(secretive.envoy.host, secretive.envoy.port) as connection:
            connection.cancel(connection.start("POST", CREATE_RUN, headers, b"x", end=False))
        timed_out = secretive.client.get(READ_RUN, headers)
    assert timed_out.status == 503
    assert_nowhere(secretive, [timed_out], secretive.upstream.requests()[seen:], spellings(headers, key))


def test_a_key_in_the_path_of_a_sloppy_caller(secretive: Stack) -> None:
    """A path is recorded, so this only shows that the search above finds what is there."""
    secretive.client.get(f"{MOUNT}/api/{keys.UNKNOWN}")
    with pytest.raises(AssertionError, match="log: "):
        assert_nowhere(secretive, [], [], [f"/api/{keys.UNKNOWN}"])
