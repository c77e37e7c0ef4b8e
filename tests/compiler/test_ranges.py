"""Canonical ranges and least movement."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_operator.compiler.goals import goals, percent
from outrider_operator.compiler.ranges import (
    Range,
    canonical,
    counts,
    is_whole,
    moved,
    reassigned,
)

NAMES = ["a", "b", "c", "d", "e"]
weights = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 10_000), min_size=1).filter(
    lambda given: sum(given.values()) > 0
)


def present(shares: Mapping[str, int]) -> dict[str, int]:
    return {name: share for name, share in shares.items() if share}


def owners(ranges: Sequence[Range]) -> list[str]:
    return [name for first, last, name in ranges for _ in range(first, last + 1)]


def dealt_bucket_by_bucket(previous: Sequence[Range], shares: Mapping[str, int]) -> list[str]:
    """The rule of the design, spelled over single buckets."""
    buckets: list[str | None] = list(owners(previous))
    last_owner = buckets[-1]
    for name in set(owners(previous)):
        mine = [index for index, owner in enumerate(buckets) if owner == name]
        surplus = max(0, len(mine) - shares.get(name, 0))
        given_up = mine[:surplus] if name == last_owner else mine[len(mine) - surplus :]
        for index in given_up:
            buckets[index] = None
    free = iter([index for index, owner in enumerate(buckets) if owner is None])
    for name in sorted(shares):
        for _ in range(shares[name] - buckets.count(name)):
            buckets[next(free)] = name
    return [owner for owner in buckets if owner is not None]


@given(weights)
def test_goals_sum_to_all_buckets_and_are_within_one_of_the_exact_share(
    given: dict[str, int],
) -> None:
    result = goals(given)
    total = sum(given.values())
    assert sum(result.values()) == 10_000
    assert all(abs(result[name] * total - given[name] * 10_000) < total for name in given)


@given(weights)
def test_a_larger_weight_never_has_a_smaller_goal(given: dict[str, int]) -> None:
    result = goals(given)
    assert all(
        result[one] >= result[other]
        for one in given
        for other in given
        if given[one] > given[other]
    )


@given(weights, st.sampled_from(NAMES), st.integers(1, 10_000))
def test_raising_a_weight_never_lowers_its_own_goal(
    given: dict[str, int], name: str, more: int
) -> None:
    raised = given | {name: given.get(name, 0) + more}
    assert goals(raised)[name] >= goals(given).get(name, 0)


@given(weights, st.integers(2, 7))
def test_only_the_ratio_of_weights_counts(given: dict[str, int], times: int) -> None:
    assert goals({name: weight * times for name, weight in given.items()}) == goals(given)


def test_remainders_go_to_the_largest_and_ties_to_the_first_name() -> None:
    assert goals({"c": 1, "a": 1, "b": 1}) == {"a": 3334, "b": 3333, "c": 3333}
    assert goals({"v7": 19, "v8": 4}) == {"v7": 8261, "v8": 1739}


def test_no_weight_anywhere_asks_for_nothing() -> None:
    assert goals({"v7": 0, "v8": 0}) == {"v7": 0, "v8": 0}


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (1, "0.01%"),
        (10, "0.1%"),
        (500, "5%"),
        (1739, "17.39%"),
        (2000, "20%"),
        (9990, "99.9%"),
        (10_000, "100%"),
    ],
)
def test_shares_are_printed_with_at_most_two_decimals(share: int, text: str) -> None:
    assert percent(share) == text


def test_the_first_split_puts_the_largest_share_last() -> None:
    assert canonical({"v7": 8000, "v8": 1500, "v6": 500}) == (
        (0, 499, "v6"),
        (500, 1999, "v8"),
        (2000, 9999, "v7"),
    )
    assert canonical({"b": 5000, "a": 5000}) == ((0, 4999, "a"), (5000, 9999, "b"))


@given(weights)
def test_a_first_split_is_whole_and_exact(given: dict[str, int]) -> None:
    ranges = canonical(goals(given))
    assert is_whole(ranges)
    assert counts(ranges) == present(goals(given))


@given(st.lists(weights, min_size=2, max_size=5))
def test_a_change_moves_the_fewest_buckets_there_can_be(history: list[dict[str, int]]) -> None:
    ranges = canonical(goals(history[0]))
    for step in history[1:]:
        shares = goals(step)
        following = reassigned(ranges, shares)
        growth = sum(max(0, share - counts(ranges).get(name, 0)) for name, share in shares.items())
        assert is_whole(following)
        assert counts(following) == present(shares)
        assert moved(ranges, following) == growth
        assert sum(a != b for a, b in zip(owners(ranges), owners(following), strict=True)) == growth
        ranges = following


@given(weights, weights, weights)
def test_ranges_follow_the_rule_bucket_by_bucket(
    first: dict[str, int], second: dict[str, int], third: dict[str, int]
) -> None:
    ranges = reassigned(canonical(goals(first)), goals(second))
    assert owners(reassigned(ranges, goals(third))) == dealt_bucket_by_bucket(ranges, goals(third))


@given(weights, weights)
def test_equal_shares_move_nobody(first: dict[str, int], second: dict[str, int]) -> None:
    ranges = reassigned(canonical(goals(first)), goals(second))
    assert reassigned(ranges, goals(second)) == ranges
    assert moved(ranges, ranges) == 0


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_with_two_versions_raising_the_canary_moves_nobody_off_it(one: int, other: int) -> None:
    low, high = sorted((one, other))
    before = owners(reassigned(((0, 9999, "stable"),), {"canary": low, "stable": 10_000 - low}))
    after = owners(
        reassigned(
            reassigned(((0, 9999, "stable"),), {"canary": low, "stable": 10_000 - low}),
            {"canary": high, "stable": 10_000 - high},
        )
    )
    assert before == ["canary"] * low + ["stable"] * (10_000 - low)
    assert after == ["canary"] * high + ["stable"] * (10_000 - high)


def test_ranges_that_are_not_whole_are_dealt_afresh() -> None:
    shares = {"v7": 9500, "v8": 500}
    for broken in [(), ((0, 9998, "v7"),), ((0, 5000, "v7"), (5000, 9999, "v8"))]:
        assert reassigned(broken, shares) == canonical(shares)


def test_a_first_split_moves_nobody() -> None:
    assert moved((), canonical({"v7": 10_000})) == 0
