"""The life of a request, as one function: `Handler.handle`.

    parse -> find route -> identify -> assign, render -> estimate -> choose rule and backends
          -> limits -> attempts -> relay -> settle

The pure stages stand in `routing.decision`; everything that waits is awaited here.
"""

import asyncio
import logging
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from itertools import chain
from random import Random, SystemRandom
from typing import Final

from aiohttp import web

from outrider_sidecar.api.bounds import Bounds
from outrider_sidecar.api.door import Door, target
from outrider_sidecar.api.exchange import Exchange
from outrider_sidecar.api.passthrough import send_on
from outrider_sidecar.api.reading import read
from outrider_sidecar.api.server import too_long
from outrider_sidecar.api.upload import Upload
from outrider_sidecar.api.websocket import is_upgrade, relay
from outrider_sidecar.config.current import Current
from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.errors import Refusal, body_of, headers_of, refuse
from outrider_sidecar.dialects.surface import operation
from outrider_sidecar.limits.limiter import Limiter
from outrider_sidecar.limits.wording import header_of
from outrider_sidecar.routing.decision import Call, Plan, decide, find_route, passthrough
from outrider_sidecar.routing.identity import Subject
from outrider_sidecar.routing.ratio import Ratios
from outrider_sidecar.routing.table import RouteEntry, Table
from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.telemetry.telemetry import Telemetry
from outrider_sidecar.upstream.attempts import answer
from outrider_sidecar.upstream.client import Upstream

CLIENT_LEFT: Final = 499
"""The status in the log of a request whose caller left before an answer began."""

_LAST_WORDS: Final = 2.0

# A provider answers TRACE with the request as it came, our key in it; CONNECT asks for a tunnel.
_NOT_PASSED: Final = frozenset({"TRACE", "CONNECT"})

logger = logging.getLogger(__name__)


