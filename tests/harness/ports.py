"""Free loopback ports."""

import random
import socket

HOST = "127.0.0.1"
_taken: set[int] = set()


def free_port() -> int:
    """A TCP port nobody listens on, never the same one twice in this process.

    Below 32768, where Linux begins to hand out ports to outgoing connections: a port from that range
    could be taken again before the server that is to have it starts.
    """
    for _ in range(1000):
        port = random.randrange(20000, 32768)
        if port in _taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        _taken.add(port)
        return port
    raise RuntimeError("no free port between 20000 and 32767")
