"""Which changes a snapshot has room for, when not for all of them."""

from collections.abc import Callable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=tuple[str, ...])
V = TypeVar("V")


def largest(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 0 to `limit` that fits, if what is smaller fits too.

    0 is taken for granted. The number of questions grows with the logarithm of the answer.
    """
    low, high = 0, min(1, limit)
    while high < limit and fits(high):
        low, high = high, min(2 * high, limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def fitted(
    wanted: Mapping[K, V],
    last: Mapping[K, V],
    size: Callable[[V], int],
    fits: Callable[[Mapping[K, V]], bool],
) -> tuple[dict[K, V], list[K]]:
    """`last` with as many of the changes in `wanted`, in the order of their keys, as fit.

    Also the keys whose change did not. What grows by nothing in `size` is always taken, and what
    grows by more than nine tenths of a change that had no room is not tried: the number of
    questions stays small however much there is. The refused are tried again after others were
    taken, so the result stays what it is when it becomes `last`.
    """
    grown = {
        key: size(form) - (size(last[key]) if key in last else 0)
        for key, form in wanted.items()
        if form != last.get(key)
    }
    forms = dict(last) | {key: wanted[key] for key, more in grown.items() if more <= 0}
    pending = sorted(key for key, more in grown.items() if more > 0)
    while pending:
        forms, refused = _taken(pending, wanted, grown, forms, fits)
        if len(refused) == len(pending):
            break
        pending = refused
    return forms, pending


def _taken(
    pending: list[K],
    wanted: Mapping[K, V],
    grown: Mapping[K, int],
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
        if run == len(pending):
            break
        room = grown[pending[run]] * 9 // 10
        refused.append(pending[run])
        refused += [key for key in pending[run + 1 :] if grown[key] > room]
        pending = [key for key in pending[run + 1 :] if grown[key] <= room]
    return forms, sorted(refused)