class Handler:
    """Serves the data port. `random` deals unkeyed requests and marks fences; it should not be
    guessable.
    """

    def __init__(
        self,
        current: Current,
        limiter: Limiter,
        upstream: Upstream,
        telemetry: Telemetry,
        *,
        bounds: Bounds,
        hosts: frozenset[str],
        random: Random | None = None,
    ) -> None:
        self._current = current
        self._limiter = limiter
        self._upstream = upstream
        self._telemetry = telemetry
        self._bounds = bounds
        self._door = Door(hosts, bounds)
        self._random = random or SystemRandom()
        self._ratios = Ratios()
        self._draining = False
        self._in_flight: set[asyncio.Task[object]] = set()
        self._idle = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request; whatever happens, its record is settled."""
        record = self._telemetry.begin()
        headers = request.headers
        path, _, query = request.raw_path.partition("?")
        authority, path = target(path)
        wanted = operation(request.method, path, query, "anthropic-version" in headers)
        record.dialect = wanted.name
        exchange = Exchange(request, record, wanted)
        task = self._enter()
        try:
            table = self._let_in(request, authority)
            record.generation = table.generation
            if wanted.dialect is None:
                return await self._pass_through(exchange, table)

            body = Body.parse(await read(request, self._bounds, record))
            call = Call(wanted, headers, body, record.request_id, query)
            plan = self._plan(exchange, table, call)
            self._admit(exchange, plan.route, plan.subject)
            got = await answer(plan, call, self._upstream, record)
            if got.chunks is None:
                sent = await exchange.whole(got.status, got.headers, got.body or b"")
            else:
                async with aclosing(got.chunks) as chunks:
                    sent = await exchange.stream(got.status, got.headers, chunks)
            self._learn(plan, record)
            return sent
        except Refusal as refusal:
            record.cls = _class_of(refusal, record.cls)
            return await exchange.refuse(refusal)
        except (asyncio.CancelledError, ConnectionError):
            if self._draining and request.transport is not None:
                record.cls = "Internal"
                return await exchange.refuse(draining())
            if not (record.stream and exchange.committed):
                record.cls = "Cancelled"  # how far a stream came, its relay has said
            record.status = record.status or CLIENT_LEFT
            raise
        except Exception:
            logger.exception("request %s failed in our own code", record.request_id)
            record.cls = "Internal"
            return await exchange.refuse(internal())
        finally:
            # Nothing here awaits, so that no cancellation can lose the settlement.
            self._leave(task)
            self._settle(exchange)

    def refused(self, refusal: Refusal) -> tuple[list[tuple[str, str]], bytes]:
        """Headers and body for a head that never became a request; told like any other."""
        record = self._telemetry.begin()
        record.cls = _class_of(refusal, record.cls)
        record.error = refusal.code
        record.status = refusal.status
        self._telemetry.finish(record)
        headers = headers_of(refusal, record.request_id)
        headers.append(("x-outrider-request-id", record.request_id))
        return headers, body_of(refusal, "openai", record.request_id)

    async def drain(self, seconds: float) -> bool:
        """Refuses new requests and waits for those in flight; False when some had to be ended.

        What is not done after `seconds` ends with an error in its own dialect.
        """
        self._draining = True
        if not self._in_flight or await _within(seconds, self._idle):
            return True
        for task in self._in_flight:
            task.cancel()
        await _within(_LAST_WORDS, self._idle)
        return False

    async def _pass_through(self, exchange: Exchange, table: Table) -> web.StreamResponse:
        request, record, wanted = exchange.request, exchange.record, exchange.operation
        if wanted.path.startswith("outrider/"):
            raise refuse("outrider_no_passthrough", "this version of Outrider has no such endpoint")
        if request.method in _NOT_PASSED:
            raise refuse("caller_invalid", f"the method {request.method} is not passed through")
        upload = Upload(request, self._bounds, record)
        record.model = wanted.model or await upload.model()
        call = Call(wanted, request.headers, None, record.request_id)
        entry, candidate = passthrough(table, call, record.model)
        self._admit(exchange, entry, entry.identity.subject(request.headers, None))
        record.backend = candidate.name
        if is_upgrade(request):
            return await relay(exchange, candidate, self._upstream, self._bounds)
        return await send_on(exchange, candidate, upload, self._upstream)

    def _enter(self) -> "asyncio.Task[object] | None":
        task = asyncio.current_task()
        if task is not None:
            self._in_flight.add(task)
        return task

    def _leave(self, task: "asyncio.Task[object] | None") -> None:
        if task is not None:
            self._in_flight.discard(task)
        if self._draining and not self._in_flight:
            self._idle.set()

    def _settle(self, exchange: Exchange) -> None:
        """Gives back what the request held and tells what became of it."""
        if exchange.admission is not None:
            exchange.admission.release()
        record, entry = exchange.record, exchange.entry
        if entry is not None and record.attempts:
            for attempt in record.attempts.partition(";")[0].split(","):
                name, _, cls = attempt.partition(":")
                backend = entry.route.backends.get(name)
                if backend is not None:
                    model = record.model if name == record.backend else backend.model
                    self._telemetry.attempt(entry.name, name, model, cls)
        self._telemetry.finish(record)

    def _let_in(self, request: web.BaseRequest, authority: str | None) -> Table:
        """The table to serve the request by; raises `Refusal` for one that may not pass."""
        if authority is not None:
            self._door.check_target(authority)
        self._door.check(request.headers)
        if self._draining:
            raise draining()
        if sum(map(len, chain.from_iterable(request.raw_headers))) > self._bounds.header_bytes:
            raise too_long(self._bounds)
        framing = request.headers.get("Transfer-Encoding")
        if framing is not None and framing.strip().lower() != "chunked":
            raise refuse(
                "caller_encoding",
                f"Transfer-Encoding {framing[:64]!r} is not understood; send chunked alone",
            )
        table = self._current.table
        if table is None:
            raise refuse(
                "outrider_starting",
                "no configuration has been loaded yet; the sidecar waits for its snapshot",
                retry_after=1.0,
            )
        return table

    def _plan(self, exchange: Exchange, table: Table, call: Call) -> Plan:
        record = exchange.record
        today = datetime.now(UTC).date()
        try:
            plan = decide(table, call, random=self._random, today=today, ratio=self._ratios)
        except Refusal:
            with suppress(Refusal):
                record.route = find_route(table, call).name
            raise
        record.model = plan.model
        record.rule = plan.rule
        record.stream = plan.stream
        prompt = plan.prompt
        if prompt is not None:
            record.prompt, record.version = prompt.prompt, prompt.version
            record.override = prompt.override
            stable = plan.route.prompt.prompt.stable if plan.route.prompt else None
            record.arm = "stable" if prompt.version == stable else "canary"
            exchange.prompt = f"{prompt.prompt}@{prompt.version}"
        exchange.dropped = plan.dropped
        exchange.flags = plan.flags
        return plan

    def _admit(self, exchange: Exchange, entry: RouteEntry, subject: Subject) -> None:
        record = exchange.record
        exchange.entry = entry
        record.route = entry.name
        record.user, record.tenant = subject.user, subject.tenant
        record.feature, record.session = subject.feature, subject.session
        try:
            exchange.admission = self._limiter.admit(entry, subject, exchange.request.headers)
        except Refusal as refusal:
            record.limit = header_of(refusal.details)
            raise
        record.limit = exchange.admission.header

    def _learn(self, plan: Plan, record: Record) -> None:
        """What an answer teaches the estimate of the next request's tokens."""
        texts = plan.texts
        if texts is not None and not record.estimated and record.model is not None:
            self._ratios.learn(record.model, texts.utf8_bytes, record.input_tokens, texts.images)


def draining() -> Refusal:
    """The refusal of a request that comes, or is not done, while the sidecar ends."""
    return refuse("outrider_draining", "this sidecar is shutting down", retry_after=1.0)


def internal() -> Refusal:
    """The refusal of a request that our own code failed on."""
    return refuse("outrider_internal", "Outrider failed on this request; its log says where")


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _class_of(refusal: Refusal, known: str) -> str:
    """The class of a request that ends in this refusal; whoever failed may have said it."""
    if known != "ok":
        return known
    code = refusal.code
    if code == "caller_too_large":
        return "TooLarge"
    if code == "caller_context_length":
        return "ContextLength"
    if code.startswith("policy_"):
        return "Limited" if refusal.status == 429 else "Refused"
    return "Caller" if refusal.status < 500 else "Internal"
