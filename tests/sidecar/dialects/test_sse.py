"""Cutting streams into events, however they arrive."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.sse import LIMIT, Events, data_of
from standins import streams

ENDS = ["\n", "\r\n", "\r"]
STREAMS = [kind(end) for kind in (streams.chat_events, streams.messages_events) for end in ENDS]


def fed(*chunks: bytes) -> tuple[list[bytes], bytes]:
    """The events and the tail of a stream that arrives in these chunks."""
    events = Events()
    return [event for chunk in chunks for event in events.feed(chunk)], events.tail()


def dispatched(stream: bytes) -> list[str]:
    """The data of each event, line by line as the HTML standard (9.2.6) reads a stream."""
    found: list[str] = []
    data: list[str] = []
    for line in re.split(r"\r\n|\n|\r", stream.decode()):
        field, _, value = line.partition(":")
        if not line:
            found += ["\n".join(data)] if any(data) else []
            data = []
        elif field == "data":
            data.append(value.removeprefix(" "))
    return found


# ---- cuts ----


@pytest.mark.parametrize("events", STREAMS)
def test_a_stream_cut_at_any_byte_gives_the_same_events(events: list[bytes]) -> None:
    stream = b"".join(events)

    assert fed(stream) == (events, b"")
    for cut in range(len(stream)):
        assert fed(stream[:cut], stream[cut:]) == (events, b"")


@pytest.mark.parametrize("events", STREAMS)
def test_a_stream_that_comes_byte_by_byte_gives_the_same_events(events: list[bytes]) -> None:
    stream = b"".join(events)

    assert fed(*(stream[at : at + 1] for at in range(len(stream)))) == (events, b"")


def test_every_event_is_given_with_the_chunk_that_completes_it() -> None:
    reader = Events()

    assert reader.feed(b"data: 1\n") == []
    assert reader.feed(b"\ndata: 2\n\ndata:") == [b"data: 1\n\n", b"data: 2\n\n"]
    assert reader.feed(b" 3") == []
    assert reader.tail() == b"data: 3"
    assert reader.feed(b"\n\n") == [b"data: 3\n\n"]
    assert reader.tail() == b""


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 3_000), max_size=12))
def test_chunks_make_no_difference(events: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(events)
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]

    assert fed(*(stream[a:b] for a, b in itertools.pairwise(places))) == (events, b"")


PIECES = st.sampled_from(
    [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"data: x", b"data:y", b": c", b"event: e", b"z"]
)


@given(st.lists(PIECES, max_size=12).map(b"".join), st.data())
def test_chunks_make_no_difference_to_garbage_either(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    places = [0, *sorted(cuts), len(stream)]
    events, tail = fed(stream)

    assert b"".join(events) + tail == stream
    assert fed(*(stream[a:b] for a, b in itertools.pairwise(places))) == (events, tail)


FIELDS = st.sampled_from(
    [
        "data: x",
        "data:y",
        "data:  z",
        "data:",
        "event: e",
        "event:f",
        ": c",
        ":",
        "id: 1",
        "retry: 9",
    ]
)


@given(st.lists(st.lists(FIELDS, min_size=1, max_size=4), max_size=5), st.sampled_from(ENDS))
def test_events_are_read_as_the_standard_says(blocks: list[list[str]], end: str) -> None:
    stream = "".join("".join(line + end for line in block) + end for block in blocks).encode()
    events, tail = fed(stream)
    read = [data_of(event).decode() for event in events]

    assert tail == b""
    assert [data for data in read if data.strip("\n")] == dispatched(stream)


@pytest.mark.parametrize("events", STREAMS)
def test_the_data_of_a_real_stream_is_what_was_sent(events: list[bytes]) -> None:
    sent = streams.MESSAGES if events[0].startswith(b"event") else streams.CHAT

    assert [data_of(event).decode() for event in events] == sent
    assert dispatched(b"".join(events)) == sent


# ---- blank lines and nothing else ----


@pytest.mark.parametrize("blank", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n", b"\r\n\n"])
def test_a_blank_line_ends_an_event_however_it_is_spelled(blank: bytes) -> None:
    assert fed(b"data: 1" + blank + b"data: 2" + blank) == (
        [b"data: 1" + blank, b"data: 2" + blank],
        b"",
    )


@pytest.mark.parametrize(
    "text", ["\u2028\u2028", "\u2029", "\x0b\x0b", "\x0c", "\x1c\x1e", "\x85", " \n x", "\\n\\n"]
)
def test_no_other_separator_ends_one(text: str) -> None:
    event = f"data: {text}\n\n".encode()

    assert fed(event) == ([event], b"")


def test_bytes_that_are_no_text_pass_as_they_are() -> None:
    event = b'data: "\xff\xed\xa0\x80\\ud800"\n\n'

    assert fed(event[:8], event[8:]) == ([event], b"")
    assert data_of(event) == event[6:-2]


def test_what_has_no_blank_line_behind_it_is_the_tail() -> None:
    assert fed(b"data: 1\n\ndata: 2\n") == ([b"data: 1\n\n"], b"data: 2\n")
    assert fed() == ([], b"")


# ---- bounds ----


def test_an_event_without_an_end_is_refused_above_the_limit() -> None:
    reader = Events(limit=10)

    assert reader.feed(b"data: 4567") == []
    with pytest.raises(ValueError, match="more than 10 bytes"):
        reader.feed(b"8")
    with pytest.raises(ValueError, match="more than 10 bytes"):
        Events(limit=10).feed(b"data: 45678")


def test_many_events_in_one_chunk_may_be_larger_than_the_limit() -> None:
    assert len(Events(limit=10).feed(b"data: 1\n\n" * 100)) == 100
    assert len(Events(limit=10).feed(b"data: 1\r\n\r\n" * 100)) == 100


@pytest.mark.parametrize("piece", [b"x" * 64, b"x\r" * 32])
def test_a_long_event_in_small_chunks_is_searched_once(piece: bytes) -> None:
    # Were it searched anew with each of the 131,072 chunks, this would take minutes.
    reader = Events()
    for _ in range(LIMIT // len(piece)):
        assert reader.feed(piece) == []

    assert len(reader.tail()) == LIMIT


# ---- fields ----


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: x\n\n", b"x"),
        (b"data:x\n\n", b"x"),
        (b"data:  x\n\n", b" x"),
        (b"data: x\r\n\r\n", b"x"),
        (b"data: x\r\r", b"x"),
        (b"data: x\r\n\n", b"x"),
        (b"data: a\rdata: b\n\n", b"a\nb"),
        (b"data: a\ndata: b\ndata:\n\n", b"a\nb\n"),
        (b"event: e\ndata: x\n\n", b"x"),
        (b"event: e\ndata: a\ndata: b\n\n", b"a\nb"),
        (b"data: x\nevent: e\n\n", b"x"),
        (b": keep-alive\n\n", b""),
        (b": data: x\n\n", b""),
        (b"id: 1\n\n", b""),
        (b"\n\ndata: x\n\n", b"x"),
        (b"database: x\n\n", b""),
        (b"\n\n", b""),
        (b"", b""),
        (b"data: x", b"x"),
    ],
)
def test_data_lines_are_joined(event: bytes, data: bytes) -> None:
    assert data_of(event) == data
