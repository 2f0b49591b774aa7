"""A key goes to the auth service and, where configured, to upstream as it came. It is found nowhere else."""

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import Headers, Response, bearer
from harness.http2 import Http2
from harness.many import lookups, sent_at_once
from harness.processes import NotReady, wait_until
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
        "auth_service": {"timeout": "300ms", "breaker": {"failures": 1_000_000}},
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


def assert_nowhere(
    stack: Stack, answers: list[Response], seen: list[Seen], spellings: list[str], but: str = ""
) -> None:
    """None of these spellings is in any place where others read, but for the place that is named."""
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
        if place == but:
            continue
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


# --- what is remembered, shared and polled ---

POLLER = f"Bearer p0ller-{SECRET}-0123456789"
WITH_A_WAY = ("bearer", "x-api-key", "basic", "query")


@pytest.fixture(scope="module")
def remembering(session_dir: Path, echo: EchoUpstream) -> Iterator[Stack]:
    """Everything is remembered, for short times only, so that all that can become of a key does."""
    plugin = {
        "credentials": ["bearer", "x-api-key", "basic", "query"],
        "audit": {"allows": True, "max_per_second": 100_000},
        "auth_service": {
            "timeout": "1s",
            "max_in_flight": 2,
            "breaker": {"failures": 2, "open_for": "500ms"},
        },
        "cache": {"ttl": "500ms", "negative_ttl": "500ms"},
        "key_pattern": "hk_live_*",
        "revocation": {
            "path": "/api/v1/keys/revocations",
            "every": "100ms",
            "credential_header": f"authorization: {POLLER}",
        },
    }
    workdir = session_dir / "remembering"
    workdir.mkdir()
    entries = [*ENTRIES]
    for way in WITH_A_WAY:
        entries += [entry(f"good_{way}", ["model:read"]), entry(f"cold_{way}", [])]
    options = ["--revocations-credential", f"authorization: {POLLER}"]
    with (
        AuthService(entries, workdir, options=options) as auth,
        Stack(workdir, auth=auth, upstream=echo, plugin=plugin) as started,
    ):
        started.envoy.admin("/logging?wasm=trace", method="POST")
        yield started


@pytest.mark.parametrize("way", WITH_A_WAY)
def test_a_key_is_nowhere_whatever_is_remembered_of_it(remembering: Stack, way: str) -> None:
    stack, auth, seen = remembering, remembering.auth, len(remembering.upstream.requests())
    names = (f"good_{way}", f"cold_{way}", "unknown", "refused")
    good, cold, unknown, refused = (secret_key(name) for name in names)
    odd = f"hk_test_{SECRET}_odd_0123456789abcdef"
    answers: list[Response] = []

    def both(key: str) -> list[int]:
        headers, query = WAYS[way](key)
        answers.append(stack.client.get(READ_RUN + query, headers))
        answers.append(stack.client.post(CREATE_RUN + query, headers))
        return [answer.status for answer in answers[-2:]]

    before = {**lookups(stack), **stack.envoy.stats("mlflow_authz_(stale|revocation)")}
    wait_until(lambda: both(good) == [200, 403], "the circuit is closed")
    assert [both(good) for _ in range(3)] == [[200, 403]] * 3
    # Turned down, and remembered; not even asked about.
    assert [both(key) for key in (unknown, refused, odd) * 2] == [[401, 401], [403, 403], [401, 401]] * 2
    # Past its time while the service fails, and then under an open circuit.
    time.sleep(0.6)
    with auth.faults(status=500, target="validate"):
        assert [both(good) for _ in range(4)] == [[200, 403]] * 4
        assert [both(cold) for _ in range(4)] == [[503, 503]] * 4
    # Over the cap.
    wait_until(lambda: both(cold) == [403, 403], "the circuit is closed")
    time.sleep(0.6)
    first = [("GET", READ_RUN, secret_key("first"))]
    with auth.faults(delay_ms=700, target="validate"), sent_at_once(stack, first):
        wait_until(lambda: auth.stats()["in_flight"] == 1, "the callout")
        assert both(secret_key("over")) == [503, 503]
    # Revoked.
    wait_until(lambda: both(good) == [200, 403], "the service is back")
    auth.revoke(f"key_good_{way}")
    wait_until(lambda: both(good) == [401, 401], "the refusal", timeout=5)
    after = {**lookups(stack), **stack.envoy.stats("mlflow_authz_(stale|revocation)")}
    grown = {name for name, count in after.items() if count > before.get(name, 0)}
    custom = {name.removeprefix("wasmcustom.mlflow_authz_") for name in grown}
    assert custom >= {"hit", "refusal", "miss", "stale", "stale_served"}, custom
    assert "revocation_polls.outcome=.=list;.;" in custom
    used = [text for key in (good, cold, unknown, refused, odd) for text in spellings(WAYS[way](key)[0], key)]
    # An operator who may read the configuration may read the poller's credential there.
    requests = stack.upstream.requests()[seen:]
    assert_nowhere(stack, answers, requests, [text for text in used if text != SECRET])
    assert_nowhere(stack, answers, requests, [SECRET], but="config")


# Mistakes that an operator makes with the poller's credential.
SLIPS: list[Any] = [
    {"credential_header": f"p0ller-{SECRET}"},
    {"credential_header": f"au thorization: {SECRET}"},
    {"credential_header": f"authorization: {SECRET}\n"},
    {"credential_header": f"authorization: {SECRET}\u00e9"},
    {"credential_header": [SECRET]},
    {"credential_header": {"authorization": SECRET}},
    {"credential_headers": f"authorization: {SECRET}"},
    f"authorization: {SECRET}",
]


@pytest.mark.parametrize("slip", SLIPS, ids=repr)
def test_a_configuration_that_is_refused_is_not_quoted(start_stack: Callable[..., Stack], slip: Any) -> None:
    revocation = {"path": "/r", **slip} if isinstance(slip, dict) else slip
    if slip == SLIPS[2]:  # White space around a value means nothing.
        stack = start_stack(plugin={"revocation": revocation})
        assert stack.client.get(READ_RUN, [bearer(keys.READ["key"])]).status == 200
        text = stack.envoy.log()
    else:
        with pytest.raises(NotReady) as refusal:
            start_stack(plugin={"revocation": revocation})
        text = str(refusal.value)
        assert "configuration refused: revocation" in text
    assert SECRET not in text
