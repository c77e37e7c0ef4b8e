"""What we have no stages for goes on as it came, both ways."""

import asyncio
import json
import os

import pytest
from aiohttp import web

from loopback.provider import Provider, Seen, saying
from loopback.stage import Stage, Start, compiled, route
from loopback.wire import Wire, chat, piece, request, streamed

FORM = "multipart/form-data; boundary=edge"


def form(**fields: str) -> bytes:
    """A multipart body of these fields."""
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join(parts).encode() + b"--edge--\r\n"


async def test_a_binary_download_arrives_byte_for_byte(stage: Stage) -> None:
    content = os.urandom(3_000_001)
    stage.provider.respond = saying(content, content_type="application/octet-stream")
    answer = await stage.ask("GET", "/v1/files/file-1/content")
    assert answer.body == content
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["x-outrider-backend"] == "openai"
    record = await stage.settled.get()
    assert (record.dialect, record.cls, record.attempts) == ("passthrough", "ok", "openai:ok")


async def test_a_coded_answer_passes_coded(stage: Stage) -> None:
    stage.provider.respond = saying(b"\x1f\x8b not really", content_encoding="gzip")
    answer = await stage.ask("GET", "/v1/files", accept_encoding="gzip, br")
    assert stage.provider.seen[0].headers["Accept-Encoding"] == "gzip, br"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.body == b"\x1f\x8b not really"
    await stage.ask("GET", "/v1/files")
    assert "Accept-Encoding" not in stage.provider.seen[1].headers


async def test_a_body_passes_unread_whatever_it_is(stage: Stage) -> None:
    for body in (b'{"a":1,"a":2}', b"\xff\xfe", b"{", b'{"model":"x","model":"y"}', b""):
        await stage.ask("POST", "/v1/embeddings", body)
        assert stage.provider.seen[-1].body == body
        assert stage.provider.seen[-1].headers["Content-Length"] == str(len(body))
    await stage.ask("POST", "/v1/embeddings", b"\x1f\x8b", content_encoding="br")
    assert stage.provider.seen[-1].headers["Content-Encoding"] == "br"


async def test_a_chunked_body_passes_chunked(stage: Stage) -> None:
    wire = await stage.wire()
    await wire.send(streamed("/v1/embeddings"), piece(b'{"mod'), piece(b'el":"m"}'), piece(b""))
    assert (await wire.answer()).status == 200
    seen = stage.provider.seen[0]
    assert (seen.body, seen.headers["Transfer-Encoding"]) == (b'{"model":"m"}', "chunked")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
async def test_every_method_passes_with_its_body(stage: Stage, method: str) -> None:
    body = b"" if method == "GET" else b'{"a": 1}'
    stage.provider.respond = saying({"deleted": True}, 202)
    answer = await stage.ask(method, "/v1/files/file-1", body)
    assert (answer.status, answer.json()) == (202, {"deleted": True})
    seen = stage.provider.seen[0]
    assert (seen.method, seen.path, seen.body) == (method, "/v1/files/file-1", body)


async def test_ranges_and_entity_tags_pass_both_ways(stage: Stage) -> None:
    stage.provider.respond = saying(
        b"part", 206, content_range="bytes 0-3/10", etag='"v1"', accept_ranges="bytes"
    )
    answer = await stage.ask("GET", "/v1/files/f/content", range="bytes=0-3", if_match='"v1"')
    assert stage.provider.seen[0].headers["Range"] == "bytes=0-3"
    assert stage.provider.seen[0].headers["If-Match"] == '"v1"'
    assert answer.status == 206
    assert answer.headers["Content-Range"] == "bytes 0-3/10"
    assert answer.headers["ETag"] == '"v1"'
    stage.provider.respond = saying(b"", 304, etag='"v1"')
    answer = await stage.ask("GET", "/v1/files/f/content", if_none_match='"v1"')
    assert (answer.status, answer.body) == (304, b"")


async def test_answers_without_a_body_leave_the_connection_in_step(stage: Stage) -> None:
    wire = await stage.wire()
    stage.provider.respond = saying(b"12345", content_type="text/plain")
    answer = await wire.ask("HEAD", "/v1/files/f/content")
    assert (answer.status, answer.headers["Content-Length"]) == (200, "5")
    for status in (204, 304):
        stage.provider.respond = saying(b"", status)
        answer = await wire.ask("GET", "/v1/files/f")
        assert answer.status == status
        assert "Transfer-Encoding" not in answer.headers
    answer = await wire.ask("HEAD", "/v1/files", host="evil.example")
    assert answer.status == 403
    stage.provider.respond = saying(b"whole", content_type="text/plain")
    assert (await wire.ask("GET", "/v1/files/f/content")).body == b"whole"


