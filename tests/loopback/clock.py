"""Time that passes when a test says so: hours of waiting in no time."""

import asyncio
import time

import pytest


class Clock:
    """Moves the running loop's clock, and the upstream client's, forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        loop = asyncio.get_running_loop()
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + self._ahead)
        monkeypatch.setattr("aiohttp.connector.monotonic", lambda: time.monotonic() + self._ahead)

    async def forward(self, seconds: float) -> None:
        """Lets that time pass: what is due by then has run when this returns."""
        await turns()
        self._ahead += seconds
        await turns()


async def turns(count: int = 20) -> None:
    """Lets everything run that can run now."""
    for _ in range(count):
        await asyncio.sleep(0)
