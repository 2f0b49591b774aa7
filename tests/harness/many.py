"""Many requests at once, and connections that reach every worker."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from .http import Connection, Response, bearer, encode_head
from .processes import wait_until
from .stack import Stack

Request = tuple[str, str, str]
"""Method, target, key."""


def send(connection: Connection, method: str, target: str, key: str) -> None:
    """Sends a request without a body, and waits for nothing."""
    headers = [("host", "mlflow.test"), bearer(key)]
    if method == "POST":
        headers.append(("content-length", "0"))
    connection.send(encode_head(method, target, headers))


@contextmanager
def sent_at_once(stack: Stack, requests: Sequence[Request]) -> Iterator[list[Connection]]:
    """Requests that are all sent before any response is read, each on a connection of its own."""
    with ExitStack() as opened:
        connections = [opened.enter_context(stack.client.connect()) for _ in requests]
        for connection, request in zip(connections, requests, strict=True):
            send(connection, *request)
        yield connections


def at_once(stack: Stack, requests: Sequence[Request]) -> list[Response]:
    """The responses to requests that were all sent before any response was read."""
    with sent_at_once(stack, requests) as connections:
        return [connection.read_response() for connection in connections]


@contextmanager
def on_every_worker(stack: Stack) -> Iterator[list[Connection]]:
    """Connections to Envoy's first listener, one or more on each of its workers."""
    with ExitStack() as opened:
        connections: list[Connection] = []

        def accepted() -> dict[str, int]:
            return stack.envoy.stats(r"^listener\..*\.worker_[0-9]*\.downstream_cx_active$")

        def all_accepted() -> bool:
            return sum(accepted().values()) >= len(connections)

        # The system spreads connections over workers by chance.
        while not connections or not all(accepted().values()):
            assert len(connections) < 40 * stack.envoy.options.concurrency, accepted()
            connections += [opened.enter_context(stack.client.connect()) for _ in range(4)]
            wait_until(all_accepted, "every connection is accepted")
        yield connections


def lookups(stack: Stack) -> dict[str, int]:
    """How keys were looked up so far: `hit`, `refusal`, `shared`, `joined` and others."""
    found = stack.envoy.stats("mlflow_authz_cache_lookups")
    return {name.partition("result=.=")[2].removesuffix(";.;"): count for name, count in found.items()}
