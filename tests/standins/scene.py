"""Proxies before both providers, with a route for every story that an SDK's user can live."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.config.current import Current
from outrider_sidecar.config.settings import Settings
from outrider_sidecar.proxy import Proxy
from outrider_sidecar.snapshot import (
    Backend,
    Limit,
    Rate,
    Route,
    SecretKey,
    Simulated,
    Snapshot,
    Tier,
    Timeouts,
    seal,
)
from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.telemetry.telemetry import Telemetry
from standins import tables
from standins.anthropic_api import AnthropicApi
from standins.api import Api
from standins.background import Background
from standins.openai_api import OpenAIApi

GENERATION = 7
SYSTEM = "You are Ada of {{shop}}. Be brief."
SECRET = "outrider-credentials"
OPENAI_KEY = "sk-the-real-one"
ANTHROPIC_KEY = "sk-ant-the-real-one"

_PATIENT = Timeouts(connect_ms=2_000, first_token_ms=20_000, idle_ms=20_000, request_ms=30_000)
_HASTY = Timeouts(connect_ms=2_000, first_token_ms=100, idle_ms=100, request_ms=100)
_IMPATIENT = msgspec.structs.replace(_PATIENT, idle_ms=100)
_KEYS = {"OpenAI": "openai", "Anthropic": "anthropic"}


@dataclass
class Served:
    """A running proxy. `records` are its settled requests, in order."""

    proxy: Proxy
    current: Current
    telemetry: Telemetry
    records: list[Record] = field(default_factory=list)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    def settle(self, record: Record) -> None:
        """Takes note of a request that is over."""
        self.records.append(record)
        self._settled.set()

    async def told(self, count: int) -> list[Record]:
        """The records, when there are that many: an answer is out before its record."""
        async with asyncio.timeout(10):
            while len(self.records) < count:
                self._settled.clear()
                await self._settled.wait()
        return list(self.records)

    @property
    def url(self) -> str:
        """What Anthropic's SDK calls base URL; OpenAI's has ``/v1`` behind it."""
        return f"http://127.0.0.1:{self.proxy.port}"


@dataclass
class Scene:
    """Both providers and the proxies before them. `run` runs coroutines where they live.

    `main` serves every name, `narrow` only the model ``support``.
    """

    background: Background
    directory: Path
    openai: OpenAIApi
    anthropic: AnthropicApi
    main: Served
    narrow: Served

    def provider(self, family: str) -> Api:
        """The provider of that family."""
        return self.openai if family == "openai" else self.anthropic

    @property
    def providers(self) -> "Providers":
        """The routes to both."""
        return Providers(self.openai.port, self.anthropic.port)

    def told(self, count: int) -> list[Record]:
        """The records of the main proxy, when there are that many."""
        return self.background.run(self.main.told(count))

    async def late(self) -> Served:
        """One more proxy, that has no configuration yet; whoever starts it closes it."""
        return await _serve(self.directory, None)

    def forget(self) -> None:
        """Starts the next story, when the last one's records are written."""
        self.background.run(_turn())
        self.openai.forget()
        self.anthropic.forget()
        for served in (self.main, self.narrow):
            served.records.clear()

    @property
    def complaints(self) -> list[str]:
        """What the providers received that does not fit."""
        return self.openai.complaints + self.anthropic.complaints


async def start(background: Background, directory: Path) -> Scene:
    """Starts everything; `directory` becomes that of the mounted Secrets."""
    openai, anthropic = OpenAIApi(OPENAI_KEY), AnthropicApi(ANTHROPIC_KEY)
    await openai.start()
    await anthropic.start()
    secret = directory / SECRET
    secret.mkdir()
    (secret / "openai").write_text(OPENAI_KEY + "\n")
    (secret / "anthropic").write_text(ANTHROPIC_KEY + "\n")
    providers = Providers(openai.port, anthropic.port)
    main = await _serve(directory, providers.snapshot())
    narrow = await _serve(directory, providers.narrow())
    return Scene(background, directory, openai, anthropic, main, narrow)


async def stop(scene: Scene) -> None:
    """Ends everything."""
    for served in (scene.main, scene.narrow):
        await served.proxy.close()
    await scene.openai.close()
    await scene.anthropic.close()


async def _turn() -> None:
    """Lets every task that is ready take its last steps."""
    for _ in range(10):
        await asyncio.sleep(0)


async def _serve(directory: Path, snapshot: Snapshot | None) -> Served:
    settings = Settings(port=0, admin_port=0, allow_loopback=True)
    current, telemetry = Current(), Telemetry(None)
    if snapshot is not None:
        current.apply(snapshot, "process")
    proxy = Proxy(settings, current, FileCredentials(directory), telemetry, random=Random(0))
    served = Served(proxy, current, telemetry)
    telemetry.sinks.append(served.settle)
    await proxy.start()
    return served


