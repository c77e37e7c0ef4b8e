"""Where a request is told: counted, logged, and handed to whoever listens."""

import logging
from collections.abc import Callable

from outrider_sidecar.config.current import Current
from outrider_sidecar.snapshot import Snapshot
from outrider_sidecar.telemetry.hashes import Hasher
from outrider_sidecar.telemetry.health import Health
from outrider_sidecar.telemetry.log import AccessLog
from outrider_sidecar.telemetry.metrics import Metrics
from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.telemetry.requestid import new_id

logger = logging.getLogger(__name__)

Sink = Callable[[Record], None]


class Telemetry:
    """Metrics, health figures and the access log of one sidecar.

    `log` None writes no line. ``sinks`` are called with each finished record, on the loop, and
    must be quick. `follow` keeps names and generation those of what runs.
    """

    def __init__(self, log: AccessLog | None, hasher: Hasher | None = None) -> None:
        self.metrics = Metrics()
        self.health = Health()
        self.hasher = hasher or Hasher()
        self.log = log
        self.sinks: list[Sink] = []
        self._namespace = ""
        self._failed = False
        self._named: Snapshot | None = None
        if log is not None and not self.hasher.lasting:
            logger.info(
                "no data-key: users and sessions are hashed with a key of this process, so their "
                "ids in the log change with a restart"
            )

    def begin(self) -> Record:
        """A record with a fresh id, its clock running."""
        return Record(new_id())

    def attempt(self, route: str, backend: str, model: str | None, cls: str) -> None:
        """Count one upstream call by what the backend did."""
        self.metrics.attempt(route, backend, model, cls)

    def finish(self, record: Record) -> None:
        """Stop the record's clock and tell it everywhere; to be called once.

        Never raises: the request is over. The first failure to tell one is logged, and that alone.
        """
        record.finish()
        try:
            self._tell(record)
        except Exception:
            if not self._failed:
                self._failed = True
                logger.exception("request %s could not be told", record.request_id)

    def _tell(self, record: Record) -> None:
        self.metrics.request(record)
        self.health.add(record)
        if self.log is not None:
            self.log.write(record, self._namespace)
        for sink in self.sinks:
            sink(record)

    def follow(self, current: Current) -> None:
        """A listener of `current`: shows its generation and source, and takes its names."""
        table = current.table
        degraded = current.rejected is not None or bool(table is not None and table.refused)
        if table is None:
            self.metrics.config(0, current.source, degraded=degraded)
            return
        self.metrics.config(table.generation, current.source, degraded=degraded)
        if table.snapshot is not self._named:
            self._named = table.snapshot
            self._namespace = table.snapshot.namespace
            self.metrics.names(table.snapshot)
            self.health.retain(table.routes)

    def close(self) -> None:
        """Write the lines that are left."""
        if self.log is not None:
            self.log.close()
