"""A provider on the loopback: notes what it gets and answers as it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5.4",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello."},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [{"type": "text", "text": "Hello."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 2},
}


@dataclass
class Seen:
    """A request as the provider got it; `peer` is the port at the connection's other end."""

    method: str
    path: str
    headers: CIMultiDict[str]
    body: bytes
    peer: int

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Respond = Callable[[web.BaseRequest, Seen], Awaitable[web.StreamResponse]]


@dataclass
class Provider:
    """A loopback provider: notes what it gets and answers with `respond`, else a completion.

    `take`, if given, gets the request with its body unread. `came` has an item for each request,
    `left` is set when a client goes before its answer, `go_on` is for the tests to set.
    """

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    came: asyncio.Queue[Seen] = field(default_factory=asyncio.Queue)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    respond: Respond | None = None
    take: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] | None = None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Reads the whole request and answers it."""
        try:
            if self.take is not None:
                return await self.take(request)
            seen = self.note(request, b"".join([part async for part in request.content.iter_any()]))
            respond = self.respond or saying(MESSAGE if "messages" in seen.path else COMPLETION)
            return await respond(request, seen)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise

    def note(self, request: web.BaseRequest, body: bytes = b"") -> Seen:
        """Remembers a request."""
        assert request.transport is not None
        seen = Seen(
            request.method,
            request.raw_path,
            CIMultiDict(request.headers),
            body,
            request.transport.get_extra_info("peername")[1],
        )
        self.seen.append(seen)
        self.came.put_nowait(seen)
        return seen

    async def held(self, request: web.BaseRequest, seen: Seen) -> web.StreamResponse:
        """Answers with a completion when the test lets it."""
        await self.go_on.wait()
        return await saying()(request, seen)


def saying(body: Any = COMPLETION, status: int = 200, /, **headers: str) -> Respond:
    """Answers with this: bytes as they are, else as JSON; `_` in a header's name is a dash."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": "application/json"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}

    async def respond(request: web.BaseRequest, _: Seen) -> web.StreamResponse:
        return web.Response(status=status, body=data, headers=fields)

    return respond


def streaming(*pieces: bytes | asyncio.Event) -> Respond:
    """Answers with a stream of these events; an `asyncio.Event` among them is waited for."""

    async def respond(request: web.BaseRequest, _: Seen) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            else:
                await response.write(piece)
        await response.write_eof()
        return response

    return respond


def delta(text: str) -> bytes:
    """A Chat stream's event with some content."""
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-5.4",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


END = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-5.4",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
