"""The attempts of one request, as they are told: in order, by backend and class."""

from typing import Final

from outrider_sidecar.telemetry.record import Record

LONGEST: Final = 16


class Trail:
    """Writes `record.attempts`: `sonnet:Overloaded,sonnet-eu:ok;skipped=local:credential`."""

    __slots__ = ("_record", "_skipped", "_tried")

    def __init__(self, record: Record, skipped: tuple[tuple[str, str], ...]) -> None:
        self._record = record
        self._tried: list[tuple[str, str]] = []
        self._skipped = list(skipped)
        if skipped:
            self._write()

    def skip(self, backend: str, why: str) -> None:
        """A backend that was not called."""
        self._skipped.append((backend, why))
        self._write()

    def add(self, backend: str, cls: str) -> None:
        """A call, and the class it ended in or is thought to end in."""
        self._tried.append((backend, cls))
        self._write()

    def amend(self, cls: str) -> None:
        """The last call ended in another class than was thought when its answer began."""
        self._tried[-1] = (self._tried[-1][0], cls)
        self._write()

    def _write(self) -> None:
        text = ",".join([f"{backend}:{cls}" for backend, cls in self._tried[:LONGEST]])
        if self._skipped:
            text += ";skipped=" + ",".join([f"{name}:{why}" for name, why in self._skipped])
        self._record.attempts = text
