"""Brings snapshots from a directory to `Current`, and remembers the one that runs.

    directory --(watch, and a look each second)--> bell --> read all, check --> current
                                                                           \\-> state directory

The directory is a mounted ConfigMap, whose `..data` link is swapped, or any directory with a
plain `snapshot.json`. One task reads; a change during a read rings the bell again.
"""

import asyncio
import logging
import threading
from pathlib import Path
from typing import Final

from watchfiles import watch

from outrider_sidecar.config import files
from outrider_sidecar.config.current import Current, Rejection, Source
from outrider_sidecar.config.files import Found
from outrider_sidecar.snapshot import SnapshotError

# Above this many bytes a snapshot is decoded and built in a thread.
_LARGE: Final = 256 * 1024
_WATCH_STEP_MS: Final = 10
_WATCH_DEBOUNCE_MS: Final = 100

logger = logging.getLogger(__name__)


class Loader:
    """Keeps `current` at the newest good snapshot of `directory`.

    What runs is written to `state_dir`, if given, for the next start. `period` is the seconds
    between two looks at the directory, whatever the watch says.
    """

    def __init__(
        self, directory: Path, state_dir: Path | None, current: Current, *, period: float = 1.0
    ) -> None:
        self._directory = directory
        self._state_dir = state_dir
        self._current = current
        self._period = period
        self._mark: files.Mark | None = None
        self._bell = asyncio.Event()
        self._rung = False
        self._unsaved: bytes | None = None
        self._save = asyncio.Event()
        self._save_problem = ""
        self._writing = threading.Lock()

    async def start(self) -> None:
        """Begin with the higher generation of directory and state, once, before serving."""
        mark = files.mark(self._directory)
        found = await asyncio.to_thread(files.read, self._directory)
        state = await self._remembered(_newest(found))
        refused = None if state is None else await self._apply(state, "state")
        if refused is not None:
            logger.warning("remembered snapshot ignored: %s", refused.reason)
        self._mark = mark
        await self._take(found)
        if self._current.table is None and not found:
            lack = "holds no snapshot.json" if self._directory.is_dir() else "is no directory"
            logger.warning("%s %s yet: waiting for it", self._directory, lack)

    async def run(self) -> None:
        """Follow the directory until cancelled; no content of it ends this."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch(), name="snapshot-watch")
                tasks.create_task(self._tick(), name="snapshot-tick")
                tasks.create_task(self._keep(), name="snapshot-state")
                while True:
                    await self._bell.wait()
                    await self.look()
        finally:
            self._write_state()

    async def look(self) -> None:
        """Read the directory if it changed since the last look, and apply what is newer.

        A watched change is read in any case: two writes may fall on one tick of the file
        system's clock.
        """
        self._bell.clear()
        mark, rung = files.mark(self._directory), self._rung
        if mark == self._mark and not rung:
            return
        self._mark, self._rung = mark, False
        size = sum(one[2] for one in mark if one is not None)
        if size > _LARGE:
            found = await asyncio.to_thread(files.read, self._directory)
        else:
            found = files.read(self._directory)
        await self._take(found)

    async def _take(self, found: tuple[Found, ...]) -> None:
        """Apply the newest of what was read. No file at all is no news."""
        if not found:
            self._current.reject(None)
            return
        newest = _newest(found)
        problem = next((one for one in found if one.snapshot is None), None)
        if problem is not None:
            self._current.reject(Rejection(problem.digest, "mount", problem.problem))
        refused = None if newest is None else await self._apply(newest, "mount")
        if problem is None or refused is not None:
            self._current.reject(refused)

    async def _apply(self, found: Found, source: Source) -> Rejection | None:
        """Make `found` run if it is wanted; why it cannot, when it cannot."""
        snapshot = found.snapshot
        if snapshot is None:
            return None
        try:
            if not self._current.wants(snapshot, source):
                return None
            if len(found.data) > _LARGE:
                table = await asyncio.to_thread(self._current.build, snapshot)
            else:
                table = self._current.build(snapshot)
        except SnapshotError as error:
            return Rejection(found.digest, source, str(error))
        self._current.put(table, source)
        if source != "state" and self._state_dir is not None:
            self._unsaved = found.data
            self._save.set()
        return None

    async def _remembered(self, mounted: Found | None) -> Found | None:
        """What the state directory holds: a good snapshot, another than the mounted one and of
        the same namespace, or None."""
        if self._state_dir is None:
            return None
        found = await asyncio.to_thread(files.read, self._state_dir)
        for one in found:
            if one.snapshot is None:
                logger.warning("remembered snapshot ignored: %s", one.problem)
        state = _newest(found)
        if state is None or mounted is None:
            return state
        ours, theirs = _namespace(state), _namespace(mounted)
        if ours != theirs:
            logger.warning(
                "remembered snapshot ignored: it is of namespace %s, the mounted one of %s",
                ours,
                theirs,
            )
            return None
        return None if state.data == mounted.data else state

    async def _watch(self) -> None:
        """Ring for every change in the directory, whenever there is one."""
        while True:
            inode = _inode(self._directory)
            if inode is not None:
                try:
                    await self._ring_for(inode)
                except OSError as error:
                    logger.warning(
                        "%s cannot be watched (%s): changes are seen within %g s instead",
                        self._directory,
                        error,
                        self._period,
                    )
                    return
            await asyncio.sleep(self._period)

    async def _ring_for(self, inode: int) -> None:
        """Ring until the directory is no longer the one with that inode."""
        loop, stop = asyncio.get_running_loop(), threading.Event()

        def heard() -> None:
            self._rung = True
            self._bell.set()
            if _inode(self._directory) != inode:
                stop.set()

        # One thread for good: a busy loop makes every step on it a wait of its own.
        def listen() -> None:
            for _ in watch(
                self._directory,
                watch_filter=None,
                debounce=_WATCH_DEBOUNCE_MS,
                step=_WATCH_STEP_MS,
                stop_event=stop,
                recursive=False,
            ):
                loop.call_soon_threadsafe(heard)

        try:
            await asyncio.to_thread(listen)
        finally:
            stop.set()

    async def _tick(self) -> None:
        while True:
            self._bell.set()
            await asyncio.sleep(self._period)

    async def _keep(self) -> None:
        """Write what runs to the state directory; of several in a row the last."""
        while True:
            await self._save.wait()
            self._save.clear()
            await asyncio.to_thread(self._write_state)

    def _write_state(self) -> None:
        with self._writing:
            data, self._unsaved = self._unsaved, None
            if data is None or self._state_dir is None:
                return
            problem = ""
            try:
                files.write(self._state_dir, data)
            except OSError as error:
                problem = str(error)
            if problem and problem != self._save_problem:
                logger.warning("the snapshot cannot be kept for the next start: %s", problem)
            self._save_problem = problem


def _newest(found: tuple[Found, ...]) -> Found | None:
    good = [one for one in found if one.snapshot is not None]
    return max(good, key=_generation, default=None)


def _generation(found: Found) -> int:
    return found.snapshot.generation if found.snapshot is not None else 0


def _namespace(found: Found) -> str:
    return found.snapshot.namespace if found.snapshot is not None else ""


def _inode(directory: Path) -> int | None:
    try:
        return directory.stat().st_ino
    except OSError:
        return None
