"""Streams on their way to the caller: what passes, what is kept back, and how they break."""

import asyncio
from typing import Any

import pytest

from loopback.scripted import (
    STREAM,
    Exchange,
    Script,
    Serve,
    answers,
    breaks_off,
    chunk,
    piecemeal,
    streams,
)
from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.upstream.client import Upstream
from outrider_sidecar.upstream.relay import HOLD
from standins import tables
from standins.errands import CHAT, MESSAGES, Errand, drained, to
from standins.sse import (
    BLOCK_START,
    BLOCK_STOP,
    CHAT_STREAM,
    DONE,
    FINISH,
    MESSAGE_DELTA,
    MESSAGE_START,
    MESSAGE_STOP,
    MESSAGE_STREAM,
    USAGE,
    chat_chunk,
    data,
    delta,
    event,
    text_delta,
)

MIB = 1024 * 1024
SPOKEN = {CHAT: CHAT_STREAM, MESSAGES: MESSAGE_STREAM}
STARTED = {CHAT: [delta("Hello")], MESSAGES: [MESSAGE_START, BLOCK_START, text_delta("Hello")]}
REFUSED = {
    CHAT: data({"error": {"message": "Slow down", "code": "slow_down"}}),
    MESSAGES: event("error", error={"type": "overloaded_error", "message": "Slow down"}),
}
COMMENT = b": outrider tokens=in=9,out=2,cached=4\n\n"


def asked(provider: Any, path: str = CHAT, headers: Any = None, **fields: Any) -> Errand:
    """A request for a stream to one provider; waits are the backend's, the rest is the body."""
    waits = {name: fields.pop(name) for name in list(fields) if name.endswith("_ms")}
    kind = "OpenAI" if path == CHAT else "Anthropic"
    body = tables.chat("gpt", "x" * 400, stream=True, **fields)
    return Errand({"only": to(provider, kind, **waits)}, body, headers, path=path)


def expected(path: str) -> bytes:
    """What a caller gets of the small stream who did not ask for usage."""
    return b"".join([event for event in SPOKEN[path] if event != USAGE]) + COMMENT


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_stream_cut_at_any_byte_is_the_same_stream(
    serve: Serve, upstream: Upstream, path: str
) -> None:
    stream = b"".join(SPOKEN[path])
    provider = await serve(piecemeal(stream))
    for cut in [*range(1, len(stream)), "every"]:
        errand = asked(provider, path, {"x-cut": str(cut)})
        assert await errand.text(upstream) == expected(path), cut
        record = errand.record
        told = (record.input_tokens, record.output_tokens, record.cached_tokens)
        assert (told, record.estimated, record.response_length) == ((9, 2, 4), False, 7), cut
        assert (record.cls, record.attempts) == ("ok", "only:ok"), cut


async def test_usage_is_asked_for_and_kept_from_a_caller_who_did_not(
    serve: Serve, upstream: Upstream
) -> None:
    provider = await serve(streams(*CHAT_STREAM))
    assert USAGE not in await asked(provider).text(upstream)
    wants = {"include_usage": True}
    assert USAGE in await asked(provider, stream_options=wants).text(upstream)
    refuses = {"include_usage": False, "other": 1}
    assert USAGE not in await asked(provider, stream_options=refuses).text(upstream)
    sent = [request.json["stream_options"] for request in provider.requests]
    assert sent == [wants, wants, wants | {"other": 1}]


async def test_only_the_chunk_that_is_nothing_but_usage_is_kept_back(
    serve: Serve, upstream: Upstream
) -> None:
    filters = data({"choices": [], "prompt_filter_results": []})
    ends = chat_chunk({}, "stop", usage={"prompt_tokens": 9, "completion_tokens": 2})
    provider = await serve(streams(filters, delta("Hi"), ends, DONE))
    errand = asked(provider)
    assert (await errand.text(upstream)).startswith(filters + delta("Hi") + ends + DONE)
    assert (errand.record.input_tokens, errand.record.output_tokens) == (9, 2)


async def test_comments_and_unknown_events_pass_as_they_came(
    serve: Serve, upstream: Upstream
) -> None:
    odd = [
        b": keep-alive\n\n",
        b'event: news\r\ndata: {"type": "news"}\r\n\r\n',
        b'id: 7\nretry: 10\ndata: {"choices":\ndata: []}\n\n',
        'data: {"x": "\u2028\\ud800"}\n\n'.encode(),
    ]
    provider = await serve(streams(odd[0], delta("Hi"), *odd, FINISH, DONE))
    text = await asked(provider).text(upstream)
    assert text.startswith(odd[0] + delta("Hi") + b"".join(odd) + FINISH + DONE)


@pytest.mark.parametrize(
    "pieces",
    [
        [*CHAT_STREAM[:-1], DONE.strip()],
        [*CHAT_STREAM[:-1], DONE.strip() + b"\n"],
        [*CHAT_STREAM[:-1], DONE.strip() + b"\r\n"],
        CHAT_STREAM[:-1],
    ],
    ids=["no line end", "no blank line", "no blank line, CRLF", "no DONE"],
)
async def test_a_stream_that_said_why_it_finished_is_complete(
    serve: Serve, upstream: Upstream, pieces: list[bytes]
) -> None:
    errand = asked(await serve(streams(*pieces)))
    text = await errand.text(upstream)
    assert text.endswith(COMMENT)
    assert (b"[DONE]" in text) == (len(pieces) == len(CHAT_STREAM))
    assert (errand.record.cls, errand.record.finish_reason) == ("ok", "stop")


