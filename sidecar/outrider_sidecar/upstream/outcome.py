"""What a finished answer means: its class, and its tokens in the record."""

from collections.abc import Mapping
from typing import Final

from outrider_sidecar.api.dialect import Usage
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


def joined(known: Usage | None, further: Usage) -> Usage:
    """Two parts of one answer's usage, which providers count upwards, as one."""
    if known is None:
        return further
    return Usage(
        input=max(known.input, further.input),
        output=max(known.output, further.output),
        cached=max(known.cached, further.cached),
        cache_write=max(known.cache_write, further.cache_write),
        reasoning=max(known.reasoning, further.reasoning),
    )


def fill(record: Record, usage: Usage) -> None:
    """Writes the tokens of an answer into its record."""
    record.input_tokens = usage.input
    record.output_tokens = usage.output
    record.cached_tokens = usage.cached
    record.cache_write_tokens = usage.cache_write
    record.reasoning_tokens = usage.reasoning
