"""Load from raw sockets: as many requests as fit, with next to no cost of its own.

``python -m bench.load PORT KIND CONNECTIONS SECONDS`` prints one JSON object:
``{"requests", "failed", "p50_ms", "p99_ms", "first_p50_ms"}``; latencies are to the last byte,
``first_p50_ms`` to the first content event of a stream.
"""

import asyncio
import json
import statistics
import sys
import time
from typing import cast

import uvloop

SIZES = {"1KiB": 1024, "10KiB": 10_240, "stream": 1024}
CONTENT = b'"content":"w'
PATIENCE = 20.0


def body_of(kind: str, model: str) -> bytes:
    """A Chat request of the kind's size; the caller asks for usage, as an SDK with it on does."""
    fields: dict[str, object] = {"model": model}
    if kind == "stream":
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    message = {"role": "user", "content": ""}
    fields["messages"] = [message]
    empty = len(json.dumps(fields, separators=(",", ":")))
    message["content"] = ("lorem ipsum " * 1000)[: SIZES[kind] - empty]
    return json.dumps(fields, separators=(",", ":")).encode()


def request_of(kind: str, model: str, headers: str = "") -> bytes:
    """The whole request as bytes."""
    body = body_of(kind, model)
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/json\r\nAuthorization: Bearer sk-bench\r\n"
        f"x-outrider-user: u-1\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client(asyncio.Protocol):
    """One connection with one request in flight at a time, for as long as `until` is ahead."""

    def __init__(self, request: bytes, until: float, done: asyncio.Future[None]) -> None:
        self._request = request
        self._until = until
        self._done = done
        self._answer = bytearray()
        self._end = -1
        self._finished = False
        self.total: list[float] = []
        self.first: list[float] = []
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._answer.clear()
        self._end = -1
        self._seen = False
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._end < 0:
            head = self._answer.find(b"\r\n\r\n")
            if head < 0:
                return
            lower = bytes(self._answer[:head]).lower()
            if not lower.startswith(b"http/1.1 200"):
                self.failed += 1
            at = lower.find(b"content-length:")
            length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._end = head + 4 + length if at >= 0 else 0
        now = time.perf_counter()
        if not self._seen and CONTENT in self._answer:
            self._seen = True
            self.first.append(now - self._began)
        if self._end == 0:
            if not self._answer.endswith(b"0\r\n\r\n"):
                return
        elif len(self._answer) < self._end:
            return
        self.total.append(now - self._began)
        if now < self._until:
            self._send()
        else:
            self._finished = True
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._finished:
            self.failed += 1
        if not self._done.done():
            self._done.set_result(None)


async def load(port: int, request: bytes, connections: int, seconds: float) -> dict[str, float]:
    """Run the load and return its figures."""
    loop = asyncio.get_running_loop()
    until = time.perf_counter() + seconds
    clients: list[Client] = []
    waits: list[asyncio.Future[None]] = []

    def connected() -> Client:
        waits.append(loop.create_future())
        clients.append(Client(request, until, waits[-1]))
        return clients[-1]

    async with asyncio.timeout(seconds + PATIENCE):
        for _ in range(connections):
            await loop.create_connection(connected, "127.0.0.1", port)
        await asyncio.gather(*waits)
    total = sorted(wait for client in clients for wait in client.total)
    first = sorted(wait for client in clients for wait in client.first)
    return {
        "requests": len(total),
        "failed": sum(client.failed for client in clients),
        "p50_ms": statistics.median(total) * 1000 if total else 0.0,
        "p99_ms": total[int(len(total) * 0.99)] * 1000 if total else 0.0,
        "first_p50_ms": statistics.median(first) * 1000 if first else 0.0,
    }


if __name__ == "__main__":
    _, _port, _kind, _connections, _seconds = sys.argv
    _request = request_of(_kind, "bench")
    print(json.dumps(uvloop.run(load(int(_port), _request, int(_connections), float(_seconds)))))
