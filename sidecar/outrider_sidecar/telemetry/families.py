"""Metric families whose children are kept at hand and stay few.

Counting happens on the loop alone, so that a child is a plain number: what prometheus_client
would lock and check each time costs more than all else that is told of a request.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from itertools import accumulate
from typing import Final, Generic, TypeVar

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

MOST_CHILDREN: Final = 500
NONE: Final = "none"
OTHER: Final = "other"


class Count:
    """A number that rises."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1) -> None:
        """Raise it."""
        self.value += amount


class Spread:
    """How many values fell at or below each of the ascending `bounds`, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def buckets(self) -> tuple[list[tuple[str, int]], float]:
        """The cumulated counts by upper bound, the last one infinite, and the sum."""
        bounds = [*(repr(float(bound)) for bound in self._bounds), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True)), self._sum


M = TypeVar("M")


class Family(Generic[M]):
    """One metric's children by label values, made by `make`.

    `labels` are the label names in order. Above `MOST_CHILDREN` a new combination is counted
    as ``other`` in every label but ``route``.
    """

    __slots__ = ("_children", "_labels", "_make")

    def __init__(self, make: Callable[[], M], labels: tuple[str, ...]) -> None:
        self._make = make
        self._labels = labels
        self._children: dict[tuple[str, ...], M] = {}

    def child(self, *values: str) -> M:
        """The child with these label values, in the order of the labels."""
        child = self._children.get(values)
        return self._add(values) if child is None else child

    def forget(self, gone: Set[tuple[str, str]]) -> None:
        """Remove every child that carries one of these pairs of label and value."""
        for values in [key for key in self._children if not gone.isdisjoint(self._pairs(key))]:
            del self._children[values]

    def items(self) -> Iterator[tuple[tuple[str, ...], M]]:
        """The children with their label values."""
        return iter(self._children.items())

    def _add(self, values: tuple[str, ...]) -> M:
        if len(self._children) >= MOST_CHILDREN:
            values = tuple(
                value if label == "route" else OTHER
                for label, value in zip(self._labels, values, strict=True)
            )
        return self._children.setdefault(values, self._make())

    def _pairs(self, values: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        return zip(self._labels, values, strict=True)


class Counters(Family[Count]):
    """A counter; `name` is told with ``_total`` after it."""

    __slots__ = ("_name", "_text")

    def __init__(self, name: str, text: str, labels: tuple[str, ...]) -> None:
        super().__init__(Count, labels)
        self._name = name
        self._text = text

    def collect(self) -> Metric:
        """What a scrape reads."""
        metric = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, child in self.items():
            metric.add_metric(values, child.value)
        return metric


class Histograms(Family[Spread]):
    """A histogram with these upper `bounds`."""

    __slots__ = ("_name", "_text")

    def __init__(
        self, name: str, text: str, labels: tuple[str, ...], bounds: tuple[float, ...]
    ) -> None:
        super().__init__(lambda: Spread(bounds), labels)
        self._name = name
        self._text = text

    def collect(self) -> Metric:
        """What a scrape reads."""
        metric = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for values, child in self.items():
            metric.add_metric(values, *child.buckets())
        return metric


class Names:
    """The names that label values may come from, and since when others are gone.

    A value that left the snapshot keeps its children for `patience` seconds, so that the last
    scrape of them is not lost and a name that returns soon goes on counting.
    """

    def __init__(self, patience: float = 900.0) -> None:
        self._patience = patience
        self._now: Mapping[str, Set[str]] = {}
        self._gone: dict[tuple[str, str], float] = {}

    def replace(self, names: Mapping[str, Set[str]], moment: float) -> None:
        """Take over the names of a new snapshot, by label; `moment` in seconds."""
        for label, before in self._now.items():
            for value in before - names.get(label, frozenset()):
                self._gone[label, value] = moment
        for label, present in names.items():
            for value in present:
                self._gone.pop((label, value), None)
        self._now = names

    def expired(self, moment: float) -> Set[tuple[str, str]]:
        """The pairs of label and value gone for longer than the patience, told once."""
        old = {pair for pair, since in self._gone.items() if moment - since >= self._patience}
        for pair in old:
            del self._gone[pair]
        return old
