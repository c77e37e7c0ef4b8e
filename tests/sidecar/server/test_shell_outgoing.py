"""The shell's settings towards providers: each test fails without its setting."""

import asyncio
import gzip
from typing import Any

import pytest
from aiohttp import web

from loopback.clock import Clock, turns
from loopback.provider import COMPLETION, END, Provider, Seen, delta, saying, streaming
from loopback.stage import CHAT, MESSAGES, Stage, Start, compiled, route
from loopback.wire import chat, request
from outrider_sidecar.api.bounds import MIB
from outrider_sidecar.upstream.deadline import Deadline


async def test_a_redirect_is_not_followed(stage: Stage) -> None:
    stage.provider.respond = saying(b"", 307, location="/elsewhere")
    passed = await stage.ask("GET", "/v1/files/file-1")
    assert (passed.status, passed.headers["Location"]) == (307, "/elsewhere")
    staged = await stage.chat()
    assert (staged.status, staged.json()["error"]["code"]) == (502, "provider_error")
    assert [seen.path for seen in stage.provider.seen] == ["/v1/files/file-1", CHAT]


async def test_a_call_may_take_longer_than_a_client_usually_waits(
    clock: Clock, start: Start, provider: Provider
) -> None:
    patient = route(provider)
    for backend in patient["backends"].values():
        hour = 3_600_000
        backend["timeouts"] = {
            "connectMs": 2000,
            "firstTokenMs": hour,
            "idleMs": hour,
            "requestMs": hour,
        }
    stage = await start(served=compiled({"support": patient}))
    provider.respond = provider.held
    wires = [await stage.wire() for _ in range(2)]
    await wires[0].send(request("POST", CHAT, chat()))
    await wires[1].send(request("GET", "/v1/files"))
    for _ in wires:
        await provider.came.get()
    await clock.forward(3_000)
    provider.go_on.set()
    assert [(await wire.answer()).status for wire in wires] == [200, 200]


async def test_150_calls_are_upstream_at_once(stage: Stage) -> None:
    stage.provider.respond = stage.provider.held
    wires = [await stage.wire() for _ in range(150)]
    for wire in wires:
        await wire.send(request("POST", CHAT, chat()))
    for _ in wires:
        await stage.provider.came.get()
    stage.provider.go_on.set()
    assert {(await wire.answer()).status for wire in wires} == {200}


async def test_a_connection_to_a_provider_is_kept_for_90_seconds(
    clock: Clock, stage: Stage
) -> None:
    await stage.chat()
    await clock.forward(85)
    await stage.chat()
    await clock.forward(91)
    await stage.chat()
    first, second, third = [seen.peer for seen in stage.provider.seen]
    assert first == second != third


async def test_the_coding_of_an_answer_that_was_decoded_is_not_copied(stage: Stage) -> None:
    zipped = gzip.compress(b'{"choices":[]}'.ljust(5_000))
    stage.provider.respond = saying(zipped, content_encoding="gzip")
    wire = await stage.wire()
    answer = await wire.ask("POST", CHAT, chat(max_tokens=0))
    assert "Content-Encoding" not in answer.headers
    assert answer.headers.getall("Content-Length") == ["5000"]
    assert answer.json() == {"choices": []}
    stage.provider.respond = None
    assert (await wire.ask("POST", CHAT, chat())).json() == COMPLETION


async def test_an_answer_that_grows_too_large_when_decoded_is_cut_off(stage: Stage) -> None:
    bomb = gzip.compress(b" " * 65 * MIB, 1)
    stage.provider.respond = saying(bomb, content_encoding="gzip")
    answer = await stage.chat()
    assert (answer.status, answer.json()["error"]["code"]) == (502, "provider_stream_broken")
    assert str(64 * MIB) in answer.json()["error"]["message"]


async def test_streams_ask_for_identity_and_the_rest_for_gzip(stage: Stage) -> None:
    await stage.chat(accept_encoding="br, zstd")
    assert stage.provider.seen[0].headers.getall("Accept-Encoding") == ["gzip"]
    stage.provider.respond = streaming(delta("Hi"), END)
    await stage.ask("POST", CHAT, chat(stream=True), accept_encoding="br, zstd")
    assert stage.provider.seen[1].headers.getall("Accept-Encoding") == ["identity"]


