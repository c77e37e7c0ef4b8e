"""RateLimitPolicies, accepted and refused."""

from functools import partial
from typing import Any, Final

from manifests import entry
from outrider_operator.resources.kinds import RATE_LIMIT_POLICY

accepted: Final = partial(entry.accepted, RATE_LIMIT_POLICY)
refused: Final = partial(entry.refused, RATE_LIMIT_POLICY)

NEEDS_DEFAULT: Final = (
    "defaultTier is required with two tiers or more; name the tier of those who have no other"
)
IS_A_TIER: Final = "defaultTier must be the name of one of tiers"
OVERRIDE: Final = "the tier of every override must be the name of one of tiers"
WINDOW: Final = "window must be from 1s to 744h (31 days)"
UNTIL: Final = "until must be a day that the calendar has, in the year 2000 or later"

FREE: Final = {"name": "free", "requests": {"limit": 10, "window": "1m"}}
PRO: Final = {"name": "pro", "concurrent": 2}
TARGET: Final = {"group": "outrider.dev", "kind": "LLMRoute", "name": "support"}


def window(text: str) -> dict[str, Any]:
    return {"tiers": [{"name": "free", "requests": {"limit": 10, "window": text}}]}


def until(moment: str) -> dict[str, Any]:
    return {"overrides": [{"subject": "u", "tier": "free", "until": moment}]}


_RULES: Final = (
    accepted(NEEDS_DEFAULT, "two tiers and the default", tiers=[FREE, PRO], defaultTier="free"),
    accepted(NEEDS_DEFAULT, "one tier without a default", tiers=[FREE]),
    refused(
        NEEDS_DEFAULT,
        "two tiers without a default",
        "spec.defaultTier",
        NEEDS_DEFAULT,
        tiers=[FREE, PRO],
    ),
    accepted(IS_A_TIER, "the only tier as the default", tiers=[FREE], defaultTier="free"),
    refused(
        IS_A_TIER,
        "a default that is no tier",
        "spec.defaultTier",
        "defaultTier gold is not the name of one of tiers",
        tiers=[FREE, PRO],
        defaultTier="gold",
    ),
    accepted(OVERRIDE, "an override to a tier", overrides=[{"subject": "u-123", "tier": "free"}]),
    refused(
        OVERRIDE,
        "an override to what is no tier",
        "spec.overrides[1].tier",
        "the tier gold of the override of u-1 is not the name of one of tiers; write free",
        overrides=[{"subject": "u-123", "tier": "free"}, {"subject": "u-1", "tier": "gold"}],
    ),
    *(
        accepted(WINDOW, f"the window {text}", **window(text))
        for text in ("1s", "1000ms", "744h", "743h60m", "1h1h")
    ),
    *(
        refused(
            WINDOW,
            f"the window {text}",
            "spec.tiers[0].requests.window",
            f"window is {text}: write one from 1s to 744h (31 days)",
            **window(text),
        )
        for text in ("0s", "999ms", "744h1ms", "745h", "99999h99999h99999h99999h")
    ),
    *(
        accepted(UNTIL, f"an override until {moment}", **until(moment))
        for moment in (
            "2026-12-01T00:00:00Z",
            "2028-02-29T23:59:59.123456789+05:45",
            "2000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2026-01-01T00:00:00-00:00",
        )
    ),
    *(
        refused(
            UNTIL,
            f"an override until {moment}",
            "spec.overrides[0].until",
            f"until is {moment}: write a day that the calendar has",
            **until(moment),
        )
        for moment in (
            "2027-02-29T00:00:00Z",
            "2026-06-31T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2000-01-01T00:00:00+05:00",
            "9999-12-31T23:59:59-01:00",
        )
    ),
)

