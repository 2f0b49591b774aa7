"""A small HTTP/2 client (prior knowledge, no TLS), with several streams on one connection."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset

from .http import Headers, Response, Text


class StreamWasReset(ConnectionError):
    """The server reset the stream; `code` is the HTTP/2 error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"stream reset by the server, HTTP/2 error code {code}")
        self.code = code


@dataclass
class _Stream:
    response: Response = field(default_factory=lambda: Response(0, [], b""))
    ended: bool = False
    reset: int | None = None


class Http2:
    """One HTTP/2 connection."""

    def __init__(self, host: str, port: int, timeout: float = 15) -> None:
        self._authority = f"{host}:{port}"
        self._socket = socket.create_connection((host, port), timeout=timeout)
        # Headers as given: tests send what a well-behaved client would not.
        self._h2 = H2Connection(
            H2Configuration(
                client_side=True,
                header_encoding="latin-1",
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self._h2.initiate_connection()
        self._streams: dict[int, _Stream] = {}
        self._flush()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Http2":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        path: str,
        headers: Headers = (),
        body: bytes | None = None,
        authority: str | None = None,
    ) -> Response:
        """Sends a request and waits for its response. `authority` is the server's own unless given."""
        return self.wait(self.start(method, path, headers, body, authority=authority))

    def start(
        self,
        method: str,
        path: str,
        headers: Headers = (),
        body: bytes | None = None,
        end: bool = True,
        authority: str | None = None,
    ) -> int:
        """Sends a request without waiting; with `end` false its body stays open. Returns the stream's id."""
        head: list[tuple[Text, Text]] = [
            (":method", method),
            (":scheme", "http"),
            (":authority", self._authority if authority is None else authority),
            (":path", path),
            *headers,
        ]
        stream = self._h2.get_next_available_stream_id()
        self._streams[stream] = _Stream()
        self._h2.send_headers(stream, head, end_stream=end and body is None)
        self._flush()
        if body is not None:
            self.send_body(stream, body, end)
        return stream

    def send_trailers(self, stream: int, trailers: Iterable[tuple[Text, Text]]) -> None:
        """Ends a request whose body is open."""
        self._h2.send_headers(stream, list(trailers), end_stream=True)
        self._flush()

    def cancel(self, stream: int) -> None:
        """Resets a stream, as a client does that no longer wants the answer."""
        self._h2.reset_stream(stream, ErrorCodes.CANCEL)
        self._flush()

    def wait(self, stream: int) -> Response:
        """Waits for the response of a stream."""
        state = self._streams[stream]
        while not state.ended:
            self._receive()
            if state.reset is not None:
                raise StreamWasReset(state.reset)
        return state.response

    def send_body(self, stream: int, body: bytes, end: bool) -> None:
        state = self._streams[stream]
        view = memoryview(body)
        while view:
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if room == 0:
                self._receive()
                if state.ended or state.reset is not None:
                    return  # Answered before the body was sent.
                continue
            self._h2.send_data(stream, bytes(view[:room]))
            view = view[room:]
            self._flush()
        if end:
            self._h2.end_stream(stream)
            self._flush()

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._socket.sendall(data)

    def _receive(self) -> None:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server closed the HTTP/2 connection")
        for event in self._h2.receive_data(data):
            if isinstance(event, ConnectionTerminated):
                raise ConnectionError(f"the server ended the HTTP/2 connection: {event.error_code}")
            state = self._streams.get(getattr(event, "stream_id", 0) or 0)
            if state is None:
                continue
            if isinstance(event, ResponseReceived):
                headers = [(str(name), str(value)) for name, value in event.headers]
                state.response.status = int(dict(headers)[":status"])
                state.response.headers = [pair for pair in headers if not pair[0].startswith(":")]
            elif isinstance(event, DataReceived):
                state.response.body += event.data
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                state.ended = True
            elif isinstance(event, StreamReset) and not state.ended:
                # A reset after the response only says that the rest of the body is not needed.
                state.reset = int(event.error_code)
        self._flush()
