"""The subjects of one policy: who has used what, in bounded memory and without their names."""

import hashlib
from typing import Final

from outrider_sidecar.limits.gcra import Level

BOUND: Final = 65_536
UNKNOWN: Final = b"unknown"

_LOOKED_AT: Final = 4


class Use:
    """What one subject has used: its level, its open requests and when the level is empty."""

    __slots__ = ("empty_ns", "level", "open")

    def __init__(self) -> None:
        self.level: Level | None = None
        self.open = 0
        self.empty_ns = 0

    def idle(self, now_ns: int) -> bool:
        """Whether forgetting it would change no decision."""
        return self.open == 0 and self.empty_ns <= now_ns


def digest(subject: str) -> bytes:
    """Stands for a subject's value, which is never kept itself."""
    return hashlib.blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Subjects:
    """Uses by subject, `bound` of them at most.

    Each newcomer makes a few of the oldest be looked at: the idle ones are forgotten, the
    others move to the end of the queue. When it is full of subjects that are not idle, all
    newcomers count together as ``crowd``: inventing names gains nobody a fresh limit.
    """

    def __init__(self, bound: int = BOUND) -> None:
        self._bound = bound
        self._uses: dict[bytes, Use] = {}
        self.crowd = Use()

    def __len__(self) -> int:
        return len(self._uses)

    def look(self, subject: bytes, now_ns: int) -> Use:
        """The use to decide by: the subject's own, a fresh one not yet kept, or the crowd's."""
        use = self._uses.get(subject)
        if use is not None:
            return use
        self._forget(now_ns)
        return Use() if len(self._uses) < self._bound else self.crowd

    def keep(self, subject: bytes, use: Use) -> None:
        """Remember what `look` returned, now that it holds something."""
        if use is not self.crowd:
            self._uses.setdefault(subject, use)

    def _forget(self, now_ns: int) -> None:
        for _ in range(min(_LOOKED_AT, len(self._uses))):
            subject = next(iter(self._uses))
            use = self._uses.pop(subject)
            if not use.idle(now_ns):
                self._uses[subject] = use
