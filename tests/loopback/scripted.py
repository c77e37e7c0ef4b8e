"""A provider on loopback that speaks HTTP/1.1 byte by byte, as its script says.

For what no well-behaved server does: heads cut in the middle, resets, lies about lengths.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from multidict import CIMultiDict

_UNTIL_READ = 4  # turns of the loop until a client in it has read what was written
_RESET = struct.pack("ii", 1, 0)  # linger on, for no time: closing sends a reset


@dataclass(frozen=True)
class Request:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: CIMultiDict[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Exchange:
    """One request and the bytes that a script answers it with."""

    def __init__(self, request: Request, connection: "Connection") -> None:
        self.request = request
        self._connection = connection

    async def send(self, data: bytes) -> None:
        """Writes bytes; waits while the other side does not read."""
        await self._connection.write(data)

    def close(self) -> None:
        """Ends the connection after what was written."""
        self._connection.transport.close()

    def reset(self) -> None:
        """Ends the connection by a reset."""
        self._connection.reset()


Script = Callable[[Exchange], Awaitable[None]]
Serve = Callable[..., Awaitable["Provider"]]
"""Starts a provider that ends with the test; takes what `provider` takes."""


@dataclass
class Provider:
    """What came, and where to send more. Each request takes the next script; the last one stays.

    `came` is set by the first request, `gone` when a connection ends, `full` while the other side
    does not read.
    """

    scripts: list[Script] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    connections: list["Connection"] = field(default_factory=list)
    sent: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    full: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def script(self) -> Script:
        """What the next request is answered with."""
        return self.scripts[min(len(self.requests), len(self.scripts)) - 1]


class Connection(asyncio.Protocol):
    """One client's connection: requests with a Content-Length, one after the other."""

    transport: asyncio.Transport

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._buffer = b""
        self._answering: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._provider.connections.append(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next()

    def pause_writing(self) -> None:
        self._writable.clear()
        self._provider.full.set()

    def resume_writing(self) -> None:
        self._provider.full.clear()
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._writable.set()
        self._provider.gone.set()
        if self._answering is not None:
            self._answering.cancel()

    async def write(self, data: bytes) -> None:
        """Writes bytes; waits while the other side does not read."""
        await self._writable.wait()
        await asyncio.sleep(0)  # a script that never has to wait would keep the others from running
        if self._lost.is_set() or self.transport.is_closing():
            raise ConnectionResetError("the client has left")
        self.transport.write(data)
        self._provider.sent += len(data)

    def reset(self) -> None:
        """Ends the connection by a reset."""
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    async def end(self) -> None:
        """Ends the connection, and what was still being said on it."""
        self.transport.abort()
        await self._lost.wait()
        if self._answering is not None:
            await asyncio.gather(self._answering, return_exceptions=True)

    def _next(self) -> None:
        if self._answering is not None and not self._answering.done():
            return
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers: CIMultiDict[str] = CIMultiDict()
        for line in lines:
            name, _, value = line.partition(": ")
            headers.add(name, value)
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, target, _ = first.split(" ")
        request = Request(method, target, headers, rest[:length])
        self._provider.requests.append(request)
        self._provider.came.set()
        self._answering = asyncio.create_task(self._answer(Exchange(request, self)))

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._provider.script()(exchange)
        except ConnectionResetError:
            return
        asyncio.get_running_loop().call_soon(self._next)


@asynccontextmanager
async def provider(*scripts: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Provider]:
    """A provider that listens; its connections end with it."""
    made = Provider(list(scripts), scheme="https" if tls else "http")
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(made), "127.0.0.1", 0, ssl=tls
    )
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for connection in made.connections:
            await connection.end()
        await server.wait_closed()


def says(*pieces: bytes | asyncio.Event, close: bool = False) -> Script:
    """Writes these bytes; an event among them is waited for."""

    async def script(exchange: Exchange) -> None:
        for piece in pieces:
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            else:
                await exchange.send(piece)
        if close:
            exchange.close()

    return script


def answers(body: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Script:
    """A whole answer: bytes as they are, else as JSON; `_` in a header's name is a dash."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": kind} if kind else {}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    fields["content-length"] = str(len(data))
    return says(head(status, **fields) + data)


def streams(*pieces: bytes | asyncio.Event) -> Script:
    """A complete chunked stream, each of the pieces a chunk; an event is waited for."""
    framed = [chunk(piece) if isinstance(piece, bytes) else piece for piece in pieces]
    return says(STREAM, *framed, b"0\r\n\r\n")


def breaks_off(*pieces: bytes | asyncio.Event) -> Script:
    """A chunked stream whose connection closes after these pieces."""
    framed = [chunk(piece) if isinstance(piece, bytes) else piece for piece in pieces]
    return says(STREAM, *framed, close=True)


def piecemeal(stream: bytes) -> Script:
    """A complete stream, cut into chunks that are read one by one.

    The request's header ``x-cut`` says after how many bytes it is cut, or ``every`` for each.
    """

    async def script(exchange: Exchange) -> None:
        cut = exchange.request.headers["x-cut"]
        size = 1 if cut == "every" else len(stream)
        first = 1 if cut == "every" else int(cut)
        await exchange.send(STREAM)
        for start in (0, *range(first, len(stream), size)):
            end = first if start == 0 else start + size
            await exchange.send(chunk(stream[start:end]))
            for _ in range(_UNTIL_READ):
                await asyncio.sleep(0)
        await exchange.send(b"0\r\n\r\n")

    return script


async def silent(_: Exchange) -> None:
    """Never answers."""
    await asyncio.Event().wait()


async def hangs_up(exchange: Exchange) -> None:
    """Closes without a byte."""
    exchange.close()


async def resets(exchange: Exchange) -> None:
    """Resets the connection without a byte."""
    exchange.reset()


def head(status: int = 200, **headers: str) -> bytes:
    """The head of an answer."""
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


STREAM = head(200, **{"content-type": "text/event-stream", "transfer-encoding": "chunked"})
"""The head of a chunked stream."""
