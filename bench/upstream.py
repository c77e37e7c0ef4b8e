"""A provider that costs next to nothing: canned answers on a raw asyncio protocol.

``python -m bench.upstream`` prints its port. A body with ``"stream":true`` gets 50 content
events, one write each; any other a whole answer of about the request's size.
"""

import asyncio
import json
from typing import cast

import uvloop

EVENTS = 50
STREAM_FLAG = b'"stream":true'
USAGE = {"prompt_tokens": 250, "completion_tokens": EVENTS, "total_tokens": 250 + EVENTS}


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_795_219_200,
        "model": "bench",
        "choices": [choice],
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _stream() -> list[bytes]:
    usage = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_795_219_200,
        "model": "bench",
        "choices": [],
        "usage": USAGE,
    }
    tail = b"data: " + json.dumps(usage, separators=(",", ":")).encode() + b"\n\n"
    return [
        _event({"role": "assistant", "content": ""}),
        *(_event({"content": f"word{number:02d} "}) for number in range(EVENTS)),
        _event({}, "stop"),
        tail,
        b"data: [DONE]\n\n",
    ]


def _answer(size: int) -> bytes:
    message = {"role": "assistant", "content": "x" * size}
    return json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1_795_219_200,
            "model": "bench",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": USAGE,
        },
        separators=(",", ":"),
    ).encode()


def _whole(size: int) -> bytes:
    body = _answer(size)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
STREAM = [b"%x\r\n%s\r\n" % (len(event), event) for event in _stream()]
WHOLE = {size: _whole(size * 1024 - 300) for size in (1, 10)}


class Provider(asyncio.Protocol):
    """One connection: reads heads and bodies by Content-Length, answers in order."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            if STREAM_FLAG in body.replace(b" ", b""):
                self._transport.write(STREAM_HEAD)
                self._next(0)
            else:
                self._transport.write(WHOLE[10 if length > 4096 else 1])

    def _next(self, number: int) -> None:
        """One event a loop turn, so that a reader sees events and not one block."""
        if self._transport.is_closing():
            return
        self._transport.write(STREAM[number])
        if number + 1 < len(STREAM):
            self._loop.call_soon(self._next, number + 1)
        else:
            self._transport.write(b"0\r\n\r\n")


async def serve() -> None:
    """Listen on a free port of 127.0.0.1 and print it."""
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
