"""What a finished answer means: its class, and its tokens in the record."""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from outrider_sidecar.dialects.dialect import Usage
from outrider_sidecar.telemetry.record import Record

_CLASSES: Final[Mapping[str | None, str]] = {
    "length": "Truncated",
    "max_tokens": "Truncated",
    "model_context_window_exceeded": "Truncated",
    "content_filter": "ContentFilter",
    "refusal": "Refusal",
}


def class_of(finish: str | None) -> str:
    """The class of a complete answer by its finish reason, in either dialect's word."""
    return _CLASSES.get(finish, "ok")


def conclude(record: Record, finish: str | None) -> str:
    """Writes how a complete answer ended into its record; returns its class."""
    record.finish_reason = finish
    record.cls = class_of(finish)
    record.alert = record.cls if record.cls == "Truncated" else None
    return record.cls


def estimated(known: Usage | None, input_tokens: int, text_chars: int) -> Usage:
    """The usage of an answer that did not tell it, or not to its end; four characters a token.

    `input_tokens` is our estimate, for where the provider gave no count.
    """
    output = math.ceil(text_chars / 4)
    if known is None:
        return Usage(input_tokens, output)
    return msgspec.structs.replace(
        known, input=known.input or input_tokens, output=max(known.output, output)
    )


def fill(record: Record, usage: Usage) -> None:
    """Writes the tokens of an answer into its record."""
    record.input_tokens = usage.input
    record.output_tokens = usage.output
    record.cached_tokens = usage.cached
    record.cache_write_tokens = usage.cache_write
    record.reasoning_tokens = usage.reasoning
