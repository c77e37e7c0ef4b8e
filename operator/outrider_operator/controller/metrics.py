"""The controller's metrics, by their promised names."""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One registry. `list_ages` and `queue_depth` are read when somebody scrapes."""

    def __init__(self) -> None:
        without_created: Any = prometheus_client.disable_created_metrics
        without_created()
        self.registry = CollectorRegistry()
        self._reconcile = Histogram(
            "outrider_reconcile_seconds",
            "Bringing one namespace up to date, by result.",
            ["result"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._published = Counter(
            "outrider_published",
            "Snapshots written.",
            ["resource_namespace"],
            registry=self.registry,
        )
        self._bytes = Gauge(
            "outrider_snapshot_bytes",
            "Stored bytes of a namespace's snapshot.",
            ["resource_namespace"],
            registry=self.registry,
        )
        self._generation = Gauge(
            "outrider_snapshot_generation",
            "Generation of a namespace's snapshot.",
            ["resource_namespace"],
            registry=self.registry,
        )

    def watch(
        self, list_ages: Callable[[], dict[str, float]], queue_depth: Callable[[], int]
    ) -> None:
        """Export what others measure."""
        self.registry.register(_Live(list_ages, queue_depth))

    def reconciled(self, result: str, since: float) -> None:
        """One reconcile ended; `since` is its start by `time.perf_counter`."""
        self._reconcile.labels(result).observe(time.perf_counter() - since)

    def published(self, namespace: str, size: int, generation: int) -> None:
        """A snapshot of so many bytes was written."""
        self._published.labels(namespace).inc()
        self.holds(namespace, size, generation)

    def holds(self, namespace: str, size: int, generation: int) -> None:
        """A namespace's snapshot as it is stored."""
        self._bytes.labels(namespace).set(size)
        self._generation.labels(namespace).set(generation)

    def forget(self, namespace: str) -> None:
        """A namespace has no snapshot any more."""
        for family in (self._published, self._bytes, self._generation):
            family.remove_by_labels({"resource_namespace": namespace})

    def exposition(self) -> bytes:
        """The text format."""
        return prometheus_client.generate_latest(self.registry)


class _Live(Collector):
    def __init__(
        self, list_ages: Callable[[], dict[str, float]], queue_depth: Callable[[], int]
    ) -> None:
        self._list_ages = list_ages
        self._queue_depth = queue_depth

    def collect(self) -> Iterable[Metric]:
        ages = GaugeMetricFamily(
            "outrider_list_age_seconds", "Since the last complete LIST of a kind.", labels=["kind"]
        )
        for kind, age in self._list_ages().items():
            ages.add_metric([kind], age)
        yield ages
        yield GaugeMetricFamily(
            "outrider_queue_depth",
            "Namespaces waiting to be brought up to date.",
            value=self._queue_depth(),
        )