async def test_hints_before_the_answer_are_passed_over(start: Start) -> None:
    async def hint(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nx-one: 1\r\n\r\nuntil the end")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(hint, "127.0.0.1", 0) as server:
        far = Provider(port=server.sockets[0].getsockname()[1])
        stage = await start(served=compiled({"support": route(far)}))
        answer = await stage.ask("GET", "/v1/files")
    assert (answer.status, answer.body) == (200, b"until the end")
    assert answer.headers["x-one"] == "1"


async def test_a_redirect_goes_back_to_the_caller(stage: Stage) -> None:
    stage.provider.respond = saying(b"moved", 307, location="https://elsewhere.example/x")
    answer = await stage.ask("POST", "/v1/files", b"{}")
    assert (answer.status, answer.body) == (307, b"moved")
    assert answer.headers["Location"] == "https://elsewhere.example/x"
    assert len(stage.provider.seen) == 1


async def test_a_providers_error_passes_as_sent_and_may_be_retried(stage: Stage) -> None:
    error = {"error": {"message": "slow down", "type": "requests"}}
    stage.provider.respond = saying(error, 429, retry_after="3", x_should_retry="true")
    answer = await stage.ask("GET", "/v1/files")
    assert (answer.status, answer.json()) == (429, error)
    assert (answer.headers["Retry-After"], answer.headers["x-should-retry"]) == ("3", "true")
    assert "x-outrider-error" not in answer.headers
    record = await stage.settled.get()
    assert (record.cls, record.attempts) == ("RateLimited", "openai:RateLimited")


async def test_a_provider_that_is_not_there_is_told_once_and_may_be_retried(
    start: Start, provider: Provider
) -> None:
    nowhere = Provider(port=await unused())
    stage = await start(served=compiled({"support": route(nowhere)}))
    answer = await stage.ask("GET", "/v1/files")
    assert (answer.status, answer.json()["error"]["code"]) == (503, "provider_unreachable")
    assert "x-should-retry" not in answer.headers
    assert answer.headers["x-outrider-attempts"] == "openai:Unreachable"


async def unused() -> int:
    """A port on which nobody listens."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


@pytest.mark.parametrize("counted", [True, False])
async def test_a_provider_that_dies_in_its_answer_leaves_no_whole_one(
    stage: Stage, counted: bool
) -> None:
    async def die(request: web.BaseRequest, _: Seen) -> web.StreamResponse:
        response = web.StreamResponse()
        if counted:
            response.content_length = 1_000
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        raise ConnectionResetError

    stage.provider.respond = die
    wire = await stage.wire()
    await wire.send(request("GET", "/v1/files/f/content"))
    status, _ = await wire.head()
    assert status == 200
    rest = await wire.closed()
    assert rest == (b"half" if counted else b"4\r\nhalf\r\n")
    record = await stage.settled.get()
    assert record.cls == "BrokenStream"


async def test_a_provider_that_refuses_an_upload_early_is_heard(stage: Stage) -> None:
    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        await request.content.readany()
        return web.json_response({"error": {"message": "no such purpose"}}, status=400)

    stage.provider.take = refuse
    wire = await stage.wire()
    await wire.send(request("POST", "/v1/files", content_type=FORM, content_length="5000000"))
    await wire.send(b"x" * 100_000)
    answer = await wire.answer()
    assert (answer.status, answer.json()["error"]["message"]) == (400, "no such purpose")


async def test_an_upload_arrives_while_it_is_sent(stage: Stage) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(request: web.BaseRequest) -> web.StreamResponse:
        async for part in request.content.iter_any():
            heard.put_nowait(part)
        return web.json_response({"id": "file-1"})

    stage.provider.take = listen
    wire = await stage.wire()
    await wire.send(streamed("/v1/files", content_type="application/octet-stream"))
    for number in range(5):
        data = f"part {number}".encode()
        await wire.send(piece(data))
        assert await heard.get() == data
    await wire.send(piece(b""))
    assert (await wire.answer()).json() == {"id": "file-1"}


async def test_a_caller_that_leaves_in_an_upload_ends_it_at_the_provider(stage: Stage) -> None:
    ended = asyncio.Event()

    async def listen(request: web.BaseRequest) -> web.StreamResponse:
        stage.provider.note(request)
        try:
            async for _ in request.content.iter_any():
                pass
        finally:
            ended.set()
        raise AssertionError("half an upload was taken for a whole one")

    stage.provider.take = listen
    for opening in (
        request("POST", "/v1/files", content_type=FORM, content_length="1000000"),
        streamed("/v1/files", content_type=FORM),
    ):
        ended.clear()
        wire = await stage.wire()
        first = b"x" * 100_000
        await wire.send(opening, piece(first) if b"chunked" in opening else first)
        await stage.provider.came.get()
        wire.close()
        await ended.wait()
        record = await stage.settled.get()
        assert record.cls == "Cancelled"


async def test_a_caller_that_leaves_in_a_download_ends_it_at_the_provider(stage: Stage) -> None:
    async def drip(request: web.BaseRequest, _: Seen) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    stage.provider.respond = drip
    wire = await stage.wire()
    await wire.send(request("GET", "/v1/files/f/content"))
    await wire.head()
    wire.close()
    await stage.provider.left.wait()
    assert (await stage.settled.get()).cls == "Cancelled"


def two(near: Provider, far: Provider) -> object:
    """Routes to two providers, by model; the far one takes what names no other."""
    return compiled({"near": route(near, models=["near-*"]), "far": route(far)})


@pytest.fixture
async def far(provider: Provider) -> Provider:
    """A provider's port where nobody listens: whatever goes there is seen to fail."""
    return Provider(port=await unused())


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"input": "x", "model": "near-1"}'),
        ("application/json", b'{"input": {"model": "far"}, "model": "near-1"}'),
        (FORM, form(purpose="batch", model="near-1")),
        (FORM, form(model="near-1", file="x" * 100_000)),
        ('multipart/form-data; boundary="edge"', form(model="near-1")),
    ],
)
async def test_the_model_in_a_body_chooses_the_route(
    start: Start, provider: Provider, far: Provider, kind: str, body: bytes
) -> None:
    stage = await start(served=two(provider, far))
    answer = await stage.ask("POST", "/v1/audio/transcriptions", body, content_type=kind)
    assert (answer.status, answer.headers["x-outrider-route"]) == (200, "near")
    assert answer.headers["x-outrider-model"] == "near-1"
    assert provider.seen[0].body == body
    assert provider.seen[0].headers["Content-Type"] == kind


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/audio/speech"])
async def test_json_inside_json_is_looked_through_in_one_pass(stage: Stage, path: str) -> None:
    """A string cut off at 64 KiB was once tried again from each quote in it, for 14 seconds."""
    inner = json.dumps([{"name": "value"}] * 100_000)
    body = json.dumps({"input": inner, "model": "m"}).encode()
    async with asyncio.timeout(5):
        assert (await stage.ask("POST", path, body)).status == 200
    assert stage.provider.seen[0].body == body


