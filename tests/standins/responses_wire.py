"""Responses as documented: one message of text, whole or as its lawful sequence of events."""

import json
from collections.abc import Mapping
from typing import Any

from standins.api import Events
from standins.chat_wire import CREATED, tokens


def response(body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The answer as one object."""
    words = _words(body)
    item = _item(number, "completed", "".join(words))
    return _response(body, number, "completed", [item], _usage(body, words))


def events(body: Mapping[str, Any], number: int) -> Events:
    """The answer as events, numbered from 0."""
    words = _words(body)
    text = "".join(words)
    begun = _response(body, number, "in_progress", [], None)
    done = _item(number, "completed", text)
    place = {"item_id": done["id"], "output_index": 0, "content_index": 0}
    told: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        (
            "response.output_item.added",
            {"output_index": 0, "item": {**done, "status": "in_progress", "content": []}},
        ),
        ("response.content_part.added", {**place, "part": _part("")}),
        *(
            ("response.output_text.delta", {**place, "delta": word, "logprobs": []})
            for word in words
        ),
        ("response.output_text.done", {**place, "text": text, "logprobs": []}),
        ("response.content_part.done", {**place, "part": _part(text)}),
        ("response.output_item.done", {"output_index": 0, "item": done}),
        ("response.completed", {"response": response(body, number)}),
    ]
    failed = {"type": "error", "code": "server_error", "message": "Sorry!", "param": None}
    failure = _event("error", {**failed, "sequence_number": len(told)})
    numbered = [
        _event(kind, {"type": kind, **data, "sequence_number": place})
        for place, (kind, data) in enumerate(told)
    ]
    return Events(numbered, 4, failure)


def _words(body: Mapping[str, Any]) -> tuple[str, ...]:
    asked = body["input"]
    text = asked if isinstance(asked, str) else asked[-1]["content"]
    return tokens(f"You said: {text}, and that is all.")


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item(number: int, status: str, text: str) -> dict[str, Any]:
    return {
        "id": f"msg_{number:06}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [_part(text)],
    }


def _usage(body: Mapping[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    asked = len(str(body["input"]).split())
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": len(words),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + len(words),
    }


def _response(
    body: Mapping[str, Any],
    number: int,
    status: str,
    output: list[dict[str, Any]],
    usage: dict[str, Any] | None,
) -> dict[str, Any]:
    return {
        "id": f"resp_{number:06}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": None,
        "model": body["model"],
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "metadata": {},
    }


def _event(kind: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
