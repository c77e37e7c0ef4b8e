"""What a connection can do wrong, and what an attempt makes of it."""

import asyncio
import gzip
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loopback import scripted
from loopback.scripted import (
    Exchange,
    Script,
    Serve,
    answers,
    breaks_off,
    chunk,
    hangs_up,
    head,
    resets,
    says,
    silent,
    streams,
)
from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.snapshot import Backend, Timeouts
from outrider_sidecar.upstream.attempt import LARGEST_ANSWER
from outrider_sidecar.upstream.client import Upstream
from standins import tables
from standins.errands import Errand, to
from standins.sse import CHAT_STREAM, COMPLETION, delta

MIB = 1024 * 1024
GOOD = answers(COMPLETION)
WHOLE = json.dumps(COMPLETION).encode()
WAITS = Timeouts(connect_ms=5_000, first_token_ms=5_000, idle_ms=5_000, request_ms=5_000)


async def failed(backend: Backend, upstream: Upstream, **fields: Any) -> tuple[str, str, str]:
    """Class, code and message of the failure of a request to one backend."""
    errand = Errand({"only": backend}, tables.chat("gpt", **fields))
    with pytest.raises(Refusal) as caught:
        await errand.text(upstream)
    assert errand.record.attempts == f"only:{errand.record.cls}"
    return errand.record.cls, caught.value.code, caught.value.message


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def test_a_refused_connection_is_unreachable(upstream: Upstream) -> None:
    port = free_port()
    backend = tables.backend(base_url=f"http://127.0.0.1:{port}/v1", timeouts=WAITS)
    cls, code, message = await failed(backend, upstream)
    assert (cls, code) == ("Unreachable", "provider_unreachable")
    assert f"backend only could not be reached (127.0.0.1:{port}, Connect call failed" in message


