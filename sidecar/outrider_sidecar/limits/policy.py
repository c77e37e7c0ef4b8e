"""One RateLimitPolicy made ready for deciding: whom it counts and in which tier."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from outrider_sidecar.limits.gcra import Bucket
from outrider_sidecar.limits.subjects import UNKNOWN, digest
from outrider_sidecar.snapshot import Limit, Override

if TYPE_CHECKING:
    from outrider_sidecar.routing.identity import Subject

_POD: Final = b"pod"

# In a message the subject has no name, only a kind.
_THIS: Final = {
    "User": "this user",
    "Tenant": "this tenant",
    "Feature": "this feature",
    "Session": "this session",
    "Address": "this address",
    "Workload": "this pod",
    "Route": "this route",
}


class Tier(NamedTuple):
    """A tier's numbers; None is unlimited."""

    name: str
    requests: Bucket | None
    window_ms: int
    concurrent: int | None


class Whom(NamedTuple):
    """Whom a policy counts a request for; ``until`` ends an override, in unix seconds."""

    subject: bytes
    words: str
    tier: Tier
    until: int | None = None


class Policy:
    """A policy's tables, built once for each `Limit` of a snapshot."""

    __slots__ = ("_default", "_overrides", "_tiers", "limit")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._tiers = {
            name: Tier(
                name,
                Bucket.of(tier.requests) if tier.requests is not None else None,
                tier.requests.window_ms if tier.requests is not None else 0,
                tier.concurrent,
            )
            for name, tier in limit.tiers.items()
        }
        self._default = self._tiers[limit.default_tier]
        self._overrides: dict[str, Override] = {item.subject: item for item in limit.overrides}

    def value(self, route: str, subject: "Subject") -> str | None:
        """The subject's value for this policy; None when the request does not say.

        Workload is one subject for the whole pod: the sidecar serves one ServiceAccount.
        """
        kind = self.limit.subject
        if kind == "Route":
            return route
        return "" if kind == "Workload" else subject.of(kind)

    def whom(self, value: str | None, headers: Mapping[str, str], now: float) -> Whom:
        """Whom to count for a request with the subject `value`; `now` is unix seconds.

        The tier is that of an override which has not ended, else the one that the tier's
        header names, else the default one.
        """
        limit = self.limit
        if value is None:
            kind = limit.subject.lower()
            return Whom(UNKNOWN, f"requests without a {kind}", self._tier(headers))
        subject = _POD if limit.subject == "Workload" else digest(value)
        override = self._overrides.get(value)
        if override is not None and (override.until is None or now < override.until):
            tier = self._tiers.get(override.tier, self._default)
            return Whom(subject, _THIS[limit.subject], tier, override.until)
        return Whom(subject, _THIS[limit.subject], self._tier(headers))

    def _tier(self, headers: Mapping[str, str]) -> Tier:
        if self.limit.tier_from is None:
            return self._default
        named = headers.get(self.limit.tier_from)
        return self._default if named is None else self._tiers.get(named, self._default)
