"""The shell's settings towards applications: each test fails without its setting."""

from loopback.clock import Clock, turns
from loopback.provider import END, delta, streaming
from loopback.stage import CHAT, Stage
from loopback.wire import chat, piece, request, streamed
from outrider_sidecar.api.bounds import MIB


async def test_streams_are_not_cached_or_buffered_on_their_way(stage: Stage) -> None:
    stage.provider.respond = streaming(delta("Hi"), END)
    staged = await stage.ask("POST", CHAT, chat(stream=True))
    passed = await stage.ask("GET", "/v1/responses/resp_1?stream=true")
    for answer in (staged, passed):
        assert answer.headers.getall("Cache-Control") == ["no-cache"]
        assert answer.headers.getall("X-Accel-Buffering") == ["no"]


async def test_a_client_that_leaves_cancels_the_upstream_call_and_is_settled(stage: Stage) -> None:
    stage.provider.respond = stage.provider.held
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat(), x_outrider_user="ann"))
    await stage.provider.came.get()
    wire.close()
    await stage.provider.left.wait()
    record = await stage.settled.get()
    assert (record.cls, record.status, record.user) == ("Cancelled", 499, "ann")
    assert record.attempts == "openai:Cancelled;skipped=anthropic:unsupported"


async def test_a_body_of_31_mib_passes_and_one_of_33_does_not(stage: Stage) -> None:
    wire = await stage.wire()
    answer = await wire.ask("POST", CHAT, chat(padding="x" * 31 * MIB))
    assert answer.status == 200
    assert len(stage.provider.seen[0].body) > 31 * MIB
    await wire.send(request("POST", CHAT, content_length=str(33 * MIB)))
    answer = await wire.answer()
    assert (answer.status, answer.json()["error"]["code"]) == (413, "caller_too_large")


async def test_32_kib_of_header_fields_pass_and_more_is_refused(stage: Stage) -> None:
    answer = await stage.chat(x_outrider_feature="f", x_padding="x" * 30 * 1024)
    assert answer.status == 200
    answer = await stage.chat(x_padding="x" * 20 * 1024, x_more="x" * 14 * 1024)
    assert (answer.status, answer.json()["error"]["code"]) == (431, "caller_header_too_long")


async def test_a_client_that_waits_for_100_continue_gets_it(stage: Stage) -> None:
    wire = await stage.wire()
    body = chat()
    head = request("POST", CHAT, content_length=str(len(body)), expect="100-continue")
    await wire.send(head)
    status, fields = await wire.head()
    assert (status, len(fields)) == (100, 0)
    await wire.send(body)
    assert (await wire.answer()).status == 200
    assert "expect" not in stage.provider.seen[0].headers


async def test_a_client_that_waits_with_an_upload_gets_100_continue_too(stage: Stage) -> None:
    wire = await stage.wire()
    for kind in ("multipart/form-data; boundary=edge", "application/octet-stream"):
        head = request("POST", "/v1/files", content_length="4", expect="100-continue")
        await wire.send(head.replace(b"application/json", kind.encode()))
        assert (await wire.head())[0] == 100
        await wire.send(b"body")
        assert (await wire.answer()).status == 200
        assert stage.provider.seen[-1].body == b"body"


async def test_a_body_that_is_refused_anyway_is_not_asked_for(stage: Stage) -> None:
    size = str(33 * MIB)
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, content_length=size, expect="100-continue"))
    assert (await wire.answer()).status == 413
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, content_encoding="br", expect="100-continue"))
    assert (await wire.answer()).status == 415


async def test_an_idle_connection_is_kept_for_90_seconds(clock: Clock, stage: Stage) -> None:
    wire = await stage.wire()
    assert (await wire.ask("POST", CHAT, chat())).status == 200
    await clock.forward(85)
    assert (await wire.ask("POST", CHAT, chat())).status == 200
    await clock.forward(91)
    assert await wire.closed() == b""


async def test_a_connection_that_never_asks_is_closed(clock: Clock, stage: Stage) -> None:
    wire = await stage.wire()
    await clock.forward(91)
    assert await wire.closed() == b""


async def test_a_head_must_be_complete_in_10_seconds(clock: Clock, stage: Stage) -> None:
    wire = await stage.wire()
    head = request("POST", CHAT, chat())
    await wire.send(head[:40])
    await clock.forward(8)
    await wire.send(head[40:])
    assert (await wire.answer()).status == 200
    await wire.send(head[:40])
    await turns()
    await clock.forward(11)
    answer = await wire.answer()
    assert (answer.status, answer.json()["error"]["code"]) == (408, "caller_timeout")
    assert answer.headers["Connection"] == "close"


async def test_a_body_must_come_at_1_kib_a_second_after_10(clock: Clock, stage: Stage) -> None:
    wire = await stage.wire()
    body = chat(padding="x" * 40 * 1024)
    await wire.send(request("POST", CHAT, content_length=str(len(body))))
    for start in range(0, 30 * 1024, 6 * 1024):
        await wire.send(body[start : start + 6 * 1024])
        await clock.forward(5)
    await wire.send(body[30 * 1024 :])
    assert (await wire.answer()).status == 200

    await wire.send(request("POST", CHAT, body)[: -len(body)])
    for _ in range(5):
        await wire.send(b" ")
        await clock.forward(2.2)
    answer = await wire.answer()
    assert (answer.status, answer.json()["error"]["code"]) == (408, "caller_timeout")
    assert answer.headers["Connection"] == "close"


async def test_an_upload_that_stalls_is_given_up(clock: Clock, stage: Stage) -> None:
    wire = await stage.wire()
    await wire.send(streamed("/v1/files"), piece(b"x" * 100_000))
    await turns()
    for _ in range(5):
        await clock.forward(5)
    answer = await wire.answer()
    assert (answer.status, answer.json()["error"]["code"]) == (408, "caller_timeout")
    record = await stage.settled.get()
    assert (record.cls, record.status) == ("Caller", 408)


async def test_a_foreign_host_or_origin_is_refused(stage: Stage) -> None:
    for host in ("evil.example:4141", "127.0.0.1.evil.example", "localhost.evil.example:4141"):
        answer = await stage.chat(host=host)
        assert (answer.status, answer.json()["error"]["code"]) == (403, "caller_origin")
    for origin in ("https://evil.example", "http://127.0.0.1.evil.example", "null", "file://"):
        answer = await stage.chat(origin=origin)
        assert (answer.status, answer.json()["error"]["code"]) == (403, "caller_origin")
    assert not stage.provider.seen
    for host in ("127.0.0.1:4141", "localhost:4141", "LOCALHOST", "[::1]:4141"):
        assert (await stage.chat(host=host)).status == 200
    assert (await stage.chat(origin="http://localhost:3000")).status == 200


async def test_a_loop_ends_at_the_third_hop(stage: Stage) -> None:
    assert (await stage.chat(x_outrider_hop="2")).status == 200
    assert stage.provider.seen[0].headers["x-outrider-hop"] == "3"
    answer = await stage.chat(x_outrider_hop="3")
    assert (answer.status, answer.json()["error"]["code"]) == (508, "outrider_loop")
    assert len(stage.provider.seen) == 1
