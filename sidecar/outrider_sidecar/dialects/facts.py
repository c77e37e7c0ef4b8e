"""What is read out of requests, answers and events, whatever their dialect.

No cycle can run through any of it, so the collector is not told of it (`gc=False`).
"""

from typing import Any, Final

import msgspec

from outrider_sidecar.dialects import layout


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer.

    `input` is all of it, cached or not, and `output` all of it, reasoning too; the others are
    parts of those.
    """

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def then(self, later: "Usage") -> "Usage":
        """The usage after a later, cumulative report, which may leave out what it repeats."""
        cached = later.cached or self.cached
        write = later.cache_write or self.cache_write
        fresh = later.input - later.cached - later.cache_write
        if not fresh:
            fresh = self.input - self.cached - self.cache_write
        return Usage(
            fresh + cached + write,
            later.output or self.output,
            cached,
            write,
            later.reasoning or self.reasoning,
        )


class Texts(msgspec.Struct, frozen=True, gc=False):
    """What the caller's text amounts to.

    `utf8_bytes` counts system, messages, tool calls and results, and tool definitions as
    compact JSON, all decoded, without base64. `last_user` is the text of the last user message
    that has any, its parts joined with a line feed. Lone surrogates are read as U+FFFD.
    """

    utf8_bytes: int
    images: int
    last_user: str | None
    messages: int
    tools: bool
    schema: bool


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a whole answer says. `empty` when it holds no content and no output tokens.

    An answer of a shape that nobody documents says nothing, and is not empty. `text_chars`
    counts text, reasoning, refusals and tool arguments. `error` is the answer itself where it is
    an error inside a 200.
    """

    usage: Usage | None = None
    finish: str | None = None
    text_chars: int = 0
    empty: bool = False
    error: bytes | None = None


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What one event of a stream says.

    `content` commits the answer: a non-empty delta of text, reasoning, refusal, audio or tool
    arguments, or the start of a tool call. `usage_only` is Chat's last chunk, without choices.
    `error` is the data of an error inside a 200, `broken` says that the data are no JSON object;
    one of a shape that nobody documents is content. `text_chars` counts as `Outcome` does.
    `reasoning` is True where the model thinks on, False where it has stopped, else None.
    """

    content: bool = False
    usage: Usage | None = None
    usage_only: bool = False
    error: bytes | None = None
    done: bool = False
    finish: str | None = None
    text_chars: int = 0
    reasoning: bool | None = None
    broken: bool = False


# Above it JSON numbers are no longer exact, and soon those of the log line are none.
_MOST: Final = 2**53

DONE: Final = Seen(done=True)


def unread(data: bytes) -> Seen:
    """What an event says whose data have no shape that is documented: content, if anything."""
    return _STRANGE if layout.is_object(data) else _BROKEN


_BROKEN: Final = Seen(broken=True)
_STRANGE: Final = Seen(content=True)


def count(value: Any) -> int:
    """A number of tokens as a provider wrote it; 0 for what can be none."""
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value <= _MOST else 0


def length(value: Any) -> int:
    """Characters of `value` if it is text, else 0."""
    return len(value) if isinstance(value, str) else 0


def utf8_length(value: Any) -> int:
    """Bytes of `value` in UTF-8 if it is text, else 0."""
    if not isinstance(value, str):
        return 0
    return len(value) if value.isascii() else len(value.encode())
