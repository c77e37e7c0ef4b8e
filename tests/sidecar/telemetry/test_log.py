import io
import json
import logging
import sys
from typing import Any

import pytest

from outrider_sidecar.telemetry.hashes import Hasher
from outrider_sidecar.telemetry.lines import Lines
from outrider_sidecar.telemetry.log import AccessLog, JsonFormatter, configure
from outrider_sidecar.telemetry.record import BAD, CLASSES, GOOD, NEUTRAL, Record
from standins.records import REQUEST_ID, record

NOW = 1_795_219_267.8425
HASHER = Hasher(b"key")

KEYS = [
    "timestamp",
    "event",
    "request_id",
    "trace_id",
    "user",
    "tenant",
    "feature",
    "session",
    "route",
    "rule",
    "prompt",
    "version",
    "arm",
    "backend",
    "model",
    "attempts",
    "dialect",
    "stream",
    "status",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "estimated",
    "cost_usd",
    "saved_usd",
    "latency_ms",
    "ttft_ms",
    "overhead_ms",
    "query_length",
    "response_length",
    "finish_reason",
    "cache",
    "cache_key",
    "guards",
    "limit",
    "error",
    "error_type",
    "prompt_hash",
    "alert",
    "generation",
]

NUMBERS = {
    "status": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "cached_tokens": 0,
    "reasoning_tokens": 0,
    "cost_usd": 0.0,
    "saved_usd": 0.0,
    "latency_ms": 0.0,
    "ttft_ms": 0.0,
    "overhead_ms": 0.0,
    "query_length": 0,
    "response_length": 0,
    "generation": 0,
}


