"""A hundred thousand users fall where the published formula says, to the last one."""

import hashlib

import pytest

from outrider_sidecar.prompts.split import Split, bucket_of

USERS = [f"user-{number}" for number in range(100_000)]
SALT = "shop/support-answer"
Ranges = tuple[tuple[int, int, str], ...]


def buckets(salt: str) -> list[int]:
    """The formula of docs/split.md in other operations: hexadecimal text and a division."""
    start = hashlib.sha256(salt.encode() + b"\x1f")
    found = []
    for user in USERS:
        rest = start.copy()
        rest.update(user.encode())
        found.append(int(rest.hexdigest()[:16], 16) * 10_000 // 2**64)
    return found


@pytest.fixture(scope="module")
def predicted() -> list[int]:
    return buckets(SALT)


@pytest.mark.parametrize(
    "ranges",
    [
        ((0, 9999, "v7"),),
        ((0, 499, "v8"), (500, 9999, "v7")),
        ((0, 0, "v8"), (1, 9999, "v7")),
        (
            (0, 2499, "b"),
            (2500, 3332, "d"),
            (3333, 5832, "c"),
            (5833, 7499, "d"),
            (7500, 9999, "a"),
        ),
    ],
    ids=lambda ranges: f"{len(ranges)} ranges",
)
def test_every_one_of_100_000_users_has_the_version_that_the_formula_predicts(
    ranges: Ranges, predicted: list[int]
) -> None:
    split = Split(SALT, ranges)
    owners = [name for first, last, name in ranges for _ in range(first, last + 1)]
    dealt = [split.owner(bucket_of(split.salt, user)) for user in USERS]
    assert dealt == [owners[bucket] for bucket in predicted]


def test_shares_of_100_000_users_are_near_what_was_asked(predicted: list[int]) -> None:
    canary = sum(bucket < 500 for bucket in predicted)
    assert canary == 5_019
    assert abs(canary - 5_000) < 4 * (100_000 * 0.05 * 0.95) ** 0.5


def test_every_bucket_has_users_and_none_has_too_many(predicted: list[int]) -> None:
    filled = [predicted.count(bucket) for bucket in (0, 499, 500, 5_000, 9_999)]
    assert set(predicted) <= set(range(10_000))
    assert len(set(predicted)) > 9_990
    assert all(0 < users < 30 for users in filled)


def test_who_is_early_in_one_prompt_is_not_who_is_early_in_another(predicted: list[int]) -> None:
    other = buckets("shop/greeting")
    both = sum(one < 500 and two < 500 for one, two in zip(predicted, other, strict=True))
    assert abs(both - 250) < 4 * 250**0.5
