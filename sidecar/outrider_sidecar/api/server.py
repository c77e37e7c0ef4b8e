"""The listening side: aiohttp's low-level server, with the limits on a request's head it lacks.

A head that is not complete in time, too long or malformed gets a clear answer in our error
shape; the low-level server alone would wait for ever, or answer in plain text.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from outrider_sidecar.api.bounds import Bounds
from outrider_sidecar.dialects.errors import Refusal, refuse


class Shell(Protocol):
    """What a listener serves: requests, and the answers to what is no request."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request."""

    def refused(self, refusal: Refusal) -> tuple[list[tuple[str, str]], bytes]:
        """Headers and body of the answer to a head that could not be read; it is logged."""


class Listener(web.Server):
    """Accepts connections for a shell; one event loop, one port."""

    def __init__(self, shell: Shell, bounds: Bounds) -> None:
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] = shell.handle
        super().__init__(handler, handler_cancellation=True)
        self.shell = shell
        self.bounds = bounds
        self._sockets: asyncio.Server | None = None

    def __call__(self) -> web.RequestHandler:
        return Connection(self, self.shell, self.bounds, loop=self._loop, access_log=None)

    async def listen(self, host: str, port: int) -> int:
        """Binds and accepts; the port, chosen by the system for 0. Raises `OSError`.

        Host '' is every address of the machine, of both families where there are two.
        """
        both = not host and socket.has_dualstack_ipv6()
        listening = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if both or ":" in host else socket.AF_INET,
            dualstack_ipv6=both,
            backlog=1024,
        )
        listening.setblocking(False)
        self._sockets = await self._loop.create_server(self, sock=listening)
        bound: int = listening.getsockname()[1]
        return bound

    def stop_accepting(self) -> None:
        """Closes the listening socket; connections that stand are served on."""
        if self._sockets is not None:
            self._sockets.close()

    async def close(self) -> None:
        """Ends every connection; requests still in flight are cancelled."""
        self.stop_accepting()
        await self.shutdown(0.1)


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = ("_bounds", "_deaf", "_head_bytes", "_head_timer", "_shell")

    def __init__(self, manager: web.Server, shell: Shell, bounds: Bounds, **options: Any) -> None:
        super().__init__(
            manager,
            keepalive_timeout=bounds.keep_alive_seconds,
            max_line_size=bounds.header_bytes,
            max_field_size=bounds.header_bytes,
            max_headers=bounds.header_fields,
            auto_decompress=False,
            **options,
        )
        self._shell = shell
        self._bounds = bounds
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._deaf = False

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        heads = self._request_count
        super().data_received(data)
        if self._request_count != heads:
            if self._head_timer is not None:
                self._forget_head()
            return
        waiter = self._waiter
        if heads and (waiter is None or waiter.done()):
            return  # a request is being served: these bytes are its body
        self._head_bytes += len(data)
        if self._head_bytes > 2 * self._bounds.header_bytes:
            self._refuse(too_long(self._bounds))
        elif self._head_timer is None and data:
            self._head_timer = self._loop.call_later(self._bounds.head_seconds, self._stalled)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def hang_up(self) -> None:
        """Ends the connection after the current answer without waiting for the body's rest."""
        self._lingering_time = 0.0

    def deafen(self) -> None:
        """Sends what is written, says that nothing more comes, and drops what still arrives."""
        self._deaf = True
        transport = self.transport
        if transport is not None and not transport.is_closing() and transport.can_write_eof():
            transport.write_eof()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a malformed request, or to one that our own code failed on."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun, it cannot become another one")
        if isinstance(exc, ConnectionError):
            raise ConnectionError("the connection cannot be answered any more") from exc
        if message is None:
            self.log_exception("A request failed in our own code", exc_info=exc)
            refusal = refuse("outrider_internal", "Outrider failed on this request; it is logged")
        elif isinstance(exc, LineTooLong) or message == "Too many headers received":
            refusal = too_long(self._bounds)
        else:
            refusal = refuse("caller_invalid", f"not an HTTP request: {first_line(message)}")
        headers, body = self._shell.refused(refusal)
        return Farewell(
            self, self._bounds.linger_seconds, status=refusal.status, headers=headers, body=body
        )

    def _stalled(self) -> None:
        self._head_timer = None
        self._refuse(
            refuse(
                "caller_timeout",
                f"the request's head was not complete after {self._bounds.head_seconds:g} s",
            )
        )

    def _refuse(self, refusal: Refusal) -> None:
        """Answers a head that never became a request."""
        self._forget_head()
        if self.transport is None or self.transport.is_closing():
            return
        headers, body = self._shell.refused(refusal)
        status = HTTPStatus(refusal.status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        self.transport.write("\r\n".join(lines).encode() + body)
        self.deafen()
        self._head_timer = self._loop.call_later(self._bounds.linger_seconds, self.force_close)

    def _forget_head(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class Farewell(web.Response):
    """A connection's last answer: stays long enough for the client to read it.

    Closing with unread bytes makes the kernel send a reset, and the client lose the answer. The
    client's leaving cancels the wait.
    """

    def __init__(self, connection: Connection, linger: float, **answer: Any) -> None:
        super().__init__(**answer)
        self.force_close()
        self._connection = connection
        self._linger = linger

    async def write_eof(self, data: bytes = b"") -> None:
        await super().write_eof(data)
        self._connection.deafen()
        await asyncio.sleep(self._linger)


def too_long(bounds: Bounds) -> Refusal:
    """The refusal of a head whose request line or header fields are too long."""
    return refuse(
        "caller_header_too_long",
        f"the request line or the header fields are longer than {bounds.header_bytes} bytes or "
        f"more than {bounds.header_fields} fields; send variables in the body instead",
    )


def first_line(message: str) -> str:
    """A parser's message without the bytes it quotes."""
    return message.strip().split("\n", 1)[0].rstrip(": ")[:200]
