"""Which changes a snapshot has room for, when not for all of them."""

from collections.abc import Callable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=tuple[str, ...])
V = TypeVar("V")


def largest(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 0 to `limit` that fits, if what is smaller fits too.

    0 is taken for granted.
    """
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def fitted(
    wanted: Mapping[K, V], last: Mapping[K, V], fits: Callable[[Mapping[K, V]], bool]
) -> tuple[dict[K, V], list[K]]:
    """`last` with as many of the changes in `wanted`, in the order of their keys, as fit.

    Also the keys whose change did not fit. They are tried again after others were taken, since
    a change may make room; so nothing more fits on top of the result.
    """
    forms = dict(last)
    pending = [key for key in sorted(wanted) if wanted[key] != last.get(key)]
    while pending:
        forms, refused = _taken(pending, wanted, forms, fits)
        if len(refused) == len(pending):
            break
        pending = refused
    return forms, pending


def _taken(
    pending: list[K],
    wanted: Mapping[K, V],
    forms: dict[K, V],
    fits: Callable[[Mapping[K, V]], bool],
) -> tuple[dict[K, V], list[K]]:
    """One pass over `pending`: runs of changes that fit, and the ones between that do not."""

    def changed(count: int) -> dict[K, V]:
        return forms | {key: wanted[key] for key in pending[:count]}

    refused: list[K] = []
    while pending:
        run = largest(len(pending), lambda count: fits(changed(count)))
        forms = changed(run)
        refused += pending[run : run + 1]
        pending = pending[run + 1 :]
    return forms, refused
