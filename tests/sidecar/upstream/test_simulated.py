"""The simulated provider: what it says, at which pace, at which price, and how it fails."""

import json
from collections import Counter
from typing import Any, Literal

import aiohttp
import msgspec
import pytest

from outrider_sidecar.dialects import dialect as dialects
from outrider_sidecar.dialects.dialect import Dialect, Usage
from outrider_sidecar.dialects.sse import Events
from outrider_sidecar.snapshot import Simulated
from outrider_sidecar.upstream.classify import ErrorClass, of_error, read_error
from outrider_sidecar.upstream.reply import Reply
from outrider_sidecar.upstream.simulated import Question, Simulator
from outrider_sidecar.upstream.simulated_errors import CLASSES
from standins.sse import events_of, said_in, text_of

DIALECTS = ["chat", "messages"]
SPOKEN: dict[str, Dialect] = {"chat": dialects.CHAT, "messages": dialects.MESSAGES}
MANNER = Simulated(
    time_to_first_token_ms=200,
    tokens_per_second=50,
    output_tokens=12,
    error_ratio="0",
    error_class="Overloaded",
)
ALWAYS = msgspec.structs.replace(MANNER, error_ratio="1")


class Metronome:
    """A clock that sleeping moves; remembers every wait."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def question(
    dialect: Literal["chat", "messages"] = "chat",
    text: str = "Where is it?",
    request_id: str = "or_1",
    stream: bool = False,
    **fields: Any,
) -> Question:
    """A question; `fields` are further members of its body."""
    return Question(
        dialect=dialect,
        backend="rehearsal",
        model="sim-1",
        body=msgspec.json.encode(fields),
        stream=stream,
        text=text,
        input_tokens=17,
        request_id=request_id,
    )


async def read(reply: Reply) -> bytes:
    """A body to its end."""
    parts = []
    while part := await reply.read():
        parts.append(part)
    return b"".join(parts)


async def ask(asked: Question, manner: Simulated = MANNER) -> bytes:
    """An answer, with nothing to wait for."""
    time = Metronome()
    return await read(await Simulator(time.sleep, time.clock).reply(manner, asked))


def told_by(dialect: str, answer: bytes) -> tuple[Usage | None, str | None]:
    """Usage and finish reason of a whole answer."""
    outcome = SPOKEN[dialect].outcome(answer)
    assert outcome is not None
    return outcome.usage, outcome.finish


def told_in(dialect: str, stream: bytes) -> tuple[Usage | None, str | None]:
    """Usage and finish reason as our own relay reads them."""
    usage, finish = None, None
    for event in Events().feed(stream):
        seen = SPOKEN[dialect].inspect(event)
        if seen is not None:
            usage, finish = seen.usage or usage, seen.finish or finish
    return usage, finish


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_it_says_that_it_is_simulated_and_what_it_was_asked(dialect: Any) -> None:
    answer = json.loads(await ask(question(dialect)))
    text = text_of(json.dumps(answer).encode())
    assert text.startswith("Simulated answer of sim-1 to «Where is it?»:")
    assert answer["model"] == "sim-1"
    assert "sim" in answer["id"]
    if dialect == "chat":
        assert answer["system_fingerprint"] == "fp_simulated"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_same_question_has_the_same_answer_and_another_one_another(dialect: Any) -> None:
    manner = msgspec.structs.replace(MANNER, output_tokens=40)
    first = text_of(await ask(question(dialect, request_id="or_1"), manner))
    again = text_of(await ask(question(dialect, request_id="or_2"), manner))
    other = text_of(await ask(question(dialect, "Where is it", request_id="or_1"), manner))
    assert first == again != other
    assert first.split(":", 1)[1] != other.split(":", 1)[1]


async def test_a_long_question_is_quoted_in_part_and_costs_little() -> None:
    text = text_of(await ask(question(text="w" * 1_000 + " is " + "very long " * 100_000)))
    assert text.startswith("Simulated answer of sim-1 to «" + "w" * 40 + " is very long")
    assert len(text) < 300


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "fields",
    [{}, {"max_tokens": 3}, {"stop": ["imu"], "stop_sequences": ["imu"]}, {"max_tokens": 0}],
    ids=["plain", "limited", "stopped", "nothing"],
)
async def test_a_stream_says_counts_and_ends_like_the_whole_answer(
    dialect: Any, fields: dict[str, Any]
) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}}
    whole = await ask(question(dialect, **fields))
    stream = await ask(question(dialect, stream=True, **fields, **options))
    assert said_in(stream) == text_of(whole)
    assert told_in(dialect, stream) == told_by(dialect, whole)
    usage, _ = told_by(dialect, whole)
    assert usage is not None
    assert usage.input == 17


@pytest.mark.parametrize(
    ("dialect", "limit"),
    [("chat", "max_tokens"), ("chat", "max_completion_tokens"), ("messages", "max_tokens")],
)
async def test_it_says_no_more_than_the_caller_allows(dialect: Any, limit: str) -> None:
    for allowed, expected, finish in (
        (5, 5, {"chat": "length", "messages": "max_tokens"}),
        (12, 12, {"chat": "stop", "messages": "end_turn"}),
        (900, 12, {"chat": "stop", "messages": "end_turn"}),
    ):
        fields: dict[str, Any] = {limit: allowed}
        answer = await ask(question(dialect, **fields))
        usage, ended = told_by(dialect, answer)
        assert usage is not None
        assert usage.output == expected == len(text_of(answer).split(" "))
        assert ended == finish[dialect]


async def test_the_newer_limit_counts_before_the_older_one() -> None:
    answer = await ask(question(max_tokens=9, max_completion_tokens=2))
    assert text_of(answer) == "Simulated answer"


async def test_it_stops_before_a_stop_sequence_also_across_tokens() -> None:
    answer = await ask(question(stop=["never", "er of s", "«"]))
    assert text_of(answer) == "Simulated answ"
    assert json.loads(answer)["choices"][0]["finish_reason"] == "stop"
    assert text_of(await ask(question(stop="answer"))) == "Simulated "
    told = json.loads(await ask(question("messages", stop_sequences=["answer"])))
    assert (told["stop_reason"], told["stop_sequence"]) == ("stop_sequence", "answer")
    assert told["usage"]["output_tokens"] == 2


async def test_n_choices_are_n_choices_streamed_or_not() -> None:
    whole = json.loads(await ask(question(n=3)))
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2]
    assert whole["usage"]["completion_tokens"] == 36
    stream = events_of(await ask(question(n=3, stream=True)))
    deltas = Counter(
        choice["index"] for event in stream for choice in event["choices"] if choice["delta"]
    )
    assert deltas == {0: 13, 1: 13, 2: 13}


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("chat", {"n": 0}),
        ("chat", {"n": 129}),
        ("chat", {"max_tokens": -1}),
        ("chat", {"max_tokens": "many"}),
        ("chat", {"stop": 7}),
        ("messages", {"max_tokens": 1.5}),
        ("messages", {"stop_sequences": "x"}),
    ],
)
async def test_parameters_that_no_provider_takes_are_refused_as_theirs_are(
    dialect: Any, fields: dict[str, Any]
) -> None:
    reply = await Simulator().reply(MANNER, question(dialect, **fields))
    body = await read(reply)
    assert reply.status == 400
    assert of_error(reply.status, reply.headers, read_error(body)) is ErrorClass.INVALID
    assert next(iter(fields)) in json.loads(body)["error"]["message"]


async def test_a_chat_stream_has_the_documented_events() -> None:
    stream = await ask(question(stream=True, stream_options={"include_usage": True}))
    events = Events().feed(stream)
    assert events[-1] == b"data: [DONE]\n\n"
    chunks = events_of(stream)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * 13 + ["stop"]
    assert chunks[-1]["choices"] == []
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 14
    assert chunks[-1]["usage"]["total_tokens"] == 17 + 12
    quiet = events_of(await ask(question(stream=True)))
    assert all("usage" not in chunk for chunk in quiet)


async def test_a_messages_stream_has_the_documented_events() -> None:
    stream = await ask(question("messages", stream=True))
    names = [line[7:] for line in stream.decode().splitlines() if line.startswith("event: ")]
    assert names == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * 12,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert [event["type"] for event in events_of(stream)] == names


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_tokens_come_at_the_pace_of_the_route(dialect: Any) -> None:
    time = Metronome()
    reply = await Simulator(time.sleep, time.clock).reply(MANNER, question(dialect, stream=True))
    came: list[float] = []
    while part := await reply.read():
        came += [time.now] * len(said_in(part).split())
    steps = [round(moment - 100.0, 6) for moment in came]
    assert steps == [round(0.2 + 0.02 * place, 6) for place in range(12)]
    assert time.now == pytest.approx(100.0 + 0.2 + 11 * 0.02)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_whole_answer_takes_as_long_as_its_stream(dialect: Any) -> None:
    time = Metronome()
    await read(await Simulator(time.sleep, time.clock).reply(MANNER, question(dialect)))
    assert time.now == pytest.approx(100.0 + 0.2 + 11 * 0.02)


async def test_who_reads_late_gets_at_once_what_is_due() -> None:
    time = Metronome()
    reply = await Simulator(time.sleep, time.clock).reply(MANNER, question(stream=True))
    await reply.read()
    time.now = 100.0 + 0.2 + 5 * 0.02
    assert len(said_in(await reply.read()).split()) == 6
    reply.close()
    assert await reply.read() == b""


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("cls", sorted(CLASSES))
async def test_it_fails_as_real_providers_word_it(dialect: Any, cls: str) -> None:
    manner = msgspec.structs.replace(ALWAYS, error_class=cls)
    reply = await Simulator().reply(manner, question(dialect, stream=True))
    body = await read(reply)
    assert of_error(reply.status, reply.headers, read_error(body)) == cls
    assert "simulated" in json.loads(body)["error"]["message"]


async def test_who_fails_is_settled_by_backend_and_request_at_the_set_ratio() -> None:
    manner = msgspec.structs.replace(MANNER, error_ratio="0.25")

    async def statuses(ratio: str = "0.25") -> list[int]:
        manner = msgspec.structs.replace(MANNER, error_ratio=ratio)
        asked = [question(request_id=f"or_{number}") for number in range(2_000)]
        return [(await Simulator().reply(manner, each)).status for each in asked]

    first = await statuses()
    assert first == await statuses()
    assert 400 < first.count(503) < 600
    assert set(await statuses("0")) == {200}
    assert set(await statuses("1.0")) == {503}
    few, more = await statuses("0.1"), await statuses("0.5")
    assert all(b == 503 for a, b in zip(few, more, strict=True) if a == 503)
    assert manner.error_ratio == "0.25"


@pytest.mark.parametrize("stream", [False, True])
async def test_it_can_refuse_break_and_say_nothing(stream: bool) -> None:
    refuses = msgspec.structs.replace(ALWAYS, error_class="Unreachable")
    with pytest.raises(ConnectionRefusedError):
        await ask(question(stream=stream), refuses)
    breaks = msgspec.structs.replace(ALWAYS, error_class="BrokenStream")
    with pytest.raises(aiohttp.ClientPayloadError):
        await ask(question(stream=stream), breaks)
    says_nothing = msgspec.structs.replace(ALWAYS, error_class="Empty")
    answer = await ask(question(stream=stream), says_nothing)
    assert (said_in(answer) if stream else text_of(answer)) == ""
