"""Bodies: how large, in which coding, how framed."""

import base64
import gzip
import json
import zlib

import pytest

from loopback.provider import COMPLETION
from loopback.stage import CHAT, MESSAGES, Stage, Start
from loopback.wire import Answer, chat, piece, request, streamed
from outrider_sidecar.api.bounds import KIB, MIB, Bounds

DIALECTS = [pytest.param(CHAT, id="chat"), pytest.param(MESSAGES, id="messages")]


def pictured(path: str, size: int) -> bytes:
    """A request of that many bytes, nearly all of them images."""
    rest = size
    parts: list[dict[str, object]] = [{"type": "text", "text": "What is this?"}]
    while rest > 0:
        data = base64.b64encode(bytes(min(rest, 8 * MIB) * 3 // 4)).decode()
        rest -= 8 * MIB
        if path == CHAT:
            url = {"url": f"data:image/png;base64,{data}"}
            parts.append({"type": "image_url", "image_url": url})
        else:
            source = {"type": "base64", "media_type": "image/png", "data": data}
            parts.append({"type": "image", "source": source})
    messages = [{"role": "user", "content": parts}]
    return json.dumps({"model": "m", "max_tokens": 9, "messages": messages}).encode()


def code(answer: Answer) -> str:
    """The code of an error, which must stand where its dialect has it and in the header."""
    fields = answer.json()
    error = fields["error"]
    if fields.get("type") == "error":
        assert fields["request_id"] == answer.headers["request-id"]
        assert "outrider" not in error
    else:
        assert error["outrider"]["request_id"] == answer.headers["x-request-id"]
    assert error["code"] == answer.headers["x-outrider-error"]
    assert error["message"]
    assert answer.headers["x-should-retry"] == "false"
    return str(error["code"])


def kind(answer: Answer) -> str:
    """The dialect's own word for an error."""
    return str(answer.json()["error"]["type"])


@pytest.mark.parametrize("path", DIALECTS)
@pytest.mark.parametrize("chunked", [False, True])
async def test_31_mib_of_images_reach_the_provider_as_sent(
    stage: Stage, path: str, chunked: bool
) -> None:
    body = pictured(path, 31 * MIB)
    wire = await stage.wire()
    if chunked:
        await wire.send(streamed(path))
        for start in range(0, len(body), MIB):
            await wire.send(piece(body[start : start + MIB]))
        await wire.send(piece(b""))
        answer = await wire.answer()
    else:
        answer = await wire.ask("POST", path, body)
    assert answer.status == 200
    assert 31 * MIB <= len(body) < 32 * MIB
    assert stage.provider.seen[0].body == body


@pytest.mark.parametrize("path", DIALECTS)
async def test_33_mib_are_refused_when_announced(stage: Stage, path: str) -> None:
    wire = await stage.wire()
    await wire.send(request("POST", path, content_length=str(33 * MIB)))
    answer = await wire.answer()
    assert (answer.status, code(answer)) == (413, "caller_too_large")
    assert kind(answer) == ("invalid_request_error" if path == CHAT else "request_too_large")
    assert not stage.provider.seen


@pytest.mark.parametrize("path", DIALECTS)
async def test_33_mib_are_refused_when_they_come_in_chunks(stage: Stage, path: str) -> None:
    wire = await stage.wire()
    await wire.send(streamed(path))
    for _ in range(33):
        await wire.send(piece(b"x" * MIB))
    answer = await wire.answer()
    assert (answer.status, code(answer)) == (413, "caller_too_large")
    assert not stage.provider.seen


async def test_a_client_that_sends_on_still_reads_its_413(stage: Stage) -> None:
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, content_length=str(40 * MIB)))
    await wire.send(*[b"x" * MIB for _ in range(40)])
    assert (await wire.answer()).status == 413
    assert (await wire.ask("POST", CHAT, chat())).json() == COMPLETION


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the header of zlib, as some clients send it."""
    pack = zlib.compressobj(wbits=-15)
    return pack.compress(data) + pack.flush()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
    ],
)
async def test_a_body_in_a_known_coding_is_read_and_sent_on_plain(
    stage: Stage, coding: str, pack: object
) -> None:
    assert callable(pack)
    body = chat(user="käufer")
    answer = await stage.ask("POST", CHAT, pack(body), content_encoding=coding)
    assert answer.status == 200
    assert stage.provider.seen[0].body == body
    assert "Content-Encoding" not in stage.provider.seen[0].headers


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress", "nonsense"])
@pytest.mark.parametrize("path", DIALECTS)
async def test_an_unknown_coding_is_a_415(stage: Stage, path: str, coding: str) -> None:
    answer = await stage.ask("POST", path, chat(), content_encoding=coding)
    assert (answer.status, code(answer)) == (415, "caller_encoding")
    assert coding in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"not gzip at all", id="not gzip"),
        pytest.param(gzip.compress(chat())[:-9], id="cut short"),
        pytest.param(gzip.compress(chat())[:-8] + bytes(8), id="wrong checksum"),
        pytest.param(b"", id="empty"),
    ],
)
async def test_broken_gzip_is_a_415(stage: Stage, body: bytes) -> None:
    answer = await stage.ask("POST", CHAT, body, content_encoding="gzip")
    assert (answer.status, code(answer)) == (415, "caller_encoding")


@pytest.mark.parametrize("path", DIALECTS)
async def test_a_gzip_bomb_is_a_413(stage: Stage, path: str) -> None:
    packed = gzip.compress(bytes(64 * MIB), 1)
    assert len(packed) < MIB
    answer = await stage.ask("POST", path, packed, content_encoding="gzip")
    assert (answer.status, code(answer)) == (413, "caller_too_large")
    assert (await stage.chat()).status == 200


async def test_gzip_in_several_members_is_read_whole(stage: Stage) -> None:
    body = chat()
    packed = gzip.compress(body[:20]) + gzip.compress(body[20:])
    answer = await stage.ask("POST", CHAT, packed, content_encoding="gzip")
    assert answer.status == 200
    assert stage.provider.seen[0].body == body


async def test_gzip_in_countless_members_is_a_415(stage: Stage) -> None:
    packed = gzip.compress(b"") * 50_000
    answer = await stage.ask("POST", CHAT, packed, content_encoding="gzip")
    assert (answer.status, code(answer)) == (415, "caller_encoding")


@pytest.mark.parametrize("path", DIALECTS)
async def test_a_client_that_sends_a_byte_a_second_is_told(start: Start, path: str) -> None:
    stage = await start(Bounds(body_seconds=0.05, body_rate=100 * KIB))
    wire = await stage.wire()
    await wire.send(request("POST", path, content_length="100"), b"{")
    answer = await wire.answer()
    assert (answer.status, code(answer)) == (408, "caller_timeout")
    assert answer.headers["Connection"] == "close"
    record = await stage.settled.get()
    assert (record.cls, record.status, record.error) == ("Caller", 408, "caller_timeout")


async def test_a_body_framed_wrongly_is_a_400(stage: Stage) -> None:
    wire = await stage.wire()
    await wire.send(streamed(CHAT), b"5\r\nhello\r\n", b"zz\r\n")
    answer = await wire.answer()
    assert (answer.status, code(answer)) == (400, "caller_invalid")
    assert await wire.closed() == b""
    assert (await stage.chat()).status == 200
