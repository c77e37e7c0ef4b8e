"""The reconcile queue: client-go's promises, with a debounce.

A key is never worked on twice at once. A key added while it is worked on is worked once more
afterwards. A key is handed out after it was quiet for a while, or, when it never is, after a
longest wait. A key that failed comes back later each time, until it is forgotten.
"""

import asyncio
import contextlib
from typing import Final

QUIET_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 2.0
FIRST_RETRY_SECONDS: Final = 0.005
LAST_RETRY_SECONDS: Final = 60.0


class Schedule:
    """Which key is due when. Pure: times are given, in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._working: set[str] = set()
        self._failures: dict[str, int] = {}

    def add(self, key: str, now: float) -> None:
        """Something about `key` changed."""
        first = self._first.setdefault(key, now)
        self._due[key] = min(now + QUIET_SECONDS, first + LONGEST_SECONDS)

    def retry(self, key: str, now: float) -> None:
        """`key` failed: come back to it later. News brings it back sooner."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        wait = min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 32), LAST_RETRY_SECONDS)
        if key not in self._due:
            self._due[key] = now + wait

    def forget(self, key: str) -> None:
        """`key` went well: its next failure is a first one."""
        self._failures.pop(key, None)

    def take(self, now: float) -> str | None:
        """The key that is due longest and is not worked on, now marked as worked on."""
        ready = [
            (due, key) for key, due in self._due.items() if due <= now and key not in self._working
        ]
        if not ready:
            return None
        _, key = min(ready)
        del self._due[key]
        self._first.pop(key, None)
        self._working.add(key)
        return key

    def done(self, key: str) -> None:
        """The work on `key` has ended, well or not."""
        self._working.discard(key)

    def next_due(self) -> float | None:
        """When the next key is due that is not worked on."""
        return min(
            (due for key, due in self._due.items() if key not in self._working), default=None
        )

    def __len__(self) -> int:
        return len(self._due)


class Queue:
    """A `Schedule` for asyncio: workers wait in `get` until a key is due."""

    def __init__(self) -> None:
        self._schedule = Schedule()
        self._news = asyncio.Event()
        self._closed = False

    def add(self, key: str) -> None:
        """Something about `key` changed."""
        self._schedule.add(key, self._now())
        self._news.set()

    async def get(self) -> str | None:
        """The next key to work on; None once the queue is closed. Call `done` after it."""
        while not self._closed:
            now = self._now()
            key = self._schedule.take(now)
            if key is not None:
                return key
            due = self._schedule.next_due()
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else max(0.0, due - now)):
                    await self._news.wait()
        return None

    def succeeded(self, key: str) -> None:
        """The work on `key` went well."""
        self._schedule.forget(key)
        self._ended(key)

    def failed(self, key: str) -> None:
        """The work on `key` failed and will be tried again."""
        self._schedule.retry(key, self._now())
        self._ended(key)

    def close(self) -> None:
        """No more keys are handed out; work that runs may end."""
        self._closed = True
        self._news.set()

    def __len__(self) -> int:
        return len(self._schedule)

    def _ended(self, key: str) -> None:
        self._schedule.done(key)
        self._news.set()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
