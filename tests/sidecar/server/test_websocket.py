"""Two WebSockets relayed as one: frames, closes and handshakes reach the other side."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from loopback.provider import Provider
from loopback.stage import Stage, Start
from loopback.wire import request
from outrider_sidecar.api.bounds import Bounds

Socket = aiohttp.ClientWebSocketResponse[Any]
PATH = "/v1/realtime?model=gpt-realtime"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client of WebSockets."""
    async with aiohttp.ClientSession() as made:
        yield made


def at(stage: Stage, path: str = PATH) -> str:
    """The address of the proxy."""
    return f"ws://127.0.0.1:{stage.proxy.port}{path}"


def serve(
    provider: Provider,
    script: Callable[[web.WebSocketResponse[Any]], Awaitable[None]],
    protocols: tuple[str, ...] = (),
) -> None:
    """Makes the provider answer with a WebSocket that follows the script."""

    async def take(request: web.BaseRequest) -> web.StreamResponse:
        provider.note(request)
        socket: web.WebSocketResponse[Any] = web.WebSocketResponse(
            protocols=protocols, autoclose=True, autoping=False, max_msg_size=1 << 26
        )
        await socket.prepare(request)
        await script(socket)
        return socket

    provider.take = take


async def echo(socket: web.WebSocketResponse[Any]) -> None:
    """Sends everything back; closes as the text `close CODE REASON` says."""
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data.startswith("close "):
            _, code, reason = message.data.split(" ", 2)
            await socket.close(code=int(code), message=reason.encode())
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.type is WSMsgType.PING:
            await socket.pong(message.data)


async def test_text_and_binary_frames_pass_both_ways(
    stage: Stage, session: aiohttp.ClientSession
) -> None:
    serve(stage.provider, echo)
    async with session.ws_connect(at(stage), max_msg_size=1 << 26) as socket:
        for text in ("hello", "", "käufer 🌍", "x" * 2_000_000):
            await socket.send_str(text)
            assert await socket.receive_str() == text
        for data in (b"", bytes(range(256)), b"\xff" * 3_000_000):
            await socket.send_bytes(data)
            assert await socket.receive_bytes() == data
    seen = stage.provider.seen[0]
    assert seen.path == PATH
    record = await stage.settled.get()
    assert (record.status, record.attempts, record.cls) == (101, "openai:ok", "ok")
    assert record.model == "gpt-realtime"


async def test_our_headers_stand_on_the_handshake(
    stage: Stage, session: aiohttp.ClientSession
) -> None:
    serve(stage.provider, echo)
    async with session.ws_connect(at(stage)) as socket:
        headers = socket._response.headers
        assert headers["x-outrider-route"] == "support"
        assert headers["x-outrider-backend"] == "openai"
        assert headers["x-outrider-request-id"].startswith("or_")


@pytest.mark.parametrize(("code", "reason"), [(1000, "done"), (1008, "bad input"), (4001, "ours")])
async def test_a_close_of_the_provider_reaches_the_caller(
    stage: Stage, session: aiohttp.ClientSession, code: int, reason: str
) -> None:
    serve(stage.provider, echo)
    async with session.ws_connect(at(stage), autoclose=False) as socket:
        await socket.send_str(f"close {code} {reason}")
        message = await socket.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, code, reason)


@pytest.mark.parametrize(("code", "reason"), [(1000, "done"), (3000, "theirs"), (1001, "")])
async def test_a_close_of_the_caller_reaches_the_provider(
    stage: Stage, session: aiohttp.ClientSession, code: int, reason: str
) -> None:
    closes: asyncio.Queue[tuple[int | None, str | None]] = asyncio.Queue()

    async def listen(socket: web.WebSocketResponse[Any]) -> None:
        message = await socket.receive()
        closes.put_nowait((message.data, message.extra))

    serve(stage.provider, listen)
    async with session.ws_connect(at(stage)) as socket:
        await socket.close(code=code, message=reason.encode())
    assert await closes.get() == (code, reason)


