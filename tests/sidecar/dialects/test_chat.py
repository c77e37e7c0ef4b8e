"""Chat Completions: what its requests say."""

import json
from typing import Any

import pytest

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.dialect import CHAT
from outrider_sidecar.dialects.errors import Refusal

BASE64 = "iVBORw0KGgoAAAANSUhEUgAA" * 1_000
TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Sucht é", "parameters": {"type": "object"}},
}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"q": "é"}'},
}
CUSTOM = {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}}


def body(*messages: Any, **fields: Any) -> Body:
    return Body.parse(json.dumps({"model": "m", "messages": list(messages), **fields}).encode())


def test_texts_count_decoded_bytes_of_all_that_is_said_and_no_base64() -> None:
    said = ["You are kind.", "Grüße", "Look here", "First", "No.", "look", '{"q": "é"}']
    said += ["shell", "ls -l", "Ergebnis", "Part", "old", "{}"]
    texts = CHAT.texts(
        body(
            {"role": "system", "content": said[0]},
            {"role": "developer", "content": [{"type": "text", "text": said[1]}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": said[2]},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
                    {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                    {"type": "input_audio", "input_audio": {"data": BASE64, "format": "wav"}},
                    {"type": "file", "file": {"file_data": BASE64, "filename": "a.pdf"}},
                ],
            },
            {"role": "assistant", "content": said[3], "refusal": said[4]},
            {"role": "assistant", "content": None, "tool_calls": [CALL, CUSTOM]},
            {"role": "tool", "tool_call_id": "call_1", "content": said[9]},
            {
                "role": "tool",
                "tool_call_id": "call_2",
                "content": [{"type": "text", "text": "Part"}],
            },
            {"role": "assistant", "function_call": {"name": "old", "arguments": "{}"}},
            tools=[TOOL],
        )
    )

    compact = json.dumps([TOOL], separators=(",", ":"), ensure_ascii=False)
    assert texts.utf8_bytes == sum(len(text.encode()) for text in [*said, compact])
    assert texts.images == 2
    assert texts.last_user == "Look here"
    assert texts.messages == 8
    assert texts.tools
    assert not texts.schema


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([{"role": "user", "content": "one"}, {"role": "user", "content": "two"}], "two"),
        ([{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}], "one"),
        (
            [
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "file"}]},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]},
                {"role": "user", "content": ""},
            ],
            "a",
        ),
        (
            [{"role": "user", "content": [{"type": "text", "text": t} for t in ("a", "", "b")]}],
            "a\n\nb",
        ),
        ([{"role": "system", "content": "s"}, {"role": "tool", "content": "t"}], None),
        ([{"role": "user", "content": None}, {"role": "user"}], None),
        ([], None),
    ],
)
def test_the_last_user_text_is_that_of_the_last_user_message_that_has_text(
    messages: list[Any], text: str | None
) -> None:
    assert CHAT.texts(body(*messages)).last_user == text


def test_what_estimates_read_of_a_lone_surrogate_is_the_replacement_character() -> None:
    raw = rb'{"messages":[{"role":"user","content":"a\ud800"}]}'

    texts = CHAT.texts(Body.parse(raw))

    assert texts.last_user == "a\ufffd"
    assert texts.utf8_bytes == 4


@pytest.mark.parametrize(
    ("fields", "tools"),
    [
        ({"tools": [TOOL]}, True),
        ({"functions": [TOOL["function"]]}, True),
        ({"tools": []}, False),
        ({"tools": None}, False),
        ({"tools": "none"}, False),
        ({}, False),
    ],
)
def test_tools_are_there_when_there_is_one(fields: dict[str, Any], tools: bool) -> None:
    assert CHAT.texts(body(**fields)).tools is tools


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}, True),
        ({"type": "json_object"}, True),
        ({"type": "text"}, False),
        ({}, False),
        (None, False),
        ("json_object", False),
    ],
)
def test_a_response_schema_is_a_form_that_is_json(form: Any, schema: bool) -> None:
    assert CHAT.texts(body(response_format=form)).schema is schema
    assert not CHAT.texts(body()).schema


@pytest.mark.parametrize("number", ["1e999", "9" * 5_000])
def test_numbers_that_no_computer_holds_do_not_end_the_estimate(number: str) -> None:
    tools = f'[{{"type":"function","function":{{"name":"t","maximum":{number}}}}}]'
    raw = f'{{"messages":[],"tools":{tools},"response_format":{{"type":{number}}}}}'

    texts = CHAT.texts(Body.parse(raw.encode()))

    assert texts.utf8_bytes == len(tools)
    assert not texts.schema


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ("Hi", "/messages"),
        (None, "/messages"),
        (["Hi"], "/messages/0"),
        ([{"role": "user"}, {"content": "no role"}], "/messages/1"),
        ([{"role": 5}], "/messages/0"),
    ],
)
def test_messages_that_are_none_are_refused_by_their_place(messages: Any, param: str) -> None:
    sent = Body.parse(json.dumps({"messages": messages}).encode())

    with pytest.raises(Refusal) as caught:
        CHAT.texts(sent)

    assert caught.value.code == "caller_invalid"
    assert caught.value.param == param
    assert param in caught.value.message


def test_turns_are_the_messages_as_they_were_sent() -> None:
    raw = b'{"messages": [ {"role": "user", "n": 1.0} ,{"content":"\\ud800","role":"x"}]}'

    turns = CHAT.turns(Body.parse(raw))

    assert [(turn.role, turn.raw) for turn in turns] == [
        ("user", b'{"role": "user", "n": 1.0}'),
        ("x", b'{"content":"\\ud800","role":"x"}'),
    ]
    assert CHAT.turns(Body.parse(b"{}")) == []


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hi", "Hi"),
        (
            [{"type": "text", "text": "a"}, {"type": "x"}, {"type": "input_text", "text": "b"}],
            "a\nb",
        ),
        ([{"type": "refusal", "refusal": "no"}], None),
        ("", None),
        (None, None),
        ([], None),
    ],
)
def test_the_text_of_a_message_is_its_string_or_its_text_parts(content: Any, text: Any) -> None:
    turn = json.dumps({"role": "user", "content": content}).encode()

    assert CHAT.user_text(turn, "/messages/0") == text


@pytest.mark.parametrize(
    ("content", "code"),
    [(rb'"\ud800"', "caller_json"), (b"5", "caller_invalid"), (b'["a"]', "caller_invalid")],
)
def test_a_text_that_cannot_be_read_is_refused_by_its_place(content: bytes, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        CHAT.user_text(b'{"content":%b}' % content, "/messages/3")

    assert caught.value.code == code
    assert caught.value.param == "/messages/3/content"


@pytest.mark.parametrize(
    ("value", "streams"), [(True, True), (False, False), (None, False), (1, False)]
)
def test_a_stream_is_asked_for_with_true(value: Any, streams: bool) -> None:
    assert CHAT.streams(body(stream=value)) is streams
    assert not CHAT.streams(body())


def test_system_text_stands_among_the_messages() -> None:
    assert CHAT.system_raw(body(system="x")) is None