async def test_a_name_that_nobody_knows_is_unreachable(tmp_path: Path) -> None:
    async def unknown(host: str, port: int, family: int) -> list[tuple[int, str]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    backend = tables.backend(base_url="http://llm.example.com/v1", timeouts=WAITS)
    credentials = FileCredentials(tmp_path)
    async with Upstream(credentials, allow_loopback=False, lookup=unknown) as upstream:
        cls, code, message = await failed(backend, upstream)
    assert (cls, code) == ("Unreachable", "provider_unreachable")
    assert "(llm.example.com:80, Name or service not known)" in message


async def test_a_connection_that_takes_too_long_is_unreachable(tmp_path: Path) -> None:
    async def lost(host: str, port: int, family: int) -> list[tuple[int, str]]:
        await asyncio.Event().wait()
        return []

    waits = msgspec.structs.replace(WAITS, connect_ms=20)
    backend = tables.backend(base_url="http://llm.example.com/v1", timeouts=waits)
    credentials = FileCredentials(tmp_path)
    async with Upstream(credentials, allow_loopback=False, lookup=lost) as upstream:
        cls, code, _ = await failed(backend, upstream)
    assert (cls, code) == ("Unreachable", "provider_unreachable")


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    serve: Serve, upstream: Upstream
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(Path(scripted.__file__).parent / "certificates" / "server.pem")
    provider = await serve(GOOD, tls=tls)
    cls, code, message = await failed(to(provider), upstream)
    assert (cls, code) == ("Unreachable", "provider_unreachable")
    assert "certificate verify failed" in message
    assert provider.requests == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("script", [hangs_up, resets])
async def test_a_connection_closed_before_its_first_byte_is_unreachable(
    serve: Serve, upstream: Upstream, script: Script, stream: bool
) -> None:
    provider = await serve(script)
    cls, code, _ = await failed(to(provider), upstream, stream=stream)
    assert (cls, code) == ("Unreachable", "provider_unreachable")
    assert len(provider.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "script",
    [
        says(b"HTTP/1.1 200 O", close=True),
        says(b"HTTP/1.1 200 OK\r\ncontent-type: applic", close=True),
        says(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n", close=True),
        says(b"SMTP 220 ready\r\n\r\n"),
        says(b"HTTP/1.1 two hundred\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"),
        says(head(200, **{"x-long": "x" * 40_000})),
    ],
    ids=["status cut", "field cut", "end cut", "no HTTP", "no status", "no length", "too long"],
)
async def test_a_head_that_is_cut_or_malformed_is_a_broken_answer(
    serve: Serve, upstream: Upstream, script: Script, stream: bool
) -> None:
    provider = await serve(script)
    cls, code, message = await failed(to(provider), upstream, stream=stream)
    assert (cls, code) == ("BrokenStream", "provider_stream_broken")
    assert "began an answer that is broken" in message


@pytest.mark.parametrize(
    "script",
    [
        says(head(200, **{"content-length": "500"}) + WHOLE, close=True),
        says(head(200, **{"transfer-encoding": "chunked"}) + chunk(WHOLE), close=True),
        says(head(200, **{"transfer-encoding": "chunked"}) + b"zz\r\n" + WHOLE),
        answers(gzip.compress(WHOLE)[:80], content_encoding="gzip"),
        answers(b"not gzip at all", content_encoding="gzip"),
        answers(WHOLE[:-1]),
        answers(b""),
        answers(b"[]"),
        answers(b"<html>welcome</html>", kind="text/html"),
        answers(WHOLE, kind="text/plain"),
        streams(*CHAT_STREAM),
    ],
    ids=[
        "length too long",
        "chunk missing",
        "chunk broken",
        "gzip cut",
        "no gzip",
        "half a JSON",
        "nothing",
        "no object",
        "HTML",
        "text",
        "a stream",
    ],
)
async def test_a_body_that_is_no_whole_answer_is_a_broken_one(
    serve: Serve, upstream: Upstream, script: Script
) -> None:
    cls, code, _ = await failed(to(await serve(script)), upstream)
    assert (cls, code) == ("BrokenStream", "provider_stream_broken")


@pytest.mark.parametrize(
    "script",
    [GOOD, answers(b"<html>welcome</html>", kind="text/html"), breaks_off(), streams()],
    ids=["whole", "HTML", "cut", "empty"],
)
async def test_what_is_no_stream_is_a_broken_one_where_a_stream_was_asked(
    serve: Serve, upstream: Upstream, script: Script
) -> None:
    cls, code, _ = await failed(to(await serve(script)), upstream, stream=True)
    assert (cls, code) == ("BrokenStream", "provider_stream_broken")


async def test_an_answer_without_a_content_type_is_read_as_json(
    serve: Serve, upstream: Upstream
) -> None:
    errand = Errand({"plain": to(await serve(answers(COMPLETION, kind="")))})
    got = await errand.run(upstream)
    assert (got.body, dict(got.headers)["content-type"]) == (WHOLE, "application/json")


async def test_an_answer_may_end_with_its_connection(serve: Serve, upstream: Upstream) -> None:
    old = b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n"
    provider = await serve(says(old, WHOLE, close=True))
    for _ in range(2):
        assert (await Errand({"old": to(provider)}).run(upstream)).body == WHOLE
    streamed = says(
        old.replace(b"application/json", b"text/event-stream"), *CHAT_STREAM, close=True
    )
    errand = Errand({"old": to(await serve(streamed))}, tables.chat("gpt", stream=True))
    assert b"[DONE]" in await errand.text(upstream)
    assert errand.record.cls == "ok"


async def test_hints_before_an_answer_are_passed_over(serve: Serve, upstream: Upstream) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    whole = head(200, **{"content-type": "application/json", "content-length": str(len(WHOLE))})
    errand = Errand({"gpt": to(await serve(says(hints, whole + WHOLE)))})
    assert (await errand.run(upstream)).body == WHOLE


async def test_a_compressed_answer_is_decoded(serve: Serve, upstream: Upstream) -> None:
    provider = await serve(answers(gzip.compress(WHOLE), content_encoding="gzip"))
    got = await Errand({"gpt": to(provider)}).run(upstream)
    assert got.body == WHOLE
    assert {name for name, _ in got.headers}.isdisjoint({"content-encoding", "content-length"})


async def test_an_answer_may_be_64_mib_and_not_more(serve: Serve, upstream: Upstream) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.send(
            head(200, **{"content-type": "application/json", "transfer-encoding": "chunked"})
        )
        while True:
            await exchange.send(chunk(b" " * MIB))

    provider = await serve(endless)
    cls, _, message = await failed(to(provider), upstream)
    assert cls == "BrokenStream"
    assert f"more than {LARGEST_ANSWER} bytes" in message
    await provider.gone.wait()


@pytest.mark.parametrize(
    ("script", "cls"),
    [
        (says(head(429, **{"content-length": "9"}) + b"{", close=True), "RateLimited"),
        (says(head(401, **{"content-length": "9"}) + b"{", close=True), "CredentialRejected"),
        (answers(b"<html>" + b"x" * 2 * MIB, 503, kind="text/html"), "ServerError"),
        (answers(b"not gzip at all", 529, content_encoding="gzip"), "Overloaded"),
    ],
    ids=["cut", "cut too", "large", "undecodable"],
)
async def test_an_errors_status_counts_where_its_body_cannot_be_read(
    serve: Serve, upstream: Upstream, script: Script, cls: str
) -> None:
    assert (await failed(to(await serve(script)), upstream))[0] == cls


async def test_an_error_whose_body_never_ends_is_told_by_its_status_in_time(
    serve: Serve, upstream: Upstream
) -> None:
    stuck = says(head(500, **{"content-length": "9"}), asyncio.Event())
    backend = to(await serve(stuck), first_token_ms=30)
    assert (await failed(backend, upstream, stream=True))[0] == "ServerError"
    backend = to(await serve(stuck), request_ms=30)
    assert (await failed(backend, upstream))[0] == "ServerError"


@pytest.mark.parametrize(
    "script",
    [silent, says(head(200, **{"content-length": "9"}), asyncio.Event())],
    ids=["silent", "head only"],
)
async def test_an_answer_has_the_request_time(
    serve: Serve, upstream: Upstream, script: Script
) -> None:
    provider = await serve(script)
    cls, code, message = await failed(to(provider, request_ms=30), upstream)
    assert (cls, code) == ("Timeout", "provider_timeout")
    assert "did not answer within 30 ms" in message
    await provider.gone.wait()


@pytest.mark.parametrize(
    "script",
    [silent, streams(asyncio.Event()), streams(CHAT_STREAM[0], asyncio.Event())],
    ids=["silent", "head only", "role only"],
)
async def test_a_stream_has_the_first_tokens_time_until_its_first_content(
    serve: Serve, upstream: Upstream, script: Script
) -> None:
    provider = await serve(script)
    backend = to(provider, first_token_ms=30)
    cls, code, message = await failed(backend, upstream, stream=True)
    assert (cls, code) == ("Timeout", "provider_timeout")
    assert "within 30 ms" in message
    await provider.gone.wait()


async def test_asked_effort_gives_a_silent_stream_the_request_time(
    serve: Serve, upstream: Upstream
) -> None:
    goes_on = asyncio.Event()
    provider = await serve(streams(goes_on, *CHAT_STREAM))
    backend = to(provider, first_token_ms=1)
    body = tables.chat("gpt", stream=True, reasoning_effort="high")
    errand = Errand({"thinker": backend}, body)
    asyncio.get_running_loop().call_later(0.02, goes_on.set)
    assert delta("𝛼") in await errand.text(upstream)


async def test_a_connection_serves_again(serve: Serve, upstream: Upstream) -> None:
    provider = await serve(
        GOOD, streams(*CHAT_STREAM), answers({"error": {"message": "No."}}, 500), GOOD
    )
    backend = to(provider)
    await Errand({"gpt": backend}).run(upstream)
    await Errand({"gpt": backend}, tables.chat("gpt", stream=True)).text(upstream)
    await failed(backend, upstream)
    await Errand({"gpt": backend}).run(upstream)
    assert (len(provider.requests), len(provider.connections)) == (4, 1)


@pytest.mark.parametrize("script", [hangs_up, resets])
async def test_a_kept_connection_that_closes_unread_gets_one_more_try_at_once(
    serve: Serve, upstream: Upstream, script: Script
) -> None:
    provider = await serve(GOOD, script, GOOD)
    errands = [Errand({"gpt": to(provider)}) for _ in range(2)]
    for errand in errands:
        assert (await errand.run(upstream)).body == WHOLE
        assert errand.record.attempts == "gpt:ok"
    assert (len(provider.requests), len(provider.connections)) == (3, 2)
    assert provider.requests[1].body == provider.requests[2].body


async def test_that_try_is_the_only_one(serve: Serve, upstream: Upstream) -> None:
    provider = await serve(GOOD, hangs_up)
    await Errand({"gpt": to(provider)}).run(upstream)
    assert (await failed(to(provider), upstream))[0] == "Unreachable"
    assert len(provider.requests) == 3


async def test_a_kept_connection_that_breaks_inside_its_answer_gets_no_other_try(
    serve: Serve, upstream: Upstream
) -> None:
    provider = await serve(GOOD, says(b"HTTP/1.1 200 OK\r\ncontent-le", close=True))
    await Errand({"gpt": to(provider)}).run(upstream)
    assert (await failed(to(provider), upstream))[0] == "BrokenStream"
    assert len(provider.requests) == 2


async def test_a_connection_that_the_provider_closed_while_idle_is_not_used(
    serve: Serve, upstream: Upstream
) -> None:
    provider = await serve(says(head(200, **{"content-length": str(len(WHOLE))}), WHOLE), GOOD)
    await Errand({"gpt": to(provider)}).run(upstream)
    provider.connections[0].transport.close()
    await provider.gone.wait()
    await Errand({"gpt": to(provider)}).run(upstream)
    assert len(provider.requests) == 2


async def test_a_large_body_is_sent_whole_also_a_second_time(
    serve: Serve, upstream: Upstream
) -> None:
    provider = await serve(GOOD, hangs_up, GOOD)
    body = tables.chat("gpt", "x" * 3 * MIB)
    for _ in range(2):
        await Errand({"gpt": to(provider)}, body).run(upstream)
    assert [request.json["messages"] for request in provider.requests] == [body["messages"]] * 3


async def test_a_caller_that_leaves_ends_the_call(serve: Serve, upstream: Upstream) -> None:
    provider, spare = await serve(silent), await serve(GOOD)
    errand = Errand({"slow": to(provider), "spare": to(spare)}, tables.chat("gpt", "x" * 400))
    task = asyncio.create_task(errand.run(upstream))
    await provider.came.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await provider.gone.wait()
    record = errand.record
    assert (record.cls, record.attempts) == ("Cancelled", "slow:Cancelled")
    assert (record.estimated, record.input_tokens, spare.requests) == (True, 100, [])
