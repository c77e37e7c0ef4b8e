"""A proxy between a raw client and a loopback provider."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from loopback.provider import Provider
from loopback.wire import Answer, Wire, chat
from outrider_sidecar import snapshot
from outrider_sidecar.config.current import Current
from outrider_sidecar.proxy import Proxy
from outrider_sidecar.snapshot import Snapshot
from outrider_sidecar.telemetry.record import Record

Start = Callable[..., Awaitable["Stage"]]
"""Starts a proxy: bounds, snapshot, and what else `conftest.start` takes."""

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"


@dataclass
class Stage:
    """A running proxy with what a test needs to act on it and to look at it."""

    proxy: Proxy
    current: Current
    provider: Provider
    records: list[Record]
    settled: asyncio.Queue[Record]
    wires: list[Wire] = field(default_factory=list)

    async def wire(self, port: int = 0) -> Wire:
        """A new connection."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port or self.proxy.port, limit=1 << 20
        )
        self.wires.append(Wire(reader, writer))
        return self.wires[-1]

    async def ask(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> Answer:
        """One request on a connection of its own."""
        return await (await self.wire()).ask(method, path, body, **headers)

    async def chat(self, **headers: str) -> Answer:
        """A small Chat request on a connection of its own."""
        return await self.ask("POST", CHAT, chat(), **headers)

    async def admin(self, path: str, /, **headers: str) -> Answer:
        """One GET on the admin port."""
        wire = await self.wire(self.proxy.admin_port)
        return await wire.ask("GET", path, **headers)


def route(provider: Provider, **changes: Any) -> dict[str, Any]:
    """A route to the provider in both dialects, as a snapshot says it."""
    timeouts = {"connectMs": 2000, "firstTokenMs": 5000, "idleMs": 5000, "requestMs": 10000}
    both = {"timeouts": timeouts, "defaultMaxTokens": 1024}
    base = f"http://127.0.0.1:{provider.port}"
    return {
        "models": ["*"],
        "identity": {"user": [{"header": "x-outrider-user"}]},
        "backends": {
            "openai": {"provider": "OpenAI", "baseURL": base + "/v1", **both},
            "anthropic": {"provider": "Anthropic", "baseURL": base, **both},
        },
        "rules": [
            {
                "name": "default",
                "backends": [
                    {"name": "openai", "weight": 1, "priority": 0},
                    {"name": "anthropic", "weight": 1, "priority": 0},
                ],
            }
        ],
    } | changes


def compiled(routes: dict[str, Any], generation: int = 7, **fields: Any) -> Snapshot:
    """A snapshot of these routes."""
    content = {"schema": 1, "namespace": "tests", "routes": routes, "prompts": {}} | fields
    content["generation"] = generation
    content["digest"] = snapshot.digest_of(content)
    return snapshot.decode(json.dumps(content).encode())
