"""Request lines, header fields and connections, as good and bad clients send them."""

import pytest

from loopback.clock import turns
from loopback.provider import COMPLETION, saying
from loopback.stage import CHAT, MESSAGES, Stage, Start
from loopback.wire import Answer, chat, piece, request, streamed
from outrider_sidecar.api.bounds import Bounds


def code(answer: Answer) -> str:
    """The code of an error, in body and header."""
    found = answer.json()["error"]["code"]
    assert found == answer.headers["x-outrider-error"]
    return str(found)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(
            request("POST", CHAT, x_one="x" * 20_000, x_two="x" * 20_000), id="fields in all"
        ),
        pytest.param(request("POST", CHAT, x_one="x" * 40_000), id="one field"),
        pytest.param(request("POST", f"{CHAT}?q={'x' * 40_000}"), id="request line"),
        pytest.param(
            request("POST", CHAT, **{f"x_{number}": "x" for number in range(200)}), id="many fields"
        ),
    ],
)
async def test_a_head_that_is_too_long_is_a_431(stage: Stage, head: bytes) -> None:
    wire = await stage.wire()
    await wire.send(head)
    answer = await wire.answer()
    assert (answer.status, code(answer)) == (431, "caller_header_too_long")
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-outrider-request-id"].startswith("or_")
    record = await stage.settled.get()
    assert (record.status, record.error) == (431, "caller_header_too_long")
    assert (await stage.chat()).status == 200


async def test_a_head_without_end_is_cut_off(stage: Stage) -> None:
    wire = await stage.wire()
    await wire.send(b"POST / HTTP/1.1\r\nhost: localhost\r\n", b"x: " + b"x" * 100_000)
    answer = await wire.answer()
    assert (answer.status, code(answer)) == (431, "caller_header_too_long")
    assert await wire.closed() == b""


SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param("content-length: 5\r\ntransfer-encoding: chunked", id="length and chunks"),
        pytest.param("transfer-encoding: chunked\r\ncontent-length: 5", id="chunks and length"),
        pytest.param("content-length: 5\r\ncontent-length: 6", id="two lengths"),
        pytest.param("content-length: 5, 6", id="two lengths in one field"),
        pytest.param("content-length: +5", id="signed length"),
        pytest.param("content-length: -5", id="negative length"),
        pytest.param("content-length: 5_0", id="length with underscore"),
        pytest.param("content-length: 0x5", id="hexadecimal length"),
        pytest.param("transfer-encoding: xchunked", id="unknown transfer coding"),
        pytest.param("transfer-encoding: chunked, identity", id="chunked not last"),
        pytest.param("transfer-encoding: chunked\r\ntransfer-encoding: x", id="two codings"),
        pytest.param("transfer-encoding : chunked", id="space before the colon"),
        pytest.param("transfer-encoding\x0b: chunked", id="control character in a name"),
        pytest.param("x-one: a\rtransfer-encoding: chunked", id="lone CR"),
        pytest.param("x-one: a\x00b", id="NUL in a value"),
        pytest.param("x-one\r\n : a", id="folded field"),
    ],
)
async def test_a_request_that_could_be_read_in_two_ways_is_refused(
    stage: Stage, fields: str
) -> None:
    wire = await stage.wire()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\n{fields}\r\n\r\n"
    await wire.send(head.encode("latin-1") + b"0\r\n\r\n" + SMUGGLED)
    answer = await wire.answer()
    assert (answer.status, code(answer)) == (400, "caller_invalid")
    assert await wire.closed() == b""
    assert not stage.provider.seen
    assert (await stage.chat()).status == 200


async def test_a_transfer_coding_beside_chunked_is_a_415(stage: Stage) -> None:
    for path in (CHAT, "/v1/files"):
        wire = await stage.wire()
        fields = "host: 127.0.0.1\r\ntransfer-encoding: gzip, chunked"
        await wire.send(f"POST {path} HTTP/1.1\r\n{fields}\r\n\r\n0\r\n\r\n".encode())
        answer = await wire.answer()
        assert (answer.status, code(answer)) == (415, "caller_encoding")
    assert not stage.provider.seen


