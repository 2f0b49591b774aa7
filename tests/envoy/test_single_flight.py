"""Many requests at once with one key: one callout, and to each request its own decision."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness import keys
from harness.checks import CREATE_RUN, READ_RUN, unharmed
from harness.http import Client, bearer, encode_head
from harness.http2 import Http2
from harness.many import at_once, lookups, send, sent_at_once
from harness.pool import Pool
from harness.processes import wait_until
from harness.stack import Stack
from harness.upstream import EchoUpstream

READS = keys.FreshKeys(["model:read"])
WRITES = keys.FreshKeys(["model:write"])
WORKERS = (1, 2, 4)
StartStack = Callable[..., Stack]


@pytest.fixture(scope="module", params=WORKERS, ids=lambda count: f"{count} workers")
def busy(request: pytest.FixtureRequest, session_dir: Path, echo: EchoUpstream, pool: Pool) -> Iterator[Stack]:
    """A stack with so many workers, and an auth service of its own."""
    with Stack(
        session_dir / f"busy{request.param}",
        keys=keys.STANDARD + READS.entries + WRITES.entries,
        upstream=echo,
        concurrency=request.param,
        plugin={"auth_service": {"timeout": "1s", "breaker": {"failures": 1_000_000}}},
        pool=pool,
    ) as started:
        yield started


def changes(stack: Stack, before: dict[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in lookups(stack).items()}


def asked_once(stack: Stack, before: dict[str, int], requests: int) -> None:
    """One request asked; all others joined it, on its worker or on another."""
    made = {name: count for name, count in changes(stack, before).items() if count}
    assert made == {"miss": 1, "joined": requests - 1}, made


# --- a burst ---


def test_a_burst_of_reads_and_writes_is_one_callout(busy: Stack) -> None:
    key = READS.take()
    asked, upstream, before = busy.auth.validations, busy.upstream.count, lookups(busy)
    requests = [("GET", READ_RUN, key), ("POST", CREATE_RUN, key)] * 20
    with busy.auth.faults(delay_ms=400):
        answers = at_once(busy, requests)
    assert [answer.status for answer in answers] == [200, 403] * 20
    for read, write in zip(answers[::2], answers[1::2], strict=True):
        seen = dict(read.json()["headers"])
        assert seen["x-mlflow-authz-key"] == key.replace("hk_live_", "key_")
        assert write.json()["required_permission"] == "run:write"
    assert busy.auth.validations == asked + 1
    assert busy.upstream.count == upstream + 20
    asked_once(busy, before, 40)


# A fault or none; the key, fresh if None; the status of everybody's answer; its reason.
OUTCOMES: dict[str, tuple[dict[str, Any], str | None, int, str]] = {
    "unknown": ({}, keys.UNKNOWN, 401, "key_invalid"),
    "refused": ({}, keys.REFUSED["key"], 403, "key_refused"),
    "limited": ({}, keys.LIMITED["key"], 429, "rate_limited"),
    "error": ({"status": 500}, None, 503, "auth_unavailable"),
    "garbage": ({"garbage": "html"}, None, 503, "auth_unavailable"),
    "reset": ({"garbage": "nothing"}, None, 503, "auth_unavailable"),
    "no reply": ({"garbage": "hang"}, None, 503, "auth_unavailable"),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_burst_shares_whatever_comes_of_it(busy: Stack, outcome: str) -> None:
    faults, key, status, reason = OUTCOMES[outcome]
    key = key or READS.take()
    asked, before = busy.auth.validations, lookups(busy)
    with busy.auth.faults(delay_ms=300, **faults):
        answers = at_once(busy, [("GET", READ_RUN, key), ("POST", CREATE_RUN, key)] * 8)
    assert [(answer.status, answer.json()["reason"]) for answer in answers] == [(status, reason)] * 16
    if outcome == "limited":
        assert {answer.header("retry-after") for answer in answers} == {"7"}
    assert busy.auth.validations == asked + 1
    asked_once(busy, before, 16)


def test_every_key_of_a_burst_is_its_own_callout(busy: Stack) -> None:
    callers = [READS.take() for _ in range(8)]
    asked, distinct = busy.auth.validations, busy.auth.stats()["distinct_keys"]
    with busy.auth.faults(delay_ms=400):
        answers = at_once(busy, [("GET", READ_RUN, key) for key in callers * 4])
    found = [dict(answer.json()["headers"])["x-mlflow-authz-key"] for answer in answers]
    assert found == [key.replace("hk_live_", "key_") for key in callers * 4]
    after = busy.auth.stats()
    assert (after["validations"], after["distinct_keys"]) == (asked + 8, distinct + 8)


def test_streams_of_one_connection_are_one_callout(busy: Stack) -> None:
    key = READS.take()
    asked = busy.auth.validations
    with busy.auth.faults(delay_ms=400), Http2(busy.envoy.host, busy.envoy.port) as h2:
        streams = [
            h2.start(*(("GET", READ_RUN) if number % 3 else ("POST", CREATE_RUN)), [bearer(key)])
            for number in range(90)
        ]
        statuses = [h2.wait(stream).status for stream in streams]
    assert statuses == [200 if number % 3 else 403 for number in range(90)]
    assert busy.auth.validations == asked + 1


def test_uploads_wait_with_the_others(busy: Stack) -> None:
    key, body = WRITES.take(), bytes(300_000)
    asked = busy.auth.validations
    head = encode_head("POST", CREATE_RUN, [("host", "x"), bearer(key), ("content-length", str(len(body)))])
    with busy.auth.faults(delay_ms=400), sent_at_once(busy, [("GET", READ_RUN, key)] * 6) as readers:
        with ExitStack() as opened:
            uploads = [opened.enter_context(busy.client.connect()) for _ in range(4)]
            for upload in uploads:
                upload.send(head + body)
            received = [upload.read_response().json() for upload in uploads]
            assert [reader.read_response().status for reader in readers] == [200] * 6
    digest = hashlib.sha256(body).hexdigest()
    assert [(seen["body_bytes"], seen["body_sha256"]) for seen in received] == [(len(body), digest)] * 4
    assert busy.auth.validations == asked + 1


# --- those who go away ---


@pytest.mark.parametrize("way", ["connection", "stream"])
def test_the_first_may_leave_without_harm_to_the_others(busy: Stack, way: str) -> None:
    key = READS.take()
    asked, upstream = busy.auth.validations, busy.upstream.count
    with busy.auth.faults(delay_ms=600), Http2(busy.envoy.host, busy.envoy.port) as h2:
        first = h2.start("GET", READ_RUN, [bearer(key)])
        wait_until(lambda: busy.auth.stats()["in_flight"] == 1, "the first one's callout")
        followers = [h2.start("GET", READ_RUN, [bearer(key)]) for _ in range(10)] if way == "stream" else []
        with sent_at_once(busy, [("POST", CREATE_RUN, key), ("GET", READ_RUN, key)] * 5) as others:
            if way == "stream":
                h2.cancel(first)
            else:
                h2.close()
            assert [other.read_response().status for other in others] == [403, 200] * 5
        assert [h2.wait(follower).status for follower in followers] == [200] * len(followers)
    assert busy.auth.validations == asked + 1
    assert busy.upstream.count == upstream + 5 + len(followers)  # Not the first one's.


def test_an_answer_nobody_waits_for_serves_the_next(busy: Stack) -> None:
    key = READS.take()
    asked = busy.auth.validations
    valid = busy.envoy.metric("mlflow_authz_callouts", outcome="valid")
    with busy.auth.faults(delay_ms=300):
        with busy.client.connect() as gone:
            send(gone, "GET", READ_RUN, key)
            wait_until(lambda: busy.auth.stats()["in_flight"] == 1, "the callout")
        wait_until(lambda: busy.envoy.metric("mlflow_authz_callouts", outcome="valid") > valid, "the answer")
    for _ in range(4):
        assert busy.client.get(READ_RUN, [bearer(key)]).status == 200
    assert busy.auth.validations == asked + 1


def hang_up(client: Client, key: str) -> None:
    with client.connect() as connection:
        send(connection, "GET", READ_RUN, key)


def test_a_crowd_that_comes_and_goes(busy: Stack) -> None:
    key = READS.take()
    asked = busy.auth.validations
    with busy.auth.faults(delay_ms=500):
        with sent_at_once(busy, [("GET", READ_RUN, key)] * 30) as callers:
            wait_until(lambda: busy.auth.stats()["in_flight"] == 1, "the callout")
            for leaver in callers[:20]:
                leaver.close()
            for _ in range(10):
                hang_up(busy.client, key)
            assert [caller.read_response().status for caller in callers[20:]] == [200] * 10
    assert busy.auth.validations == asked + 1


def test_a_burst_leaves_nothing_behind(start_stack: StartStack) -> None:
    stack = start_stack()
    with unharmed(stack):
        for number in range(3):
            with stack.auth.faults(delay_ms=100):
                at_once(stack, [("GET", READ_RUN, f"hk_live_nobody_{number}")] * 20)
    active = stack.envoy.stats("^(http.mlflow.downstream|cluster.auth_service.upstream)_rq_active$")
    assert not any(active.values()), active
    assert stack.auth.stats()["most_per_key"] == 1