async def test_without_usage_the_stream_is_estimated(serve: Serve, upstream: Upstream) -> None:
    errand = asked(await serve(streams(delta("12345678"), FINISH, DONE)))
    text = await errand.text(upstream)
    assert text.endswith(b": outrider tokens=in=100,out=2,cached=0\n\n")
    record = errand.record
    assert (record.input_tokens, record.output_tokens, record.estimated) == (100, 2, True)


async def test_a_tool_call_commits_a_stream(serve: Serve, upstream: Upstream) -> None:
    waits = asyncio.Event()
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    opens = event("content_block_start", index=0, content_block=use)
    argument = event(
        "content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": "{}"}
    )
    rest = [argument, BLOCK_STOP, MESSAGE_DELTA, MESSAGE_STOP]
    errand = asked(await serve(streams(MESSAGE_START, opens, waits, *rest)), MESSAGES)
    got = await errand.run(upstream)
    assert got.chunks is not None
    assert await anext(got.chunks) == MESSAGE_START + opens
    waits.set()
    assert await drained(got) == b"".join(rest) + COMMENT
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f"}}
    opens = chat_chunk({"tool_calls": [call]})
    waits = asyncio.Event()
    errand = asked(await serve(streams(chat_chunk({"role": "assistant"}), opens, waits, DONE)))
    got = await errand.run(upstream)
    assert got.chunks is not None
    assert (await anext(got.chunks)).endswith(opens)
    await got.chunks.aclose()


def garbled(event: bytes) -> Script:
    """A stream that goes on with something else after its first content."""
    return streams(delta("Hello"), event, FINISH, DONE)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (breaks_off(delta("Hello")), "broke off"),
        (breaks_off(delta("Hello"), FINISH[:20]), "broke off"),
        (streams(delta("Hello")), "ended its stream without saying so"),
        (streams(delta("Hello"), FINISH[:20]), "sent an event that is no JSON"),
        (garbled(REFUSED[CHAT]), "sent an error inside its stream: Slow down"),
        (garbled(b"data: {half\n\n"), "sent an event that is no JSON"),
        (garbled(b"data: [1]\n\n"), "sent an event that is no JSON"),
        (garbled(b"data: " + b"x" * 9 * MIB), "more than 8388608 bytes"),
        (streams(delta("Hello"), asyncio.Event()), "sent nothing for 30 ms"),
    ],
    ids=["cut", "cut inside", "ended", "ended inside", "error", "half", "list", "huge", "idle"],
)
async def test_a_stream_that_breaks_ends_with_an_error_and_not_with_done(
    serve: Serve, upstream: Upstream, script: Script, why: str
) -> None:
    provider, spare = await serve(script), await serve(streams(*CHAT_STREAM))
    backends = {"only": to(provider, idle_ms=30 if "30 ms" in why else 5_000), "spare": to(spare)}
    errand = Errand(backends, tables.chat("gpt", "x" * 400, stream=True))
    text = await errand.text(upstream)
    assert text.startswith(delta("Hello") + b'data: {"error":')
    assert text.count(b"\n\n") == 2
    assert b"[DONE]" not in text
    assert why.encode() in text
    assert b'"code":"provider_stream_broken"' in text
    record = errand.record
    assert (record.cls, record.attempts) == ("BrokenStream", "only:BrokenStream")
    assert (record.error, record.estimated) == ("provider_stream_broken", True)
    assert (record.input_tokens, record.output_tokens, spare.requests) == (100, 2, [])
    if why.startswith(("sent nothing", "more than")):
        await provider.gone.wait()


async def test_a_message_that_breaks_ends_with_an_error_event(
    serve: Serve, upstream: Upstream
) -> None:
    errand = asked(await serve(breaks_off(*STARTED[MESSAGES])), MESSAGES)
    text = await errand.text(upstream)
    last = text.removeprefix(b"".join(STARTED[MESSAGES]))
    assert last.startswith(b'event: error\ndata: {"type":"error","error":{"type":"api_error"')
    assert last.count(b"\n\n") == 1
    assert b"message_stop" not in text
    assert (errand.record.cls, errand.record.error) == ("BrokenStream", "provider_stream_broken")
    record = errand.record
    told = (record.input_tokens, record.output_tokens, record.cached_tokens)
    assert (told, record.estimated) == ((9, 2, 4), True)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    ("script", "cls"),
    [
        (breaks_off(), "BrokenStream"),
        (breaks_off(b": hi\n\n"), "BrokenStream"),
        (streams(b": hi\n\n"), "BrokenStream"),
        (streams(b"data: <html>\n\n"), "BrokenStream"),
        (streams(b"data: " + b"x" * 9 * MIB), "BrokenStream"),
        (streams(data({"error": {"message": "Hm."}})), "BrokenStream"),
        (streams(data({"error": {"message": "No.", "code": "slow_down"}})), "Overloaded"),
        (streams(event("error", error={"type": "overloaded_error"})), "Overloaded"),
        (answers({"error": {"message": "No.", "code": "insufficient_quota"}}), "QuotaExhausted"),
    ],
    ids=["nothing", "cut", "ended", "HTML", "huge", "error", "busy", "overloaded", "JSON error"],
)
async def test_until_something_was_said_the_next_backend_answers_unseen(
    serve: Serve, upstream: Upstream, path: str, script: Script, cls: str
) -> None:
    kind = "OpenAI" if path == CHAT else "Anthropic"
    bad, good = await serve(script), await serve(streams(*SPOKEN[path]))
    backends = {"bad": to(bad, kind), "good": to(good, kind)}
    errand = Errand(backends, tables.chat("gpt", stream=True), path=path)
    assert await errand.text(upstream) == expected(path)
    assert errand.record.attempts == f"bad:{cls},good:ok"
    assert errand.record.error is None


