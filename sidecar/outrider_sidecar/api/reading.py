"""A request's body: bounded, paced, decoded.

Time counts only while we wait for the client: a provider that reads slowly is not its fault.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from outrider_sidecar.api.bounds import MIB, Bounds
from outrider_sidecar.api.server import Connection
from outrider_sidecar.dialects.errors import Refusal, refuse
from outrider_sidecar.telemetry.record import Record

_GZIP: Final = 16 + zlib.MAX_WBITS
_MOST_MEMBERS: Final = 64
_CODINGS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


async def read(request: web.BaseRequest, bounds: Bounds, record: Record) -> bytes:
    """The whole body, decoded; `record` learns how long the caller was waited for.

    Raises `Refusal` caller_too_large above ``body_bytes``, sent or decoded, caller_encoding for
    an unknown or broken coding, caller_timeout when it comes too slowly, caller_invalid when
    its framing is broken.
    """
    headers = request.headers
    coding = headers.get("Content-Encoding")
    wbits = None if coding is None else _wbits(coding)
    length = request.content_length
    if length is not None and length > bounds.body_bytes:
        raise too_large(bounds)
    if "Expect" in headers:
        await accept(request)
    content = request.content
    if content.is_eof():
        raw = await content.readany()
    else:
        parts = []
        size = 0
        asked = time.perf_counter()
        try:
            async for chunk in chunks(request, bounds):
                size += len(chunk)
                if size > bounds.body_bytes:
                    raise too_large(bounds)
                parts.append(chunk)
        finally:
            record.waited += time.perf_counter() - asked
        raw = b"".join(parts)
    if len(raw) > bounds.body_bytes:
        raise too_large(bounds)
    return raw if wbits is None else await _decoded(raw, wbits, bounds)


async def chunks(request: web.BaseRequest, bounds: Bounds) -> AsyncIterator[bytes]:
    """The body's bytes as they come, as many as there are; raises `Refusal` as `read` does."""
    content = request.content
    pace = _Pace(request, bounds)
    try:
        while not content.at_eof():
            pace.wait()
            chunk = await content.readany()
            pace.came(len(chunk))
            if chunk:
                yield chunk
    except web.RequestPayloadError as error:
        raise refuse("caller_invalid", "the request's body is not framed as it says") from error
    finally:
        pace.end()


async def accept(request: web.BaseRequest) -> None:
    """Answers ``Expect: 100-continue``; the low-level server leaves that to us."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= (1, 1):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def too_large(bounds: Bounds) -> Refusal:
    """The refusal of a body above the limit."""
    return refuse(
        "caller_too_large",
        f"the request's body is larger than {bounds.body_bytes} bytes; "
        "send large files through the Files API",
    )


class _Pace:
    """Fails a body whose seconds are used up: waiting takes them, bytes give them back.

    One timer a body, not one a read: it fires at the earliest deadline and moves on when bytes
    have come meanwhile.
    """

    __slots__ = ("_bounds", "_credit", "_deadline", "_loop", "_request", "_since", "_timer")

    def __init__(self, request: web.BaseRequest, bounds: Bounds) -> None:
        self._request = request
        self._bounds = bounds
        self._loop = asyncio.get_running_loop()
        self._credit = bounds.body_seconds
        self._since = self._loop.time()
        self._deadline: float | None = None
        self._timer = self._loop.call_later(bounds.body_seconds, self._check)

    def wait(self) -> None:
        self._since = self._loop.time()
        self._deadline = self._since + self._credit

    def came(self, size: int) -> None:
        waited = self._loop.time() - self._since
        earned = size / self._bounds.body_rate
        self._credit = min(self._bounds.body_seconds, self._credit - waited + earned)
        self._deadline = None

    def end(self) -> None:
        self._timer.cancel()

    def _check(self) -> None:
        now = self._loop.time()
        deadline = now + self._bounds.body_seconds if self._deadline is None else self._deadline
        if now < deadline:
            self._timer = self._loop.call_at(deadline, self._check)
            return
        connection = self._request.protocol
        if isinstance(connection, Connection):
            connection.hang_up()
        self._request.content.set_exception(
            refuse(
                "caller_timeout",
                f"the request's body came slower than {self._bounds.body_rate} bytes a second "
                f"for {self._bounds.body_seconds:g} s",
            )
        )


def _wbits(coding: str) -> int | None:
    name = coding.strip().lower()
    if name in ("", "identity"):
        return None
    wbits = _CODINGS.get(name)
    if wbits is None:
        raise refuse(
            "caller_encoding",
            f"Content-Encoding {coding[:64]!r} is not understood; send identity, gzip or deflate",
        )
    return wbits


async def _decoded(raw: bytes, wbits: int, bounds: Bounds) -> bytes:
    if wbits == zlib.MAX_WBITS and raw and raw[0] & 0x0F != 8:
        wbits = -zlib.MAX_WBITS  # deflate without its zlib header, as some clients send it
    parts: list[bytes] = []
    size = 0
    rest = raw
    for _ in range(_MOST_MEMBERS):
        decoder = zlib.decompressobj(wbits)
        try:
            while rest and not decoder.eof:
                part = decoder.decompress(rest, MIB)
                rest = decoder.unconsumed_tail
                parts.append(part)
                size += len(part)
                if size > bounds.body_bytes:
                    raise too_large(bounds)
                if size >= MIB:
                    await asyncio.sleep(0)
            parts.append(decoder.flush())
        except zlib.error as error:
            raise refuse("caller_encoding", f"the body cannot be decoded: {error}") from error
        if not decoder.eof:
            raise refuse("caller_encoding", "the body ends in the middle of its compressed data")
        rest = decoder.unused_data
        if not rest or wbits != _GZIP:
            return b"".join(parts)
    raise refuse("caller_encoding", f"the body is gzip of more than {_MOST_MEMBERS} members")
