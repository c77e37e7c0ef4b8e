"""The shell's settings about names, proxies and certificates: each test fails without its own."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from loopback.clock import Clock
from loopback.provider import COMPLETION, Provider, Seen
from loopback.stage import Stage, Start, compiled, route

CERTIFICATES = Path(__file__).parents[2] / "loopback" / "certificates"


class Names:
    """A name service that knows one address, and what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.down = False
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._getaddrinfo)

    async def _getaddrinfo(self, host: str, *_: object, **__: object) -> list[Any]:
        self.asked.append(host)
        if self.down:
            raise socket.gaierror(socket.EAI_AGAIN, "the name service is down")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


async def closing(_: web.BaseRequest, seen: Seen) -> web.StreamResponse:
    """Answers and ends the connection, so that the next call needs a new one."""
    answer = web.json_response(COMPLETION)
    answer.force_close()
    return answer


async def named(start: Start, provider: Provider, host: str) -> Stage:
    """A proxy whose OpenAI backend has that host."""
    served = route(provider)
    served["backends"]["openai"]["baseURL"] = f"http://{host}:{provider.port}/v1"
    provider.respond = closing
    return await start(served=compiled({"support": served}))


async def test_a_providers_own_host_is_looked_up_with_a_dot_at_its_end(
    monkeypatch: pytest.MonkeyPatch, start: Start, provider: Provider
) -> None:
    names = Names(monkeypatch)
    stage = await named(start, provider, "api.openai.com")
    assert (await stage.chat()).status == 200
    assert names.asked == ["api.openai.com."]
    assert provider.seen[0].headers["Host"] == f"api.openai.com:{provider.port}"


async def test_the_host_of_a_base_url_is_looked_up_as_written(
    monkeypatch: pytest.MonkeyPatch, start: Start, provider: Provider
) -> None:
    names = Names(monkeypatch)
    assert (await (await named(start, provider, "vllm.models")).chat()).status == 200
    assert names.asked == ["vllm.models"]


async def test_an_address_is_used_for_30_seconds_and_a_stale_one_while_names_fail(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, start: Start, provider: Provider
) -> None:
    names = Names(monkeypatch)
    stage = await named(start, provider, "vllm.models")
    await stage.chat()
    await clock.forward(25)
    await stage.chat()
    assert len(names.asked) == 1
    await clock.forward(6)
    await stage.chat()
    assert len(names.asked) == 2
    names.down = True
    await clock.forward(31)
    assert (await stage.chat()).status == 200
    assert len(names.asked) == 3


@dataclass
class Tunnels:
    """An HTTP proxy that connects every name to this machine."""

    port: int = 0
    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, authority, _ = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
        self.asked.append(f"{method} {authority}")
        far = await asyncio.open_connection("127.0.0.1", int(authority.rpartition(":")[2]))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pump(reader, far[1]))
            tasks.create_task(_pump(far[0], writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    sink.close()


@pytest.fixture
async def tunnels(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tunnels]:
    """A proxy that the environment names."""
    made = Tunnels()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{made.port}")
    async with server:
        yield made


@pytest.fixture
async def secure(provider: Provider) -> AsyncIterator[int]:
    """The port of a provider with a certificate for llm.internal from an authority of its own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    server = web.Server(provider.handle)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, ssl=context)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    await server.shutdown(0.1)


def at(provider: Provider, base: str) -> Any:
    """A snapshot whose OpenAI backend has that base URL."""
    served = route(provider)
    served["backends"]["openai"]["baseURL"] = base
    return compiled({"support": served})


async def test_a_proxy_resolves_names_and_a_private_authority_is_believed(
    monkeypatch: pytest.MonkeyPatch, start: Start, provider: Provider, tunnels: Tunnels, secure: int
) -> None:
    names = Names(monkeypatch)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))
    stage = await start(served=at(provider, f"https://llm.internal:{secure}/v1"))
    assert (await stage.chat()).json() == COMPLETION
    assert tunnels.asked == [f"CONNECT llm.internal:{secure}"]
    assert names.asked == []


async def test_a_certificate_from_nowhere_is_not_believed(
    start: Start, provider: Provider, tunnels: Tunnels, secure: int
) -> None:
    stage = await start(served=at(provider, f"https://llm.internal:{secure}/v1"))
    answer = await stage.chat()
    assert (answer.status, answer.json()["error"]["code"]) == (503, "provider_unreachable")
    assert len(tunnels.asked) == 1
    assert not provider.seen


async def test_what_no_proxy_names_is_called_directly(
    monkeypatch: pytest.MonkeyPatch, start: Start, provider: Provider, tunnels: Tunnels, secure: int
) -> None:
    names = Names(monkeypatch)
    monkeypatch.setenv("NO_PROXY", "llm.internal")
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))
    stage = await start(served=at(provider, f"https://llm.internal:{secure}/v1"))
    assert (await stage.chat()).status == 200
    assert (names.asked, tunnels.asked) == (["llm.internal"], [])


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254"])
async def test_an_address_that_may_not_be_dialled_is_refused_for_a_proxy_too(
    monkeypatch: pytest.MonkeyPatch, start: Start, provider: Provider, tunnels: Tunnels, host: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{host}:{tunnels.port}")
    stage = await start(served=at(provider, "https://llm.internal/v1"), allow_loopback=False)
    answer = await stage.chat()
    assert (answer.status, answer.json()["error"]["code"]) == (503, "provider_unreachable")
    assert f"{host} is refused" in answer.json()["error"]["message"]
    assert tunnels.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "localtest.example"])
async def test_an_address_of_this_machine_or_its_metadata_is_not_dialled(
    monkeypatch: pytest.MonkeyPatch, start: Start, provider: Provider, host: str
) -> None:
    Names(monkeypatch)
    stage = await start(
        served=at(provider, f"http://{host}:{provider.port}/v1"), allow_loopback=False
    )
    for answer in (await stage.chat(), await stage.ask("GET", "/v1/files")):
        assert (answer.status, answer.json()["error"]["code"]) == (503, "provider_unreachable")
    assert not provider.seen
