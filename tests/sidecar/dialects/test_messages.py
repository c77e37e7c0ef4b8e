"""Anthropic's Messages: what its requests say."""

import json
from typing import Any

import pytest

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.dialect import MESSAGES

BASE64 = "iVBORw0KGgoAAAANSUhEUgAA" * 1_000
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}}
TOOL = {"name": "look", "description": "Sucht é", "input_schema": {"type": "object"}}


def body(*messages: Any, **fields: Any) -> Body:
    return Body.parse(json.dumps({"model": "m", "messages": list(messages), **fields}).encode())


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def size_of(*blocks: Any, **fields: Any) -> int:
    return MESSAGES.texts(body(user(*blocks), **fields)).utf8_bytes


def test_texts_count_decoded_bytes_of_all_that_is_said_and_no_base64() -> None:
    said = ["Du bist höflich.", "Hello", "Grüße", "Look", "Let me think", "look", '{"q":"é"}']
    said += ["Result", "A page", "In the document", "Title"]
    texts = MESSAGES.texts(
        body(
            {"role": "user", "content": said[1]},
            {"role": "assistant", "content": [text(said[2])]},
            user(IMAGE, {"type": "image", "source": {"type": "url", "url": "u"}}, text(said[3])),
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": said[4], "signature": BASE64},
                    {"type": "redacted_thinking", "data": BASE64},
                    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": "é"}},
                ],
            },
            user(
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": said[7]},
                {"type": "tool_result", "tool_use_id": "t", "content": [text(said[8]), IMAGE]},
                {
                    "type": "document",
                    "title": said[10],
                    "source": {"type": "text", "media_type": "text/plain", "data": said[9]},
                },
                {"type": "document", "source": {"type": "base64", "data": BASE64}},
            ),
            system=[{**text(said[0]), "cache_control": {"type": "ephemeral"}}],
            tools=[TOOL],
        )
    )

    compact = json.dumps([TOOL], separators=(",", ":"), ensure_ascii=False)
    assert texts.utf8_bytes == sum(len(one.encode()) for one in [*said, compact])
    assert texts.images == 3
    assert texts.last_user == "Look"
    assert texts.messages == 5
    assert texts.tools
    assert not texts.schema


@pytest.mark.parametrize(
    ("block", "size"),
    [
        (text("four"), 4),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, 0),
        ({"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}, 0),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, 0),
        ({"type": "document", "source": {"type": "content", "content": "text"}}, 4),
        ({"type": "document", "source": {"type": "content", "content": [text("ab")]}}, 2),
        (
            {"type": "search_result", "source": "https://x", "title": "t", "content": [text("ab")]},
            3,
        ),
        ({"type": "tool_result", "tool_use_id": "t"}, 0),
        ({"type": "tool_result", "tool_use_id": "t", "content": None}, 0),
        ({"type": "server_tool_use", "name": "web_search", "input": {"query": "q"}}, 23),
        ({"type": "container_upload", "file_id": "f"}, 0),
        ({"type": "tool_result", "content": [{"type": "tool_result", "content": "deep"}]}, 4),
    ],
)
def test_every_documented_block_counts_by_its_text(block: Any, size: int) -> None:
    assert size_of(block) == size


def test_blocks_that_hold_themselves_are_counted_to_a_bounded_depth() -> None:
    block: Any = text("deep")
    for _ in range(40):
        block = {"type": "tool_result", "content": [block, text("x")]}

    assert size_of(block) < 40


@pytest.mark.parametrize("system", ["four", [text("fo"), text("ur")]])
def test_system_text_is_a_string_or_blocks(system: Any) -> None:
    sent = body(system=system)

    assert MESSAGES.texts(sent).utf8_bytes == 4
    assert MESSAGES.system_raw(sent) == json.dumps(system).encode()


def test_no_system_text_is_none() -> None:
    assert MESSAGES.system_raw(body()) is None
    assert MESSAGES.system_raw(body(system=None)) is None


@pytest.mark.parametrize(
    ("messages", "last"),
    [
        ([{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}], "one"),
        ([user(text("a"), IMAGE, text("b"))], "a\nb"),
        ([user(text("a")), user({"type": "tool_result", "content": "no text"})], "a"),
        ([user(text("a")), user(IMAGE), user(text(""))], "a"),
        ([{"role": "assistant", "content": "x"}], None),
    ],
)
def test_the_last_user_text_is_no_tool_result(messages: list[Any], last: str | None) -> None:
    assert MESSAGES.texts(body(*messages)).last_user == last


@pytest.mark.parametrize(
    ("fields", "schema"),
    [
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, True),
        ({"output_format": {"type": "json_schema", "schema": {}}}, True),
        ({"output_config": {"effort": "high"}}, False),
        ({"output_config": {"format": None}}, False),
        ({"output_config": None, "output_format": None}, False),
        ({"output_config": "json", "output_format": 5}, False),
        ({}, False),
    ],
)
def test_a_response_schema_stands_in_the_output_config(fields: Any, schema: bool) -> None:
    assert MESSAGES.texts(body(**fields)).schema is schema


@pytest.mark.parametrize("number", ["1e999", "9" * 5_000])
def test_numbers_that_no_computer_holds_do_not_end_the_estimate(number: str) -> None:
    tools = f'[{{"name":"t","input_schema":{{"maximum":{number}}}}}]'
    call = f'{{"q":{number}}}'
    blocks = f'[{{"type":"tool_use","input":{call}}}]'
    raw = (
        f'{{"messages":[{{"role":"user","content":{blocks}}}],"tools":{tools},'
        f'"output_format":{{"type":{number}}},"output_config":{{"format":{{"type":{number}}}}}}}'
    )

    texts = MESSAGES.texts(Body.parse(raw.encode()))

    assert texts.utf8_bytes == len(tools) + len(call)
    assert not texts.schema


def test_the_text_of_a_message_is_its_text_blocks() -> None:
    turn = json.dumps(user(text("a"), IMAGE, text("b"))).encode()

    assert MESSAGES.user_text(turn, "/messages/0") == "a\nb"
    assert MESSAGES.user_text(b'{"role":"user","content":"Hi"}', "/messages/0") == "Hi"
    assert MESSAGES.user_text(json.dumps(user(IMAGE)).encode(), "/messages/0") is None


def test_a_surrogate_beside_the_text_that_is_read_passes() -> None:
    assert MESSAGES.user_text(rb'{"content":"Hi","name":"\ud800"}', "/messages/0") == "Hi"


@pytest.mark.parametrize(("value", "streams"), [(True, True), (False, False), (None, False)])
def test_a_stream_is_asked_for_with_true(value: Any, streams: bool) -> None:
    assert MESSAGES.streams(body(stream=value)) is streams
