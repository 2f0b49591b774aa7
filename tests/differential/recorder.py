"""A server that writes down each request's line and headers as they came, and hands the request on to the real server."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "host"}


class Recorder:
    """Serves until `stop`; `seen` holds (method, target) in order, text standing for bytes (Latin-1)."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.seen: list[tuple[str, str]] = []
        self.statuses: list[int] = []
        self.headers: list[list[tuple[str, str]]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def handle_one_request(self) -> None:
                """As in the base class, but any method is served."""
                self.raw_requestline = self.rfile.readline(1 << 20)
                if not self.raw_requestline:
                    self.close_connection = True
                elif self.parse_request():
                    method, target, _ = self.raw_requestline.decode("latin-1").split(" ", 2)
                    self.forward(method, target)

            def forward(self, method: str, target: str) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if self.headers.get("transfer-encoding", "").lower() == "chunked":
                    body = b"".join(iter(self.chunk, b""))
                connection = http.client.HTTPConnection(*upstream, timeout=60)
                # The client's own bytes: http.client would refuse some targets.
                connection._validate_path = lambda url: None  # type: ignore[attr-defined]
                connection._encode_request = lambda text: text.encode("latin-1")  # type: ignore[attr-defined]
                connection.putrequest(method, target, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _HOP_BY_HOP:
                        connection.putheader(name, value)
                connection.putheader("content-length", str(len(body)))
                connection.endheaders(body)
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                recorder.seen.append((method, target))
                recorder.statuses.append(answer.status)
                recorder.headers.append(self.headers.items())
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                if method != "HEAD":
                    self.wfile.write(content)

            def chunk(self) -> bytes:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data = self.rfile.read(size)
                self.rfile.readline()
                return data

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self._server.server_port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
