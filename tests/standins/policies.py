"""Rate limit policies, and a limiter whose time a test moves."""

from collections.abc import Mapping
from typing import Any

import pytest

from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.limits.limiter import Admission, Limiter
from outrider_sidecar.routing.identity import Subject
from outrider_sidecar.routing.table import RouteEntry
from outrider_sidecar.snapshot import Limit, Override, Rate, Tier
from standins.tables import route, table

EPOCH = 1_795_219_200  # unix seconds at which a stage begins


def rate(limit: int, window_s: float = 60, burst: int | None = None) -> Rate:
    """So many requests per window, with the burst that the compiler fills in."""
    return Rate(
        limit=limit, window_ms=round(window_s * 1000), burst=limit if burst is None else burst
    )


def policy(name: str = "per-user", tiers: Mapping[str, Tier] | None = None, **fields: Any) -> Limit:
    """A policy with the defaults that the compiler fills in: users, the first tier's."""
    tiers = dict(tiers or {"free": Tier(requests=rate(10))})
    defaults: dict[str, Any] = {
        "subject": "User",
        "default_tier": next(iter(tiers)),
        "unknown_subject": "Shared",
        "mode": "Enforce",
    }
    return Limit(name=name, tiers=tiers, **(defaults | fields))


def override(subject: str, tier: str, until: int | None = None) -> Override:
    """A subject with a tier of its own."""
    return Override(subject=subject, tier=tier, until=until)


def guarded(*limits: Limit, routes: tuple[str, ...] = ("support",)) -> Mapping[str, RouteEntry]:
    """Routes under these policies."""
    return table({name: route(models=(name,)) for name in routes}, limits=limits).routes


class Stage:
    """A limiter, what it counted, and the hands of its clock."""

    def __init__(self, *limits: Limit, bound: int = 1_000, **options: Any) -> None:
        self.ns = 0
        self.told: list[tuple[str, str, str]] = []
        self.limiter = Limiter(
            clock=lambda: self.ns,
            now=lambda: EPOCH + self.ns / 1e9,
            count=lambda *decision: self.told.append(decision),
            bound=bound,
        )
        self._routes = guarded(*limits, **options)

    def edit(self, *limits: Limit) -> None:
        """A new snapshot with these policies, as the proxy takes it over."""
        self._routes = guarded(*limits, routes=tuple(self._routes))
        self.limiter.retain([limit.name for limit in limits])

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.ns += round(seconds * 1e9)

    def ask(
        self,
        user: str | None = "ann",
        headers: Mapping[str, str] | None = None,
        route: str = "support",
        **identities: str | None,
    ) -> Admission:
        """One request; raises its `Refusal`."""
        subject = Subject(user=user, **identities)
        return self.limiter.admit(self._routes[route], subject, headers or {})

    def admitted(self, tries: int = 1, **call: Any) -> int:
        """How many of that many requests are admitted, none of them ending."""
        count = 0
        for _ in range(tries):
            try:
                self.ask(**call)
            except Refusal:
                continue
            count += 1
        return count

    def refused(self, **call: Any) -> Refusal:
        """The refusal of one request; fails when it is admitted."""
        with pytest.raises(Refusal) as caught:
            self.ask(**call)
        return caught.value
