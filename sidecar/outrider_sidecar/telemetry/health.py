"""How the last calls went: the answers of /health and /stats."""

import math
import time
from collections import deque
from collections.abc import Callable, Container
from typing import Any, Final

from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.telemetry.timestamp import Timestamps

WINDOW: Final = 1_000
DEGRADED_ABOVE_MS: Final = 5_000.0


class Tally:
    """Counts since start, of one route or of all."""

    __slots__ = ("errors", "hits", "total")

    def __init__(self) -> None:
        self.total = 0
        self.hits = 0
        self.errors = 0

    def add(self, hit: bool, bad: bool) -> None:
        """Count one call."""
        self.total += 1
        self.hits += hit
        self.errors += bad

    def fields(self) -> dict[str, int | float]:
        """The five figures of /stats; rates to four digits, 0 before the first call."""
        return {
            "total_requests": self.total,
            "cache_hits": self.hits,
            "cache_hit_rate": _rate(self.hits, self.total),
            "errors": self.errors,
            "error_rate": _rate(self.errors, self.total),
        }


class Health:
    """The last `WINDOW` latencies, failures too, and what was counted since start.

    Listings, counts and pass-through are left out: they say nothing about the models.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._timestamps = Timestamps()
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self._all = Tally()
        self._routes: dict[str, Tally] = {}

    def add(self, record: Record) -> None:
        """Count a finished request."""
        if not record.generated:
            return
        hit = record.cache is not None and record.cache.startswith("hit")
        self._latencies.append(record.latency_ms)
        self._all.add(hit, record.bad)
        if record.route is not None:
            tally = self._routes.get(record.route)
            if tally is None:
                tally = self._routes[record.route] = Tally()
            tally.add(hit, record.bad)

    def retain(self, routes: Container[str]) -> None:
        """Forget the figures of every route that is not among these names."""
        for gone in [name for name in self._routes if name not in routes]:
            del self._routes[gone]

    def health(self) -> dict[str, Any]:
        """The body of /health: percentiles by nearest rank, ``degraded`` when the 95th is
        above 5 s; zeros and ``ok`` before the first call."""
        ordered = sorted(self._latencies)
        p95 = _nearest(ordered, 95)
        return {
            "status": "degraded" if p95 > DEGRADED_ABOVE_MS else "ok",
            "timestamp": self._timestamps.of(self._now()),
            "latency": {
                "count": len(ordered),
                "p50_ms": _nearest(ordered, 50),
                "p95_ms": p95,
                "p99_ms": _nearest(ordered, 99),
                "max_ms": _nearest(ordered, 100),
            },
        }

    def stats(self) -> dict[str, Any]:
        """The body of /stats: since start, in all and by route that is served."""
        routes = {name: tally.fields() for name, tally in sorted(self._routes.items())}
        return {**self._all.fields(), "routes": routes}


def _nearest(ordered: list[float], percent: int) -> float:
    if not ordered:
        return 0.0
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 1)


def _rate(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
