"""The one timer of an attempt."""

import asyncio
import math
from types import TracebackType


class Deadline:
    """Ends the waits of one attempt: what is awaited past its end raises `TimeoutError`.

    Used as a context manager around a wait (`with deadline:`) after `within` or `until` has
    set its end. The timer is set again only when it fires too early or would fire too late,
    so a stream of many reads costs a handful of timers.
    """

    __slots__ = ("_end", "_expired", "_fires", "_handle", "_loop", "_task")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._fires = math.inf
        self._task: asyncio.Task[object] | None = None
        self._expired = False

    def now(self) -> float:
        """The loop's time in seconds, as `until` takes it."""
        return self._loop.time()

    def within(self, milliseconds: int) -> None:
        """Sets the end: `milliseconds` from now."""
        self._end = self._loop.time() + milliseconds / 1000

    def until(self, moment: float) -> None:
        """Sets the end: a moment of the loop's clock."""
        self._end = moment

    def drop(self) -> None:
        """Forgets the timer; the last thing to do."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
            self._fires = math.inf

    def __enter__(self) -> None:
        self._task = asyncio.current_task(self._loop)
        if self._fires > self._end:
            self._arm()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if self._expired and task is not None:
            self._expired = False
            # The count stays above zero when somebody else cancelled the task as well.
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._fires = self._end
        self._handle = self._loop.call_at(self._end, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._fires = math.inf
        if self._task is None:
            return
        if self._loop.time() < self._end:
            self._arm()
            return
        self._expired = True
        self._task.cancel()