async def test_a_model_before_a_long_input_is_seen(
    start: Start, provider: Provider, far: Provider
) -> None:
    stage = await start(served=two(provider, far))
    body = b'{"model": "near-1", "input": "%s"}' % (b'\\"' * 1_000_000)
    answer = await stage.ask("POST", "/v1/embeddings", body)
    assert answer.headers["x-outrider-route"] == "near"


@pytest.mark.parametrize(
    "path", ["/v1/realtime?model=near-1", "/v1/models/near-1", "/v1beta/models/near-1:go"]
)
async def test_the_model_in_a_path_chooses_the_route(
    start: Start, provider: Provider, far: Provider, path: str
) -> None:
    stage = await start(served=two(provider, far))
    assert (await stage.ask("GET", path)).headers["x-outrider-route"] == "near"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, form(file="x" * 100_000, model="near-1")),
        (FORM, form(file="model=near-1")),
        ("text/plain", b'{"model": "near-1"}'),
        ("application/json", b'{"input": {"model": "near-1"}}'),
        ("application/json", b'["model", "near-1"]'),
    ],
)
async def test_a_model_that_stands_elsewhere_chooses_nothing(
    start: Start, provider: Provider, far: Provider, kind: str, body: bytes
) -> None:
    stage = await start(served=two(provider, far))
    answer = await stage.ask("POST", "/v1/audio/transcriptions", body, content_type=kind)
    assert answer.headers["x-outrider-route"] == "far"


async def test_no_route_for_a_path_is_a_404_that_says_why(start: Start, provider: Provider) -> None:
    one = route(provider, models=["a"])
    stage = await start(served=compiled({"one": one, "two": one | {"models": ["b"]}}))
    answer = await stage.ask("GET", "/v1/files")
    assert (answer.status, answer.json()["error"]["code"]) == (404, "outrider_no_passthrough")
    assert "name a model of a route" in answer.json()["error"]["message"]
    assert not provider.seen


async def test_our_own_prefix_is_never_passed_through(stage: Stage) -> None:
    answer = await stage.ask("POST", "/outrider/v1/feedback", b"{}")
    assert (answer.status, answer.json()["error"]["code"]) == (404, "outrider_no_passthrough")
    assert not stage.provider.seen


async def test_the_providers_cookies_and_names_of_ours_do_not_reach_the_caller(
    stage: Stage,
) -> None:
    stage.provider.respond = saying(
        set_cookie="a=b", x_outrider_route="evil", alt_svc='h3=":443"', x_custom="kept"
    )
    answer = await stage.ask("GET", "/v1/files")
    assert answer.headers.getall("x-outrider-route") == ["support"]
    assert answer.headers["x-custom"] == "kept"
    for name in ("Set-Cookie", "Alt-Svc"):
        assert name not in answer.headers


async def test_one_connection_serves_staged_and_passed_requests_in_turn(stage: Stage) -> None:
    wire: Wire = await stage.wire()
    for _ in range(3):
        assert (await wire.ask("POST", "/v1/chat/completions", chat())).status == 200
        assert (await wire.ask("GET", "/v1/files")).status == 200
        stage.provider.respond = saying(b"x" * 100_000, content_type="image/png")
        answer = await wire.ask("GET", "/v1/files/f/content")
        assert answer.body == b"x" * 100_000
        stage.provider.respond = None
        assert json.loads((await wire.ask("POST", "/v1/embeddings", b"{}")).body)
