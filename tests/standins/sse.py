"""Small answers and streams of both dialects, as the providers document them, and their text."""

import json
from typing import Any

from outrider_sidecar.dialects.sse import Events, data_of

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5.4",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    ],
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 2},
}

DONE = b"data: [DONE]\n\n"


def data(fields: Any) -> bytes:
    """An unnamed event."""
    return b"data: %b\n\n" % json.dumps(fields, ensure_ascii=False).encode()


def event(kind: str, **fields: Any) -> bytes:
    """A named event, as Messages has them."""
    text = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {text}\n\n".encode()


def chat_chunk(delta: Any = None, finish: str | None = None, **fields: Any) -> bytes:
    """One chunk of a Chat stream with one choice."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return data(
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]} | fields
    )


def delta(text: str) -> bytes:
    """A Chat chunk with text."""
    return chat_chunk({"content": text})


FINISH = chat_chunk({}, "stop")
USAGE = data({"id": "chatcmpl-1", "choices": [], "usage": COMPLETION["usage"]})

CHAT_STREAM = [
    chat_chunk({"role": "assistant", "content": ""}),
    delta("Grüße\u2028"),
    delta("𝛼"),
    FINISH,
    USAGE,
    DONE,
]

MESSAGE_START = event(
    "message_start",
    message=MESSAGE
    | {
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 1},
    },
)
BLOCK_START = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
BLOCK_STOP = event("content_block_stop", index=0)
MESSAGE_DELTA = event(
    "message_delta",
    delta={"stop_reason": "end_turn", "stop_sequence": None},
    usage={"output_tokens": 2},
)
MESSAGE_STOP = event("message_stop")


def text_delta(text: str) -> bytes:
    """A Messages event with text."""
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


MESSAGE_STREAM = [
    MESSAGE_START,
    BLOCK_START,
    event("ping"),
    text_delta("Grüße\u2028"),
    text_delta("𝛼"),
    BLOCK_STOP,
    MESSAGE_DELTA,
    MESSAGE_STOP,
]


def text_of(answer: bytes) -> str:
    """The text of a whole answer in either dialect."""
    read = json.loads(answer)
    if "choices" in read:
        return str(read["choices"][0]["message"]["content"])
    return "".join(block["text"] for block in read["content"])


def events_of(stream: bytes) -> list[Any]:
    """The JSON of a stream's events."""
    found = [data_of(event) for event in Events().feed(stream)]
    return [json.loads(data) for data in found if data.startswith(b"{")]


def said_in(stream: bytes) -> str:
    """The text of a stream in either dialect, of its first choice."""
    text = ""
    for event in events_of(stream):
        for choice in event.get("choices", []):
            if choice["index"] == 0:
                text += choice["delta"].get("content", "")
        if event.get("type") == "content_block_delta":
            text += event["delta"]["text"]
    return text
