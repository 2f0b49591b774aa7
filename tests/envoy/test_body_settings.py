"""The setting `bodies` and Envoy's allow_on_headers_stop_iteration: where they do not fit, and where bodies are ignored."""

import time
from collections.abc import Callable

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.bodies import (
    CREATE,
    FORMS,
    JSON,
    LIMIT,
    PLUGIN,
    REGISTRY,
    body,
    chunked,
    fresh,
    http2_with_length,
    http2_with_trailers,
    http2_without_length,
    no_body,
    on_a_connection,
    reason,
    warm,
    with_length,
)
from harness.checks import sent_upstream
from harness.http import bearer
from harness.stack import Stack


@pytest.mark.parametrize("field", [None, False], ids=["unset", "false"])
def test_inspect_without_the_field_refuses_in_time(
    start_stack: Callable[..., Stack], auth_service: AuthService, field: bool | None
) -> None:
    stack = start_stack(auth=auth_service, plugin=PLUGIN, allow_on_headers_stop_iteration=field)
    for key in (warm(stack), fresh(stack)):
        before, began = sent_upstream(stack), time.monotonic()
        waiting = [form(stack, key, body("acme-fraud")) for form in FORMS]
        large = on_a_connection(stack, [bearer(key), ("content-length", str(LIMIT))], [bytes(LIMIT // 2)])
        answers = [answer() for answer in [*waiting, large]]
        assert {reason(answer) for answer in answers} == {(403, "body_unavailable")}
        assert time.monotonic() - began < 12
        assert sent_upstream(stack) == before
        # What needs no body goes on as before.
        assert stack.client.get(f"{REGISTRY}/get?name=acme-fraud", [bearer(key)]).status == 200
        assert reason(no_body(stack, key)()) == (400, "body_ambiguous")
    assert stack.client.post(CREATE, [bearer(keys.WRITE["key"]), JSON], body("globex")).status == 200
    records = [record for record in stack.envoy.audit() if record["reason"] == "body_unavailable"]
    assert len(records) == 2 * (len(FORMS) + 1)


def test_one_refusal_of_a_mismatch_takes_no_longer_than_six_seconds(
    start_stack: Callable[..., Stack], auth_service: AuthService
) -> None:
    stack = start_stack(auth=auth_service, plugin=PLUGIN)
    began = time.monotonic()
    assert reason(with_length(stack, warm(stack), body("acme-fraud"))()) == (403, "body_unavailable")
    assert 4 < time.monotonic() - began < 7
    # The operator is told why.
    lines = [line for line in stack.envoy.log().splitlines() if "body_unavailable: " in line]
    assert len(lines) == 1 and "[error][wasm]" in lines[0], lines
    assert "allow_on_headers_stop_iteration is not true" in lines[0]


@pytest.mark.parametrize("field", [None, True], ids=["unset", "true"])
def test_bodies_that_are_ignored_are_refused_at_once(
    start_stack: Callable[..., Stack], auth_service: AuthService, field: bool | None
) -> None:
    plugin = {**PLUGIN, "bodies": "ignore"}
    stack = start_stack(auth=auth_service, plugin=plugin, allow_on_headers_stop_iteration=field)
    for key in (warm(stack), fresh(stack)):
        before, began = sent_upstream(stack), time.monotonic()
        for form in (with_length, chunked, http2_with_length, http2_without_length, http2_with_trailers):
            assert reason(form(stack, key, body("acme-fraud"))()) == (403, "body_unavailable")
        assert time.monotonic() - began < 3
        assert sent_upstream(stack) == before
        # Not held: the head alone is answered.
        answer = on_a_connection(stack, [bearer(key), ("content-length", "9")], [b""])()
        assert reason(answer) == (403, "body_unavailable")
    assert stack.client.post(CREATE, [bearer(keys.WRITE["key"]), JSON], body("globex")).status == 200
