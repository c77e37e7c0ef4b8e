"""Lines to a stream that may be slow, from a loop that must not wait for it."""

import asyncio
import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from typing import BinaryIO, Final

BOUND: Final = 8 * 1024 * 1024
DELAY: Final = 0.02

_QUIET: Final = 60.0

logger = logging.getLogger(__name__)


class Lines:
    """Writes lines in order, and drops rather than waits.

    `at_once` (a terminal, unless said otherwise) writes and flushes each line where it is
    called. Else lines are handed to one thread, those of `DELAY` seconds together, so that a
    reader sees them within that time and a reader that stalls holds up nobody: above `bound`
    bytes unwritten, lines are dropped. That is told when it begins, and anew when the reader has
    caught up meanwhile, at most once a minute by `clock`, with how many were dropped before.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        at_once: bool | None = None,
        bound: int = BOUND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._at_once = stream.isatty() if at_once is None else at_once
        self._bound = bound
        self._lines: list[bytes] = []
        self._taken = 0
        self._written = 0
        self._timer: asyncio.TimerHandle | None = None
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failed = False
        self._clock = clock
        self._dropped = 0
        self._behind = False
        self._silent_until = -math.inf

    def write(self, line: bytes) -> None:
        """Write one line, its newline included; called on the loop's thread."""
        if self._at_once:
            self._send(line)
        elif self._taken - self._written + len(line) > self._bound:
            self._drop()
        else:
            if self._taken == self._written:
                self._behind = False
            self._lines.append(line)
            self._taken += len(line)
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(DELAY, self._hand_over)

    def close(self, patience: float = 2.0) -> None:
        """Write what is left, waiting `patience` seconds at most for a slow reader."""
        if self._timer is not None:
            self._timer.cancel()
            self._hand_over()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(patience)
            self._thread = None

    def _drop(self) -> None:
        if not self._behind and (now := self._clock()) >= self._silent_until:
            self._behind = True
            self._silent_until = now + _QUIET
            before = f"; {self._dropped} were before" if self._dropped else ""
            logger.warning("log lines are dropped: what reads them does not keep up%s", before)
        self._dropped += 1

    def _hand_over(self) -> None:
        self._timer = None
        self._queue.put(b"".join(self._lines))
        self._lines.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (chunk := self._queue.get()) is not None:
            self._send(chunk)
            self._written += len(chunk)

    def _send(self, chunk: bytes) -> None:
        try:
            self._stream.write(chunk)
            self._stream.flush()
        except (OSError, ValueError) as error:
            if not self._failed:
                self._failed = True
                logger.warning("log lines are lost: %s", error)
        else:
            self._failed = False
