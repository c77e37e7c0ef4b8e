"""The controller's port: /healthz, /readyz, /metrics.

kopf has a liveness endpoint of its own, but one path a port, its answers up to 10 s old; and
when one of kopf's tasks ends, so does this process. So there is one port, and it is ours.
"""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web

from outrider_operator.controller.errors import ControllerError


class Verdict(NamedTuple):
    """Whether it is well, and a word about it."""

    well: bool
    text: str


@asynccontextmanager
async def served(
    port: int,
    healthy: Callable[[], Verdict],
    ready: Callable[[], Verdict],
    metrics: Callable[[], bytes],
) -> AsyncIterator[int]:
    """Serve on all addresses while it is open; yields the port (0 picks a free one)."""

    def verdict(ask: Callable[[], Verdict]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(_: web.Request) -> web.Response:
            well, text = ask()
            return _closing(web.Response(status=200 if well else 503, text=text + "\n"))

        return answer

    async def exposition(_: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return _closing(web.Response(body=metrics(), headers=headers))

    app = web.Application()
    app.router.add_get("/healthz", verdict(healthy))
    app.router.add_get("/readyz", verdict(ready))
    app.router.add_get("/metrics", exposition)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.SockSite(runner, _listener(port)).start()
        except OSError as error:
            raise ControllerError(
                f"port {port} cannot be opened ({error.strerror}); name another with --port"
            ) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _listener(port: int) -> socket.socket:
    """On all addresses, with one number for both families also when 0 picks it."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def _closing(response: web.Response) -> web.Response:
    """No kept connection: kopf waits for every task at its end, also those that serve one."""
    response.force_close()
    return response
