"""The log: one JSON line per request, written directly, and logging's own lines beside it."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO, Final

import orjson

from outrider_sidecar.telemetry.hashes import Hasher
from outrider_sidecar.telemetry.lines import Lines
from outrider_sidecar.telemetry.record import GOOD, Record
from outrider_sidecar.telemetry.timestamp import Timestamps

# A model's name comes from the caller; no longer one can stand in a route.
_LONGEST_MODEL: Final = 253

_OWN_ATTRIBUTES: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class AccessLog:
    """Writes a record as one line: every key each time, in the promised order."""

    def __init__(
        self,
        lines: Lines,
        hasher: Hasher,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._lines = lines
        self._hasher = hasher
        self._now = now
        self._timestamps = Timestamps()

    def write(self, record: Record, namespace: str) -> None:
        """Write `record`; its user and session go out as keyed hashes of `namespace`."""
        self._lines.write(_encode(self.fields(record, namespace)) + b"\n")

    def close(self) -> None:
        """Write what is left."""
        self._lines.close()

    def fields(self, record: Record, namespace: str) -> dict[str, Any]:
        """The line's keys and values."""
        hashed = self._hasher.identity
        user, session, model, cls = record.user, record.session, record.model, record.cls
        return {
            "timestamp": self._timestamps.of(self._now()),
            "event": "request",
            "request_id": record.request_id,
            "trace_id": record.trace_id,
            "user": None if user is None else hashed("user", namespace, user),
            "tenant": record.tenant,
            "feature": record.feature,
            "session": None if session is None else hashed("session", namespace, session),
            "route": record.route,
            "rule": record.rule,
            "prompt": record.prompt,
            "version": record.version,
            "arm": record.arm,
            "backend": record.backend,
            "model": None if model is None else model[:_LONGEST_MODEL],
            "attempts": record.attempts,
            "dialect": record.dialect,
            "stream": record.stream,
            "status": record.status,
            "input_tokens": record.input_tokens,
            "output_tokens": record.output_tokens,
            "cached_tokens": record.cached_tokens,
            "reasoning_tokens": record.reasoning_tokens,
            "estimated": record.estimated,
            "cost_usd": record.cost_usd,
            "saved_usd": record.saved_usd,
            "latency_ms": round(record.latency_ms, 1),
            "ttft_ms": round(record.ttft_ms, 1),
            "overhead_ms": round(record.overhead_ms, 2),
            "query_length": record.query_length,
            "response_length": record.response_length,
            "finish_reason": record.finish_reason,
            "cache": record.cache,
            "cache_key": record.cache_key,
            "guards": record.guards,
            "limit": record.limit,
            "error": record.error,
            "error_type": None if cls in GOOD else cls,
            "prompt_hash": record.prompt_hash,
            "alert": record.alert,
            "generation": record.generation,
        }


class JsonFormatter(logging.Formatter):
    """One JSON line a record: timestamp, event ``log``, level, logger, message, any extras,
    and the traceback of an exception."""

    def __init__(self) -> None:
        super().__init__()
        self._timestamps = Timestamps()

    def format(self, record: logging.LogRecord) -> str:
        """The line without its newline."""
        fields: dict[str, Any] = {
            "timestamp": self._timestamps.of(record.created),
            "event": "log",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _OWN_ATTRIBUTES:
                fields.setdefault(name, value)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return _encode(fields).decode()


def configure(level: str) -> None:
    """Send all logging, warnings included, to standard error as JSON lines of `level` and up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)


def to_stdout(hasher: Hasher) -> AccessLog:
    """The access log on standard output."""
    stream: BinaryIO = sys.stdout.buffer
    return AccessLog(Lines(stream), hasher)


def _encode(fields: dict[str, Any]) -> bytes:
    """The fields as JSON; a header that is no UTF-8 comes as text that JSON cannot hold, and
    its bytes then stand as question marks."""
    try:
        return orjson.dumps(fields, default=repr)
    except orjson.JSONEncodeError:
        plain = {
            key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
            for key, value in fields.items()
        }
        return orjson.dumps(plain, default=repr)
