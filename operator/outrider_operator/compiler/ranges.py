"""Which buckets belong to which version, and how few of them move when shares change."""

from collections.abc import Iterable, Mapping, Sequence

from outrider_sidecar.snapshot import BUCKETS

Range = tuple[int, int, str]


def canonical(shares: Mapping[str, int]) -> tuple[Range, ...]:
    """The ranges of a first split: ascending share, then name, so that the largest is last."""
    ranges, first = [], 0
    for share, name in sorted((share, name) for name, share in shares.items() if share):
        ranges.append((first, first + share - 1, name))
        first += share
    return tuple(ranges)


def reassigned(previous: Sequence[Range], shares: Mapping[str, int]) -> tuple[Range, ...]:
    """The ranges that give each version its share and move the fewest buckets off `previous`.

    The owner of the last bucket gives up its lowest buckets, every other shrinking version its
    highest; what is freed goes in ascending order to the growing versions in name order. So with
    two versions the one that does not own the last bucket keeps ``[0, share)`` throughout.
    Without a whole `previous` the ranges are canonical. The shares must sum to 10,000.
    """
    if not is_whole(previous):
        return canonical(shares)
    held = counts(previous)
    last_owner = previous[-1][2]
    surplus = {name: max(0, count - shares.get(name, 0)) for name, count in held.items()}
    kept: list[Range] = []
    freed: list[tuple[int, int]] = []
    for first, last, name in previous:
        if name == last_owner:
            given = min(surplus[name], last - first + 1)
            surplus[name] -= given
            freed.append((first, first + given - 1))
            kept.append((first + given, last, name))
    for first, last, name in reversed(previous):
        if name != last_owner:
            given = min(surplus[name], last - first + 1)
            surplus[name] -= given
            freed.append((last - given + 1, last))
            kept.append((first, last - given, name))
    return _merged(_non_empty(kept) + _dealt(sorted(freed), held, shares))


def is_whole(ranges: Sequence[Range]) -> bool:
    """Whether `ranges` cover the buckets 0 to 9,999 in order, each once."""
    expected = 0
    for first, last, _ in ranges:
        if first != expected or last < first:
            return False
        expected = last + 1
    return expected == BUCKETS


def counts(ranges: Iterable[Range]) -> dict[str, int]:
    """The number of buckets of each version."""
    result: dict[str, int] = {}
    for first, last, name in ranges:
        result[name] = result.get(name, 0) + last - first + 1
    return result


def moved(previous: Sequence[Range], current: Sequence[Range]) -> int:
    """How many buckets had one owner and have another; 0 when nothing was served before."""
    total, mine, other = 0, 0, 0
    while mine < len(previous) and other < len(current):
        first = max(previous[mine][0], current[other][0])
        last = min(previous[mine][1], current[other][1])
        if first <= last and previous[mine][2] != current[other][2]:
            total += last - first + 1
        mine_ends, other_ends = previous[mine][1] <= last, current[other][1] <= last
        mine, other = mine + mine_ends, other + other_ends
    return total


def _dealt(
    freed: Iterable[tuple[int, int]], held: Mapping[str, int], shares: Mapping[str, int]
) -> list[Range]:
    """The freed buckets, ascending, dealt to the growing versions in name order."""
    growing = ((name, shares[name] - held.get(name, 0)) for name in sorted(shares))
    wanting = ((name, need) for name, need in growing if need > 0)
    name, need = "", 0
    dealt: list[Range] = []
    for first, last in freed:
        while first <= last:
            if not need:
                name, need = next(wanting)
            taken = min(need, last - first + 1)
            dealt.append((first, first + taken - 1, name))
            first, need = first + taken, need - taken
    return dealt


def _non_empty(ranges: Iterable[Range]) -> list[Range]:
    return [entry for entry in ranges if entry[0] <= entry[1]]


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    result: list[Range] = []
    for first, last, name in sorted(ranges):
        if result and result[-1][2] == name:
            result[-1] = (result[-1][0], last, name)
        else:
            result.append((first, last, name))
    return tuple(result)
