"""Chat Completions as documented: what a lifelike model answers, whole or in chunks."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from standins.api import Events
from standins.manners import WORDS_OF_LONG, Manner
from standins.samples import sample

CREATED = 1_795_219_200
CACHED = 2
FAILURE = {
    "error": {
        "message": "The server had an error while processing your request. Sorry about that!",
        "type": "server_error",
        "param": None,
        "code": None,
    }
}


@dataclass(frozen=True)
class Said:
    """One choice: text, or calls of tools as name and arguments, and why it ended."""

    words: tuple[str, ...]
    calls: tuple[tuple[str, str], ...]
    ended: str


def tokens(words: str) -> tuple[str, ...]:
    """Text as tokens: words with the blank before them."""
    first, *rest = words.split(" ")
    return (first, *(f" {word}" for word in rest))


def completion(body: Mapping[str, Any], manner: Manner, number: int) -> dict[str, Any]:
    """The answer as one object."""
    said = _said(body, manner)
    return {
        "id": f"chatcmpl-{number:06}",
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [
            {
                "index": index,
                "message": _message(number, choice),
                "logprobs": None,
                "finish_reason": choice.ended,
            }
            for index, choice in enumerate(said)
        ],
        "usage": _usage(body, said, manner),
        "service_tier": "default",
        "system_fingerprint": "fp_standin",
    }


def chunks(body: Mapping[str, Any], manner: Manner, number: int) -> Events:
    """The answer as chunks, ``[DONE]`` at the end; usage only where it was asked for."""
    said = _said(body, manner)
    asked = bool((body.get("stream_options") or {}).get("include_usage"))
    common = {
        "id": f"chatcmpl-{number:06}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_standin",
    }
    events = []
    for index, choice in enumerate(said):
        for delta, ended in _deltas(number, choice):
            part = {"index": index, "delta": delta, "logprobs": None, "finish_reason": ended}
            chunk = {**common, "choices": [part]}
            events.append(_event({**chunk, "usage": None} if asked else chunk))
    if asked:
        events.append(_event({**common, "choices": [], "usage": _usage(body, said, manner)}))
    events.append(b"data: [DONE]\n\n")
    return Events(events, 1, _event(FAILURE))


def _message(number: int, choice: Said) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(choice.words) if not choice.calls else None,
        "refusal": None,
        "annotations": [],
    }
    if choice.calls:
        message["tool_calls"] = [
            {
                "id": f"call_{number:06}_{place}",
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
            for place, (name, arguments) in enumerate(choice.calls)
        ]
    return message


def _deltas(number: int, choice: Said) -> Iterator[tuple[dict[str, Any], str | None]]:
    text = None if choice.calls else ""
    yield {"role": "assistant", "content": text, "refusal": None}, None
    for word in choice.words:
        yield {"content": word}, None
    for place, (name, arguments) in enumerate(choice.calls):
        call = {
            "index": place,
            "id": f"call_{number:06}_{place}",
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }
        yield {"tool_calls": [call]}, None
        for start in range(0, len(arguments), 4):
            piece = {"index": place, "function": {"arguments": arguments[start : start + 4]}}
            yield {"tool_calls": [piece]}, None
    yield {}, choice.ended


def _said(body: Mapping[str, Any], manner: Manner) -> list[Said]:
    choice = _choice(body, manner)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is not None and len(choice.words) > limit:
        choice = Said(choice.words[:limit], (), "length")
    return [choice] * (body.get("n") or 1)


def _choice(body: Mapping[str, Any], manner: Manner) -> Said:
    if manner is Manner.EMPTY:
        return Said((), (), "stop")
    if manner is Manner.LONG:
        return Said(tokens(" ".join(f"word{n}" for n in range(WORDS_OF_LONG))), (), "stop")
    last = body["messages"][-1]
    called = _called(body) if last["role"] != "tool" else ()
    if called:
        return Said((), called, "tool_calls")
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return Said(tokens(json.dumps(sample(form["json_schema"]["schema"]))), (), "stop")
    text, images = _content(last["content"])
    seen = f" (with {images} image)" if images else ""
    return Said(tokens(f"You said: {text}{seen}, and that is all."), (), "stop")


def _called(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    functions = [tool["function"] for tool in body.get("tools") or ()]
    wanted = body.get("tool_choice")
    if wanted == "none":
        return ()
    if isinstance(wanted, dict):
        functions = [one for one in functions if one["name"] == wanted["function"]["name"]]
    if body.get("parallel_tool_calls") is False:
        functions = functions[:1]
    return tuple((one["name"], json.dumps(sample(one.get("parameters", {})))) for one in functions)


def _content(content: Any) -> tuple[str, int]:
    if isinstance(content, str):
        return content, 0
    texts = [part["text"] for part in content if part["type"] == "text"]
    return " ".join(texts), sum(part["type"] == "image_url" for part in content)


def _usage(body: Mapping[str, Any], said: list[Said], manner: Manner) -> dict[str, Any]:
    texts = [_content(message.get("content") or "")[0] for message in body["messages"]]
    asked = CACHED + sum(len(text.split()) for text in texts)
    spoken = sum(len(choice.words) + 5 * len(choice.calls) for choice in said)
    return {
        "prompt_tokens": asked,
        "completion_tokens": spoken,
        "total_tokens": asked + spoken,
        "prompt_tokens_details": {"cached_tokens": CACHED, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _event(data: Any) -> bytes:
    return (
        b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
    )
