"""The four ways to call with the Python SDKs, as one: ask for an answer, whole or streamed."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import anthropic
import openai

from standins.clients import anthropic_async, anthropic_sync, openai_async, openai_sync

Family = Literal["openai", "anthropic"]


@dataclass(frozen=True)
class Answer:
    """What an SDK made of an answer. `tokens` are input and output, None where not told."""

    text: str
    model: str
    stop: str | None
    tokens: tuple[int, int] | None
    request_id: str | None
    pieces: int = 1


class Caller(ABC):
    """A user of one SDK with the placeholder key that an injected pod has.

    `options` are the client's own.
    """

    family: ClassVar[Family]
    sdk: ClassVar[Any]
    path: ClassVar[str]

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        self.options = options

    def again(self, **options: Any) -> "Caller":
        """The same user with other options."""
        url = options.pop("url", self.url)
        return type(self)(url, **{**self.options, **options})

    def error(self, name: str) -> type[Exception]:
        """An exception class of the SDK."""
        found: type[Exception] = getattr(self.sdk, name)
        return found

    @abstractmethod
    def ask(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        """The answer to one user message; `more` are parameters of the SDK's method."""

    @abstractmethod
    def stream(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        """The same, read from raw events to the end."""


def body(error: Any) -> Mapping[str, Any]:
    """The error object in what an SDK's exception holds of the answer."""
    found: Mapping[str, Any] = error.body
    inner = found.get("error", found)
    assert isinstance(inner, dict)
    return inner


class _OpenAI(Caller):
    family: ClassVar[Family] = "openai"
    sdk: ClassVar[Any] = openai
    path: ClassVar[str] = "/v1/chat/completions"

    @staticmethod
    def _asked(model: str, text: str, more: Mapping[str, Any]) -> dict[str, Any]:
        messages = [{"role": "user", "content": text}]
        return {"model": model, "messages": messages, **more}

    @staticmethod
    def _whole(got: Any) -> Answer:
        choice, usage = got.choices[0], got.usage
        tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else None
        text = choice.message.content or ""
        return Answer(text, got.model, choice.finish_reason, tokens, got._request_id)

    @staticmethod
    def _joined(chunks: list[Any], request_id: str | None) -> Answer:
        text, stop, tokens, pieces = "", None, None, 0
        for chunk in chunks:
            if chunk.usage is not None:
                tokens = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
            for choice in chunk.choices:
                stop = choice.finish_reason or stop
                text += choice.delta.content or ""
                pieces += bool(choice.delta.content)
        return Answer(text, chunks[0].model, stop, tokens, request_id, pieces)


class OpenAISync(_OpenAI):
    """`openai.OpenAI`."""

    def ask(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        with openai_sync(self.url, **self.options) as client:
            return self._whole(client.chat.completions.create(**self._asked(model, text, more)))

    def stream(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        with openai_sync(self.url, **self.options) as client:
            asked = self._asked(model, text, more)
            got = client.chat.completions.create(stream=True, **asked)
            return self._joined(list(got), got.response.headers.get("x-request-id"))


class OpenAIAsync(_OpenAI):
    """`openai.AsyncOpenAI`."""

    def ask(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        async def call() -> Answer:
            async with openai_async(self.url, **self.options) as client:
                asked = self._asked(model, text, more)
                return self._whole(await client.chat.completions.create(**asked))

        return asyncio.run(call())

    def stream(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        async def call() -> Answer:
            async with openai_async(self.url, **self.options) as client:
                asked = self._asked(model, text, more)
                got = await client.chat.completions.create(stream=True, **asked)
                request_id = got.response.headers.get("x-request-id")
                return self._joined([chunk async for chunk in got], request_id)

        return asyncio.run(call())


class _Anthropic(Caller):
    family: ClassVar[Family] = "anthropic"
    sdk: ClassVar[Any] = anthropic
    path: ClassVar[str] = "/v1/messages"

    @staticmethod
    def _asked(model: str, text: str, more: Mapping[str, Any]) -> dict[str, Any]:
        messages = [{"role": "user", "content": text}]
        return {"model": model, "max_tokens": 4_096, "messages": messages, **more}

    @staticmethod
    def _whole(got: Any) -> Answer:
        text = "".join(block.text for block in got.content if block.type == "text")
        tokens = (got.usage.input_tokens, got.usage.output_tokens)
        return Answer(text, got.model, got.stop_reason, tokens, got._request_id)

    @staticmethod
    def _joined(events: list[Any], request_id: str | None) -> Answer:
        text, model, stop, tokens, pieces = "", "", None, None, 0
        for event in events:
            match event.type:
                case "message_start":
                    model = event.message.model
                case "content_block_delta" if event.delta.type == "text_delta":
                    text += event.delta.text
                    pieces += 1
                case "message_delta":
                    stop = event.delta.stop_reason
                    tokens = (event.usage.input_tokens, event.usage.output_tokens)
        assert events[-1].type == "message_stop"
        return Answer(text, model, stop, tokens, request_id, pieces)


class AnthropicSync(_Anthropic):
    """`anthropic.Anthropic`."""

    def ask(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        with anthropic_sync(self.url, **self.options) as client:
            return self._whole(client.messages.create(**self._asked(model, text, more)))

    def stream(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        with anthropic_sync(self.url, **self.options) as client:
            got = client.messages.create(stream=True, **self._asked(model, text, more))
            return self._joined(list(got), got.response.headers.get("request-id"))


class AnthropicAsync(_Anthropic):
    """`anthropic.AsyncAnthropic`."""

    def ask(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        async def call() -> Answer:
            async with anthropic_async(self.url, **self.options) as client:
                asked = self._asked(model, text, more)
                return self._whole(await client.messages.create(**asked))

        return asyncio.run(call())

    def stream(self, model: str, text: str = "Hi there", **more: Any) -> Answer:
        async def call() -> Answer:
            async with anthropic_async(self.url, **self.options) as client:
                asked = self._asked(model, text, more)
                got = await client.messages.create(stream=True, **asked)
                request_id = got.response.headers.get("request-id")
                return self._joined([event async for event in got], request_id)

        return asyncio.run(call())


CALLERS: tuple[type[Caller], ...] = (OpenAISync, OpenAIAsync, AnthropicSync, AnthropicAsync)
