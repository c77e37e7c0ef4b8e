"""The provider `Simulated`: answers by itself, in the shapes and at the pace of a real one.

What it says is a function of the model and the last user text, and says that it is simulated.
A token is a word; a stream has one event for each. Which requests fail is a function of backend
and request id.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import aiohttp
import msgspec

from outrider_sidecar.snapshot import Simulated
from outrider_sidecar.upstream.reply import Reply
from outrider_sidecar.upstream.simulated_errors import ErrorAnswer, error_answer
from outrider_sidecar.upstream.simulated_shapes import SHAPES, About, Frame, Said

Sleep = Callable[[float], Awaitable[object]]

_QUOTED_WORDS: Final = 8
_LONGEST_WORD: Final = 40
_READ: Final = 4_096
"""Characters of the user's text that make a difference."""
_MOST_CHOICES: Final = 128
_JOINED_FRAMES: Final = 64
_FILLER: Final = (
    "each word here stands for a token and means nothing in particular only the pace the shape "
    "and the count are those of a real answer so that routes limits and dashboards can be tried "
    "before any key is bought or any model is asked"
)
_FILLER_WORDS: Final = tuple(_FILLER.split())


@dataclass(frozen=True, slots=True)
class Question:
    """What a simulated backend is asked: `body` as a provider would receive it.

    `text` is the last user text, `input_tokens` the estimate that stands for a provider's count.
    """

    dialect: Literal["chat", "messages"]
    backend: str
    model: str
    body: bytes
    stream: bool
    text: str
    input_tokens: int
    request_id: str