@dataclass(frozen=True)
class Providers:
    """Where the providers listen, and the routes to them."""

    openai: int
    anthropic: int

    def backend(self, provider: Any, model: str | None = None, **fields: Any) -> Backend:
        """A backend at the stand-in of `provider`, with its key."""
        base = {
            "OpenAI": f"http://127.0.0.1:{self.openai}/v1",
            "Anthropic": f"http://127.0.0.1:{self.anthropic}",
        }[provider]
        defaults: dict[str, Any] = {
            "base_url": base,
            "secret_key_ref": SecretKey(name=SECRET, key=_KEYS[provider]),
            "timeouts": _PATIENT,
        }
        return tables.backend(provider, model, **(defaults | fields))

    def both(self, model: str | None = None, **fields: Any) -> dict[str, Backend]:
        """One backend of each provider."""
        return {
            "openai": self.backend("OpenAI", model, **fields),
            "anthropic": self.backend("Anthropic", model, **fields),
        }

    def narrow(self) -> Snapshot:
        """A namespace that serves one model."""
        return _published({"support": tables.route(self.both("steady"))})

    def snapshot(self) -> Snapshot:
        """A namespace with a route for every story."""
        routes = {
            "everything": tables.route(self.both(), models=("*",)),
            "forwarding": tables.route(
                self.both(secret_key_ref=None, caller_credentials="Forward", model="steady")
            ),
            "hasty": tables.route(self.both("silent", timeouts=_HASTY)),
            "stalling": tables.route(self.both("stalls", timeouts=_IMPATIENT)),
            "keyless": tables.route(
                self.both("steady", secret_key_ref=SecretKey(name=SECRET, key="lost"))
            ),
            "only-openai": tables.route({"openai": self.backend("OpenAI", "steady")}),
            "only-anthropic": tables.route({"anthropic": self.backend("Anthropic", "steady")}),
            "limited": tables.route(self.both("steady")),
            "prompted": tables.route(self.both("steady"), prompt="answer"),
            "simulated": tables.route({"pretender": _simulated()}),
            "pretended-overload": tables.route({"pretender": _simulated(error_ratio="1")}),
            **{f"after-{fault}": self._second(fault) for fault in FAULTS},
            **{f"never-{fault}": self._both_fail(fault) for fault in FAULTS},
        }
        answer = tables.prompt(
            {
                "answer-v1": tables.template(
                    ("system", SYSTEM),
                    "conversation",
                    variables=(tables.variable("shop"),),
                    temperature="1.5",
                    top_p="0.9",
                )
            }
        )
        per_user = Limit(
            name="per-user",
            routes=("limited",),
            subject="User",
            default_tier="free",
            tiers={"free": Tier(requests=Rate(limit=2, window_ms=3_600_000, burst=2))},
            unknown_subject="Shared",
            mode="Enforce",
        )
        return _published(routes, {"answer": answer}, limits=(per_user,))

    def _second(self, fault: str) -> Route:
        """The first backends fail, the second ones answer."""
        return self._pairs(fault, "steady")

    def _both_fail(self, fault: str) -> Route:
        return self._pairs(fault, fault)

    def _pairs(self, first: str, second: str) -> Route:
        backends = {
            "openai": self.backend("OpenAI", first),
            "anthropic": self.backend("Anthropic", first),
            "openai-spare": self.backend("OpenAI", second),
            "anthropic-spare": self.backend("Anthropic", second),
        }
        rule = tables.rule(
            "default",
            ("openai", 1, 0),
            ("anthropic", 1, 0),
            ("openai-spare", 1, 1),
            ("anthropic-spare", 1, 1),
        )
        return tables.route(backends, rule)


FAULTS = ("error-500", "error-529", "error-429", "error-401", "error-at-once", "cut", "hangs-up")
"""Models that fail before any content, so that the next backend may answer."""


def _simulated(**fields: Any) -> Backend:
    manner: dict[str, Any] = {
        "time_to_first_token_ms": 0,
        "tokens_per_second": 10_000,
        "output_tokens": 12,
        "error_ratio": "0",
        "error_class": "Overloaded",
    }
    return tables.backend(
        "Simulated", "pretend-1", simulated=Simulated(**(manner | fields)), timeouts=_PATIENT
    )


def _published(
    routes: Mapping[str, Route], prompts: Mapping[str, Any] | None = None, **fields: Any
) -> Snapshot:
    made = tables.snapshot(routes, prompts, **fields)
    return seal(msgspec.structs.replace(made, generation=GENERATION))
