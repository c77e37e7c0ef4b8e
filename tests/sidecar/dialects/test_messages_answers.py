"""Anthropic's Messages: what its answers and events say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.dialect import MESSAGES, Outcome, Seen, Usage
from standins import streams
from standins.spellings import bodies


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def event(kind: str, **fields: Any) -> bytes:
    """An event as documented, its type in its name and in its data."""
    data = json.dumps({"type": kind, **fields})
    return f"event: {kind}\ndata: {data}\n\n".encode()


def delta(kind: str, **fields: Any) -> bytes:
    return event("content_block_delta", index=0, delta={"type": kind, **fields})


def start(kind: str, **fields: Any) -> bytes:
    return event("content_block_start", index=0, content_block={"type": kind, **fields})


def answer(*content: Any, **fields: Any) -> bytes:
    """A whole answer, as documented."""
    return json.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": list(content),
            "stop_reason": "end_turn",
            "stop_sequence": None,
            **fields,
        }
    ).encode()


# ---- whole answers ----


def test_an_answer_says_its_text_its_end_and_its_usage() -> None:
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 70,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 30},
        "service_tier": "standard",
    }

    assert MESSAGES.outcome(answer(text("Grüße"), usage=usage)) == Outcome(
        usage=Usage(input=100, output=50, cached=70, cache_write=20, reasoning=30),
        finish="end_turn",
        text_chars=5,
    )


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 10, "output_tokens": 5},
        {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": None},
        {"input_tokens": 10, "output_tokens": 5, "output_tokens_details": None},
        {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": -3},
    ],
)
def test_what_usage_leaves_out_is_zero(usage: Any) -> None:
    outcome = MESSAGES.outcome(answer(text("x"), usage=usage))

    assert outcome is not None
    assert outcome.usage == Usage(10, 5)


@pytest.mark.parametrize(
    "finish",
    [
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
    ],
)
def test_every_documented_stop_reason_is_told(finish: str) -> None:
    assert MESSAGES.outcome(answer(text("x"), stop_reason=finish)) == Outcome(
        finish=finish, text_chars=1
    )


@pytest.mark.parametrize(
    ("content", "chars"),
    [
        ([text("ab"), text("c")], 3),
        ([{"type": "thinking", "thinking": "abc", "signature": "s"}, text("d")], 4),
        ([{"type": "redacted_thinking", "data": "x"}], 0),
        ([{"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}], 8),
        ([{"type": "server_tool_use", "id": "t", "name": "web_search", "input": {}}], 2),
        ([{"type": "web_search_tool_result", "tool_use_id": "t", "content": []}], 0),
    ],
)
def test_any_kind_of_block_is_content(content: list[Any], chars: int) -> None:
    assert MESSAGES.outcome(answer(*content)) == Outcome(finish="end_turn", text_chars=chars)


@pytest.mark.parametrize(
    ("whole", "empty"),
    [
        (answer(), True),
        (answer(text("")), True),
        (answer({"type": "thinking", "thinking": "", "signature": ""}), True),
        (answer(usage={"input_tokens": 5, "output_tokens": 0}), True),
        (answer(usage={"input_tokens": 5, "output_tokens": 3}), False),
        (answer(text("x")), False),
        (b"{}", True),
        (b'{"content":null}', True),
    ],
)
def test_an_answer_is_empty_with_no_content_and_no_output_tokens(whole: bytes, empty: bool) -> None:
    outcome = MESSAGES.outcome(whole)

    assert outcome is not None
    assert outcome.empty is empty


def test_an_error_inside_a_200_is_the_whole_answer() -> None:
    whole = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'

    assert MESSAGES.outcome(whole) == Outcome(error=whole)


@pytest.mark.parametrize("whole", [b"", b"<html>", b"[]", b"null", b'{"content":[', b"\xff"])
def test_what_is_no_json_object_is_no_answer(whole: bytes) -> None:
    assert MESSAGES.outcome(whole) is None


def test_an_object_of_another_shape_passes_unread() -> None:
    assert MESSAGES.outcome(b'{"content":"text"}') == Outcome()
    assert MESSAGES.inspect(event("content_block_delta", delta="text")) == Seen(content=True)


# ---- streams ----


def test_a_documented_stream_is_read_event_by_event() -> None:
    assert [MESSAGES.inspect(one) for one in streams.messages_events()] == [
        Seen(usage=Usage(602, 2, cached=100, cache_write=30)),
        Seen(reasoning=True),
        None,
        Seen(content=True, text_chars=10, reasoning=True),
        None,
        Seen(reasoning=False),
        Seen(reasoning=False),
        Seen(content=True, text_chars=9),
        Seen(reasoning=False),
        Seen(content=True, reasoning=False),
        Seen(content=True, text_chars=12),
        Seen(reasoning=False),
        Seen(usage=Usage(0, 89), finish="tool_use"),
        Seen(done=True),
    ]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_make_no_difference(end: str) -> None:
    assert [MESSAGES.inspect(one) for one in streams.messages_events(end)] == [
        MESSAGES.inspect(one) for one in streams.messages_events()
    ]


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (delta("text_delta", text="Hi"), Seen(content=True, text_chars=2)),
        (delta("text_delta", text=""), None),
        (delta("input_json_delta", partial_json='{"a'), Seen(content=True, text_chars=3)),
        (delta("input_json_delta", partial_json=""), None),
        (delta("thinking_delta", thinking="Hm"), Seen(True, text_chars=2, reasoning=True)),
        (delta("thinking_delta", thinking=""), None),
        (delta("signature_delta", signature="EqQB"), None),
        (delta("citations_delta", citation={"type": "char_location"}), Seen(content=True)),
        (delta("some_future_delta", value=1), None),
        (start("text", text=""), Seen(reasoning=False)),
        (start("text", text="Hi"), Seen(content=True, text_chars=2, reasoning=False)),
        (start("thinking", thinking="", signature=""), Seen(reasoning=True)),
        (start("redacted_thinking", data="x"), Seen(reasoning=True)),
        (start("tool_use", id="t", name="n", input={}), Seen(content=True, reasoning=False)),
        (start("server_tool_use", id="t", name="n", input={}), Seen(True, reasoning=False)),
        (start("web_search_tool_result", content=[]), Seen(content=True, reasoning=False)),
        (start("compaction", content=None), Seen(content=True, reasoning=False)),
        (event("content_block_stop", index=0), Seen(reasoning=False)),
        (event("message_stop"), Seen(done=True)),
        (event("ping"), None),
        (event("some_future_event", value=1), None),
        (b": keep-alive\n\n", None),
        (b"event: ping\n\n", None),
    ],
)
def test_every_documented_event_is_told(raw: bytes, seen: Seen | None) -> None:
    assert MESSAGES.inspect(raw) == seen


def test_the_usage_of_the_start_and_the_end_make_one() -> None:
    begun = MESSAGES.inspect(
        event(
            "message_start",
            message={
                "usage": {"input_tokens": 5, "cache_read_input_tokens": 20, "output_tokens": 1}
            },
        )
    )
    ended = MESSAGES.inspect(
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 40})
    )
    repeated = MESSAGES.inspect(
        event(
            "message_delta",
            delta={"stop_reason": "end_turn"},
            usage={"input_tokens": 7, "cache_read_input_tokens": 20, "output_tokens": 40},
        )
    )

    assert begun is not None
    assert begun.usage == Usage(25, 1, cached=20)
    assert ended is not None
    assert ended.usage is not None
    assert begun.usage.then(ended.usage) == Usage(25, 40, cached=20)
    assert repeated is not None
    assert repeated.usage is not None
    assert begun.usage.then(repeated.usage) == Usage(27, 40, cached=20)


@pytest.mark.parametrize("finish", ["end_turn", "max_tokens", "refusal", "tool_use", "pause_turn"])
def test_the_stop_reason_is_told_where_it_comes(finish: str) -> None:
    raw = event("message_delta", delta={"stop_reason": finish, "stop_sequence": None})

    assert MESSAGES.inspect(raw) == Seen(finish=finish)


@pytest.mark.parametrize(
    "data",
    [
        '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
        '{"type":"error","error":{"type":"api_error","message":"x"},"request_id":"req_1"}',
        '{"type":"error"}',
        '{"error":{"message":"a proxy in between"}}',
    ],
)
def test_an_error_inside_the_stream_is_told_with_its_data(data: str) -> None:
    assert MESSAGES.inspect(f"event: error\ndata: {data}\n\n".encode()) == Seen(error=data.encode())


@pytest.mark.parametrize(
    "data", [b"<html>", b'{"type":"content_block_delta"', b"[]", b"null", b"[DONE]", b"\xff"]
)
def test_data_that_are_no_object_break_the_stream(data: bytes) -> None:
    assert MESSAGES.inspect(b"event: x\ndata: %b\n\n" % data) == Seen(broken=True)


def test_text_that_is_no_unicode_still_counts() -> None:
    raw = delta("text_delta", text="a?")

    for bad, chars in ((rb"\ud83d", 2), (b"\xed\xa0\xbd", 4)):
        assert MESSAGES.inspect(raw.replace(b"?", bad)) == Seen(content=True, text_chars=chars)


@given(bodies() | st.binary(max_size=60))
def test_no_data_make_reading_fail(data: bytes) -> None:
    seen = MESSAGES.inspect(b"data: " + data.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n\n")
    outcome = MESSAGES.outcome(data)

    assert seen is None or isinstance(seen, Seen)
    assert outcome is None or isinstance(outcome, Outcome)
