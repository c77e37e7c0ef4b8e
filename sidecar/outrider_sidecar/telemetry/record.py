"""What is known of one request: filled in on its way, told once at its end."""

import time
from typing import Final

GOOD: Final = frozenset({"ok", "Truncated", "ContentFilter", "Refusal"})
NEUTRAL: Final = frozenset({"Cancelled"})
CALLERS: Final = frozenset({"Caller", "Invalid", "TooLarge", "ContextLength"})
OURS: Final = frozenset({"Limited", "Refused", "GuardBlocked"})
BAD: Final = frozenset(
    {
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
    }
)
CLASSES: Final = GOOD | NEUTRAL | CALLERS | OURS | BAD

# Calls that no model answers: left out of latency figures, error ratios and alerts.
UNGENERATED: Final = frozenset({"models", "count_tokens", "passthrough"})


class Record:
    """One request's facts, under the names of the log line.

    Absent text is None, absent numbers are 0. `user` and `session` are what the caller sent
    and leave the process only as keyed hashes. `cls` is the class of what the caller got,
    `error` our code. Moments are `time.perf_counter` seconds: `began` when the head was read,
    `first` when the first content left for the caller (0.0: no stream or not yet). Whoever
    waits for others, be it the provider, a backoff or the caller's own reading and writing,
    adds the seconds to `waited`; what remains of the duration is our overhead.
    """

    __slots__ = (
        "alert",
        "arm",
        "attempts",
        "backend",
        "began",
        "cache",
        "cache_key",
        "cache_write_tokens",
        "cached_tokens",
        "cls",
        "cost_usd",
        "dialect",
        "duration",
        "error",
        "estimated",
        "feature",
        "finish_reason",
        "first",
        "generation",
        "guards",
        "input_tokens",
        "limit",
        "model",
        "output_tokens",
        "override",
        "prompt",
        "prompt_hash",
        "query_length",
        "reasoning_tokens",
        "request_id",
        "response_length",
        "route",
        "rule",
        "saved_usd",
        "session",
        "status",
        "stream",
        "tenant",
        "trace_id",
        "user",
        "version",
        "waited",
    )

    def __init__(self, request_id: str, began: float | None = None) -> None:
        self.request_id = request_id
        self.began = time.perf_counter() if began is None else began
        self.first = 0.0
        self.waited = 0.0
        self.duration = 0.0
        self.trace_id: str | None = None
        self.user: str | None = None
        self.tenant: str | None = None
        self.feature: str | None = None
        self.session: str | None = None
        self.route: str | None = None
        self.rule: str | None = None
        self.prompt: str | None = None
        self.version: str | None = None
        self.arm: str | None = None
        self.override = False
        self.backend: str | None = None
        self.model: str | None = None
        self.attempts: str | None = None
        self.dialect: str | None = None
        self.stream = False
        self.status = 0
        self.cls = "ok"
        self.input_tokens = 0
        self.output_tokens = 0
        self.cached_tokens = 0
        self.cache_write_tokens = 0
        self.reasoning_tokens = 0
        self.estimated = False
        self.cost_usd = 0.0
        self.saved_usd = 0.0
        self.query_length = 0
        self.response_length = 0
        self.finish_reason: str | None = None
        self.cache: str | None = None
        self.cache_key: str | None = None
        self.guards: tuple[str, ...] = ()
        self.limit: str | None = None
        self.error: str | None = None
        self.prompt_hash: str | None = None
        self.alert: str | None = None
        self.generation = 0

    def __repr__(self) -> str:
        return f"Record({self.request_id!r}, cls={self.cls!r}, status={self.status})"

    def finish(self) -> None:
        """Stop the clock: what came to pass after this is no part of the request."""
        self.duration = time.perf_counter() - self.began

    @property
    def latency_ms(self) -> float:
        """Head to last byte, in milliseconds."""
        return self.duration * 1000.0

    @property
    def ttft_ms(self) -> float:
        """Head to first content, in milliseconds; 0 when nothing was streamed."""
        return (self.first - self.began) * 1000.0 if self.first else 0.0

    @property
    def overhead_ms(self) -> float:
        """The part of the latency that was ours, in milliseconds, never below 0."""
        return max(0.0, (self.duration - self.waited) * 1000.0)

    @property
    def bad(self) -> bool:
        """Whether the class counts as an error."""
        return self.cls in BAD

    @property
    def generated(self) -> bool:
        """Whether a model was to answer: not a listing, a count or a pass-through."""
        return self.dialect not in UNGENERATED