class Written:
    """An access log and what it wrote."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self._log = AccessLog(Lines(self.stream, at_once=True), HASHER, now=lambda: NOW)

    def line(self, record: Record) -> dict[str, object]:
        """The one line of a record, read back."""
        self.stream.truncate(0)
        self.stream.seek(0)
        self._log.write(record, "shop")
        text = self.stream.getvalue()
        assert text.endswith(b"\n")
        assert text.count(b"\n") == 1
        fields: dict[str, object] = json.loads(text)
        return fields


def test_every_promised_key_stands_in_every_line_in_the_promised_order() -> None:
    assert list(Written().line(record())) == KEYS
    assert list(Written().line(Record(REQUEST_ID))) == KEYS


def test_of_a_request_that_nothing_is_known_of_numbers_are_nought_and_texts_null() -> None:
    line = Written().line(Record(REQUEST_ID))
    said = {"timestamp": "2026-11-21T00:01:07.842Z", "event": "request", "request_id": REQUEST_ID}
    flags = {"stream": False, "estimated": False, "guards": []}
    rest = dict.fromkeys(set(KEYS) - set(said) - set(flags) - set(NUMBERS))
    assert line == said | flags | NUMBERS | rest


def test_every_fact_of_a_request_stands_under_its_key() -> None:
    facts: dict[str, Any] = {
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "tenant": "acme",
        "feature": "faq",
        "rule": "default",
        "prompt": "support-answer",
        "version": "support-answer-v8",
        "arm": "canary",
        "backend": "sonnet-eu",
        "model": "claude-sonnet-4-6",
        "attempts": "sonnet:Overloaded,sonnet-eu:ok",
        "dialect": "messages",
        "stream": True,
        "status": 200,
        "input_tokens": 450,
        "output_tokens": 120,
        "cached_tokens": 7,
        "reasoning_tokens": 3,
        "estimated": True,
        "cost_usd": 0.00315,
        "saved_usd": 0.5,
        "query_length": 212,
        "response_length": 498,
        "finish_reason": "stop",
        "cache": "miss",
        "cache_key": "9f2c5d1c0b7a4e38",
        "guards": ["pii"],
        "limit": "per-user:user;requests=1/10;reset=0",
        "error": "provider_overloaded",
        "prompt_hash": "3b1f0a9d5c7e2486",
        "alert": "Truncated",
        "generation": 1_795_219_200,
    }
    line = Written().line(record(**facts))
    assert {key: line[key] for key in facts} == facts


def test_times_are_milliseconds_from_the_head() -> None:
    line = Written().line(record(0.8421234, first=100.1904, waited=0.8411))
    assert (line["latency_ms"], line["ttft_ms"], line["overhead_ms"]) == (842.1, 190.4, 1.02)


def test_waiting_longer_than_the_request_took_is_no_negative_overhead() -> None:
    assert Written().line(record(0.1, waited=0.2))["overhead_ms"] == 0


def test_users_and_sessions_leave_the_process_as_hashes_only() -> None:
    written = Written()
    line = written.line(record(user="ann@example.com", session="conversation-77", tenant="acme"))
    assert line["user"] == HASHER.identity("user", "shop", "ann@example.com")
    assert line["session"] == HASHER.identity("session", "shop", "conversation-77")
    assert line["tenant"] == "acme"
    assert b"ann@example.com" not in written.stream.getvalue()
    assert b"conversation-77" not in written.stream.getvalue()


@pytest.mark.parametrize("cls", sorted(CLASSES))
def test_the_error_type_is_the_class_unless_it_is_a_good_one(cls: str) -> None:
    line = Written().line(record(cls=cls))
    assert line["error_type"] == (None if cls in GOOD else cls)


def test_classes_are_told_apart_as_promised() -> None:
    assert {"ok", "Truncated", "ContentFilter", "Refusal"} == GOOD
    assert {"Cancelled"} == NEUTRAL
    assert sorted(BAD) == sorted(
        [
            "Unreachable",
            "Timeout",
            "BrokenStream",
            "ServerError",
            "Overloaded",
            "RateLimited",
            "QuotaExhausted",
            "CredentialRejected",
            "ModelNotFound",
            "Empty",
            "SchemaViolation",
            "Degraded",
            "Internal",
        ]
    )
    assert BAD < CLASSES


def test_a_models_name_that_a_caller_made_endless_is_cut() -> None:
    assert Written().line(record(model="x" * 10_000))["model"] == "x" * 253


def test_bytes_that_are_no_utf8_in_a_header_do_not_lose_the_line() -> None:
    line = Written().line(record(tenant="caf\udce9", user="ann\udcff"))
    assert line["tenant"] == "caf?"
    assert str(line["user"]).startswith("u_")


def test_a_line_break_in_an_identity_breaks_no_line() -> None:
    assert Written().line(record(feature='a\n{"event":"request"}'))["feature"] is not None


# Logging's own lines


def logged(message: str, *args: object, **extra: object) -> dict[str, object]:
    made = logging.LogRecord("outrider.x", logging.WARNING, "f.py", 1, message, args, None)
    made.created = NOW
    vars(made).update(extra)
    fields: dict[str, object] = json.loads(JsonFormatter().format(made))
    return fields


def test_other_log_lines_are_json_too() -> None:
    assert logged("backend %s is down", "main", backend="main") == {
        "timestamp": "2026-11-21T00:01:07.842Z",
        "event": "log",
        "level": "warning",
        "logger": "outrider.x",
        "message": "backend main is down",
        "backend": "main",
    }


def test_an_extra_cannot_forge_the_event() -> None:
    assert logged("hello", event="request")["event"] == "log"


def test_a_traceback_stands_in_its_line() -> None:
    try:
        raise LookupError("gone")
    except LookupError:
        made = logging.LogRecord("x", logging.ERROR, "f.py", 1, "failed", (), sys.exc_info())
    line = JsonFormatter().format(made)
    assert "\n" not in line
    assert "LookupError: gone" in json.loads(line)["exception"]


def test_the_level_of_the_settings_is_the_roots(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        configure("WARNING")
        logging.getLogger("a").info("quiet")
        logging.getLogger("a").warning("loud")
    finally:
        logging.captureWarnings(False)
        root.handlers, root.level = before, level
    err = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in err] == ["loud"]
