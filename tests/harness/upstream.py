"""An upstream that answers every request with a description of what reached it.

In a test's own process: `with EchoUpstream() as upstream: …`. As a program: python -m harness.upstream PORT
"""

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from socketserver import TCPServer

from .ports import HOST

_KEPT = 10_000
_CHUNK = 1 << 16


@dataclass
class Seen:
    """One request as the upstream read it. Names keep their case and order; bytes are read as Latin-1."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body_bytes: int
    body_sha256: str
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class EchoUpstream:
    """HTTP/1.1 with keep-alive; one thread a connection; bodies are hashed, never held."""

    def __init__(self, port: int = 0) -> None:
        """Serves at once; 0 lets the system choose the port."""
        self._lock = threading.Lock()
        self._seen: list[Seen] = []
        self._count = 0
        self._server = _Server((HOST, port), _Handler)
        self._server.echo = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self._server.server_port

    @property
    def count(self) -> int:
        """Requests that reached this upstream, headers and body."""
        with self._lock:
            return self._count

    def requests(self) -> list[Seen]:
        """The requests so far, oldest first; past 10,000 the oldest are forgotten."""
        with self._lock:
            return list(self._seen)

    def record(self, seen: Seen) -> None:
        with self._lock:
            self._count += 1
            self._seen.append(seen)
            if len(self._seen) > _KEPT:
                del self._seen[: _KEPT // 2]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "EchoUpstream":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # Room for a burst of connections.
    echo: EchoUpstream

    def server_bind(self) -> None:
        """Binds without HTTPServer's look-up of the host's full name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that Envoy resets in mid-request is part of many tests: not worth a traceback."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one write, at once.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def _answer(self) -> None:
        seen = self._read_request()
        if seen is None:
            self.close_connection = True
            return
        self.server.echo.record(seen)
        body = json.dumps(asdict(seen)).encode()
        self.send_response_only(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def _read_request(self) -> Seen | None:
        digest = hashlib.sha256()
        size = 0
        trailers: list[tuple[str, str]] = []
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            blocks = _chunked(self.rfile, trailers)
        else:
            blocks = _plain(self.rfile, int(self.headers.get("content-length", "0")))
        try:
            for block in blocks:
                digest.update(block)
                size += len(block)
        except EOFError:
            return None
        return Seen(self.command, self.path, list(self.headers.items()), size, digest.hexdigest(), trailers)

    def log_message(self, *_: object) -> None:
        """Envoy's access log has it all."""


def _plain(stream: BufferedIOBase, left: int) -> Iterator[bytes]:
    while left:
        block = stream.read(min(left, _CHUNK))
        if not block:
            raise EOFError
        left -= len(block)
        yield block


def _chunked(stream: BufferedIOBase, trailers: list[tuple[str, str]]) -> Iterator[bytes]:
    while size := int(stream.readline().split(b";")[0] or b"-1", 16):
        if size < 0:
            raise EOFError
        yield from _plain(stream, size)
        stream.readline()
    while line := stream.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        trailers.append((name, value.strip()))


if __name__ == "__main__":
    _upstream = EchoUpstream(int(sys.argv[1]))
    print("listening on", *_upstream.address, flush=True)
    threading.Event().wait()
