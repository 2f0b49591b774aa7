"""Free loopback ports."""

import os
import random
import socket

HOST = "127.0.0.1"
FIRST, LAST = 20000, 32767
"""Below 32768, where Linux begins to hand out ports to outgoing connections: a port from that range could be
taken again before the server that is to have it starts."""

_taken: set[int] = set()


def range_of(worker: int, workers: int) -> range:
    """The ports of one of the processes that run tests at the same time: no other has them."""
    share = (LAST + 1 - FIRST) // workers
    return range(FIRST + worker * share, FIRST + (worker + 1) * share)


# pytest-xdist calls its workers gw0, gw1, ...; what they start inherits the names.
_range = range_of(
    int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")),
    int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")),
)


def free_port() -> int:
    """A TCP port nobody listens on, never the same one twice in this process."""
    for _ in range(1000):
        port = random.choice(_range)
        if port in _taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        _taken.add(port)
        return port
    raise RuntimeError(f"no free port between {_range.start} and {_range.stop - 1}")
