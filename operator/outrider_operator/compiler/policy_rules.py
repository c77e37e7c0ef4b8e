"""What must hold of a RateLimitPolicy beyond its schema."""

from datetime import UTC, datetime
from typing import Final

from outrider_operator.compiler.rule import Rule, names
from outrider_operator.compiler.wording import some
from outrider_operator.resources.durations import milliseconds
from outrider_operator.resources.kinds import RATE_LIMIT_POLICY

_WINDOW_MS: Final = range(1_000, 31 * 86_400_000 + 1)
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) >= _EARLIEST
    except (ValueError, OverflowError):
        return False


RULES: Final = (
    Rule(
        RATE_LIMIT_POLICY,
        "spec",
        "defaultTier is required with two tiers or more; name the tier of those who have no other",
        lambda self: len(self["tiers"]) <= 1 or "defaultTier" in self,
        ".defaultTier",
    ),
    Rule(
        RATE_LIMIT_POLICY,
        "spec",
        "defaultTier must be the name of one of tiers",
        lambda self: "defaultTier" not in self or self["defaultTier"] in names(self["tiers"]),
        ".defaultTier",
        lambda self: [
            (
                ".defaultTier",
                f"defaultTier {self['defaultTier']} is not the name of one of tiers; write "
                f"{some(names(self['tiers']))}",
            )
        ],
    ),
    Rule(
        RATE_LIMIT_POLICY,
        "spec",
        "the tier of every override must be the name of one of tiers",
        lambda self: (
            {each["tier"] for each in self.get("overrides", ())} <= set(names(self["tiers"]))
        ),
        ".overrides",
        lambda self: [
            (
                f".overrides[{index}].tier",
                f"the tier {each['tier']} of the override of {each['subject']} is not the name of "
                f"one of tiers; write {some(names(self['tiers']))}",
            )
            for index, each in enumerate(self["overrides"])
            if each["tier"] not in names(self["tiers"])
        ],
    ),
    Rule(
        RATE_LIMIT_POLICY,
        "spec.tiers[].requests.window",
        "window must be from 1s to 744h (31 days)",
        lambda self: milliseconds(self) in _WINDOW_MS,
        tells=lambda self: [("", f"window is {self}: write one from 1s to 744h (31 days)")],
    ),
    Rule(
        RATE_LIMIT_POLICY,
        "spec.overrides[].until",
        "until must be a day that the calendar has, in the year 2000 or later",
        _is_moment,
        tells=lambda self: [
            ("", f"until is {self}: write a day that the calendar has, in the year 2000 or later")
        ],
    ),
)
