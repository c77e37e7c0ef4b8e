"""The head of an answer that is sent as a whole."""

from email.utils import parsedate_to_datetime

from loopback.stage import CHAT, Stage
from loopback.wire import chat, request


async def test_an_answer_says_its_length_and_date_and_nothing_of_our_software(stage: Stage) -> None:
    answer = await stage.ask("POST", CHAT, chat())
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert parsedate_to_datetime(answer.headers["Date"]).tzinfo is not None
    assert "Server" not in answer.headers
    assert "Connection" not in answer.headers


async def test_a_connection_that_the_caller_wants_closed_is_closed(stage: Stage) -> None:
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat(), connection="close"))
    answer = await wire.answer()
    assert answer.status == 200
    assert answer.headers["Connection"] == "close"
    assert await wire.closed() == b""


async def test_a_refusal_of_a_head_request_has_no_body_and_says_how_long_it_would_be(
    stage: Stage,
) -> None:
    wire = await stage.wire()
    await wire.send(request("HEAD", "/outrider/v1/feedback"))
    await wire.send(request("POST", CHAT, chat()))
    head = await wire.answer("HEAD")
    assert head.status == 404
    assert int(head.headers["Content-Length"]) > 0
    assert (await wire.answer()).status == 200
