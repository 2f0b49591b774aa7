"""An HTTP/1.1 client that sends exactly the bytes it is told to, valid or not."""

import json
import select
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Text = str | bytes
Headers = Iterable[tuple[Text, Text]]


@dataclass
class Response:
    """One response; header names and values are read as Latin-1."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next(iter(self.header_values(name)), None)

    def header_values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Upload:
    """A request body of `size` zero bytes that is never in memory as a whole."""

    size: int
    block: int = 1 << 16

    def blocks(self) -> Iterable[bytes]:
        zeros = bytes(self.block)
        for offset in range(0, self.size, self.block):
            yield zeros[: self.size - offset]


def _bytes(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def encode_head(method: Text, target: Text, headers: Headers) -> bytes:
    """Request line and headers, up to and with the empty line. Nothing is added or checked."""
    lines = [b"%s %s HTTP/1.1" % (_bytes(method), _bytes(target))]
    lines += [b"%s: %s" % (_bytes(name), _bytes(value)) for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


class Connection:
    """One TCP connection, with TLS where a context is given."""

    def __init__(
        self,
        host: str,
        port: int,
        timeout: float = 15,
        source: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Connects, from `source` if given. `timeout`, in seconds, is for each single read and write."""
        self._authority = f"{host}:{port}"
        origin = None if source is None else (source, 0)
        self.socket = socket.create_connection((host, port), timeout=timeout, source_address=origin)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self._stream = self.socket.makefile("rb")

    def close(self) -> None:
        self._stream.close()
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Sends these bytes."""
        self.socket.sendall(data)

    def request(
        self, method: Text, target: Text, headers: Headers = (), body: bytes | Upload | None = None
    ) -> Response:
        """Sends a request and reads its response. Adds Host, and Content-Length for a body, if not given."""
        headers = list(headers)
        given = {_bytes(name).lower() for name, _ in headers}
        if b"host" not in given:
            headers.insert(0, ("host", self._authority))
        if body is not None and not given & {b"content-length", b"transfer-encoding"}:
            size = body.size if isinstance(body, Upload) else len(body)
            headers.append(("content-length", str(size)))
        self.send(encode_head(method, target, headers))
        if body is not None:
            self._send_body(body)
        return self.read_response(head=_bytes(method) == b"HEAD")

    def _send_body(self, body: bytes | Upload) -> None:
        """Sends until done or answered: a server may refuse an upload before it has read it."""
        for block in [body] if isinstance(body, bytes) else body.blocks():
            if select.select([self.socket], [], [], 0)[0]:
                return
            try:
                self.send(block)
            except (BrokenPipeError, ConnectionResetError):
                return

    def read_response(self, head: bool = False) -> Response:
        """Reads the next response; `head` if it answers a HEAD request. 1xx responses are skipped."""
        status_line = self._line()
        status = int(status_line.split(b" ")[1])
        headers = []
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        if 100 <= status < 200:
            return self.read_response(head)
        response = Response(status, headers, b"")
        if not head and status not in (204, 304):
            response.body = self._body(response)
        return response

    def _line(self) -> bytes:
        line = self._stream.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError(f"the connection ended in the middle of a response, after {line!r}")
        return line.rstrip(b"\r\n")

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise ConnectionError(f"the connection ended after {len(data)} of {size} bytes")
        return data

    def _body(self, response: Response) -> bytes:
        if (response.header("transfer-encoding") or "").lower() == "chunked":
            blocks = []
            while size := int(self._line().split(b";")[0], 16):
                blocks.append(self._exactly(size))
                self._line()
            while self._line():
                pass
            return b"".join(blocks)
        length = response.header("content-length")
        return self._exactly(int(length)) if length is not None else self._stream.read()


class Client:
    """Requests to one server, each on a connection of its own; see `Connection.request`."""

    def __init__(
        self,
        host: str,
        port: int,
        timeout: float = 15,
        source: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = (host, port, timeout, source, tls)

    def connect(self) -> Connection:
        return Connection(*self._server)

    def request(
        self, method: Text, target: Text, headers: Headers = (), body: bytes | Upload | None = None
    ) -> Response:
        with self.connect() as connection:
            return connection.request(method, target, headers, body)

    def get(self, target: Text, headers: Headers = ()) -> Response:
        return self.request("GET", target, headers)

    def post(self, target: Text, headers: Headers = (), body: bytes | Upload = b"{}") -> Response:
        return self.request("POST", target, headers, body)


def bearer(key: str) -> tuple[str, str]:
    """The header that presents an API key as MLflow's client does."""
    return ("authorization", f"Bearer {key}")
