"""Chat Completions: what its answers and chunks say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.dialect import CHAT, Outcome, Seen, Usage
from standins import streams
from standins.spellings import bodies

BASE64 = "iVBORw0KGgoAAAANSUhEUgAA" * 1_000
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"q": "é"}'},
}
CUSTOM = {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}}


def event(data: Any) -> bytes:
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


def chunk(delta: Any = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk with one choice, as documented."""
    choice = {"index": 0, "delta": delta or {}, "logprobs": None, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "choices": [choice], **fields}


def answer(message: dict[str, Any], finish: str = "stop", **fields: Any) -> bytes:
    """A whole answer, as documented."""
    message = {"role": "assistant", "content": None, "refusal": None, **message}
    choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}]
    return json.dumps(
        {"id": "c", "object": "chat.completion", "choices": choices, **fields}
    ).encode()


# ---- whole answers ----

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 30, "accepted_prediction_tokens": 0},
}


def test_an_answer_says_its_text_its_end_and_its_usage() -> None:
    assert CHAT.outcome(answer({"content": "Grüße"}, usage=USAGE)) == Outcome(
        usage=Usage(input=100, output=50, cached=60, cache_write=10, reasoning=30),
        finish="stop",
        text_chars=5,
    )


@pytest.mark.parametrize(
    ("message", "finish", "chars"),
    [
        ({"content": "x" * 7}, "length", 7),
        ({"refusal": "I cannot"}, "stop", 8),
        ({"tool_calls": [CALL, CUSTOM]}, "tool_calls", 10 + 5),
        ({"function_call": {"name": "f", "arguments": "{}"}}, "function_call", 2),
        ({"content": "a", "reasoning_content": "bc"}, "stop", 3),
        ({"content": "a", "reasoning": "bc", "reasoning_details": []}, "stop", 3),
        ({"audio": {"id": "a", "data": BASE64, "transcript": "hi"}}, "stop", 0),
        ({"content": [{"type": "text", "text": "list"}]}, "stop", 0),
    ],
)
def test_any_kind_of_content_is_content(message: dict[str, Any], finish: str, chars: int) -> None:
    assert CHAT.outcome(answer(message, finish)) == Outcome(finish=finish, text_chars=chars)


@pytest.mark.parametrize(
    ("whole", "empty"),
    [
        (answer({"content": ""}), True),
        (answer({"content": None}, usage={"prompt_tokens": 5, "completion_tokens": 0}), True),
        (answer({"content": None}, usage={"prompt_tokens": 5, "completion_tokens": 9}), False),
        (answer({"tool_calls": [], "audio": {"id": "a"}}), True),
        (b'{"choices":[]}', True),
        (b'{"choices":null}', True),
        (b"{}", True),
        (answer({"content": " "}), False),
    ],
)
def test_an_answer_is_empty_with_no_content_and_no_output_tokens(whole: bytes, empty: bool) -> None:
    outcome = CHAT.outcome(whole)

    assert outcome is not None
    assert outcome.empty is empty


def test_of_several_choices_all_text_counts_and_the_first_end() -> None:
    choices = [
        {"index": 0, "message": {"content": "ab"}, "finish_reason": "stop"},
        {"index": 1, "message": {"content": "cde"}, "finish_reason": "length"},
    ]

    outcome = CHAT.outcome(json.dumps({"choices": choices}).encode())

    assert outcome == Outcome(finish="stop", text_chars=5)


@pytest.mark.parametrize("error", [{"message": "busy", "code": "server_error"}, "busy", [1]])
def test_an_error_inside_a_200_is_the_whole_answer(error: Any) -> None:
    whole = json.dumps({"error": error}).encode()

    assert CHAT.outcome(whole) == Outcome(error=whole)


@pytest.mark.parametrize("error", [None, {}, "", False])
def test_an_empty_error_is_none(error: Any) -> None:
    assert CHAT.outcome(answer({"content": "a"}, error=error)) == Outcome(
        finish="stop", text_chars=1
    )


