"""One request and its answer, from the head that came to the record that is told."""

import time
from collections.abc import AsyncIterator, Iterable
from typing import Final
from urllib.parse import quote

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from outrider_sidecar.api.whole import Whole
from outrider_sidecar.dialects.errors import Refusal, body_of, headers_of, status_of, stream_failure
from outrider_sidecar.dialects.surface import Operation
from outrider_sidecar.limits.limiter import Admission
from outrider_sidecar.routing.table import RouteEntry
from outrider_sidecar.telemetry.record import Record

Headers = Iterable[tuple[str, str]]

_SHOWN: Final = 20
_LONGEST: Final = 256


class Exchange:
    """Writes the answer, with our headers on it, and keeps the record true to what was written.

    `dropped` and `flags` are told in headers of their own; `closing` ends the connection after
    the answer; `once` says that the provider was asked only once, so that the caller's SDK may
    try again. `admission` is given back when the exchange is settled.
    """

    __slots__ = (
        "_head",
        "admission",
        "closing",
        "dropped",
        "entry",
        "flags",
        "once",
        "operation",
        "prompt",
        "record",
        "request",
    )

    def __init__(self, request: web.BaseRequest, record: Record, operation: Operation) -> None:
        self.request = request
        self.record = record
        self.operation = operation
        self.prompt: str | None = None
        self.dropped: tuple[str, ...] = ()
        self.flags: tuple[str, ...] = ()
        self.closing = False
        self.once = False
        self.entry: RouteEntry | None = None
        self.admission: Admission | None = None
        self._head: web.StreamResponse | None = None

    @property
    def committed(self) -> bool:
        """Whether the answer's head is out, so that it cannot become another answer."""
        return self._head is not None

    async def whole(self, status: int, headers: Headers, body: bytes) -> web.StreamResponse:
        """Sends an answer that is there as a whole."""
        record = self.record
        record.status = status
        fields = self._fields(headers)
        fields["x-outrider-latency-ms"] = f"{(time.perf_counter() - record.began) * 1000:.1f}"
        if record.output_tokens or record.input_tokens:
            fields["x-outrider-tokens"] = (
                f"in={record.input_tokens},out={record.output_tokens},cached={record.cached_tokens}"
            )
        request = self.request
        response = self._head = Whole(status, fields, body)
        asked = time.perf_counter()
        try:
            await response.send(request, closing=self.closing or request.version < (1, 1))
        finally:
            record.waited += time.perf_counter() - asked
        return response

    async def begin(self, status: int, headers: Headers) -> AbstractStreamWriter | None:
        """Commits an answer that comes in pieces; the writer to give them to."""
        self.record.status = status
        return await self._start(web.StreamResponse(status=status, headers=self._fields(headers)))

    async def stream(
        self, status: int, headers: Headers, chunks: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        """Sends a stream as it comes; a slow reader slows its source, by awaited writes."""
        record = self.record
        fields = [*headers, ("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")]
        writer: AbstractStreamWriter | None = None
        async for chunk in chunks:
            first = writer is None
            if writer is None:
                writer = await self.begin(status, fields)
                if writer is None:
                    raise ConnectionResetError("the client has left")
            asked = time.perf_counter()
            try:
                await writer.write(chunk)
            finally:
                record.waited += time.perf_counter() - asked
            if first:
                record.first = time.perf_counter()
        if writer is None:
            await self.begin(status, fields)
        asked = time.perf_counter()
        try:
            return await self.end()
        finally:
            record.waited += time.perf_counter() - asked

    async def end(self) -> web.StreamResponse:
        """Ends an answer that came in pieces."""
        if self._head is None:
            raise RuntimeError("an answer ends before it began")
        await self._head.write_eof()
        return self._head

    async def upgrade(self, response: web.StreamResponse) -> None:
        """Commits an answer that switches to another protocol."""
        self.record.status = response.status
        response.headers.extend(self._fields(()))
        await self._start(response)

    async def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """Sends an error in the caller's dialect; in a stream, the dialect's own failure."""
        operation, record = self.operation, self.record
        record.error = refusal.code
        if self._head is not None:
            if operation.dialect is None:
                raise ConnectionResetError("an answer that is passed through broke")
            await self._head.write(stream_failure(operation.dialect, refusal, record.request_id))
            return await self.end()
        if refusal.code in ("caller_timeout", "outrider_draining"):
            self.closing = True
        headers = headers_of(refusal, record.request_id)
        if refusal.retryable:
            headers.append(("x-should-retry", "true"))
        elif self.once:
            headers = [item for item in headers if item[0] != "x-should-retry"]
        return await self.whole(
            status_of(refusal, operation.family),
            headers,
            body_of(refusal, operation.family, record.request_id),
        )

    async def _start(self, response: web.StreamResponse) -> AbstractStreamWriter | None:
        if self.closing or self.request.version < (1, 1):
            response.force_close()
        self._head = response
        return await response.prepare(self.request)

    def _fields(self, headers: Headers) -> CIMultiDict[str]:
        record = self.record
        fields = CIMultiDict(headers)
        fields["x-outrider-request-id"] = record.request_id
        if record.route is not None:
            fields["x-outrider-route"] = record.route
        if record.rule is not None:
            fields["x-outrider-rule"] = record.rule
        if self.prompt is not None:
            fields["x-outrider-prompt"] = self.prompt
        if record.backend is not None:
            fields["x-outrider-backend"] = record.backend
        if record.model is not None:
            fields["x-outrider-model"] = _header_text(record.model)
        if record.attempts is not None:
            fields["x-outrider-attempts"] = record.attempts
        if record.generation:
            fields["x-outrider-generation"] = str(record.generation)
        if record.limit is not None:
            fields["x-outrider-limit"] = record.limit
        if self.dropped:
            fields["x-outrider-dropped"] = _listed(self.dropped)
        if self.flags:
            fields["x-outrider-flags"] = ",".join(self.flags)
        return fields


def _listed(names: tuple[str, ...]) -> str:
    """Names that the caller chose, as many as a client is sure to take in a header."""
    more = ("...",) if len(names) > _SHOWN else ()
    return ",".join([*(_header_text(name) for name in names[:_SHOWN]), *more])


def _header_text(name: str) -> str:
    """The beginning of a name that the caller may have chosen, as a header can hold it."""
    name = name[:_LONGEST]
    return name if name.isascii() and name.isprintable() else quote(name, errors="replace")
