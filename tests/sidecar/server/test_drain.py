"""How the program ends: nothing new, what is in flight whole if it can, told if it cannot."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from loopback.clock import Clock, turns
from loopback.process import Sidecar, running, simulated
from loopback.provider import END, Provider, delta, saying, streaming
from loopback.stage import CHAT, MESSAGES, Start, compiled, route
from loopback.wire import Wire, chat, request
from outrider_sidecar.snapshot import encode, seal
from standins import tables


@asynccontextmanager
async def serving(
    directory: Path, provider: Provider, drain: float
) -> AsyncIterator[tuple[Sidecar, Wire]]:
    """The program before the provider, and a connection to it that has served a request."""
    snapshot = compiled({"support": route(provider)})
    (directory / "snapshot.json").write_bytes(encode(seal(snapshot)))
    async with running(directory, OUTRIDER_DRAIN_SECONDS=str(drain)) as sidecar:
        wire = await sidecar.wire()
        provider.respond = None
        assert (await wire.ask("POST", CHAT, chat())).status == 200
        yield sidecar, wire


async def draining(sidecar: Sidecar, number: signal.Signals) -> None:
    """Sends the signal; returns when it is heeded."""
    assert (await sidecar.admin("/readyz")).status == 200
    sidecar.signal(number)
    while (await sidecar.admin("/readyz")).status == 200:
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stream_ends_whole_while_nothing_new_is_taken(
    tmp_path: Path, provider: Provider, number: signal.Signals
) -> None:
    async with serving(tmp_path, provider, drain=50) as (sidecar, standing):
        provider.respond = streaming(delta("a"), provider.go_on, delta("b"), END)
        wire = await sidecar.wire()
        await wire.send(request("POST", CHAT, chat(stream=True)))
        assert (await wire.head())[0] == 200
        assert await wire.chunk() == delta("a")

        await draining(sidecar, number)
        with pytest.raises(ConnectionRefusedError):
            await sidecar.wire()
        answer = await standing.ask("POST", CHAT, chat())
        assert (answer.status, answer.json()["error"]["code"]) == (503, "outrider_draining")
        assert answer.headers["Connection"] == "close"
        assert await standing.closed() == b""
        assert (await sidecar.admin("/livez")).status == 200
        assert (await sidecar.admin("/readyz")).body == b"draining\n"

        provider.go_on.set()
        rest = b""
        while chunk := await wire.chunk():
            rest += chunk
        assert rest.startswith(delta("b") + END + b": outrider ")
        assert await sidecar.ended() == 0
        assert len(provider.seen) == 2


async def test_an_idle_program_ends_at_once(tmp_path: Path, provider: Provider) -> None:
    async with serving(tmp_path, provider, drain=50) as (sidecar, standing):
        sidecar.signal(signal.SIGTERM)
        assert await sidecar.ended() == 0
        assert await standing.closed() == b""


async def test_a_second_signal_does_not_wait(tmp_path: Path, provider: Provider) -> None:
    async with serving(tmp_path, provider, drain=50) as (sidecar, _):
        provider.respond = provider.held
        wire = await sidecar.wire()
        await wire.send(request("POST", CHAT, chat()))
        await provider.came.get()
        await draining(sidecar, signal.SIGTERM)
        sidecar.signal(signal.SIGTERM)
        assert await sidecar.ended() == 0


def last_event(body: bytes) -> Any:
    """The data of a stream's last event."""
    return json.loads(body.rstrip(b"\n").rsplit(b"data: ", 1)[1])


async def test_what_outlasts_the_drain_is_told_in_its_dialect(tmp_path: Path) -> None:
    slow = simulated(tokens_per_second=1, output_tokens=1_000)
    served = tables.snapshot({"support": tables.route({"main": slow})})
    (tmp_path / "snapshot.json").write_bytes(encode(seal(served)))
    body = {"model": "support", "max_tokens": 1_000}
    async with running(tmp_path, OUTRIDER_DRAIN_SECONDS="0.2") as sidecar:
        chatting, messaging, waiting = [await sidecar.wire() for _ in range(3)]
        await chatting.send(request("POST", CHAT, chat(stream=True, **body)))
        await messaging.send(request("POST", MESSAGES, chat(stream=True, **body)))
        for wire in (chatting, messaging):
            assert (await wire.head())[0] == 200
        await waiting.send(request("POST", CHAT, chat(**body)))
        sidecar.signal(signal.SIGTERM)

        ends = []
        for wire in (chatting, messaging):
            rest = b""
            while chunk := await wire.chunk():
                rest += chunk
            ends.append(rest)
        assert b"[DONE]" not in ends[0]
        assert last_event(ends[0])["error"]["code"] == "outrider_draining"
        assert b"\n\nevent: error\ndata: " in ends[1]
        failure = last_event(ends[1])
        assert (failure["type"], failure["error"]["type"]) == ("error", "api_error")
        assert failure["error"]["code"] == "outrider_draining"
        answer = await waiting.answer()
        assert (answer.status, answer.json()["error"]["code"]) == (503, "outrider_draining")
        assert await sidecar.ended() == 0
        assert "ended after 0.2 s of drain" in await sidecar.said("drain;")


async def test_a_download_that_outlasts_the_drain_is_cut_and_not_ended(
    start: Start, provider: Provider
) -> None:
    async def drip(request: web.BaseRequest, _: object) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        await provider.go_on.wait()
        return response

    stage = await start(drain_seconds=0.05)
    provider.respond = drip
    wire = await stage.wire()
    await wire.send(request("GET", "/v1/files/f/content"))
    await wire.head()
    assert await wire.chunk() == b"half"
    await stage.proxy.drain()
    assert await wire.closed() == b""


async def test_a_websocket_that_outlasts_the_drain_is_closed_as_going_away(
    start: Start, provider: Provider
) -> None:
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def take(request: web.BaseRequest) -> web.StreamResponse:
        socket: web.WebSocketResponse[Any] = web.WebSocketResponse()
        await socket.prepare(request)
        message = await socket.receive()
        codes.put_nowait(message.data)
        return socket

    stage = await start(drain_seconds=0.05)
    provider.take = take
    url = f"ws://127.0.0.1:{stage.proxy.port}/v1/realtime"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        draining = asyncio.create_task(stage.proxy.drain())
        message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)
        assert await codes.get() == 1001
        await draining


async def test_a_request_in_flight_is_answered_while_draining(
    start: Start, provider: Provider
) -> None:
    stage = await start(drain_seconds=30)
    provider.respond = provider.held
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat()))
    await provider.came.get()
    ending = asyncio.create_task(stage.proxy.drain())
    provider.respond = saying()
    provider.go_on.set()
    assert (await wire.answer()).status == 200
    await ending
    assert await wire.closed() == b""


async def test_a_caller_that_never_reads_does_not_hold_the_exit(
    clock: Clock, start: Start, provider: Provider
) -> None:
    async def flood(request: web.BaseRequest, _: object) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(delta("x" * 64 * 1024))

    stage = await start(drain_seconds=1)
    provider.respond = flood
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat(stream=True)))
    await wire.head()
    await turns(500)
    ending = asyncio.create_task(stage.proxy.drain())
    while not ending.done():
        await clock.forward(1)
    await ending
    assert (await stage.settled.get()).cls == "Internal"
