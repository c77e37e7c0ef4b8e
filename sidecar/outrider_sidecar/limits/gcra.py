"""The generic cell rate algorithm as a level that drains, in exact integers.

A request raises a subject's level by one, and the level drains at `limit` per window; what
would rise above `burst` is refused, so any time T admits at most burst + limit * T / window.
The state is the level and its moment, never a theoretical arrival time, so that it keeps its
meaning when the limit is edited or the subject changes tier. Levels are kept in parts: one
request is as many parts as the window has nanoseconds, which makes `limit` the parts that
drain in a nanosecond.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from outrider_sidecar.snapshot import Rate

NANOSECONDS: Final = 1_000_000_000


class Level(NamedTuple):
    """What a subject has used and not regained, in parts of `window_ns`, at `at_ns`."""

    parts: int
    at_ns: int
    window_ns: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """A rate in nanoseconds. `limit` 0 admits nothing."""

    limit: int
    window_ns: int
    burst: int

    @classmethod
    def of(cls, rate: Rate) -> "Bucket":
        """The bucket of a tier's rate."""
        return cls(rate.limit, rate.window_ms * NANOSECONDS // 1_000, rate.burst)

    def drained(self, level: Level | None, now_ns: int) -> int:
        """The parts of this bucket that `level` still holds at `now_ns`; rounded up when
        it was written under another window."""
        if level is None:
            return 0
        parts, at_ns, window_ns = level
        if window_ns != self.window_ns:
            parts = -(-parts * self.window_ns // window_ns)
        return max(0, parts - self.limit * max(0, now_ns - at_ns))

    def wait(self, level: Level | None, now_ns: int) -> int | None:
        """Nanoseconds until one more request is admitted, 0 for at once, None for never."""
        if self.limit <= 0 or self.burst < 1:
            return None
        over = self.drained(level, now_ns) + self.window_ns - self.burst * self.window_ns
        return 0 if over <= 0 else -(-over // self.limit)

    def take(self, level: Level | None, now_ns: int) -> Level:
        """The level with one request more, whether or not `wait` admits it."""
        return Level(self.drained(level, now_ns) + self.window_ns, now_ns, self.window_ns)

    def used(self, level: Level | None, now_ns: int) -> int:
        """Requests used and not regained, a part of one counting as one."""
        return -(-self.drained(level, now_ns) // self.window_ns)

    def emptied(self, level: Level) -> int:
        """The moment, in nanoseconds, at which nothing of `level` is left."""
        return level.at_ns + -(-level.parts // self.limit)
