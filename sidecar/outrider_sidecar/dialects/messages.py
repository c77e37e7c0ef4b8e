"""Anthropic's Messages: what its requests, answers and events say."""

from typing import Any, Final, Literal

import msgspec

from outrider_sidecar.dialects import layout
from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.errors import Family
from outrider_sidecar.dialects.facts import (
    DONE,
    Outcome,
    Seen,
    Texts,
    Usage,
    count,
    length,
    unread,
    utf8_length,
)
from outrider_sidecar.dialects.sse import data_of
from outrider_sidecar.dialects.turns import (
    Part,
    Turn,
    compact_length,
    kind_of,
    parts_of,
    text_of,
    tools_length,
    turns,
)

_TEXT_KINDS: Final = ("text",)
_THINKING: Final = ("thinking", "redacted_thinking")
_TRUE: Final = msgspec.Raw(b"true")

# Blocks hold blocks: a tool result may hold a document, a document blocks of its own.
_DEPTH: Final = 4


class _Sent(msgspec.Struct, gc=False):
    content: msgspec.Raw = layout.NULL


class _Source(msgspec.Struct, gc=False):
    type: Any = None
    data: msgspec.Raw = layout.NULL
    content: msgspec.Raw = layout.NULL


class _OutputConfig(msgspec.Struct, gc=False):
    format: msgspec.Raw = layout.NULL


class _Block(msgspec.Struct, gc=False):
    type: Any = None
    text: Any = None
    thinking: Any = None
    input: msgspec.Raw = layout.NULL


class _Answer(msgspec.Struct, gc=False):
    type: Any = None
    content: list[_Block] | None = None
    stop_reason: Any = None
    usage: Any = None
    error: Any = None


class _Delta(msgspec.Struct, gc=False):
    type: Any = None
    text: Any = None
    thinking: Any = None
    partial_json: Any = None
    citation: msgspec.Raw = layout.NULL
    stop_reason: Any = None


class _Start(msgspec.Struct, gc=False):
    usage: Any = None


class _Event(msgspec.Struct, gc=False):
    type: Any = None
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Start | None = None
    usage: Any = None
    error: Any = None


_SENT: Final = msgspec.json.Decoder(_Sent)
_SOURCE: Final = msgspec.json.Decoder(_Source)
_OUTPUT: Final = msgspec.json.Decoder(_OutputConfig)
_ANSWER: Final = msgspec.json.Decoder(_Answer)
_EVENT: Final = msgspec.json.Decoder(_Event)

_THOUGHT: Final = Seen(reasoning=False)
_THINKS: Final = Seen(reasoning=True)
_CALL: Final = Seen(content=True, reasoning=False)


class Messages:
    """The dialect of ``/v1/messages``."""

    __slots__ = ()

    name: Final[Literal["messages"]] = "messages"
    family: Final[Family] = "anthropic"

    def streams(self, body: Body) -> bool:
        return body.fields.get("stream") == _TRUE

    def turns(self, body: Body) -> list[Turn]:
        return turns(body)

    def system_raw(self, body: Body) -> bytes | None:
        value = body.fields.get("system")
        raw = b"null" if value is None else bytes(value)
        return None if raw == b"null" else raw

    def user_text(self, turn: bytes, path: str) -> str | None:
        return text_of(turn, _TEXT_KINDS, path)

    def texts(self, body: Body) -> Texts:
        size, images = _measure(parts_of(body.fields.get("system")))
        last_user = None
        messages = turns(body)
        for turn in messages:
            parts = _content(turn.raw)
            more, pictures = _measure(parts)
            size += more
            images += pictures
            if turn.role == "user":
                texts = [p.text for p in parts if p.type == "text" and isinstance(p.text, str)]
                if any(texts):
                    last_user = "\n".join(texts)
        tools = tools_length(body, "tools")
        return Texts(size + tools, images, last_user, len(messages), tools > 0, _schema(body))

    def outcome(self, answer: bytes) -> Outcome | None:
        read = layout.glean(_ANSWER, answer)
        if read is None:
            return Outcome() if layout.is_object(answer) else None
        if read.error:
            return Outcome(error=answer)
        usage = _usage(read.usage)
        finish = read.stop_reason if isinstance(read.stop_reason, str) else None
        chars = 0
        empty = usage is None or usage.output == 0
        for block in read.content or ():
            text = length(block.text) + length(block.thinking)
            chars += text + (0 if block.input == layout.NULL else len(block.input))
            empty = empty and not text and block.type in ("text", "thinking")
        return Outcome(usage, finish, chars, empty)

    def inspect(self, event: bytes) -> Seen | None:
        data = data_of(event)
        if not data:
            return None
        try:
            read = _EVENT.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            repaired = layout.glean(_EVENT, data)
            if repaired is None:
                return unread(data)
            read = repaired
        kind = read.type
        if kind == "content_block_delta":
            return _delta(read.delta)
        if kind == "error" or read.error:
            return Seen(error=data)
        if kind == "content_block_start":
            return _block(read.content_block)
        if kind == "content_block_stop":
            return _THOUGHT
        if kind == "message_start":
            usage = None if read.message is None else _usage(read.message.usage)
            return None if usage is None else Seen(usage=usage)
        if kind == "message_delta":
            reason = None if read.delta is None else read.delta.stop_reason
            finish = reason if isinstance(reason, str) else None
            return Seen(usage=_usage(read.usage), finish=finish)
        return DONE if kind == "message_stop" else None


