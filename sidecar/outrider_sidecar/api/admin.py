"""The admin port: probes and metrics for the cluster, the rest for this pod alone.

Readiness depends on nothing but our own start: never on controller, plane or provider.
"""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import msgspec
from aiohttp import web

from outrider_sidecar.api.bounds import Bounds
from outrider_sidecar.api.door import Door
from outrider_sidecar.config.current import Current
from outrider_sidecar.dialects.errors import Refusal, body_of, headers_of
from outrider_sidecar.telemetry.metrics import CONTENT_TYPE
from outrider_sidecar.telemetry.requestid import new_id
from outrider_sidecar.telemetry.telemetry import Telemetry

GATE_SECONDS: Final = 10.0
"""How long a start waits for a configuration before the pod counts as ready without one."""

Page = Callable[[], Awaitable[web.Response]]


class Admin:
    """Serves the admin port."""

    def __init__(
        self,
        current: Current,
        telemetry: Telemetry,
        *,
        bounds: Bounds,
        hosts: frozenset[str],
        gate_seconds: float = GATE_SECONDS,
    ) -> None:
        self._current = current
        self._telemetry = telemetry
        self._door = Door(hosts, bounds)
        self._opens = asyncio.get_running_loop().time() + gate_seconds
        self.draining = False
        self._open: dict[str, Page] = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }
        self._inside: dict[str, Page] = {
            "/health": self._health,
            "/stats": self._stats,
            "/debug/config": self._config,
        }

    @property
    def ready(self) -> bool:
        """Whether the start gate is open: a snapshot is loaded, or the wait for one is over."""
        if self.draining:
            return False
        loaded = self._current.table is not None
        return loaded or asyncio.get_running_loop().time() >= self._opens

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request."""
        path = request.raw_path.partition("?")[0]
        page = self._open.get(path)
        if page is None:
            page = self._inside.get(path)
            if page is None:
                return _text(404, "there is no such page here")
            if not _is_local(request):
                return _text(403, "this page answers on 127.0.0.1 only")
            try:
                self._door.check(request.headers)
            except Refusal as refusal:
                return _text(refusal.status, refusal.message)
        if request.method not in ("GET", "HEAD"):
            return _text(405, "this page is read with GET")
        return await page()

    def refused(self, refusal: Refusal) -> tuple[list[tuple[str, str]], bytes]:
        """Headers and body for a head that never became a request."""
        request_id = new_id()
        return headers_of(refusal, request_id), body_of(refusal, "openai", request_id)

    async def _livez(self) -> web.Response:
        return _text(200, "ok")

    async def _readyz(self) -> web.Response:
        if self.ready:
            return _text(200, "ok")
        return _text(503, "draining" if self.draining else "waiting for a snapshot")

    async def _metrics(self) -> web.Response:
        body = await self._telemetry.metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    async def _health(self) -> web.Response:
        return _json(self._telemetry.health.health())

    async def _stats(self) -> web.Response:
        return _json(self._telemetry.health.stats())

    async def _config(self) -> web.Response:
        table, rejected = self._current.table, self._current.rejected
        fields: dict[str, Any] = {
            "source": self._current.source,
            "namespace": None,
            "generation": 0,
            "digest": None,
            "rejected": None if rejected is None else rejected.reason,
            "refused": {},
            "snapshot": None,
        }
        if table is not None:
            fields |= {
                "namespace": table.snapshot.namespace,
                "generation": table.generation,
                "digest": table.snapshot.digest,
                "refused": dict(table.refused),
                "snapshot": table.snapshot,
            }
        return _json(fields)


def _is_local(request: web.BaseRequest) -> bool:
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport is not None else None
    if not peer:
        return False
    address = ip_address(str(peer[0]).partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text + "\n")


def _json(value: Any) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), headers={"Content-Type": "application/json"}
    )
