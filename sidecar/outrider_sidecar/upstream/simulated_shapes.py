"""Answers of the simulated provider, byte for byte in the shapes of the real ones.

Sources: the reference pages of Chat Completions and Messages, whole and streamed.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

_encode = msgspec.json.Encoder().encode


class Said(NamedTuple):
    """One choice: its tokens, why it ended, and the stop sequence that ended it.

    `spent` are the tokens that are counted: with those of the stop sequence, which are not said.
    """

    tokens: list[str]
    ended: str
    spent: int
    stop: str | None = None

    @property
    def text(self) -> str:
        """The tokens as one text."""
        return "".join(self.tokens)


class Frame(NamedTuple):
    """Bytes of a stream and how many tokens must have been said when they are sent."""

    tokens: int
    data: bytes


class About(NamedTuple):
    """What every part of one answer names."""

    model: str
    request_id: str
    input_tokens: int


class Shape(Protocol):
    """How one dialect spells an answer."""

    def headers(self, about: About) -> dict[str, str]:
        """Beside the content type: the provider's request id and processing time."""

    def whole(self, about: About, said: Sequence[Said]) -> bytes:
        """The answer as one JSON object."""

    def stream(self, about: About, said: Sequence[Said], *, usage: bool) -> Iterator[Frame]:
        """The answer as events, one a token; `usage`: whether Chat's usage chunk was asked."""


class _Chat:
    def headers(self, about: About) -> dict[str, str]:
        return {
            "x-request-id": "req_" + _digest(about),
            "openai-processing-ms": "1",
            "openai-version": "2020-10-01",
        }

    def whole(self, about: About, said: Sequence[Said]) -> bytes:
        choices: list[dict[str, Any]] = [
            {
                "index": index,
                "message": {
                    "role": "assistant",
                    "content": choice.text,
                    "refusal": None,
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": choice.ended,
            }
            for index, choice in enumerate(said)
        ]
        return _encode(
            {
                **self._common(about, "chat.completion"),
                "choices": choices,
                "usage": self._usage(about, said),
            }
        )

    def stream(self, about: About, said: Sequence[Said], *, usage: bool) -> Iterator[Frame]:
        common = self._common(about, "chat.completion.chunk")
        if usage:
            common["usage"] = None
        for index in range(len(said)):
            start = {"role": "assistant", "content": "", "refusal": None}
            yield Frame(0, self._chunk(common, index, start, None))
        for place in range(max(len(choice.tokens) for choice in said)):
            for index, choice in enumerate(said):
                if place < len(choice.tokens):
                    delta = {"content": choice.tokens[place]}
                    yield Frame(place + 1, self._chunk(common, index, delta, None))
        for index, choice in enumerate(said):
            last = len(choice.tokens)
            yield Frame(last, self._chunk(common, index, {}, choice.ended))
        if usage:
            told = {**common, "choices": [], "usage": self._usage(about, said)}
            yield Frame(0, b"data: " + _encode(told) + b"\n\n")
        yield Frame(0, b"data: [DONE]\n\n")

    def _common(self, about: About, kind: str) -> dict[str, Any]:
        return {
            "id": "chatcmpl-" + _digest(about),
            "object": kind,
            "created": int(time.time()),
            "model": about.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        }

    def _chunk(
        self, common: dict[str, Any], index: int, delta: Mapping[str, Any], ended: str | None
    ) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": ended}
        return b"data: " + _encode({**common, "choices": [choice]}) + b"\n\n"

    def _usage(self, about: About, said: Sequence[Said]) -> dict[str, Any]:
        output = sum(choice.spent for choice in said)
        return {
            "prompt_tokens": about.input_tokens,
            "completion_tokens": output,
            "total_tokens": about.input_tokens + output,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


class _Messages:
    _ENDED: Final = {"stop": "end_turn", "length": "max_tokens"}

    def headers(self, about: About) -> dict[str, str]:
        return {"request-id": "req_" + _digest(about)}

    def whole(self, about: About, said: Sequence[Said]) -> bytes:
        choice = said[0]
        content = [{"type": "text", "text": choice.text}] if choice.tokens else []
        return _encode(
            {
                **self._message(about, content),
                "stop_reason": self._reason(choice),
                "stop_sequence": choice.stop,
                "usage": self._usage(about, choice.spent),
            }
        )

    def stream(self, about: About, said: Sequence[Said], *, usage: bool) -> Iterator[Frame]:
        choice = said[0]
        message = {
            **self._message(about, []),
            "stop_reason": None,
            "stop_sequence": None,
            "usage": self._usage(about, 1 if choice.tokens else 0),
        }
        yield Frame(0, _event("message_start", message=message))
        if choice.tokens:
            block = {"type": "text", "text": ""}
            yield Frame(0, _event("content_block_start", index=0, content_block=block))
        yield Frame(0, _event("ping"))
        for place, token in enumerate(choice.tokens):
            delta = {"type": "text_delta", "text": token}
            yield Frame(place + 1, _event("content_block_delta", index=0, delta=delta))
        if choice.tokens:
            yield Frame(0, _event("content_block_stop", index=0))
        end = {"stop_reason": self._reason(choice), "stop_sequence": choice.stop}
        used = {
            "input_tokens": about.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": choice.spent,
        }
        yield Frame(0, _event("message_delta", delta=end, usage=used))
        yield Frame(0, _event("message_stop"))

    def _reason(self, choice: Said) -> str:
        return "stop_sequence" if choice.stop is not None else self._ENDED[choice.ended]

    def _message(self, about: About, content: list[dict[str, str]]) -> dict[str, Any]:
        return {
            "id": "msg_" + _digest(about),
            "type": "message",
            "role": "assistant",
            "model": about.model,
            "content": content,
        }

    def _usage(self, about: About, output: int) -> dict[str, Any]:
        return {
            "input_tokens": about.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output,
            "service_tier": "standard",
        }


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), _encode({"type": kind, **fields}))


def _digest(about: About) -> str:
    return "sim" + hashlib.sha256(about.request_id.encode()).hexdigest()[:21]


SHAPES: Final[Mapping[str, Shape]] = {"chat": _Chat(), "messages": _Messages()}