async def test_a_stream_that_is_refused_inside_a_200_is_told_in_the_providers_words(
    serve: Serve, upstream: Upstream
) -> None:
    words = {"type": "error", "error": {"type": "invalid_request_error", "message": "No."}}
    provider = await serve(streams(event("error", error=words["error"])))
    with pytest.raises(Refusal) as caught:
        await asked(provider, MESSAGES).run(upstream)
    refusal = caught.value
    assert (refusal.code, refusal.status) == ("caller_invalid", 400)
    assert refusal.body is not None
    assert b'"invalid_request_error"' in refusal.body


async def test_content_and_an_error_in_one_piece_are_both_passed(
    serve: Serve, upstream: Upstream
) -> None:
    errand = asked(await serve(streams(delta("Hello") + REFUSED[CHAT])))
    text = await errand.text(upstream)
    assert text.startswith(delta("Hello") + b'data: {"error":')


async def test_what_is_held_without_content_is_bounded(serve: Serve, upstream: Upstream) -> None:
    comments = b": still waiting\n\n" * 8_000
    never = asyncio.Event()
    errand = asked(await serve(streams(comments, never)), first_token_ms=5_000)
    got = await errand.run(upstream)
    assert got.chunks is not None
    first = await anext(got.chunks)
    assert len(first) > HOLD
    await got.chunks.aclose()


async def test_a_model_may_think_as_long_as_the_request_may_take(
    serve: Serve, upstream: Upstream
) -> None:
    thinks = event("content_block_start", index=0, content_block={"type": "thinking"})
    thought = event(
        "content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm"}
    )
    later, still_later = asyncio.Event(), asyncio.Event()
    provider = await serve(
        streams(MESSAGE_START, thinks, later, thought, still_later, BLOCK_STOP, *MESSAGE_STREAM[1:])
    )
    errand = asked(provider, MESSAGES, first_token_ms=400, idle_ms=60)
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(errand.run(upstream))
    await provider.came.wait()
    loop.call_later(0.5, later.set)
    got = await task
    loop.call_later(0.2, still_later.set)
    assert (await drained(got)).endswith(MESSAGE_STOP + COMMENT)
    assert errand.record.cls == "ok"


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_caller_that_leaves_ends_the_stream_upstream_at_once(
    serve: Serve, upstream: Upstream, path: str
) -> None:
    provider = await serve(streams(*STARTED[path], asyncio.Event()))
    errand = asked(provider, path)
    got = await errand.run(upstream)
    assert got.chunks is not None
    await anext(got.chunks)
    await got.chunks.aclose()
    await provider.gone.wait()
    record = errand.record
    assert (record.cls, record.attempts) == ("Cancelled", "only:Cancelled")
    assert (record.input_tokens, record.output_tokens) == (100 if path == CHAT else 9, 2)
    assert (record.estimated, record.error) == (True, None)


async def test_a_caller_that_leaves_while_nothing_comes_ends_it_too(
    serve: Serve, upstream: Upstream
) -> None:
    provider = await serve(streams(delta("Hello"), asyncio.Event()))
    errand = asked(provider)
    got = await errand.run(upstream)
    assert got.chunks is not None
    await anext(got.chunks)
    reading = asyncio.ensure_future(anext(got.chunks))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await provider.gone.wait()
    assert errand.record.cls == "Cancelled"


async def test_a_caller_that_reads_slowly_stops_the_provider(
    serve: Serve, upstream: Upstream
) -> None:
    large = delta("x" * 64 * 1024)

    async def flood(exchange: Exchange) -> None:
        await exchange.send(STREAM)
        while True:
            await exchange.send(chunk(large))

    provider = await serve(flood)
    got = await asked(provider).run(upstream)
    assert got.chunks is not None
    taken = len(await anext(got.chunks))
    await provider.full.wait()
    assert provider.sent - taken < 16 * MIB
    while provider.full.is_set():
        taken += len(await anext(got.chunks))
    await provider.full.wait()
    assert provider.sent - taken < 16 * MIB
    await got.chunks.aclose()
    await provider.gone.wait()
