"""What a policy says: to the refused caller, and in the header x-outrider-limit."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from outrider_sidecar.dialects.errors import Refusal, refuse
from outrider_sidecar.limits.gcra import NANOSECONDS
from outrider_sidecar.limits.policy import Tier, Whom
from outrider_sidecar.limits.subjects import Use
from outrider_sidecar.snapshot import Limit

SLOT_WAIT: Final = 1.0

_UNITS: Final = ((3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms"))
_CODES: Final = {
    "subject": "policy_subject_unknown",
    "requests": "policy_rate_requests",
    "concurrent": "policy_rate_concurrent",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why one policy does not admit a request: the dimension that takes longest to clear.

    ``wait`` is in seconds, None for never. ``whom`` is None when the request says no subject
    and the policy denies such.
    """

    limit: Limit
    dimension: str
    whom: Whom | None = None
    used: int = 0
    wait: float | None = None

    @property
    def severity(self) -> tuple[bool, float]:
        """Orders refusals: an unknown subject first, then by the longest wait."""
        return self.whom is None, math.inf if self.wait is None else self.wait

    def refusal(self) -> Refusal:
        """The answer to the caller. It names the policy and the tier, never the subject."""
        code, details = _CODES[self.dimension], self._details()
        return refuse(code, self._message(), retry_after=self.wait, **details)

    def _message(self) -> str:
        name, kind = self.limit.name, self.limit.subject.lower()
        if self.whom is None:
            return (
                f"policy {name}: the request names no {kind} and the policy denies such; send "
                f"what the route's identity reads as the {kind}"
            )
        tier = self.whom.tier
        cap = _cap(tier, self.dimension)
        if cap == 0:
            until = self.whom.until
            end = f" until {datetime.fromtimestamp(until, UTC):%Y-%m-%dT%H:%M:%SZ}" if until else ""
            return f"policy {name}: tier {tier.name} admits no requests{end}"
        if self.dimension == "concurrent":
            done = f"{self.used} of {cap} concurrent requests open"
        elif tier.requests is not None and tier.requests.limit == cap:
            done = f"{self.used} of {cap} requests per {window(tier.window_ms)} used"
        else:
            limit = tier.requests.limit if tier.requests is not None else 0
            done = (
                f"{self.used} of a burst of {cap} requests used "
                f"({limit} come back per {window(tier.window_ms)})"
            )
        return (
            f"policy {name}: {done} by {self.whom.words} (tier {tier.name}); "
            f"next allowed in {math.ceil(self.wait or 0)} s"
        )

    def _details(self) -> dict[str, Any]:
        details: dict[str, Any] = {
            "policy": self.limit.name,
            "subject": self.limit.subject,
            "dimension": self.dimension,
        }
        if self.whom is not None:
            cap = _cap(self.whom.tier, self.dimension)
            details |= {"tier": self.whom.tier.name, "used": self.used, "limit": cap}
        if self.wait is not None:
            details["reset"] = math.ceil(self.wait)
        return details


def item(limit: Limit, tier: Tier, use: Use, now_ns: int) -> str:
    """A policy's part of x-outrider-limit, the request just charged included:
    ``per-user:user;requests=7/10;concurrent=1/2;reset=0``.

    ``reset`` is the seconds, rounded up, until there is room for one request more.
    """
    text, reset = f"{limit.name}:{limit.subject.lower()}", 0
    bucket = tier.requests
    if bucket is not None:
        text += f";requests={bucket.used(use.level, now_ns)}/{bucket.burst}"
        reset = -(-(bucket.wait(use.level, now_ns) or 0) // NANOSECONDS)
    if tier.concurrent is not None:
        text += f";concurrent={use.open}/{tier.concurrent}"
        if use.open >= tier.concurrent:
            reset = max(reset, math.ceil(SLOT_WAIT))
    return f"{text};reset={reset}"


def header_of(details: dict[str, Any]) -> str | None:
    """The value of x-outrider-limit for a refusal with these details; None for any other."""
    if "policy" not in details or "used" not in details:
        return None
    reset = f";reset={details['reset']}" if "reset" in details else ""
    used = f"{details['dimension']}={details['used']}/{details['limit']}"
    return f"{details['policy']}:{details['subject'].lower()};{used}{reset}"


def window(milliseconds: int) -> str:
    """A duration as the resources spell it, largest units first: ``1m30s``."""
    parts = []
    for size, unit in _UNITS:
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _cap(tier: Tier, dimension: str) -> int:
    """What `used` counts up to; 0 when the tier admits nothing in that dimension."""
    if dimension == "concurrent":
        return tier.concurrent or 0
    if tier.requests is None or tier.requests.limit == 0:
        return 0
    return tier.requests.burst
