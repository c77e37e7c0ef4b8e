"""A provider's API on loopback that answers as documented and complains of what does not fit."""

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from aiohttp import web

from standins import heads, schemas
from standins.manners import Manner

REVOKED: Final = "sk-revoked"
"""A key that is refused as documented, and not complained of."""

_WAIT: Final = 10.0
_SAID_BEFORE_TROUBLE: Final = 3


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    query: str
    head: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The header fields, names in lower case."""
        return dict(self.head)

    @property
    def upgrades(self) -> bool:
        """Whether a WebSocket is asked for."""
        return self.headers.get("upgrade") == "websocket"

    @property
    def json(self) -> Any:
        """The body, which must be JSON without duplicate names."""
        return json.loads(self.body, object_pairs_hook=_no_duplicates)


@dataclass(frozen=True)
class Events:
    """A stream: its events, which of them holds the first content, and the API's error event."""

    events: Sequence[bytes]
    content: int
    failure: bytes


class Api(ABC):
    """One provider. `requests` and `complaints` grow until `forget`; both are for the test."""

    bodies: ClassVar[Mapping[str, tuple[Any, Any]]]
    """By path, the SDK's parameters of a POST with a JSON body: not streamed, streamed."""
    others: ClassVar[re.Pattern[str]]
    """Every other operation, as method and path."""
    queries: ClassVar[re.Pattern[str]]
    """The documented queries."""
    staged: ClassVar[str]
    """The path whose streams are asked for uncoded."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.port = 0
        self.requests: list[Received] = []
        self.complaints: list[str] = []
        self.ids: list[str] = []
        self._left: list[str] = []
        self._leaving = asyncio.Event()
        self._server: web.Server | None = None
        self._listening: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens on any free port."""
        self._server = web.Server(self._handle, handler_cancellation=True)
        self._listening = await asyncio.get_running_loop().create_server(
            self._server, "127.0.0.1", 0
        )
        self.port = self._listening.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Ends every connection."""
        if self._listening is not None:
            self._listening.close()
        if self._server is not None:
            await self._server.shutdown(0.1)

    def forget(self) -> None:
        """Starts the next story."""
        self.requests.clear()
        self.complaints.clear()
        self.ids.clear()
        self._left.clear()

    async def gone(self, model: str, times: int = 1) -> None:
        """Returns when clients have left answers of `model` that were not over, so many times.

        Raises TimeoutError after 10 s.
        """
        async with asyncio.timeout(_WAIT):
            while self._left.count(model) < times:
                self._leaving.clear()
                await self._leaving.wait()

    @abstractmethod
    def credential(self, got: Received) -> tuple[str, str]:
        """The header in which this request must say who pays, and its right value."""

    @abstractmethod
    def version_misfits(self, got: Received) -> Iterator[str]:
        """What is wrong with the version of the API that a request names."""

    def typed(self, got: Received, body: Any) -> Any:
        """A body without the members that are documented and not in the SDK's types."""
        return body

    @abstractmethod
    async def answer(self, request: web.BaseRequest, got: Received) -> web.StreamResponse:
        """The documented answer to a request that fits."""

    @abstractmethod
    def error(self, kind: str, message: str | None = None) -> web.Response:
        """A documented error: ``429``, or ``429-quota`` where a status has several."""

    @abstractmethod
    def headers(self) -> dict[str, str]:
        """Headers of every answer, with a request id of its own."""

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/standin/"):
            return await self._control(request)
        got = await _received(request)
        self.requests.append(got)
        complaints = list(self._complaints(got))
        if complaints:
            self.complaints += [f"{got.method} {got.path}: {said}" for said in complaints]
            return self.error("400", "; ".join(complaints))
        if REVOKED in got.headers[self.credential(got)[0]]:
            return self.error("401")
        try:
            return self._coded(await self.answer(request, got), got)
        except asyncio.CancelledError:
            self._left.append(got.json["model"])
            self._leaving.set()
            raise

    def _complaints(self, got: Received) -> Iterator[str]:
        name, value = self.credential(got)
        sent = got.headers.get(name, "")
        right = sent if REVOKED in sent else value
        host = f"127.0.0.1:{self.port}"
        yield from heads.misfits(got.head, host=host, key=(name, right), upgrades=got.upgrades)
        yield from heads.framing_misfits(got.head, got.method, len(got.body))
        yield from self.version_misfits(got)
        if not self.queries.fullmatch(got.query):
            yield f"the query {got.query!r} is not documented"
        if got.method == "POST" and got.path in self.bodies:
            yield from self._body_misfits(got)
        elif not self.others.fullmatch(f"{got.method} {got.path}"):
            yield "no such operation"

    def _body_misfits(self, got: Received) -> Iterator[str]:
        if got.headers.get("content-type") != "application/json":
            yield f"Content-Type is {got.headers.get('content-type')!r}"
        try:
            body = got.json
        except ValueError as error:
            yield f"the body is no JSON: {error}"
            return
        streamed = isinstance(body, dict) and body.get("stream") is True
        yield from schemas.misfits(self.bodies[got.path][streamed], self.typed(got, body))
        coding = got.headers.get("accept-encoding")
        if streamed and got.path == self.staged and coding != "identity":
            yield f"a stream is asked for in the coding {coding!r}"

    async def _control(self, request: web.BaseRequest) -> web.Response:
        """What a test in another process asks: what came, and whether the client has left."""
        if request.path == "/standin/gone":
            await self.gone(request.query["model"], int(request.query["times"]))
            return web.json_response([])
        told = [
            {"method": got.method, "path": got.path, "headers": got.headers, "body": _told(got)}
            for got in self.requests
        ]
        self.requests.clear()
        self._left.clear()
        return web.json_response(told)

    def whole(self, body: Any, headers: Mapping[str, str] | None = None) -> web.Response:
        """A complete JSON answer."""
        return web.json_response(body, headers={**self.headers(), **(headers or {})})

    def _coded(self, answer: web.StreamResponse, got: Received) -> web.StreamResponse:
        """A whole answer in the coding that was asked for, as a provider's edge sends it."""
        if isinstance(answer, web.Response) and "gzip" in got.headers.get("accept-encoding", ""):
            answer.enable_compression(web.ContentCoding.gzip)
        return answer

    async def behave(
        self, request: web.BaseRequest, manner: Manner, body: Any
    ) -> web.StreamResponse:
        """A complete JSON answer, if the manner lets it be one."""
        match manner:
            case Manner.CUT:
                text = json.dumps(body).encode()
                headers = {**self.headers(), "content-type": "application/json"}
                response = web.StreamResponse(headers=headers)
                response.content_length = len(text)
                await response.prepare(request)
                await response.write(text[: len(text) // 2])
                return _hang_up(request, response)
            case _:
                return await self._strange(request, manner) or self.whole(body)

    async def stream(
        self, request: web.BaseRequest, manner: Manner, told: Events
    ) -> web.StreamResponse:
        """A stream of server-sent events, as far as the manner lets it come."""
        strange = await self._strange(request, manner)
        if strange is not None:
            return strange
        response = web.StreamResponse(
            headers={
                **self.headers(),
                "content-type": "text/event-stream; charset=utf-8",
                "cache-control": "no-cache",
            }
        )
        await response.prepare(request)
        troubled = (Manner.CUT, Manner.SHORT, Manner.ERROR_INSIDE, Manner.ENDLESS, Manner.STALLS)
        events = list(told.events)
        if manner in troubled:
            events = events[: told.content + _SAID_BEFORE_TROUBLE]
        if manner is Manner.ERROR_AT_ONCE:
            events = events[: told.content]
        if manner in (Manner.ERROR_INSIDE, Manner.ERROR_AT_ONCE):
            events.append(told.failure)
        for piece in _pieces(events, ragged=manner is Manner.RAGGED):
            await response.write(piece)
        if manner in (Manner.ENDLESS, Manner.STALLS):
            await asyncio.get_running_loop().create_future()
        if manner is Manner.CUT:
            return _hang_up(request, response)
        await response.write_eof()
        return response

    async def _strange(self, request: web.BaseRequest, manner: Manner) -> web.StreamResponse | None:
        """What a manner answers whether a stream was asked for or not."""
        match manner:
            case Manner.SILENT:
                await asyncio.get_running_loop().create_future()
            case Manner.HTML:
                page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
                return web.Response(status=502, text=page, content_type="text/html")
            case Manner.HANGS_UP:
                return _hang_up(request, web.Response())
        return None


def _pieces(events: Iterable[bytes], *, ragged: bool) -> Iterator[bytes]:
    if not ragged:
        yield from events
        return
    text = b"".join(events)
    for place in range(0, len(text), 5):
        yield text[place : place + 5]


def _hang_up(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return response


async def _received(request: web.BaseRequest) -> Received:
    body = b"".join([piece async for piece in request.content.iter_any()])
    head = tuple((name.decode().lower(), value.decode()) for name, value in request.raw_headers)
    path, _, query = request.raw_path.partition("?")
    return Received(request.method, path, query, head, body)


def _told(got: Received) -> Any:
    try:
        return got.json
    except ValueError:
        return None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a name stands twice among {[name for name, _ in pairs]}")
    return found
