"""An upgraded connection: two WebSockets relayed as one, frame by frame, both ways."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp import ClientWSTimeout, WSMsgType, web

from outrider_sidecar.api.bounds import Bounds
from outrider_sidecar.api.exchange import Exchange
from outrider_sidecar.api.passthrough import aim, unreached
from outrider_sidecar.dialects.errors import refuse
from outrider_sidecar.routing.choice import Candidate
from outrider_sidecar.upstream.classify import ProviderError, of_error
from outrider_sidecar.upstream.client import Upstream

Socket = web.WebSocketResponse[Any] | aiohttp.ClientWebSocketResponse[Any]

_KEYED: Final = ("openai-insecure-api-key.", "openai-organization.", "openai-project.")
_GOING_AWAY: Final = 1001
_ABNORMAL: Final = 1006
_PROVIDER_LOST: Final = 1011
_CLOSE_SECONDS: Final = 2.0


class Close(NamedTuple):
    """How one side ended the connection."""

    code: int
    reason: bytes


def is_upgrade(request: web.BaseRequest) -> bool:
    """Whether the request asks for a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def relay(
    exchange: Exchange, candidate: Candidate, upstream: Upstream, bounds: Bounds
) -> web.StreamResponse:
    """Connects to the candidate and carries frames until either side closes.

    Messages up to ``frame_bytes`` pass; code and reason of a close reach the other side.
    Raises `Refusal` when no connection comes about.
    """
    request, record = exchange.request, exchange.record
    offered = [
        name.strip()
        for line in request.headers.getall("Sec-WebSocket-Protocol", [])
        for name in line.split(",")
    ]
    if not _answerable(exchange, offered, bounds):
        raise refuse("caller_invalid", "the WebSocket handshake is incomplete")
    asked = time.perf_counter()
    try:
        far = await _dial(exchange, candidate, upstream, offered, bounds)
        near = _accepting([far.protocol] if far.protocol else (), bounds)
        record.attempts = f"{candidate.name}:ok"
        try:
            await exchange.upgrade(near)
            await _carry(near, far)
        finally:
            # Reached with both sides closed, or because the caller left or we are shutting down.
            await far.close(code=_GOING_AWAY)
            if request.transport is not None:
                await near.close(code=_GOING_AWAY)
    finally:
        record.waited += time.perf_counter() - asked
    return near


def _accepting(protocols: Iterable[str], bounds: Bounds) -> web.WebSocketResponse[Any]:
    return web.WebSocketResponse(
        timeout=_CLOSE_SECONDS,
        autoclose=False,
        autoping=False,
        compress=False,
        max_msg_size=bounds.frame_bytes,
        protocols=protocols,
        decode_text=False,
    )


def _answerable(exchange: Exchange, offered: list[str], bounds: Bounds) -> bool:
    return _accepting(offered, bounds).can_prepare(exchange.request).ok


async def _dial(
    exchange: Exchange,
    candidate: Candidate,
    upstream: Upstream,
    offered: list[str],
    bounds: Bounds,
) -> aiohttp.ClientWebSocketResponse[Any]:
    where = aim(exchange, candidate, upstream)
    for field in [name for name in where.headers if name.lower().startswith("sec-websocket-")]:
        where.headers.pop(field, None)
    timeouts = candidate.backend.timeouts
    try:
        async with asyncio.timeout((timeouts.connect_ms + timeouts.first_token_ms) / 1000):
            return await upstream.sockets.ws_connect(
                where.url,
                protocols=[name for name in offered if not name.startswith(_KEYED)],
                headers=where.headers,
                proxy=upstream.proxy(where.url),
                timeout=ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                autoclose=False,
                autoping=False,
                compress=0,
                max_msg_size=bounds.frame_bytes,
                decode_text=False,
            )
    except aiohttp.WSServerHandshakeError as error:
        found = of_error(error.status, error.headers or {}, ProviderError())
        exchange.record.cls = found.value
        exchange.record.attempts = f"{candidate.name}:{found.value}"
        raise refuse(
            "provider_error",
            f"backend {candidate.name} refused the WebSocket with status {error.status}",
            status=error.status if error.status >= 400 else 502,
        ) from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise unreached(exchange, candidate, error) from error


async def _carry(near: Socket, far: Socket) -> None:
    """Carries frames both ways until one side closes, and closes the other as it did."""
    out = asyncio.create_task(_pump(near, far), name="websocket to the provider")
    back = asyncio.create_task(_pump(far, near), name="websocket to the caller")
    try:
        await asyncio.wait((out, back), return_when=asyncio.FIRST_COMPLETED)
        first = out if out.done() else back
    finally:
        out.cancel()
        back.cancel()
        await asyncio.gather(out, back, return_exceptions=True)
    end = first.result()
    if first is out:
        await _close(far, end, _GOING_AWAY)
        await _close(near, end, _GOING_AWAY)
    else:
        await _close(near, end, _PROVIDER_LOST)
        await _close(far, end, _GOING_AWAY)


async def _pump(source: Socket, sink: Socket) -> Close:
    """Carries frames one way; a full sink stops the reading. Returns how the source ended."""
    try:
        while True:
            message = await source.receive()
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    await sink.send_frame(message.data, message.type)
                case WSMsgType.PING:
                    await sink.ping(message.data)
                case WSMsgType.PONG:
                    await sink.pong(message.data)
                case WSMsgType.CLOSE:
                    return Close(message.data or 1000, (message.extra or "").encode())
                case WSMsgType.ERROR:
                    return Close(source.close_code or _ABNORMAL, b"")
                case _:
                    return Close(_ABNORMAL, b"")
    except ConnectionError:
        return Close(_ABNORMAL, b"")


async def _close(socket: Socket, end: Close, lost: int) -> None:
    """Closes a side as the other one ended; `lost` when that just vanished."""
    code = lost if end.code in (1005, _ABNORMAL) else end.code
    await socket.close(code=code, message=end.reason)
