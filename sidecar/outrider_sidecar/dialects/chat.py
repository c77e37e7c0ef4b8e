"""Chat Completions: what its requests, answers and chunks say."""

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
from outrider_sidecar.dialects.turns import Turn, kind_of, parts_of, text_of, tools_length, turns

_TEXT_KINDS: Final = ("text", "input_text")
_IMAGE_KINDS: Final = ("image_url", "input_image", "image")
_TRUE: Final = msgspec.Raw(b"true")


class _Function(msgspec.Struct, gc=False):
    name: Any = None
    arguments: Any = None
    input: Any = None


class _Call(msgspec.Struct, gc=False):
    id: Any = None
    function: _Function | None = None
    custom: _Function | None = None


class _Said(msgspec.Struct, gc=False):
    """A message or a delta; servers differ in the name of reasoning."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    audio: Any = None


class _Sent(msgspec.Struct, gc=False):
    content: msgspec.Raw = layout.NULL
    refusal: Any = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: Any = None


class _Answer(msgspec.Struct, gc=False):
    """A whole answer or a chunk of one."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_SENT: Final = msgspec.json.Decoder(_Sent)


class Chat:
    """The dialect of ``/v1/chat/completions``."""

    __slots__ = ()

    name: Final[Literal["chat"]] = "chat"
    family: Final[Family] = "openai"

    def streams(self, body: Body) -> bool:
        return body.fields.get("stream") == _TRUE

    def turns(self, body: Body) -> list[Turn]:
        return turns(body)

    def system_raw(self, body: Body) -> bytes | None:
        return None

    def user_text(self, turn: bytes, path: str) -> str | None:
        return text_of(turn, _TEXT_KINDS, path)

    def texts(self, body: Body) -> Texts:
        size = images = 0
        last_user = None
        messages = turns(body)
        for turn in messages:
            sent = layout.glean(_SENT, turn.raw)
            if sent is None:
                continue
            size += utf8_length(sent.refusal) + _calls_size(sent)
            texts: list[str] = []
            for part in parts_of(sent.content):
                if part.type in _IMAGE_KINDS:
                    images += 1
                size += utf8_length(part.text) + utf8_length(part.refusal)
                if part.type in _TEXT_KINDS and isinstance(part.text, str):
                    texts.append(part.text)
            if turn.role == "user" and any(texts):
                last_user = "\n".join(texts)
        tools = tools_length(body, "tools") + tools_length(body, "functions")
        return Texts(
            size + tools,
            images,
            last_user,
            len(messages),
            tools > 0,
            kind_of(body.fields.get("response_format")) in ("json_schema", "json_object"),
        )

    def outcome(self, answer: bytes) -> Outcome | None:
        read = layout.glean(_ANSWER, answer)
        if read is None:
            return Outcome() if layout.is_object(answer) else None
        if read.error:
            return Outcome(error=answer)
        usage = _usage(read.usage)
        finish = None
        chars = 0
        empty = usage is None or usage.output == 0
        for choice in read.choices or ():
            if isinstance(choice.finish_reason, str) and finish is None:
                finish = choice.finish_reason
            if choice.message is not None:
                chars += _chars(choice.message)
                empty = empty and not _says(choice.message)
        return Outcome(usage, finish, chars, empty)

    def inspect(self, event: bytes) -> Seen | None:
        data = data_of(event)
        if not data:
            return None
        try:
            chunk = _ANSWER.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            if data.startswith(b"[DONE]"):
                return DONE
            repaired = layout.glean(_ANSWER, data)
            if repaired is None:
                return unread(data)
            chunk = repaired
        # Nearly every event is text and nothing else, and is spared the full reading.
        choices = chunk.choices
        if choices is not None and len(choices) == 1 and chunk.usage is None:
            choice = choices[0]
            delta = choice.delta
            if (
                delta is not None
                and delta.content.__class__ is str
                and delta.content
                and choice.finish_reason is None
                and not chunk.error
                and delta.refusal is None
                and delta.tool_calls is None
                and delta.reasoning_content is None
                and delta.reasoning is None
            ):
                return Seen(True, None, False, None, False, None, len(delta.content), False)
        if chunk.error:
            return Seen(error=data)
        return _seen(chunk)


CHAT: Final = Chat()


def _seen(chunk: _Answer) -> Seen | None:
    usage = _usage(chunk.usage)
    content = False
    finish = None
    chars = 0
    reasoning: bool | None = None
    for choice in chunk.choices or ():
        if isinstance(choice.finish_reason, str):
            finish = choice.finish_reason
            reasoning = False
        delta = choice.delta
        if delta is None:
            continue
        chars += _chars(delta)
        if not _says(delta):
            continue
        content = True
        thinks = length(delta.reasoning_content) + length(delta.reasoning) > 0
        reasoning = thinks and not delta.content and not delta.tool_calls and finish is None
    if not content and usage is None and finish is None:
        return None
    return Seen(
        content,
        usage,
        usage is not None and not chunk.choices,
        None,
        False,
        finish,
        chars,
        reasoning,
    )


def _calls_size(sent: _Sent) -> int:
    functions = [call.function or call.custom for call in sent.tool_calls or ()]
    functions.append(sent.function_call)
    return sum(
        utf8_length(function.name) + utf8_length(function.arguments) + utf8_length(function.input)
        for function in functions
        if function is not None
    )


def _says(said: _Said) -> bool:
    if said.content or said.refusal or said.reasoning_content or said.reasoning:
        return True
    if said.function_call is not None or said.tool_calls:
        return True
    return isinstance(said.audio, dict) and bool(
        said.audio.get("data") or said.audio.get("transcript")
    )


def _chars(said: _Said) -> int:
    chars = length(said.content) + length(said.refusal)
    chars += length(said.reasoning_content) or length(said.reasoning)
    if said.function_call is not None:
        chars += length(said.function_call.arguments)
    for call in said.tool_calls or ():
        function = call.function or call.custom
        if function is not None:
            chars += length(function.arguments) + length(function.input)
    return chars


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    prompt = usage.get("prompt_tokens_details")
    completion = usage.get("completion_tokens_details")
    cached = write = reasoning = 0
    if isinstance(prompt, dict):
        cached = count(prompt.get("cached_tokens"))
        write = count(prompt.get("cache_write_tokens"))
    if isinstance(completion, dict):
        reasoning = count(completion.get("reasoning_tokens"))
    return Usage(
        count(usage.get("prompt_tokens")),
        count(usage.get("completion_tokens")),
        cached,
        write,
        reasoning,
    )
