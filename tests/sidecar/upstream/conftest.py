"""A client to call providers with, and scripted providers to be called."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import uvloop

from loopback.scripted import Provider, Serve, provider
from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.upstream.client import Upstream

_ON_BOTH_LOOPS = ("test_connections.py", "test_relay.py")


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What sockets do is tested on the loop that the sidecar runs on as well."""
    if item.path.name in _ON_BOTH_LOOPS:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's proxy stands between a test and its provider, and nobody vouches for any.

    Reading the system's authorities would take longer than most tests.
    """
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)


@pytest.fixture
async def upstream(tmp_path: Path) -> AsyncIterator[Upstream]:
    """A started client that may call this machine; keys are the files below `tmp_path`."""
    async with Upstream(FileCredentials(tmp_path), allow_loopback=True) as made:
        yield made


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts providers with scripts; they end with the test."""
    async with AsyncExitStack() as stack:

        async def begin(*scripts: Any, **options: Any) -> Provider:
            return await stack.enter_async_context(provider(*scripts, **options))

        yield begin
