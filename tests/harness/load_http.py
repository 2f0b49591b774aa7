"""Clients for load: HTTP/1.1 on kept-alive connections, all in one thread; HTTP/2 streams in another."""

import asyncio
import contextlib
import functools
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence

from .http import Response, encode_head
from .http2 import Http2, StreamWasReset
from .load import Caller, Operation, Sent, Tally, judge

Address = tuple[str, int]
Work = tuple[Caller, Operation]
Judge = Callable[[Caller, Operation, Response], tuple[str, str]]
"""As `harness.load.judge`."""

TRICKLE_PIECES = 12


class Client:
    """One HTTP/1.1 connection, made anew when the server has ended it, as it says, after an answer."""

    def __init__(self, address: Address, limit: float, judge: Judge = judge, source: str | None = None) -> None:
        """`limit`: seconds after which a request has no answer. `source`: the address it comes from."""
        self._address = address
        self._source = None if source is None else (source, 0)
        self._limit = limit
        self._judge = judge
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address, local_addr=self._source)

    def close(self, reset: bool = False) -> None:
        """Ends the connection; with `reset` by a TCP reset."""
        if self._writer is None:
            return
        if reset:
            raw = self._writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.close()
        self._reader = self._writer = None

    async def send(self, work: Work, trickle: float = 0) -> Sent:
        """Sends a request and judges the answer; `trickle`: seconds over which its bytes are spread."""
        caller, operation = work
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._limit + trickle):
                await self.connect()
                response = await self._exchange(self._encode(work), trickle)
            verdict, reason = self._judge(caller, operation, response)
            status = response.status
        except TimeoutError:
            self.close()
            verdict, reason, status = "hung", "no answer in time", 0
        except (OSError, EOFError) as error:
            self.close()
            verdict, reason, status = "lost", repr(error), 0
        # A client that trickles has waited for itself.
        took = max(0.0, time.monotonic() - began - trickle)
        return Sent(caller, operation, verdict, status, reason, took, began)

    async def abandon(self, work: Work, after: float, reset: bool) -> None:
        """Sends a request and goes away before the answer."""
        await self.connect()
        assert self._writer is not None
        self._writer.write(self._encode(work))
        await asyncio.sleep(after)
        self.close(reset)

    def _encode(self, work: Work) -> bytes:
        caller, operation = work
        headers = [("host", "mlflow.test"), *caller.headers()]
        if operation.body is not None:
            headers += [("content-type", "application/json"), ("content-length", str(len(operation.body)))]
        return encode_head(operation.method, operation.target, headers) + (operation.body or b"")

    async def _exchange(self, request: bytes, trickle: float) -> Response:
        assert self._reader is not None and self._writer is not None
        if trickle:
            size = -(-len(request) // TRICKLE_PIECES)
            for start in range(0, len(request), size):
                self._writer.write(request[start : start + size])
                await asyncio.sleep(trickle / TRICKLE_PIECES)
        else:
            self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2])]
        response = Response(int(head[0].split(" ")[1]), headers, b"")
        length = response.header("content-length")
        if length is not None:
            response.body = await self._reader.readexactly(int(length))
        elif response.header("transfer-encoding"):
            response.body = await self._chunks()
        if (response.header("connection") or "").lower() == "close":
            self.close()
        return response

    async def _chunks(self) -> bytes:
        assert self._reader is not None
        blocks = []
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            blocks.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readline()
        return b"".join(blocks)


async def keep_sending(
    address: Address,
    next_work: Callable[[], Work | None],
    *,
    connections: int,
    limit: float,
    seconds: float = 60,
    pause: float = 0,
    trickle: float = 0,
    fresh: int = 0,
    judge: Judge = judge,
) -> Tally:
    """Each connection sends one request after another, until there is no more work or `seconds` are over.

    `pause`: the mean of a random pause of each connection between requests, in seconds. So many more senders
    as `fresh` says make a new connection for each request.
    """
    tally = Tally()
    until = time.monotonic() + seconds

    async def sender(keep: bool) -> None:
        client = Client(address, limit, judge)
        while time.monotonic() < until and (work := next_work()) is not None:
            tally.sent.append(await client.send(work, trickle))
            if not keep:
                client.close()
            if pause:
                await asyncio.sleep(random.uniform(0, 2 * pause))
        client.close()

    await asyncio.gather(*(sender(number < connections) for number in range(connections + fresh)))
    return tally


class BackgroundLoad(threading.Thread):
    """Keeps sending while the `with` block does other things. `tally` is there when it has ended."""

    def __init__(
        self,
        address: Address,
        work: Callable[[], Work],
        *,
        kept: int,
        fresh: int,
        limit: float,
        pause: float,
        judge: Judge = judge,
    ) -> None:
        """`kept` senders keep their connections, `fresh` ones do not; see `keep_sending`."""
        super().__init__()
        self._going = True
        self.tally = Tally()

        def next_work() -> Work | None:
            return work() if self._going else None

        self._load = functools.partial(
            keep_sending,
            address,
            next_work,
            connections=kept,
            fresh=fresh,
            limit=limit,
            pause=pause,
            judge=judge,
            seconds=3600,
        )

    def run(self) -> None:
        self.tally = asyncio.run(self._load())

    def __enter__(self) -> "BackgroundLoad":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._going = False
        self.join()


async def burst(address: Address, works: Sequence[Work], limit: float) -> Tally:
    """One request on each of as many connections, all at once on connections made before."""
    clients = [Client(address, limit) for _ in works]
    for start in range(0, len(clients), 50):
        await asyncio.gather(*(client.connect() for client in clients[start : start + 50]))
    # Envoy accepts and hands out connections on its own time.
    await asyncio.sleep(0.3)
    sent = await asyncio.gather(*(c.send(work) for c, work in zip(clients, works, strict=True)))
    for client in clients:
        client.close()
    return Tally(list(sent))


def http2_round(address: Address, works: Sequence[Work], limit: float, cancel: int = 0) -> Tally:
    """All requests as streams on one HTTP/2 connection, then their answers; `cancel` more are given up."""
    tally = Tally()
    with contextlib.closing(Http2(*address, timeout=limit)) as connection:
        began = time.monotonic()
        open_streams = []
        for number, (caller, operation) in enumerate(works):
            stream = connection.start(operation.method, operation.target, caller.headers(), operation.body)
            if number < cancel:
                connection.cancel(stream)
            else:
                open_streams.append((caller, operation, stream))
        for caller, operation, stream in open_streams:
            status = 0
            try:
                response = connection.wait(stream)
                status = response.status
                verdict, reason = judge(caller, operation, response)
            except TimeoutError:
                verdict, reason = "hung", "no answer in time"
            except (StreamWasReset, OSError) as error:
                verdict, reason = "lost", repr(error)
            took = time.monotonic() - began
            tally.sent.append(Sent(caller, operation, verdict, status, reason, took, began))
    return tally


def in_background(action: Callable[[], object], after: float) -> threading.Thread:
    """Starts `action` in a thread, after so many seconds."""
    thread = threading.Timer(after, action)
    thread.start()
    return thread