_FIELDS: Final = (
    *(
        accepted("enum", f"a policy by {subject}", subject=subject)
        for subject in ("User", "Tenant", "Feature", "Session", "Address", "Workload", "Route")
    ),
    accepted(
        "minimum",
        "a tier that admits nothing",
        tiers=[{"name": "blocked", "requests": {"limit": 0, "window": "1m"}, "concurrent": 0}],
    ),
    accepted("required", "a tier without a limit", tiers=[{"name": "internal"}]),
    accepted("duplicate", "two routes", targetRefs=[TARGET, {**TARGET, "name": "chat"}]),
    refused(
        "duplicate",
        "a route twice",
        "spec.targetRefs[1]",
        "outrider.dev/LLMRoute/support stands here twice",
        targetRefs=[TARGET, TARGET],
    ),
    refused(
        "duplicate",
        "a tier twice",
        "spec.tiers[1]",
        "free stands here twice",
        tiers=[FREE, FREE],
        defaultTier="free",
    ),
    refused(
        "duplicate",
        "a subject with two tiers",
        "spec.overrides[1]",
        "u-1 stands here twice",
        overrides=[{"subject": "u-1", "tier": "free"}] * 2,
    ),
    refused(
        "required",
        "no subject",
        "spec.subject",
        "spec.subject is missing",
        "User, Tenant",
        subject=None,
    ),
    refused("required", "no tiers", "spec.tiers", "spec.tiers is missing", tiers=None),
    refused(
        "required",
        "requests without a window",
        "spec.tiers[0].requests.window",
        "is missing",
        "window: 1m",
        tiers=[{"name": "free", "requests": {"limit": 10}}],
    ),
    refused(
        "required",
        "a target without its group",
        "spec.targetRefs[0].group",
        "is missing",
        "outrider.dev",
        targetRefs=[{"kind": "LLMRoute", "name": "a"}],
    ),
    refused(
        "enum",
        "a subject in lower case",
        "spec.subject",
        'is "user"',
        "did you mean User?",
        subject="user",
    ),
    refused(
        "enum",
        "a target of another kind",
        "spec.targetRefs[0].kind",
        'is "HTTPRoute"',
        "LLMRoute",
        targetRefs=[{**TARGET, "kind": "HTTPRoute"}],
    ),
    refused(
        "enum",
        "a mode that there is not",
        "spec.mode",
        'is "DryRun"',
        "Enforce or Shadow",
        mode="DryRun",
    ),
    refused(
        "pattern",
        "a window of a day",
        "spec.tiers[0].requests.window",
        'is "1d"',
        "a duration in h, m, s and ms",
        **window("1d"),
    ),
    refused(
        "pattern",
        "a date without a time",
        "spec.overrides[0].until",
        'is "2026-12-01"',
        "a time such as 2026-12-01T00:00:00Z",
        **until("2026-12-01"),
    ),
    *(
        refused(
            "pattern",
            f"an override until {moment}",
            "spec.overrides[0].until",
            f'is "{moment}"',
            **until(moment),
        )
        for moment in (
            "2026-13-01T00:00:00Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01T00:00:60Z",
            "2026-12-01T00:00:00+24:00",
            "2026-12-01t00:00:00z",
            "1999-12-31T23:59:59Z",
            "2026-12-01 00:00:00Z",
            "2026-12-01T00:00:00",
        )
    ),
    refused(
        "pattern",
        "a header with a space",
        "spec.tierFrom.header",
        'is "x tier"',
        "a header name in lower case",
        tierFrom={"header": "x tier"},
    ),
    refused(
        "type",
        "a limit with a unit",
        "spec.tiers[0].requests.limit",
        'is "10/m"',
        "a whole number",
        "without quotes and units",
        tiers=[{"name": "free", "requests": {"limit": "10/m", "window": "1m"}}],
    ),
    refused(
        "type",
        "a window in seconds",
        "spec.tiers[0].requests.window",
        "is 60",
        "write a duration",
        tiers=[{"name": "free", "requests": {"limit": 10, "window": 60}}],
    ),
    refused(
        "type",
        "tiers by name",
        "spec.tiers",
        "it must be a list",
        "-",
        tiers={"free": {"concurrent": 2}},
    ),
    refused(
        "minimum",
        "a burst of 0",
        "spec.tiers[0].requests.burst",
        "is 0",
        "from 1 to",
        tiers=[{"name": "free", "requests": {"limit": 1, "window": "1m", "burst": 0}}],
    ),
    refused(
        "maximum",
        "more concurrent requests than a sidecar has",
        "spec.tiers[0].concurrent",
        "is 10001",
        "from 0 to 10000",
        tiers=[{"name": "free", "concurrent": 10_001}],
    ),
    refused(
        "maxItems",
        "17 tiers",
        "spec.tiers",
        "has 17 items",
        "16 are the most",
        tiers=[{"name": f"t{n}"} for n in range(17)],
        defaultTier="t0",
    ),
    refused(
        "minItems",
        "targets for nobody",
        "spec.targetRefs",
        "is empty",
        "leave it out",
        targetRefs=[],
    ),
    refused(
        "maxLength",
        "a subject of 257 characters",
        "spec.overrides[0].subject",
        "has 257 characters",
        "at most 256",
        overrides=[{"subject": "u" * 257, "tier": "free"}],
    ),
    refused(
        "minLength",
        "a subject without characters",
        "spec.overrides[0].subject",
        "has 0 characters",
        overrides=[{"subject": "", "tier": "free"}],
    ),
    refused(
        "unknown field",
        "a limit that is not there yet",
        "spec.tiers[0].tokens",
        "unknown field spec.tiers[0].tokens",
        "name, requests, concurrent",
        tiers=[{"name": "free", "tokens": {"limit": 10, "window": "1m"}}],
    ),
    refused(
        "unknown field",
        "a target in the singular",
        "spec.targetRef",
        "did you mean targetRefs?",
        targetRef=TARGET,
    ),
)

ENTRIES: Final = (*_RULES, *_FIELDS)