class _Asked(msgspec.Struct):
    """The parameters that shape an answer, of both dialects."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    stop_sequences: list[str] | None = None
    n: int | None = None
    stream_options: dict[str, bool | None] | None = None


_asked = msgspec.json.Decoder(_Asked)


class Simulator:
    """Answers questions. A test may give `sleep` and `clock`, both in seconds."""

    def __init__(
        self, sleep: Sleep = asyncio.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep = sleep
        self._clock = clock

    async def reply(self, manner: Simulated, question: Question) -> Reply:
        """The head of an answer or an error; raises `OSError` for class Unreachable.

        A Timeout never returns: whoever asks has a deadline.
        """
        shape = SHAPES[question.dialect]
        about = About(question.model, question.request_id, question.input_tokens)
        fault = manner.error_class if fails(manner.error_ratio, question) else None
        said: list[Said] = []
        usage = False
        if fault == "Unreachable":
            raise ConnectionRefusedError("a simulated refusal to connect")
        if fault == "Timeout":
            await asyncio.get_running_loop().create_future()
        if fault is None or fault == "BrokenStream":
            try:
                asked = _asked.decode(question.body)
                said = say(manner.output_tokens, question, asked)
            except (msgspec.MsgspecError, ValueError) as error:
                return self._error(error_answer("Invalid", question.dialect, str(error)))
            usage = bool((asked.stream_options or {}).get("include_usage"))
        elif fault == "Empty":
            said, usage = [Said([], "stop", 0)], True
        else:
            return self._error(error_answer(fault, question.dialect))

        headers = {**shape.headers(about), "content-type": "application/json"}
        if question.stream:
            headers["content-type"] = "text/event-stream; charset=utf-8"
            frames = shape.stream(about, said, usage=usage)
        else:
            most = max(len(choice.tokens) for choice in said)
            frames = iter([Frame(most, shape.whole(about, said))])
        body = _Body(self._sleep, self._clock, manner, frames, breaks=fault == "BrokenStream")
        return Reply(200, headers, body.read, body.close)

    def _error(self, error: ErrorAnswer) -> Reply:
        pieces = iter([error.body])

        async def read() -> bytes:
            return next(pieces, b"")

        return Reply(error.status, error.headers, read, lambda: None)


class _Body:
    """The bytes of an answer, each when its tokens are due."""

    def __init__(
        self,
        sleep: Sleep,
        clock: Callable[[], float],
        manner: Simulated,
        frames: Iterator[Frame],
        *,
        breaks: bool,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._first = clock() + manner.time_to_first_token_ms / 1000
        self._pace = 1 / manner.tokens_per_second
        self._frames = frames
        self._next = next(frames, None)
        self._breaks = breaks
        self._said = 0

    async def read(self) -> bytes:
        """What has become due, b'' at the end; raises `aiohttp.ClientPayloadError` where it breaks.

        A broken body breaks before its first token.
        """
        frame = self._next
        if frame is None:
            return b""
        if frame.tokens > 0 and self._breaks:
            raise aiohttp.ClientPayloadError("a simulated break")
        self._said = max(self._said, frame.tokens)
        wait = self._due(frame) - self._clock()
        # Without anything to wait for, the others still get their turn.
        await self._sleep(max(0.0, wait))
        due = [frame.data]
        self._next = next(self._frames, None)
        now = self._clock()
        while (frame := self._next) is not None and len(due) < _JOINED_FRAMES:
            if self._due(frame) > now or (frame.tokens > 0 and self._breaks):
                break
            self._said = max(self._said, frame.tokens)
            due.append(frame.data)
            self._next = next(self._frames, None)
        return b"".join(due)

    def close(self) -> None:
        """Ends the body."""
        self._next = None

    def _due(self, frame: Frame) -> float:
        tokens = max(self._said, frame.tokens)
        return self._first + (tokens - 1) * self._pace if tokens > 0 else 0.0


def fails(ratio: str, question: Question) -> bool:
    """Whether this request is one of the share `ratio` (a decimal) that fails."""
    key = f"{question.backend}\x1f{question.request_id}".encode()
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") < float(ratio) * 2**64


def say(most: int, question: Question, asked: _Asked) -> list[Said]:
    """The choices of an answer of `most` tokens, or fewer where the request says so.

    Raises ValueError for parameters that no provider takes.
    """
    limit = asked.max_tokens if asked.max_completion_tokens is None else asked.max_completion_tokens
    count = 1 if asked.n is None or question.dialect == "messages" else asked.n
    if limit is not None and limit < 0:
        raise ValueError(f"max_tokens is {limit}; it must be at least 0")
    if not 1 <= count <= _MOST_CHOICES:
        raise ValueError(f"n is {count}; it must be 1 to {_MOST_CHOICES}")
    tokens = _tokens(question.model, question.text, most)
    ended = "stop"
    if limit is not None and limit < len(tokens):
        tokens, ended = tokens[:limit], "length"
    stops = asked.stop if question.dialect == "chat" else asked.stop_sequences
    said = _stopped(tokens, ended, [stops] if isinstance(stops, str) else stops or [])
    return [said] * count


def _tokens(model: str, text: str, count: int) -> list[str]:
    text = text[:_READ]
    quoted = [word[:_LONGEST_WORD] for word in text.split(maxsplit=_QUOTED_WORDS)[:_QUOTED_WORDS]]
    words = ["Simulated", "answer", "of", model, "to", *f"«{' '.join(quoted)}»:".split(" ")]
    start = int.from_bytes(hashlib.sha256(f"{model}\x1f{text}".encode()).digest()[:4], "big")
    while len(words) < count:
        words.append(_FILLER_WORDS[(start + len(words)) % len(_FILLER_WORDS)])
    return [word if place == 0 else " " + word for place, word in enumerate(words[:count])]


def _stopped(tokens: list[str], ended: str, stops: list[str]) -> Said:
    """The tokens up to the first of the stop sequences, which is no part of them."""
    text = "".join(tokens) if stops else ""
    found = [(place, stop) for stop in stops if stop and (place := text.find(stop)) >= 0]
    if not found:
        return Said(tokens, ended, len(tokens))
    place, stop = min(found)
    kept: list[str] = []
    spent = begun = 0
    for token in tokens:
        if begun >= place + len(stop):
            break
        spent += 1
        if begun < place:
            kept.append(token[: place - begun])
        begun += len(token)
    return Said(kept, "stop", spent, stop)
