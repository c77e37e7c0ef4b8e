"""The promised metrics, as far as this sidecar has what they measure."""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import Metric

from outrider_sidecar.snapshot import Snapshot
from outrider_sidecar.telemetry.families import (
    MOST_CHILDREN,
    NONE,
    OTHER,
    Counters,
    Histograms,
    Names,
)
from outrider_sidecar.telemetry.record import CLASSES, Record

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

SOURCES: Final = ("mount", "plane", "state", "process")
DIALECTS: Final = frozenset(
    {
        "chat",
        "responses",
        "messages",
        "gemini",
        "converse",
        "embeddings",
        "models",
        "count_tokens",
        "passthrough",
    }
)

_MODEL: Final = ("route", "backend", "model")
_DURATIONS: Final = (0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 30, 60, 120, 300)
_FIRST_TOKENS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5, 10, 30)
_OVERHEADS: Final = (0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class Metrics:
    """Counts in a registry of its own.

    A label value is a name of the snapshot or of a closed set; what is absent is ``none``,
    what is unknown ``other``: no caller can invent a child. `clock` is monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        self._names = Names()
        self._models: frozenset[str] = frozenset()
        self._requests = Counters(
            "outrider_requests", "Requests by what the caller got.", (*_MODEL, "dialect", "class")
        )
        self._attempts = Counters(
            "outrider_attempts", "Upstream calls by what the backend did.", (*_MODEL, "class")
        )
        self._versions = Counters(
            "outrider_version_requests",
            "Requests by the prompt version assigned to them, without overrides.",
            ("route", "prompt", "version", "class"),
        )
        self._duration = Histograms(
            "outrider_request_duration_seconds", "Head to last byte.", _MODEL, _DURATIONS
        )
        self._first_token = Histograms(
            "outrider_time_to_first_token_seconds",
            "Head to the first content of a stream.",
            _MODEL,
            _FIRST_TOKENS,
        )
        self._overhead = Histograms(
            "outrider_overhead_seconds",
            "What the sidecar itself added: less upstream, queue, backoff and the caller's I/O.",
            ("route",),
            _OVERHEADS,
        )
        self._tokens = Counters(
            "outrider_tokens",
            "Tokens by kind; cached, cache_write and reasoning are parts of input and output.",
            ("route", "model", "kind"),
        )
        self._limits = Counters(
            "outrider_limit", "Decisions of rate limit policies.", ("policy", "dimension", "result")
        )
        self._generation = Gauge(
            "outrider_config_generation",
            "Generation of the snapshot in use; 0 before the first.",
            registry=self._registry,
        )
        self._source = Gauge(
            "outrider_config_source",
            "Where the snapshot in use is from.",
            ("source",),
            registry=self._registry,
        )
        self._degraded = Gauge(
            "outrider_degraded",
            "Something works less well than asked.",
            ("reason",),
            registry=self._registry,
        )
        self._backends = Gauge(
            "outrider_backend_info",
            "1 for each backend with a locality, to join other metrics by route and backend.",
            ("route", "backend", "locality"),
            registry=self._registry,
        )
        self._families: tuple[Counters | Histograms, ...] = (
            self._requests,
            self._attempts,
            self._versions,
            self._duration,
            self._first_token,
            self._overhead,
            self._tokens,
            self._limits,
        )
        self.config(0, "", degraded=False)

    def attempt(self, route: str, backend: str, model: str | None, cls: str) -> None:
        """Count one upstream call; `model` is the backend's, else the one sent."""
        self._attempts.child(route, backend, self._model(model), _known_class(cls)).inc()

    def limit(self, policy: str, dimension: str, result: str) -> None:
        """Count one decision of a policy."""
        self._limits.child(policy, dimension, result).inc()

    def request(self, record: Record) -> None:
        """Count a finished request."""
        route, cls = record.route or NONE, _known_class(record.cls)
        backend, model = record.backend or NONE, self._model(record.model)
        dialect = record.dialect or NONE
        if dialect not in DIALECTS and dialect != NONE:
            dialect = OTHER
        self._requests.child(route, backend, model, dialect, cls).inc()
        if record.version is not None and not record.override:
            self._versions.child(route, record.prompt or NONE, record.version, cls).inc()
        self._overhead.child(route).observe(record.overhead_ms / 1000.0)
        if not record.generated:
            return
        self._duration.child(route, backend, model).observe(record.duration)
        if record.first:
            self._first_token.child(route, backend, model).observe(record.first - record.began)
        for kind, count in (
            ("input", record.input_tokens),
            ("output", record.output_tokens),
            ("cached", record.cached_tokens),
            ("cache_write", record.cache_write_tokens),
            ("reasoning", record.reasoning_tokens),
        ):
            if count:
                self._tokens.child(route, model, kind).inc(count)

    def config(self, generation: int, source: str, *, degraded: bool) -> None:
        """Show what runs; `degraded` while a bad snapshot or route stands against it."""
        self._generation.set(generation)
        for name in SOURCES:
            self._source.labels(name).set(name == source)
        self._degraded.labels("config").set(degraded)

    def names(self, snapshot: Snapshot) -> None:
        """Take the label values of a new snapshot; children of names that are gone stay for
        15 minutes more."""
        routes, prompts = snapshot.routes, snapshot.prompts
        models = set(routes)
        self._backends.clear()
        located = (
            (name, backend, said.locality)
            for name, route in sorted(routes.items())
            for backend, said in sorted(route.backends.items())
            if said.locality
        )
        for values in islice(located, MOST_CHILDREN):
            self._backends.labels(*values).set(1)
        for route in routes.values():
            models.update(name for name in route.models if not name.endswith("*"))
            models.update(backend.model for backend in route.backends.values() if backend.model)
        self._models = frozenset(models)
        self._names.replace(
            {
                "route": frozenset(routes),
                "backend": frozenset(name for route in routes.values() for name in route.backends),
                "model": self._models,
                "prompt": frozenset(prompts),
                "version": frozenset(name for one in prompts.values() for name in one.versions),
                "policy": frozenset(limit.name for limit in snapshot.limits),
            },
            self._clock(),
        )

    async def exposition(self) -> bytes:
        """The Prometheus text of all families; other work goes on between two of them."""
        expired = self._names.expired(self._clock())
        if expired:
            for family in self._families:
                family.forget(expired)
        parts = []
        families = (family.collect() for family in self._families)
        for metric in chain(families, self._registry.collect()):
            parts.append(generate_latest(_One(metric)))
            await asyncio.sleep(0)
        return b"".join(parts)

    def _model(self, name: str | None) -> str:
        if name is None:
            return NONE
        return name if name in self._models else OTHER


class _One(CollectorRegistry):
    """A registry that holds one metric as it was collected."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(auto_describe=False)
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        """That metric."""
        yield self._metric


def _known_class(cls: str) -> str:
    return cls if cls in CLASSES else OTHER