async def test_a_subprotocol_is_agreed_on_from_end_to_end(
    stage: Stage, session: aiohttp.ClientSession
) -> None:
    serve(stage.provider, echo, protocols=("realtime", "other"))
    async with session.ws_connect(at(stage), protocols=("unknown", "realtime")) as socket:
        assert socket.protocol == "realtime"
    offered = stage.provider.seen[0].headers["Sec-WebSocket-Protocol"]
    assert [name.strip() for name in offered.split(",")] == ["unknown", "realtime"]


async def test_a_key_in_a_subprotocol_or_header_does_not_reach_the_provider(
    stage: Stage, session: aiohttp.ClientSession
) -> None:
    serve(stage.provider, echo, protocols=("realtime",))
    protocols = (
        "realtime",
        "openai-insecure-api-key.sk-secret",
        "openai-organization.sk-secret",
        "openai-project.sk-secret",
    )
    headers = {"Authorization": "Bearer sk-secret", "Cookie": "a=sk-secret"}
    async with session.ws_connect(at(stage), protocols=protocols, headers=headers) as socket:
        assert socket.protocol == "realtime"
    assert "sk-secret" not in str(stage.provider.seen[0].headers)


async def test_pings_pass_through_to_whoever_is_meant(
    stage: Stage, session: aiohttp.ClientSession
) -> None:
    serve(stage.provider, echo)
    async with session.ws_connect(at(stage), autoping=False) as socket:
        await socket.ping(b"are you there")
        message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.PONG, b"are you there")


async def test_a_refused_handshake_is_told_with_its_status(
    stage: Stage, session: aiohttp.ClientSession
) -> None:
    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"error": {"message": "no"}}, status=403)

    stage.provider.take = refuse
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(at(stage))
    assert caught.value.status == 403
    assert (await stage.settled.get()).cls == "CredentialRejected"


async def test_a_redirected_handshake_is_not_followed(
    stage: Stage, session: aiohttp.ClientSession
) -> None:
    async def elsewhere(request: web.BaseRequest) -> web.StreamResponse:
        stage.provider.note(request)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    stage.provider.take = elsewhere
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(at(stage))
    assert [seen.path for seen in stage.provider.seen] == [PATH]


async def test_a_handshake_that_is_incomplete_is_a_400(stage: Stage) -> None:
    wire = await stage.wire()
    await wire.send(request("GET", PATH, connection="Upgrade", upgrade="websocket"))
    answer = await wire.answer()
    assert (answer.status, answer.json()["error"]["code"]) == (400, "caller_invalid")
    assert not stage.provider.seen


async def test_a_page_of_another_site_gets_no_socket(
    stage: Stage, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(at(stage), origin="https://evil.example")
    assert caught.value.status == 403
    assert not stage.provider.seen


async def test_a_frame_above_the_bound_ends_the_connection_with_1009(
    start: Start, session: aiohttp.ClientSession
) -> None:
    stage = await start(Bounds(frame_bytes=1024))
    serve(stage.provider, echo)
    async with session.ws_connect(at(stage), autoclose=False) as socket:
        await socket.send_bytes(bytes(2048))
        message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1009)
    await stage.settled.get()


async def test_a_provider_that_vanishes_ends_the_connection_with_1011(
    stage: Stage, session: aiohttp.ClientSession
) -> None:
    async def take(request: web.BaseRequest) -> web.StreamResponse:
        socket: web.WebSocketResponse[Any] = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.transport is not None
        request.transport.abort()
        return socket

    stage.provider.take = take
    async with session.ws_connect(at(stage), autoclose=False) as socket:
        message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1011)
    await stage.settled.get()


async def test_a_caller_that_vanishes_ends_the_providers_connection(stage: Stage) -> None:
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def listen(socket: web.WebSocketResponse[Any]) -> None:
        await socket.receive()
        codes.put_nowait(socket.close_code)

    serve(stage.provider, listen)
    wire = await stage.wire()
    await wire.send(
        request(
            "GET",
            PATH,
            connection="Upgrade",
            upgrade="websocket",
            sec_websocket_version="13",
            sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
        )
    )
    status, headers = await wire.head()
    assert (status, headers["Sec-WebSocket-Accept"]) == (101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    wire.writer.transport.abort()
    assert await codes.get() in (1001, 1006)
    await stage.settled.get()
