"""What the sidecar runs now: one reference, replaced whole when a newer snapshot comes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from outrider_sidecar.routing.table import Table
from outrider_sidecar.snapshot import Snapshot, SnapshotError

Source: TypeAlias = Literal["mount", "state", "process", "plane"]

_FROM_FILES: Final = frozenset({"mount", "state"})
_REMEMBERED: Final = 64

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rejection:
    """A snapshot that cannot run: the digest of what was read, where from, and why."""

    digest: str
    source: Source
    reason: str


class Current:
    """The table in use. A request takes `table` once and keeps it to its end.

    ``source`` says where the table came from ('' before the first). ``rejected`` is the bad
    snapshot that stands where a good one should, None when there is none. Each of
    ``listeners`` is called with this object after either of them changed, and must not raise.
    """

    def __init__(self) -> None:
        self.table: Table | None = None
        self.source: Source | Literal[""] = ""
        self.rejected: Rejection | None = None
        self.listeners: list[Callable[[Current], None]] = []
        self._reported: dict[str, None] = {}

    def wants(self, snapshot: Snapshot, source: Source) -> bool:
        """Whether `snapshot` is to replace what runs: a higher generation is, and from files
        an equal one with another digest.

        Raises `SnapshotError` for one of another namespace: its salts and limits are others.
        """
        if self.table is None:
            return True
        running = self.table.snapshot
        if snapshot.namespace != running.namespace:
            raise SnapshotError(
                f"the snapshot is of namespace {snapshot.namespace!r} and this sidecar serves "
                f"{running.namespace!r}: mount its own, or restart it to serve another"
            )
        if snapshot.generation == running.generation:
            return source in _FROM_FILES and snapshot.digest != running.digest
        return snapshot.generation > running.generation

    def apply(self, snapshot: Snapshot, source: Source) -> bool:
        """Run `snapshot` if it is wanted and say whether it now runs.

        Raises `SnapshotError` when it cannot run; the last good one stays.
        """
        if not self.wants(snapshot, source):
            return False
        self.put(self.build(snapshot), source)
        return True

    def build(self, snapshot: Snapshot) -> Table:
        """The table of `snapshot` beside the present one; pure, so it may run in a thread.

        Raises `SnapshotError` when it cannot be built.
        """
        try:
            return Table.build(snapshot, self.table)
        except Exception as error:
            raise SnapshotError(f"the snapshot cannot be built: {error}") from error

    def put(self, table: Table, source: Source) -> None:
        """Replace what runs and tell the listeners."""
        self.table = table
        self.source = source
        if table.refused:
            logger.warning(
                "routes %s of generation %d need features that this sidecar lacks; each keeps "
                "its last form: restart the pod to get a newer sidecar",
                ", ".join(sorted(table.refused)),
                table.generation,
            )
        self._tell()

    def reject(self, rejection: Rejection | None) -> None:
        """Note the bad snapshot that was found, or with None that none is left.

        A digest is logged once, however often it is met.
        """
        if rejection == self.rejected:
            return
        self.rejected = rejection
        if rejection is not None and rejection.digest not in self._reported:
            self._reported[rejection.digest] = None
            if len(self._reported) > _REMEMBERED:
                self._reported.pop(next(iter(self._reported)))
            logger.error(
                "snapshot from %s refused: %s; generation %d stays",
                rejection.source,
                rejection.reason,
                self.table.generation if self.table is not None else 0,
            )
        self._tell()

    def _tell(self) -> None:
        for listener in self.listeners:
            listener(self)