@pytest.mark.parametrize(
    "usage",
    [
        None,
        5,
        [],
        {"prompt_tokens": "many"},
        {"prompt_tokens": -4, "completion_tokens": True},
        {"prompt_tokens": 99_999_999_999_999_999_999, "completion_tokens": 2**53 + 1},
    ],
)
def test_usage_that_is_none_is_no_usage_and_no_negative_or_endless_one(usage: Any) -> None:
    outcome = CHAT.outcome(answer({"content": "a"}, usage=usage))

    assert outcome is not None
    assert outcome.usage == (Usage(0, 0) if isinstance(usage, dict) else None)


@pytest.mark.parametrize(
    "whole", [b"", b"<html>", b"[]", b'"text"', b"null", b'{"choices":[', b"\xff"]
)
def test_what_is_no_json_object_is_no_answer(whole: bytes) -> None:
    assert CHAT.outcome(whole) is None


@pytest.mark.parametrize(
    "whole", [b'{"choices":"text"}', b'{"choices":[{"message":{"tool_calls":{}}}]}']
)
def test_an_object_of_another_shape_passes_unread(whole: bytes) -> None:
    assert CHAT.outcome(whole) == Outcome()
    assert CHAT.inspect(event(whole.replace(b"message", b"delta"))) == Seen(content=True)


def test_lone_surrogates_and_broken_characters_of_a_provider_are_read_as_replacements() -> None:
    whole = rb'{"choices":[{"message":{"content":"a\ud800"},"finish_reason":"stop"}]}'

    assert CHAT.outcome(whole) == Outcome(finish="stop", text_chars=2)
    assert CHAT.outcome(whole.replace(rb"\ud800", b"\xff")) == Outcome(finish="stop", text_chars=2)


# ---- streams ----


def test_a_documented_stream_is_read_event_by_event() -> None:
    assert [CHAT.inspect(one) for one in streams.chat_events()] == [
        None,
        Seen(content=True, text_chars=9, reasoning=False),
        Seen(content=True, reasoning=False),
        Seen(content=True, text_chars=12, reasoning=False),
        Seen(finish="tool_calls", reasoning=False),
        Seen(usage=Usage(19, 10, cached=8, reasoning=4), usage_only=True),
        Seen(done=True),
    ]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_make_no_difference(end: str) -> None:
    assert [CHAT.inspect(one) for one in streams.chat_events(end)] == [
        CHAT.inspect(one) for one in streams.chat_events()
    ]


@pytest.mark.parametrize(
    ("delta", "seen"),
    [
        ({"role": "assistant", "content": ""}, None),
        ({}, None),
        ({"content": None, "refusal": None, "tool_calls": None, "function_call": None}, None),
        ({"tool_calls": []}, None),
        ({"reasoning_content": "", "reasoning": None}, None),
        ({"audio": {"id": "a", "expires_at": 1}}, None),
        ({"content": "Hi"}, Seen(content=True, text_chars=2, reasoning=False)),
        ({"content": "Hi", "refusal": "No"}, Seen(content=True, text_chars=4, reasoning=False)),
        ({"refusal": "No"}, Seen(content=True, text_chars=2, reasoning=False)),
        ({"reasoning_content": "Hm"}, Seen(content=True, text_chars=2, reasoning=True)),
        ({"reasoning": "Hm"}, Seen(content=True, text_chars=2, reasoning=True)),
        ({"reasoning": "Hm", "reasoning_content": "Hm"}, Seen(True, text_chars=2, reasoning=True)),
        ({"reasoning": "Hm", "content": "Hi"}, Seen(True, text_chars=4, reasoning=False)),
        ({"tool_calls": [{"index": 0, "id": "c", "function": {}}]}, Seen(True, reasoning=False)),
        ({"tool_calls": [{"index": 0, "function": None}]}, Seen(True, reasoning=False)),
        ({"function_call": {"name": "f"}}, Seen(True, reasoning=False)),
        ({"function_call": {"arguments": "{}"}}, Seen(True, text_chars=2, reasoning=False)),
        ({"audio": {"data": "AAAA"}}, Seen(content=True, reasoning=False)),
        ({"audio": {"transcript": "hi"}}, Seen(content=True, reasoning=False)),
        ({"content": [{"type": "thinking"}]}, Seen(content=True, reasoning=False)),
    ],
)
def test_content_is_any_delta_that_says_something(delta: Any, seen: Seen | None) -> None:
    assert CHAT.inspect(event(chunk(delta))) == seen


