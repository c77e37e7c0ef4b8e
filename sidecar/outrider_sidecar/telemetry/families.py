"""Metric families whose children are kept at hand and stay few."""

from collections.abc import Iterable, Mapping, Set
from typing import Final, Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram

MOST_CHILDREN: Final = 500
NONE: Final = "none"
OTHER: Final = "other"

M = TypeVar("M", Counter, Gauge, Histogram)


class Family(Generic[M]):
    """One metric and its children by label values.

    `labels` are the metric's label names in order. Above `MOST_CHILDREN` a new combination is
    counted as ``other`` in every label but ``route``.
    """

    __slots__ = ("_children", "_labels", "_metric")

    def __init__(self, metric: M, labels: tuple[str, ...]) -> None:
        self._metric: M = metric
        self._labels = labels
        self._children: dict[tuple[str, ...], M] = {}

    def child(self, *values: str) -> M:
        """The child with these label values, in the order of the labels."""
        child = self._children.get(values)
        return self._make(values) if child is None else child

    def forget(self, gone: Set[tuple[str, str]]) -> None:
        """Remove every child that carries one of these pairs of label and value."""
        for values in [key for key in self._children if not gone.isdisjoint(self._pairs(key))]:
            del self._children[values]
            self._metric.remove(*values)

    def _make(self, values: tuple[str, ...]) -> M:
        if len(self._children) >= MOST_CHILDREN:
            values = tuple(
                value if label == "route" else OTHER
                for label, value in zip(self._labels, values, strict=True)
            )
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = self._metric.labels(*values)
        return child

    def _pairs(self, values: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        return zip(self._labels, values, strict=True)


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