async def test_no_credential_cookie_or_header_of_ours_reaches_a_provider(stage: Stage) -> None:
    secret = "do-not-pass"
    headers = {
        "authorization": f"Bearer {secret}",
        "x_api_key": secret,
        "api_key": secret,
        "x_goog_api_key": secret,
        "ocp_apim_subscription_key": secret,
        "openai_organization": secret,
        "openai_project": secret,
        "proxy_authorization": secret,
        "cookie": f"session={secret}",
        "x_outrider_user": secret,
        "x_outrider_tier": secret,
        "x_forwarded_for": secret,
        "connection": "keep-alive, x-private",
        "x_private": secret,
    }
    await stage.ask("POST", CHAT, chat(), **headers)
    await stage.ask("POST", MESSAGES, chat(max_tokens=5), **headers)
    await stage.ask("GET", "/v1/files", **headers)
    for seen in stage.provider.seen:
        assert secret not in str(seen.headers)
        ours = [name for name in seen.headers if name.lower().startswith("x-outrider-")]
        assert ours == ["x-outrider-hop"]
    assert len(stage.provider.seen) == 3


async def test_both_request_ids_are_the_providers_on_an_answer_and_ours_on_our_errors(
    stage: Stage,
) -> None:
    for theirs in ("request_id", "x_request_id"):
        stage.provider.respond = saying(**{theirs: "req_1"})
        answer = await stage.chat()
        for name in ("request-id", "x-request-id"):
            assert answer.headers.getall(name) == ["req_1"]
        assert answer.headers["x-outrider-request-id"].startswith("or_")
    stage.provider.respond = saying({}, 500, x_request_id="req_2")
    answer = await stage.chat()
    ours = answer.headers["x-outrider-request-id"]
    for name in ("request-id", "x-request-id"):
        assert answer.headers.getall(name) == [ours]


async def test_limits_and_processing_times_are_passed_back(stage: Stage) -> None:
    back = {
        "x_ratelimit_remaining_requests": "99",
        "anthropic_ratelimit_tokens_reset": "2026-11-21T00:00:00Z",
        "retry_after": "7",
        "openai_processing_ms": "120",
    }
    stage.provider.respond = saying(**back, set_cookie="a=b", server="theirs", x_internal="1")
    answer = await stage.chat()
    for name, value in back.items():
        assert answer.headers.getall(name.replace("_", "-")) == [value]
    for name in ("Set-Cookie", "x-internal"):
        assert name not in answer.headers


async def test_a_reader_that_stops_stops_the_provider(stage: Stage) -> None:
    """Nothing is read that the client does not take: what is under way stays bounded."""
    sent = 0
    large = delta("x" * 64 * 1024)

    async def flood(request: web.BaseRequest, seen: Seen) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while sent < 1024:
            await response.write(large)
            sent += 1
        await response.write(END)
        return response

    stage.provider.respond = flood
    for wire, opening in (
        (await stage.wire(), request("POST", CHAT, chat(stream=True))),
        (await stage.wire(), request("GET", "/v1/files/file-1/content")),
    ):
        sent, before = 0, -1
        await wire.send(opening)
        assert (await wire.head())[0] == 200
        while sent != before:
            before = sent
            await turns(200)
        assert sent < 512
        while await wire.chunk():
            pass
        assert sent == 1024


async def test_a_chunk_costs_no_task_and_an_attempt_one_timer(
    monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    loop = asyncio.get_running_loop()
    gates = [asyncio.Event() for _ in range(50)]
    pieces = [piece for gate in gates for piece in (delta("x"), gate)]
    stage.provider.respond = streaming(*pieces, END)
    tasks = timers = 0
    call_at = loop.call_at

    def counted(when: float, callback: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal timers
        timers += isinstance(getattr(callback, "__self__", None), Deadline)
        return call_at(when, callback, *arguments, **options)

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        nonlocal tasks
        tasks += 1
        return asyncio.Task(coroutine, loop=loop, **options)

    monkeypatch.setattr(loop, "call_at", counted)
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat(stream=True)))
    await wire.head()
    loop.set_task_factory(factory)
    for gate in gates:
        assert await wire.chunk()
        gate.set()
    while await wire.chunk():
        pass
    loop.set_task_factory(None)
    assert tasks == 0
    assert timers <= 4
