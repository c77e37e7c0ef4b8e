"""A provider on the loopback: notes what it gets and answers as it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

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


@dataclass
class Seen:
    """A request as the provider got it."""

    method: str
    path: str
    headers: CIMultiDict[str]
    body: bytes


@dataclass
class Provider:
    """A loopback provider: notes what it gets and answers with `respond`."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    respond: Callable[[web.BaseRequest, Seen], Awaitable[web.StreamResponse]] | None = None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Reads the whole request and answers it."""
        parts = [chunk async for chunk in request.content.iter_any()]
        seen = Seen(request.method, request.raw_path, CIMultiDict(request.headers), b"".join(parts))
        self.seen.append(seen)
        self.asked.set()
        try:
            if self.respond is not None:
                return await self.respond(request, seen)
            return web.Response(
                body=json.dumps(COMPLETION).encode(), headers={"Content-Type": "application/json"}
            )
        except asyncio.CancelledError:
            self.left.set()
            raise

    async def events(
        self, request: web.BaseRequest, *pieces: bytes | asyncio.Event
    ) -> web.StreamResponse:
        """Answers with a stream; an event among the pieces is waited for."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            else:
                await response.write(piece)
        await response.write_eof()
        return response


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
