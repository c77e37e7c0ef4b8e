"""A body on its way through: looked into at its beginning, sent on without a changed byte."""

import re
import time
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from aiohttp import web

from outrider_sidecar.api.bounds import Bounds
from outrider_sidecar.api.reading import accept, chunks
from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.telemetry.record import Record

_BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
_MODEL_PART: Final = re.compile(
    rb'content-disposition:[^\r\n]*;\s*name="?model"?\s*(?:;|\r?$)', re.IGNORECASE | re.MULTILINE
)
# A string may be cut off: without that end, each quote in it would be tried as a beginning.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)
_LONGEST_NAME: Final = 256
_LONGEST_FIELDS: Final = 1024


class _Named(msgspec.Struct):
    model: msgspec.Raw = msgspec.Raw(b"null")


class Upload:
    """A request's body. ``failure`` is why the caller's side of it broke, if it did.

    `record` learns how long the caller was waited for before anything was sent on.
    """

    def __init__(self, request: web.BaseRequest, bounds: Bounds, record: Record) -> None:
        self._request = request
        self._bounds = bounds
        self._record = record
        self._source = chunks(request, bounds)
        self._seen: list[bytes] = []
        self.failure: Refusal | None = None

    @property
    def empty(self) -> bool:
        """Whether the request has no body."""
        return not self._request.body_exists

    async def model(self) -> str | None:
        """The model that a JSON or multipart body names in its first 64 KiB, or None."""
        headers = self._request.headers
        kind = headers.get("Content-Type", "").lower()
        multipart = kind.startswith("multipart/form-data")
        if self.empty or "Content-Encoding" in headers or not (multipart or "json" in kind):
            return None
        await accept(self._request)
        size = 0
        asked = time.perf_counter()
        try:
            async for chunk in self._source:
                self._seen.append(chunk)
                size += len(chunk)
                if size >= self._bounds.peek_bytes:
                    break
        finally:
            self._record.waited += time.perf_counter() - asked
        head = b"".join(self._seen)
        whole = self._request.content.at_eof()
        if multipart:
            return _in_form(head[: self._bounds.peek_bytes], headers["Content-Type"])
        return _in_json(head) if whole else _in_part(head[: self._bounds.peek_bytes])

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body from its first byte on, as it comes."""
        try:
            if not self._seen:
                await accept(self._request)
            while self._seen:
                yield self._seen.pop(0)
            async for chunk in self._source:
                yield chunk
        except Refusal as refusal:
            self.failure = refusal
            raise


def _in_json(body: bytes) -> str | None:
    try:
        return _name(msgspec.json.decode(body, type=_Named).model)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _in_part(head: bytes) -> str | None:
    """The top-level member ``model`` of a JSON text whose rest is still to come."""
    depth = 0
    key = previous = b""
    for match in _TOKEN.finditer(head):
        token = match[0]
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
        elif depth == 1 and token == b":":
            key = previous
        elif depth == 1 and previous == b":" and key == b'"model"':
            return _name(token)
        previous = token
    return None


def _in_form(head: bytes, content_type: str) -> str | None:
    found = _BOUNDARY.search(content_type)
    if found is None:
        return None
    boundary = b"--" + (found[1] or found[2]).encode()
    parts = head.split(boundary)
    for part in parts[1:-1]:  # what comes before the first and after the last is not complete
        fields, _, value = part.partition(b"\r\n\r\n")
        if _MODEL_PART.search(fields[:_LONGEST_FIELDS]):
            return _text(value.removesuffix(b"\r\n"))
    return None


def _name(token: bytes | msgspec.Raw) -> str | None:
    try:
        name = msgspec.json.decode(token)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return name if isinstance(name, str) and len(name) <= _LONGEST_NAME else None


def _text(value: bytes) -> str | None:
    if len(value) > _LONGEST_NAME:
        return None
    try:
        return value.decode().strip() or None
    except UnicodeDecodeError:
        return None
