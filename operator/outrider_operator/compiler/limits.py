"""RateLimitPolicy specs in the sidecar's form, every default filled in."""

from datetime import UTC, datetime
from typing import Final

from outrider_operator.resources import kinds
from outrider_operator.resources.defaults import DEFAULTS
from outrider_operator.resources.durations import milliseconds
from outrider_sidecar import snapshot

_DEFAULT: Final = DEFAULTS[kinds.RATE_LIMIT_POLICY]


def compiled(name: str, spec: kinds.RateLimitPolicy) -> snapshot.Limit:
    """The policy as a sidecar reads it; raises ValueError for a moment that is none."""
    targets = spec.target_refs
    return snapshot.Limit(
        name=name,
        routes=None if targets is None else tuple(target.name for target in targets),
        subject=spec.subject,
        tier_from=spec.tier_from.header.lower() if spec.tier_from else None,
        default_tier=spec.default_tier or spec.tiers[0].name,
        tiers={tier.name: _tier(tier) for tier in spec.tiers},
        overrides=tuple(_override(each) for each in spec.overrides or ()),
        unknown_subject=spec.unknown_subject or _DEFAULT["spec.unknownSubject"],
        mode=spec.mode or _DEFAULT["spec.mode"],
    )


def _tier(given: kinds.Tier) -> snapshot.Tier:
    return snapshot.Tier(
        requests=_rate(given.requests) if given.requests else None, concurrent=given.concurrent
    )


def _rate(given: kinds.Requests) -> snapshot.Rate:
    return snapshot.Rate(
        limit=given.limit,
        window_ms=milliseconds(given.window),
        burst=given.limit if given.burst is None else given.burst,
    )


def _override(given: kinds.Override) -> snapshot.Override:
    return snapshot.Override(
        subject=given.subject,
        tier=given.tier,
        until=None if given.until is None else _unix(given.until),
    )


def _unix(moment: str) -> int:
    """The whole unix seconds of an RFC 3339 moment."""
    parsed = datetime.fromisoformat(moment)
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
