import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.alike import Alike
from outrider_sidecar.dialects.dialect import CHAT, MESSAGES, Dialect


def chunk(text: str, finish: str | None = None, /, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text, **more}, "finish_reason": finish}
    fields = {"id": "c-1", "model": "content", "choices": [choice], "usage": None}
    return b"data: " + msgspec.json.encode(fields) + b"\n\n"


def block_delta(text: str, /, **more: object) -> bytes:
    delta = {"type": "text_delta", "text": text, **more}
    fields = {"type": "content_block_delta", "index": 0, "delta": delta}
    return b"event: content_block_delta\ndata: " + msgspec.json.encode(fields) + b"\n\n"


def learnt(event: bytes, dialect: Dialect = CHAT) -> Alike:
    alike = Alike()
    seen = dialect.inspect(event)
    assert seen is not None
    alike.learn(event, seen)
    return alike


def test_an_event_that_differs_in_its_text_alone_is_told_without_decoding() -> None:
    assert learnt(chunk("Hello")).chars(chunk(" wor")) == 4
    assert learnt(block_delta("Hello"), MESSAGES).chars(block_delta(" wor")) == 4


@pytest.mark.parametrize(
    "event",
    [
        chunk("bye", "stop"),
        chunk("", reasoning_content="hm"),
        chunk("a", tool_calls=[{"id": "t"}]),
        chunk('say "hi"'),
        chunk("a\\b"),
        chunk("a\nb"),
        chunk("über"),
        chunk("a").replace(b'"a"', b'"\x00"'),
        chunk("a").replace(b'"a"', b'"\n"'),
        chunk("a").replace(b"c-1", b"c-2"),
        chunk("a").replace(b'"usage":null', b'"usage":{"prompt_tokens":1,"completion_tokens":2}'),
        chunk("a")[:-2],
        chunk("").replace(b'""', b'"'),
        b"data: [DONE]\n\n",
        b": ping\n\n",
        b"",
    ],
)
def test_any_other_event_is_left_to_the_dialect(event: bytes) -> None:
    assert learnt(chunk("Hello")).chars(event) is None


def test_nothing_is_known_at_first_and_after_an_event_that_tells_more() -> None:
    assert Alike().chars(chunk("a")) is None
    alike = learnt(chunk("Hello"))
    last = CHAT.inspect(chunk("", "stop"))
    assert last is not None
    alike.learn(chunk("", "stop"), last)
    assert alike.chars(chunk("a")) is None


def test_a_provider_that_pads_each_event_is_given_up() -> None:
    alike = Alike()
    for size in range(20):
        padded = chunk("Hello", obfuscation="x" * size)
        seen = CHAT.inspect(padded)
        assert seen is not None
        alike.learn(padded, seen)
    assert alike.chars(padded) is None


texts = st.one_of(st.text(max_size=12), st.sampled_from(["", '"', "\\", '","finish_reason":"stop']))
events = st.one_of(
    st.builds(chunk, texts),
    st.builds(chunk, texts, st.sampled_from([None, "stop"])),
    st.builds(lambda text, more: chunk(text, refusal=more), texts, texts),
    st.builds(lambda text, more: chunk(text, text=more), texts, texts),
    st.builds(lambda text, more: chunk(text, content_filter=more), texts, texts),
    st.builds(lambda text, more: chunk(text, reasoning=more), texts, texts),
    st.builds(block_delta, texts),
    st.builds(lambda text, more: block_delta(text, thinking=more), texts, texts),
    st.builds(lambda text, more: block_delta(text, content=more), texts, texts),
)


@given(st.sampled_from([CHAT, MESSAGES]), st.lists(events, max_size=8))
def test_what_is_told_by_comparing_is_what_decoding_tells(
    dialect: Dialect, stream: list[bytes]
) -> None:
    alike = Alike()
    for event in stream:
        seen = dialect.inspect(event)
        chars = alike.chars(event)
        if chars is not None:
            assert chars == (seen.text_chars if seen is not None else 0)
            assert seen is None or (seen.finish, seen.usage, seen.error) == (None, None, None)
        elif seen is not None:
            alike.learn(event, seen)
