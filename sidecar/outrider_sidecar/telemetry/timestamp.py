"""Moments as the log and the endpoints spell them: RFC 3339, UTC, milliseconds."""

import time


class Timestamps:
    """Spells unix seconds; the part that changes once a second is kept."""

    __slots__ = ("_prefix", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def of(self, now: float) -> str:
        """``2026-11-20T12:01:07.842Z``."""
        second = int(now)
        if second != self._second:
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._prefix}.{int((now - second) * 1000):03d}Z"
