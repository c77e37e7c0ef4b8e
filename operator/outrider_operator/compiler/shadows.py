"""Which rules of a route no request ever reaches."""

import math
from collections.abc import Iterator, Sequence

from outrider_sidecar.snapshot import Match, Rule

Interval = tuple[float, float]

_ALWAYS = (Match(),)  # a rule without matches


def shadowed(rules: Sequence[Rule]) -> Iterator[tuple[int, list[str]]]:
    """The place of each rule that cannot match, and the earlier rules that match instead.

    A rule is found when each of its items is implied by a single item before it; what only
    several items together cover is not looked for.
    """
    for place, rule in enumerate(rules):
        takers = [_taker(item, rules[:place]) for item in rule.matches or _ALWAYS]
        names = [name for name in takers if name is not None]
        if len(names) == len(takers):
            yield place, sorted(set(names))


def _taker(item: Match, earlier: Sequence[Rule]) -> str | None:
    for rule in earlier:
        if any(implies(item, other) for other in rule.matches or _ALWAYS):
            return rule.name
    return None


def implies(item: Match, other: Match) -> bool:
    """Whether every request that `item` matches is one that `other` matches."""
    return (
        set(other.headers) <= set(item.headers)
        and other.tools in (None, item.tools)
        and _words_within(item, other)
        and _within(_tokens(item), _tokens(other))
        and _within(_complexity(item), _complexity(other))
    )


def _words_within(item: Match, other: Match) -> bool:
    """A bound on words, even an open one, asks for a message that has text."""
    if other.min_words is None and other.max_words is None:
        return True
    if item.min_words is None and item.max_words is None:
        return False
    return _within(
        _interval(item.min_words, item.max_words), _interval(other.min_words, other.max_words)
    )


def _tokens(item: Match) -> Interval:
    return _interval(item.min_input_tokens, item.max_input_tokens)


def _complexity(item: Match) -> Interval:
    low, high = _interval(*((b.min, b.max) if (b := item.complexity) else (None, None)))
    return max(low, 1), min(high, 5)


def _interval(low: int | None, high: int | None) -> Interval:
    return low or 0, math.inf if high is None else high


def _within(inner: Interval, outer: Interval) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
