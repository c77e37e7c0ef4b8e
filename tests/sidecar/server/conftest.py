"""A proxy, a provider and raw connections for each test."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from loopback.clock import Clock
from loopback.provider import Provider
from loopback.stage import Stage, Start, compiled, route
from outrider_sidecar.api.bounds import Bounds
from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.config.current import Current
from outrider_sidecar.config.settings import Settings
from outrider_sidecar.proxy import Proxy
from outrider_sidecar.snapshot import Snapshot
from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.telemetry.telemetry import Telemetry


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine stands between the tests and their providers."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the loop; to be asked for before what reads it."""
    return Clock(monkeypatch)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """A provider that answers Chat with one completion."""
    made = Provider()
    server = web.Server(
        made.handle, handler_cancellation=True, max_field_size=1 << 16, auto_decompress=False
    )
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()
    await server.shutdown(0.1)


@pytest.fixture
async def start(provider: Provider, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a proxy before the provider; everything is ended afterwards."""
    stages: list[Stage] = []

    async def begin(
        bounds: Bounds | None = None,
        served: Snapshot | None = None,
        *,
        empty: bool = False,
        drain_seconds: float = 5.0,
        allow_loopback: bool = True,
        **options: Any,
    ) -> Stage:
        settings = Settings(
            port=0, admin_port=0, allow_loopback=allow_loopback, drain_seconds=drain_seconds
        )
        current = Current()
        if not empty:
            current.apply(served or compiled({"support": route(provider)}), "process")
        telemetry = Telemetry(None)
        records: list[Record] = []
        settled: asyncio.Queue[Record] = asyncio.Queue()
        telemetry.sinks += [records.append, settled.put_nowait]
        credentials = FileCredentials(tmp_path)
        proxy = Proxy(settings, current, credentials, telemetry, bounds=bounds, **options)
        await proxy.start()
        stages.append(Stage(proxy, current, provider, records, settled))
        return stages[-1]

    yield begin
    for stage in stages:
        for wire in stage.wires:
            wire.close()
        await stage.proxy.close()


@pytest.fixture
async def stage(start: Start) -> Stage:
    """A proxy with the documented bounds."""
    return await start()
