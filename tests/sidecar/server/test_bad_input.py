"""Bad input has its clear answer, and a neighbour's stream does not notice."""

import gzip
from collections.abc import AsyncIterator

import pytest

from loopback.provider import END, Provider, delta, streaming
from loopback.stage import CHAT, MESSAGES, Stage, Start, compiled, route
from loopback.wire import Answer, Wire, chat, request
from outrider_sidecar.api.bounds import MIB, Bounds

BOUNDS = Bounds(body_seconds=0.05, head_seconds=0.3, linger_seconds=0.2)

Bad = tuple[bytes, int, str, str]


def posted(body: bytes, **headers: str) -> bytes:
    """A request with that body; its path is filled in later."""
    return request("POST", "PATH", body, **headers)


TABLE: dict[str, Bad] = {
    "nothing": (posted(b""), 400, "caller_json", "empty"),
    "no JSON": (posted(b"hello"), 400, "caller_json", "JSON"),
    "half a JSON": (posted(b'{"model": "m"'), 400, "caller_json", "JSON"),
    "no object": (posted(b"[1]"), 400, "caller_json", "object"),
    "no UTF-8": (posted(b'{"model": "\xff"}'), 400, "caller_json", "UTF-8"),
    "too deep": (posted(b'{"a":' + b"[" * 100_000), 400, "caller_json", "deep"),
    "two models": (
        posted(b'{"model":"a","messages":[],"model":"b"}'),
        400,
        "caller_duplicate_key",
        "model",
    ),
    "lone surrogate in the model": (
        posted(b'{"model":"\\ud800","messages":[]}'),
        400,
        "caller_json",
        "model",
    ),
    "lone surrogate in the user": (
        posted(b'{"model":"m","messages":[],"user":"a\\udc00"}'),
        400,
        "caller_json",
        "user",
    ),
    "long user": (
        posted(chat(model="m", user="x" * 257)),
        400,
        "caller_identity",
        "257 bytes, 256 are allowed",
    ),
    "model nobody serves": (posted(chat(model="nope")), 404, "caller_model_unknown", "nope"),
    "header too long": (
        posted(chat(), x_padding="x" * 40_000),
        431,
        "caller_header_too_long",
        "32768",
    ),
    "gzip bomb": (
        posted(gzip.compress(bytes(33 * MIB), 1), content_encoding="gzip"),
        413,
        "caller_too_large",
        str(32 * MIB),
    ),
    "no gzip": (posted(b"{}", content_encoding="gzip"), 415, "caller_encoding", "decoded"),
    "slow body": (posted(b"", content_length="100"), 408, "caller_timeout", "bytes a second"),
    "slow head": (b"POST PATH HTTP/1.1\r\nhost:", 408, "caller_timeout", "0.3 s"),
    "no HTTP": (b"\x16\x03\x01 hello\r\n\r\n", 400, "caller_invalid", "not an HTTP request"),
}


@pytest.fixture
async def stage(start: Start, provider: Provider) -> Stage:
    """A proxy with short patience and a route that reads the user from the body."""
    identity = {"user": [{"body": "/user"}]}
    served = route(provider, models=["m", "gpt-5.4"], identity=identity)
    return await start(BOUNDS, compiled({"support": served}))


@pytest.fixture
async def neighbour(stage: Stage) -> AsyncIterator[Wire]:
    """Another client's stream, open while the test runs, whole after it."""
    stage.provider.respond = streaming(delta("a"), stage.provider.go_on, delta("b"), END)
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat(stream=True)))
    assert (await wire.head())[0] == 200
    assert await wire.chunk() == delta("a")
    stage.provider.respond = None
    yield wire
    stage.provider.go_on.set()
    rest = b""
    while chunk := await wire.chunk():
        rest += chunk
    assert rest.startswith(delta("b") + END)


def told(answer: Answer, *, anthropic: bool) -> tuple[int, str, str]:
    """Status, code and message of an error in the caller's dialect."""
    body = answer.json()
    error = body["error"]
    assert (body.get("type") == "error") == anthropic
    assert error["code"] == answer.headers["x-outrider-error"]
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-outrider-request-id"].startswith("or_")
    return answer.status, error["code"], error["message"]


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("name", TABLE)
async def test_bad_input_is_answered_clearly(
    stage: Stage, neighbour: Wire, name: str, path: str
) -> None:
    data, status, code, words = TABLE[name]
    never_a_request = name in ("header too long", "slow head", "no HTTP")
    wire = await stage.wire()
    await wire.send(data.replace(b"PATH", path.encode(), 1))
    found = told(await wire.answer(), anthropic=path == MESSAGES and not never_a_request)
    assert found[:2] == (status, code)
    assert words in found[2]
    assert len(stage.provider.seen) == 1
    record = await stage.settled.get()
    assert (record.status, record.error) == (status, code)
    assert (await stage.chat()).status == 200


async def test_a_lone_surrogate_in_what_we_do_not_read_passes(
    stage: Stage, neighbour: Wire
) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"\\ud83d"}]}'
    assert (await stage.ask("POST", CHAT, body)).status == 200
    assert stage.provider.seen[-1].body == body


async def test_a_client_that_leaves_in_its_head_is_forgotten(stage: Stage, neighbour: Wire) -> None:
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat())[:40])
    wire.close()
    assert (await stage.chat()).status == 200
    assert len(stage.records) == 1


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_client_that_leaves_in_its_body_never_asked_anybody(
    stage: Stage, neighbour: Wire, path: str
) -> None:
    wire = await stage.wire()
    await wire.send(request("POST", path, chat())[:-1])
    wire.close()
    record = await stage.settled.get()
    assert (record.cls, record.status, record.attempts) == ("Cancelled", 499, None)
    assert len(stage.provider.seen) == 1


async def test_a_client_that_leaves_a_stream_ends_it_at_the_provider(
    stage: Stage, neighbour: Wire
) -> None:
    stage.provider.respond = streaming(delta("first"), stage.provider.go_on)
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat(stream=True)))
    await wire.head()
    assert await wire.chunk() == delta("first")
    wire.close()
    await stage.provider.left.wait()
    record = await stage.settled.get()
    assert (record.cls, record.status, record.estimated) == ("Cancelled", 200, True)
    assert record.attempts == "openai:Cancelled;skipped=anthropic:unsupported"
    assert not record.bad