MESSAGES: Final = Messages()


def _delta(delta: _Delta | None) -> Seen | None:
    if delta is None:
        return None
    if delta.text:
        return Seen(True, None, False, None, False, None, length(delta.text))
    if delta.partial_json:
        return Seen(True, None, False, None, False, None, length(delta.partial_json))
    if delta.thinking:
        return Seen(True, None, False, None, False, None, length(delta.thinking), True)
    return Seen(content=True) if delta.citation != layout.NULL else None


def _block(block: _Block | None) -> Seen | None:
    if block is None:
        return None
    chars = length(block.text) + length(block.thinking)
    if block.type in _THINKING:
        return Seen(content=True, text_chars=chars, reasoning=True) if chars else _THINKS
    if block.type == "text":
        return Seen(content=chars > 0, text_chars=chars, reasoning=False)
    return _CALL


def _content(raw: bytes) -> list[Part]:
    """The blocks of a message; [] when they are not what a provider would take anyway."""
    sent = layout.glean(_SENT, raw)
    return [] if sent is None else parts_of(sent.content)


def _measure(parts: list[Part], depth: int = _DEPTH) -> tuple[int, int]:
    """UTF-8 bytes of text in the blocks, those inside them too, and the images among them."""
    size = images = 0
    for part in parts:
        if part.type == "image":
            images += 1
            continue
        size += utf8_length(part.text) + utf8_length(part.thinking)
        size += utf8_length(part.title) + utf8_length(part.name) + compact_length(part.input)
        inner = parts_of(part.content)
        if part.source != layout.NULL:
            inner += _source(part.source)
        if inner and depth:
            more, pictures = _measure(inner, depth - 1)
            size += more
            images += pictures
    return size, images


def _source(raw: msgspec.Raw) -> list[Part]:
    """What a document holds as text; [] where it is base64, a URL or a file."""
    source = layout.glean(_SOURCE, raw)
    if source is None:
        return []
    if source.type == "text":
        return parts_of(source.data)
    return parts_of(source.content) if source.type == "content" else []


def _schema(body: Body) -> bool:
    if kind_of(body.fields.get("output_format")) is not None:
        return True
    sent = body.fields.get("output_config")
    config = None if sent is None else layout.glean(_OUTPUT, sent)
    return config is not None and kind_of(config.format) is not None


def _usage(usage: Any) -> Usage | None:
    """Anthropic's input leaves out what was read from and written to the cache; ours does not."""
    if not isinstance(usage, dict):
        return None
    cached = count(usage.get("cache_read_input_tokens"))
    write = count(usage.get("cache_creation_input_tokens"))
    details = usage.get("output_tokens_details")
    return Usage(
        count(usage.get("input_tokens")) + cached + write,
        count(usage.get("output_tokens")),
        cached,
        write,
        count(details.get("thinking_tokens")) if isinstance(details, dict) else 0,
    )