@pytest.mark.parametrize(
    "finish", ["stop", "length", "tool_calls", "content_filter", "function_call", "eos"]
)
def test_the_finish_reason_is_the_dialects_own_word(finish: str) -> None:
    assert CHAT.inspect(event(chunk({}, finish))) == Seen(finish=finish, reasoning=False)
    assert CHAT.inspect(event(chunk({"content": "x"}, finish))) == Seen(
        content=True, finish=finish, text_chars=1, reasoning=False
    )


def test_usage_beside_choices_is_no_chunk_of_usage_alone() -> None:
    usage = Usage(100, 50, cached=60, cache_write=10, reasoning=30)

    assert CHAT.inspect(event(chunk({}, "stop", usage=USAGE))) == Seen(
        usage=usage, finish="stop", reasoning=False
    )
    assert CHAT.inspect(event(chunk({"content": "x"}, usage=USAGE))) == Seen(
        content=True, usage=usage, text_chars=1, reasoning=False
    )
    nothing: list[dict[str, Any]] = [{"choices": []}, {"choices": None}, {}]
    for choices in nothing:
        assert CHAT.inspect(event({**choices, "usage": USAGE})) == Seen(
            usage=usage, usage_only=True
        )


@pytest.mark.parametrize(
    "data",
    [
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [{"index": 0, "content_filter_results": {}, "finish_reason": None}]},
        {"type": "ping"},
        {"some": "thing"},
        {},
    ],
)
def test_what_says_nothing_of_concern_is_passed(data: Any) -> None:
    assert CHAT.inspect(event(data)) is None


@pytest.mark.parametrize(
    "raw",
    [
        b": keep-alive\n\n",
        b"\n\n",
        b"event: ping\n\n",
        b"data:\n\n",
        b"retry: 10\n\n",
        b"id: 1\n\n",
    ],
)
def test_an_event_without_data_says_nothing(raw: bytes) -> None:
    assert CHAT.inspect(raw) is None


@pytest.mark.parametrize(
    "data",
    [
        {"error": {"message": "The server had an error", "type": "server_error", "code": None}},
        {"error": "overloaded"},
        {"error": {"message": "m"}, "choices": [{"delta": {"content": "x"}}]},
        {"error": {"message": "m"}, "choices": []},
    ],
)
def test_an_error_inside_the_stream_is_told_with_its_data(data: Any) -> None:
    assert CHAT.inspect(event(data)) == Seen(error=json.dumps(data).encode())


@pytest.mark.parametrize(
    "data", [b"<html>", b'{"choices":[{"delta"', b"[]", b"null", b'"x"', b"5", b"DONE", b"\xff\xfe"]
)
def test_data_that_are_no_object_break_the_stream(data: bytes) -> None:
    assert CHAT.inspect(event(data)) == Seen(broken=True)


def test_the_end_is_told_however_it_is_spelled() -> None:
    for raw in (b"data: [DONE]\n\n", b"data:[DONE]\n\n", b"data: [DONE] \r\n\r\n", b"data: [DONE]"):
        assert CHAT.inspect(raw) == Seen(done=True)


def test_text_that_is_no_unicode_still_counts() -> None:
    raw = rb'data: {"choices":[{"delta":{"content":"a\ud83d"},"finish_reason":null}]}' + b"\n\n"

    assert CHAT.inspect(raw) == Seen(content=True, text_chars=2, reasoning=False)
    assert CHAT.inspect(raw.replace(rb"\ud83d", b"\xed\xa0\xbd")) == Seen(
        content=True, text_chars=4, reasoning=False
    )


@given(bodies() | st.binary(max_size=60))
def test_no_data_make_reading_fail(data: bytes) -> None:
    seen = CHAT.inspect(b"data: " + data.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n\n")
    outcome = CHAT.outcome(data)

    assert seen is None or isinstance(seen, Seen)
    assert outcome is None or isinstance(outcome, Outcome)