@pytest.mark.parametrize(
    "line",
    [
        b"POST\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /a b c\r\n\r\n",
        b"\x00\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_no_http_gets_a_400_in_our_shape(stage: Stage, line: bytes) -> None:
    wire = await stage.wire()
    await wire.send(line)
    answer = await wire.answer()
    assert (answer.status, code(answer)) == (400, "caller_invalid")
    assert answer.json()["error"]["message"].startswith("not an HTTP request: ")
    assert await wire.closed() == b""


async def test_an_offer_of_http_2_is_passed_over(stage: Stage) -> None:
    """Java's client makes it with every first request."""
    offer = {
        "connection": "Upgrade, HTTP2-Settings",
        "upgrade": "h2c",
        "http2_settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    }
    wire = await stage.wire()
    for path in (CHAT, "/v1/embeddings"):
        answer = await wire.ask("POST", path, chat(), **offer)
        assert answer.json() == COMPLETION
        seen = stage.provider.seen[-1]
        assert seen.body == chat()
        for name in ("Upgrade", "HTTP2-Settings"):
            assert name not in seen.headers


async def test_http_1_0_is_answered_without_chunks_and_closed(stage: Stage) -> None:
    wire = await stage.wire()
    body = chat()
    head = f"POST {CHAT} HTTP/1.0\r\ncontent-length: {len(body)}\r\n\r\n"
    await wire.send(head.encode() + body)
    answer = await wire.answer()
    assert answer.json() == COMPLETION
    assert "Transfer-Encoding" not in answer.headers
    assert await wire.closed() == b""


async def test_a_connection_serves_one_request_after_another(stage: Stage) -> None:
    wire = await stage.wire()
    for _ in range(3):
        assert (await wire.ask("POST", CHAT, chat())).status == 200
    assert (await wire.ask("POST", CHAT, b"{")).status == 400
    assert (await wire.ask("POST", CHAT, chat(), content_encoding="br")).status == 415
    answer = await wire.ask("POST", CHAT, chat(), connection="close")
    assert answer.headers["Connection"] == "close"
    assert await wire.closed() == b""


async def test_pipelined_requests_are_answered_in_order(stage: Stage) -> None:
    wire = await stage.wire()
    await wire.send(
        b"".join(
            request("POST", CHAT, chat(), x_outrider_user="a") + request("GET", f"/v1/files/{i}")
            for i in range(20)
        )
        + streamed(CHAT)
        + piece(chat())
        + piece(b"")
        + request("GET", "/v1/files/last")
    )
    for index in range(20):
        assert (await wire.answer()).status == 200
        assert (await wire.answer()).status == 200
        assert stage.provider.seen[2 * index + 1].path == f"/v1/files/{index}"
    assert (await wire.answer()).json() == COMPLETION
    assert (await wire.answer()).status == 200
    assert stage.provider.seen[-1].path == "/v1/files/last"


async def test_half_a_head_behind_an_answered_request_is_waited_for(stage: Stage) -> None:
    wire = await stage.wire()
    following = request("POST", CHAT, chat())
    await wire.send(request("POST", CHAT, chat()) + following[:30])
    assert (await wire.answer()).status == 200
    await wire.send(following[30:])
    assert (await wire.answer()).status == 200


async def test_head_and_options_pass_through(stage: Stage) -> None:
    stage.provider.respond = saying(b"", allow="GET, POST", etag='"e"')
    for method in ("HEAD", "OPTIONS"):
        answer = await stage.ask(method, "/v1/files/file-1")
        assert (answer.status, answer.headers["ETag"]) == (200, '"e"')
        assert stage.provider.seen[-1].method == method


async def test_a_web_pages_preflight_is_refused(stage: Stage) -> None:
    answer = await stage.ask(
        "OPTIONS", CHAT, origin="https://evil.example", access_control_request_method="POST"
    )
    assert (answer.status, code(answer)) == (403, "caller_origin")
    assert "Access-Control-Allow-Origin" not in answer.headers
    answer = await stage.ask("GET", "/v1/models", sec_fetch_site="cross-site")
    assert (answer.status, code(answer)) == (403, "caller_origin")


async def test_two_hosts_are_not_one(stage: Stage) -> None:
    wire = await stage.wire()
    hosts = "host: 127.0.0.1\r\nhost: evil.example"
    head = f"POST {CHAT} HTTP/1.1\r\n{hosts}\r\ncontent-length: 0\r\n\r\n"
    await wire.send(head.encode())
    answer = await wire.answer()
    assert answer.status in (400, 403)
    assert not stage.provider.seen


async def test_an_http_1_1_request_names_its_host(stage: Stage) -> None:
    wire = await stage.wire()
    await wire.send(f"POST {CHAT} HTTP/1.1\r\ncontent-length: 0\r\n\r\n".encode())
    answer = await wire.answer()
    assert (answer.status, code(answer)) == (400, "caller_invalid")


async def test_an_absolute_request_target_is_served_or_refused_by_its_host(stage: Stage) -> None:
    answer = await stage.ask("POST", f"http://evil.example{CHAT}", chat())
    assert (answer.status, code(answer)) == (403, "caller_origin")
    answer = await stage.ask("POST", f"http://127.0.0.1:4141{CHAT}", chat())
    assert answer.json() == COMPLETION
    assert [seen.path for seen in stage.provider.seen] == [CHAT]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("CONNECT evil.example:443", 403),
        ("CONNECT 127.0.0.1:4141", 400),
        ("TRACE /v1/files", 400),
        ("OPTIONS *", 403),
    ],
)
async def test_what_would_show_a_key_or_open_a_tunnel_is_refused(
    stage: Stage, line: str, status: int
) -> None:
    wire = await stage.wire()
    await wire.send(f"{line} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
    assert (await wire.answer()).status == status
    assert not stage.provider.seen


@pytest.mark.parametrize(
    "path",
    [
        "/v1/files/a%2Fb?x=%20&y=a+b",
        "/v1/files/%E2%82%AC",
        "/v1/a//b/",
        "/v1/files/a;b=c,d",
        "/v1/files?empty=&flag",
        "/v1/files/a..b%2f...",
    ],
)
async def test_a_path_reaches_the_provider_as_it_was_escaped(stage: Stage, path: str) -> None:
    await stage.ask("GET", path)
    assert stage.provider.seen[0].path == path


async def test_every_spelling_of_an_operation_reaches_its_path(stage: Stage) -> None:
    for prefix in ("/v1", "", "/v1/v1", "/openai/v1", "/openai/deployments/gpt-5.4"):
        answer = await stage.ask("POST", f"{prefix}/chat/completions?api-version=1", chat())
        assert answer.status == 200
        assert stage.provider.seen[-1].path == f"{CHAT}?api-version=1"
    for prefix in ("/v1", "", "/v1/v1"):
        assert (await stage.ask("POST", f"{prefix}/messages", chat(max_tokens=9))).status == 200
        assert stage.provider.seen[-1].path == MESSAGES


async def test_an_unknown_path_goes_to_the_provider_of_its_dialect(stage: Stage) -> None:
    await stage.ask("POST", "/v1/brand/new", b"{}")
    await stage.ask("POST", "/v1/messages/batches", b"{}")
    await stage.ask("GET", "/v1/models", anthropic_version="2023-06-01")
    assert ["x-outrider-hop" in seen.headers for seen in stage.provider.seen] == [True] * 3
    assert [seen.headers.get("anthropic-version") for seen in stage.provider.seen] == [
        None,
        "2023-06-01",
        "2023-06-01",
    ]


async def test_a_slow_head_on_one_connection_does_not_hold_another(start: Start) -> None:
    stage = await start(Bounds(head_seconds=0.2))
    slow = await stage.wire()
    await slow.send(b"POST /v1/chat")
    await turns()
    assert (await stage.chat()).status == 200
    answer = await slow.answer()
    assert (answer.status, code(answer)) == (408, "caller_timeout")
