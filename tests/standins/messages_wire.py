"""Messages as documented: what a lifelike model answers, whole or as events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from standins.api import Events
from standins.chat_wire import tokens
from standins.manners import WORDS_OF_LONG, Manner
from standins.samples import sample

CACHE_READ = 2
CACHE_WRITTEN = 1
SIGNATURE = "EqQBCgIYAhIM"
FAILURE = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
    "request_id": "req_standin",
}

Block = dict[str, Any]


def message(body: Mapping[str, Any], manner: Manner, number: int) -> dict[str, Any]:
    """The answer as one object."""
    blocks, stop = _said(body, manner)
    return {
        **_head(body, number, blocks),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": _usage(body, _spoken(blocks)),
    }


def events(body: Mapping[str, Any], manner: Manner, number: int) -> Events:
    """The answer as events; usage counts upwards."""
    blocks, stop = _said(body, manner)
    begun = {
        **_head(body, number, []),
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(body, 1 if blocks else 0),
    }
    told = [_event("message_start", message=begun)]
    for index, block in enumerate(blocks):
        told.append(_event("content_block_start", index=index, content_block=_opened(block)))
        if index == 0:
            told.append(_event("ping"))
        told += [
            _event("content_block_delta", index=index, delta=delta) for delta in _deltas(block)
        ]
        told.append(_event("content_block_stop", index=index))
    usage = _usage(body, _spoken(blocks))
    cumulative = {
        name: usage[name]
        for name in (
            "input_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
            "output_tokens",
        )
    }
    end = {"stop_reason": stop, "stop_sequence": None}
    told.append(_event("message_delta", delta=end, usage=cumulative))
    told.append(_event("message_stop"))
    return Events(told, 3, _event("error", **_without_type(FAILURE)))


def input_tokens(body: Mapping[str, Any]) -> int:
    """Words of system and messages."""
    texts = [_content(message["content"])[0] for message in body["messages"]]
    texts.append(_content(body.get("system") or "")[0])
    return sum(len(text.split()) for text in texts)


def _said(body: Mapping[str, Any], manner: Manner) -> tuple[list[Block], str]:
    if manner is Manner.EMPTY:
        return [], "end_turn"
    if manner is Manner.LONG:
        text = " ".join(f"word{n}" for n in range(WORDS_OF_LONG))
        return [{"type": "text", "text": text}], "end_turn"
    blocks: list[Block] = []
    if (body.get("thinking") or {}).get("type") in ("enabled", "adaptive"):
        thought = "The user has said something."
        blocks.append({"type": "thinking", "thinking": thought, "signature": SIGNATURE})
    content = body["messages"][-1]["content"]
    answered = not isinstance(content, str) and any(
        part["type"] == "tool_result" for part in content
    )
    calls = [] if answered else list(_called(body))
    if calls:
        return [*blocks, {"type": "text", "text": "Let me look."}, *calls], "tool_use"
    text, images = _content(content)
    form = (body.get("output_config") or {}).get("format")
    seen = f" (with {images} image)" if images else ""
    said = json.dumps(sample(form["schema"])) if form else f"You said: {text}{seen}, that is all."
    words = tokens(said)
    stop = "max_tokens" if len(words) > body["max_tokens"] else "end_turn"
    return [*blocks, {"type": "text", "text": "".join(words[: body["max_tokens"]])}], stop


def _called(body: Mapping[str, Any]) -> Iterator[Block]:
    wanted = body.get("tool_choice") or {"type": "auto"}
    tools = [] if wanted["type"] == "none" else body.get("tools") or []
    if wanted["type"] == "tool":
        tools = [tool for tool in tools if tool["name"] == wanted["name"]]
    if wanted.get("disable_parallel_tool_use"):
        tools = tools[:1]
    for place, tool in enumerate(tools):
        yield {
            "type": "tool_use",
            "id": f"toolu_{place:06}",
            "name": tool["name"],
            "input": sample(tool["input_schema"]),
        }


def _content(content: Any) -> tuple[str, int]:
    if isinstance(content, str):
        return content, 0
    texts = [
        part["text"] if part["type"] == "text" else str(part.get("content"))
        for part in content
        if part["type"] in ("text", "tool_result")
    ]
    return " ".join(texts), sum(part["type"] == "image" for part in content)


def _opened(block: Block) -> Block:
    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case _:
            return {**block, "input": {}}


def _deltas(block: Block) -> Iterator[Block]:
    match block["type"]:
        case "text":
            for word in tokens(block["text"]):
                yield {"type": "text_delta", "text": word}
        case "thinking":
            for word in tokens(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": word}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case _:
            text = json.dumps(block["input"])
            yield {"type": "input_json_delta", "partial_json": ""}
            for start in range(0, len(text), 4):
                yield {"type": "input_json_delta", "partial_json": text[start : start + 4]}


def _spoken(blocks: list[Block]) -> int:
    return sum(1 for block in blocks for _ in _deltas(block))


def _head(body: Mapping[str, Any], number: int, blocks: list[Block]) -> dict[str, Any]:
    return {
        "id": f"msg_{number:06}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": blocks,
    }


def _usage(body: Mapping[str, Any], output: int) -> dict[str, Any]:
    return {
        "input_tokens": input_tokens(body),
        "cache_creation_input_tokens": CACHE_WRITTEN,
        "cache_read_input_tokens": CACHE_READ,
        "cache_creation": {
            "ephemeral_5m_input_tokens": CACHE_WRITTEN,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": output,
        "service_tier": "standard",
    }


def _without_type(error: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in error.items() if name != "type"}


def _event(kind: str, **data: Any) -> bytes:
    text = json.dumps({"type": kind, **data}, ensure_ascii=False)
    return f"event: {kind}\ndata: {text}\n\n".encode()
