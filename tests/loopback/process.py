"""The real program in a process of its own, and what the kernel says of it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from loopback.wire import Answer, Wire
from outrider_sidecar.snapshot import Backend, Simulated, Timeouts
from standins.tables import backend

PATIENCE = 60.0

_HOUR_MS = 3_600_000


def simulated(**manner: Any) -> Backend:
    """A simulated backend that answers at once, unless told otherwise, and may take its time."""
    instant: dict[str, Any] = {
        "time_to_first_token_ms": 0,
        "tokens_per_second": 1_000_000,
        "output_tokens": 1,
        "error_ratio": "0",
        "error_class": "Overloaded",
    }
    waits = Timeouts(
        connect_ms=_HOUR_MS, first_token_ms=_HOUR_MS, idle_ms=_HOUR_MS, request_ms=_HOUR_MS
    )
    return backend("Simulated", simulated=Simulated(**(instant | manner)), timeouts=waits)


class Sidecar:
    """A running `outrider-sidecar`. `lines` are what it logged, requests left out."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._heard = asyncio.Condition()
        self.lines: list[dict[str, Any]] = []
        self.wires: list[Wire] = []
        self.port = 0
        self.admin_port = 0

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def listen(self) -> None:
        """Reads the log to its end."""
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            fields = json.loads(line)
            async with self._heard:
                self.lines.append(fields)
                self._heard.notify_all()

    async def said(self, text: str) -> str:
        """The first message of the log with that text in it, once it is there."""
        async with asyncio.timeout(PATIENCE), self._heard:
            while True:
                for line in self.lines:
                    if text in line["message"]:
                        return str(line["message"])
                await self._heard.wait()

    async def wire(self, port: int = 0) -> Wire:
        """A new connection to the data port, or another one of its ports."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port or self.port, limit=1 << 20
        )
        self.wires.append(Wire(reader, writer))
        return self.wires[-1]

    async def ask(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> Answer:
        """One request on a connection of its own."""
        return await (await self.wire()).ask(method, path, body, **headers)

    async def admin(self, path: str) -> Answer:
        """One GET on the admin port."""
        return await (await self.wire(self.admin_port)).ask("GET", path)

    def kib(self, name: str) -> int:
        """A figure of the process's memory, such as VmRSS, in KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split(f"{name}:")[1].split()[0])

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Waits for the exit code."""
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()


@asynccontextmanager
async def running(directory: Path, **environment: str) -> AsyncIterator[Sidecar]:
    """An `outrider-sidecar` that serves the snapshots of `directory`; ended afterwards."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("OUTRIDER_")
    }
    settings = {
        "OUTRIDER_CONFIG_DIR": str(directory),
        "OUTRIDER_PORT": "0",
        "OUTRIDER_ADMIN_PORT": "0",
        "OUTRIDER_ALLOW_LOOPBACK": "true",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "outrider_sidecar.main",
        env=clean | settings | environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    sidecar = Sidecar(process)
    listening = asyncio.create_task(sidecar.listen())
    try:
        words = (await sidecar.said("serves port")).replace(",", "").split()
        sidecar.port, sidecar.admin_port = int(words[4]), int(words[7])
        yield sidecar
    finally:
        for wire in sidecar.wires:
            wire.close()
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening
