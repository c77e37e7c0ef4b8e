"""What a caller or a provider takes its time for is no overhead of ours."""

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from loopback.clock import turns
from loopback.provider import COMPLETION, END, Provider, delta, saying
from loopback.stage import CHAT, Stage
from loopback.wire import Wire, chat, request
from outrider_sidecar.telemetry.record import Record

HOUR = 3_600.0
LARGE = 32 * 1024 * 1024
FILES = "/v1/files/file-1/content"


class Watch:
    """The clock that requests are measured by, put forward by a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        real = time.perf_counter
        monkeypatch.setattr(time, "perf_counter", lambda: real() + self._ahead)

    async def hour(self) -> None:
        """Lets everybody come to where they wait, and an hour pass."""
        await turns(500)
        self._ahead += HOUR


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """The clock of the records."""
    return Watch(monkeypatch)


async def none_of_it_is_ours(stage: Stage) -> Record:
    """The record of a request that took an hour at least, and not of our time."""
    record = await stage.settled.get()
    assert record.latency_ms >= HOUR * 1_000
    assert record.overhead_ms < HOUR * 1_000
    assert record.waited < record.duration
    return record


async def slowly(wire: Wire, sent: bytes, watch: Watch) -> None:
    """Sends a request with an hour in the middle of its body."""
    await wire.send(sent[:-10])
    await watch.hour()
    await wire.send(sent[-10:])
    assert (await wire.answer()).status == 200


async def test_a_caller_that_sends_slowly(stage: Stage, watch: Watch) -> None:
    await slowly(await stage.wire(), request("POST", CHAT, chat()), watch)
    await none_of_it_is_ours(stage)


@pytest.mark.parametrize("size", [100, 1_000_000])
async def test_a_caller_that_uploads_slowly(stage: Stage, watch: Watch, size: int) -> None:
    body = chat(input="x" * size)
    await slowly(await stage.wire(), request("POST", "/v1/embeddings", body), watch)
    await none_of_it_is_ours(stage)


@pytest.mark.parametrize("path", [CHAT, FILES])
async def test_a_caller_that_reads_a_whole_answer_slowly(
    stage: Stage, watch: Watch, path: str
) -> None:
    stage.provider.respond = saying({**COMPLETION, "x": "x" * LARGE})
    wire = await stage.wire()
    await wire.send(request("POST", path, chat()))
    status, headers = await wire.head()
    await watch.hour()
    await wire.reader.readexactly(int(headers["content-length"]))
    assert status == 200
    await none_of_it_is_ours(stage)


async def test_a_caller_that_reads_a_stream_slowly(
    stage: Stage, provider: Provider, watch: Watch
) -> None:
    async def respond(request: web.BaseRequest, _: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(LARGE // 2**20):
            await response.write(delta("x" * 2**20))
        await response.write(END)
        return response

    provider.respond = respond
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat(stream=True)))
    await wire.head()
    await watch.hour()
    while await wire.chunk():
        pass
    await none_of_it_is_ours(stage)


async def test_a_provider_that_takes_its_time_before_it_answers_what_is_passed_through(
    stage: Stage, watch: Watch
) -> None:
    stage.provider.respond = stage.provider.held
    wire = await stage.wire()
    await wire.send(request("GET", FILES))
    await stage.provider.came.get()
    await watch.hour()
    stage.provider.go_on.set()
    assert (await wire.answer()).status == 200
    await none_of_it_is_ours(stage)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client of WebSockets."""
    async with aiohttp.ClientSession() as made:
        yield made


async def test_a_websocket_that_stays_open(
    stage: Stage, session: aiohttp.ClientSession, watch: Watch
) -> None:
    async def take(request: web.BaseRequest) -> web.StreamResponse:
        socket: web.WebSocketResponse[Any] = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        return socket

    stage.provider.take = take
    url = f"ws://127.0.0.1:{stage.proxy.port}/v1/realtime?model=gpt-realtime"
    async with session.ws_connect(url):
        await watch.hour()
    await none_of_it_is_ours(stage)
