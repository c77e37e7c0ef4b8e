"""A request decided and ready to be called: plan, call and record of one, against real sockets."""

import itertools
from collections.abc import Mapping
from typing import Any

import msgspec
from multidict import CIMultiDict

from loopback.scripted import Provider
from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.surface import operation
from outrider_sidecar.routing.decision import Call, Plan
from outrider_sidecar.snapshot import Backend, Timeouts
from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.upstream.attempts import Answer, answer
from outrider_sidecar.upstream.client import Upstream
from standins import tables

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"

_numbers = itertools.count(1)


class Errand:
    """One request. `run` may be awaited once; `plan`, `call` and `record` are open to look at."""

    def __init__(
        self,
        backends: Mapping[str, Backend],
        body: Mapping[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        path: str = CHAT,
    ) -> None:
        """The backends are tried in the order in which they stand."""
        table = tables.table({"support": tables.route(backends, in_order(backends), models=("*",))})
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body or tables.chat("gpt"))
        bare, _, query = path.partition("?")
        sent = CIMultiDict(headers or {})
        self.call = Call(
            operation("POST", bare, query, "anthropic-version" in sent),
            sent,
            Body.parse(raw),
            f"or_{next(_numbers)}",
            query,
        )
        self.plan: Plan = tables.plan(table, self.call)
        self.record = Record(self.call.request_id)

    async def run(self, upstream: Upstream) -> Answer:
        """Calls the backends, as the server does."""
        return await answer(self.plan, self.call, upstream, self.record)

    async def text(self, upstream: Upstream) -> bytes:
        """The whole of what the caller gets in the end, streamed or not."""
        return await drained(await self.run(upstream))


def in_order(backends: Mapping[str, Backend]) -> Any:
    """A rule that tries the backends as they stand."""
    return tables.rule("default", *((name, 1, place) for place, name in enumerate(backends)))


def to(provider: Provider, kind: Any = "OpenAI", **fields: Any) -> Backend:
    """A backend that leads to a scripted provider; `connect_ms` and its like are its waits."""
    base = provider.url if kind == "Anthropic" else provider.url + "/v1"
    waits = {
        name: fields.pop(name, 5_000)
        for name in ("connect_ms", "first_token_ms", "idle_ms", "request_ms")
    }
    return tables.backend(kind, base_url=base, timeouts=Timeouts(**waits), **fields)


async def drained(answer: Answer) -> bytes:
    """What an answer says, to its end."""
    if answer.chunks is None:
        return answer.body or b""
    return b"".join([chunk async for chunk in answer.chunks])
