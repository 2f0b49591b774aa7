"""The trace of a request reaches the auth service with the callout made for it."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.checks import READ_RUN, unharmed
from harness.envoy_config import Config, connection_manager
from harness.http import bearer
from harness.pool import Pool
from harness.processes import wait_until
from harness.stack import Stack

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
STATE = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"
FreshKey = Callable[[], str]


def asked(stack: Stack, key: str, *headers: tuple[str, str | bytes]) -> tuple[dict[str, str], dict[str, str]]:
    """The trace headers that the auth service saw, and those that upstream did."""
    before = stack.auth.validations
    seen = stack.client.get(READ_RUN, [bearer(key), *headers])
    assert seen.status == 200 and stack.auth.validations == before + 1
    names = ("traceparent", "tracestate", "x-request-id")
    upstream = {name: value for name, value in seen.json()["headers"] if name in names}
    return stack.auth.stats()["last_trace"], upstream


def test_a_callout_is_of_the_requests_trace(stack: Stack, fresh_read: FreshKey) -> None:
    service, upstream = asked(stack, fresh_read(), ("traceparent", PARENT), ("tracestate", STATE))
    assert service == upstream == {**upstream, "traceparent": PARENT, "tracestate": STATE}
    assert uuid.UUID(service["x-request-id"])


def test_without_a_trace_there_is_the_request_id(stack: Stack, fresh_read: FreshKey) -> None:
    service, upstream = asked(stack, fresh_read())
    assert service == upstream and set(service) == {"x-request-id"}


@pytest.mark.parametrize(
    "headers",
    [
        [("traceparent", PARENT + "-00")],
        [("traceparent", PARENT.upper())],
        [("traceparent", "00-" + "0" * 32 + "-00f067aa0ba902b7-01")],
        [("traceparent", b"\xff\xfe")],
        [("traceparent", PARENT), ("traceparent", PARENT)],
        [("traceparent", "a" * 5000)],
        [("traceparent", f"{PARENT}, Bearer x")],
    ],
    ids=lambda headers: repr(headers)[:50],
)
def test_what_is_no_trace_goes_no_further(stack: Stack, fresh_read: FreshKey, headers: list[Any]) -> None:
    with unharmed(stack):
        service, _ = asked(stack, fresh_read(), *headers, ("tracestate", STATE))
    assert set(service) == {"x-request-id"}


@pytest.mark.parametrize("state", ["a=" + "b" * 511, b"a=\xff", "a=\tb"], ids=["long", "bytes", "tab"])
def test_a_bad_tracestate_is_left_out(stack: Stack, fresh_read: FreshKey, state: str | bytes) -> None:
    with unharmed(stack):
        service, _ = asked(stack, fresh_read(), ("traceparent", PARENT), ("tracestate", state))
    assert service["traceparent"] == PARENT and "tracestate" not in service


def test_requests_that_share_a_callout_share_the_trace_of_the_first(stack: Stack, fresh_read: FreshKey) -> None:
    key = fresh_read()
    other = PARENT.replace(TRACE, "0af7651916cd43dd8448eb211c80319c")
    with stack.auth.faults(delay_ms=400), ThreadPoolExecutor(2) as pool:
        before = stack.auth.validations
        first = pool.submit(stack.client.get, READ_RUN, [bearer(key), ("traceparent", PARENT)])
        wait_until(lambda: stack.auth.validations == before + 1, "the first one's callout")
        second = pool.submit(stack.client.get, READ_RUN, [bearer(key), ("traceparent", other)])
        assert first.result().status == second.result().status == 200
    assert stack.auth.validations == before + 1
    assert stack.auth.stats()["last_trace"]["traceparent"] == PARENT


@pytest.fixture(scope="module")
def tracing(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Iterator[Stack]:
    """Envoy's own tracing is on; nobody listens to it."""

    def trace(config: Config) -> None:
        collector = {"envoy_grpc": {"cluster_name": "mlflow"}, "timeout": "0.25s"}
        config_type = "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig"
        tracer = {"@type": config_type, "grpc_service": collector, "service_name": "envoy"}
        provider = {"name": "envoy.tracers.opentelemetry", "typed_config": tracer}
        connection_manager(config)["tracing"] = {"provider": provider}

    folder: Path = tmp_path_factory.mktemp("tracing")
    with AuthService(keys.STANDARD, folder) as auth, Stack(folder / "envoy", auth=auth, edit=trace, pool=pool) as stack:
        yield stack


def test_under_envoys_own_tracing_a_callout_belongs_to_the_callers_span(tracing: Stack) -> None:
    """Envoy writes its own span into the request after the filter: upstream's parent is Envoy."""
    service, upstream = asked(tracing, keys.READ["key"], ("traceparent", PARENT), ("tracestate", STATE))
    assert (service["traceparent"], service["tracestate"]) == (PARENT, STATE)
    assert upstream["traceparent"] != PARENT and TRACE in upstream["traceparent"]
    assert service["x-request-id"] == upstream["x-request-id"]


def test_a_trace_that_envoy_begins_does_not_reach_the_callout(tracing: Stack) -> None:
    service, upstream = asked(tracing, keys.WRITE["key"])
    assert set(service) == {"x-request-id"} and "traceparent" in upstream
