"""Local mode: manifests of this machine served by the proxy itself, edits live as they are saved.

Only the source of the resources differs from a cluster: the compiler, the snapshot and the proxy
are the same.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

from watchfiles import awatch
from watchfiles.main import FileChange

from outrider_operator.dev.lines import edit_line
from outrider_operator.dev.namespace import choose
from outrider_operator.dev.workspace import Finding, Workspace, load
from outrider_operator.resources.resource import Resource
from outrider_sidecar import snapshot
from outrider_sidecar.config.current import Current
from outrider_sidecar.snapshot import Snapshot

QUIET_MS: Final = 20
LONGEST_MS: Final = 200

_LOOK_MS: Final = 1_000

Say = Callable[[str], None]
Stamps = tuple[tuple[str, int, int], ...]


class Local:
    """One namespace of some manifests, compiled into a `Current` again and again.

    `say` is given one line for each edit that is live and each finding that is new.
    """

    def __init__(self, current: Current, namespace: str | None, say: Say) -> None:
        self._current = current
        self._wanted = namespace
        self._say = say
        self._published: dict[str, Snapshot] = {}
        self._resources: tuple[Resource, ...] = ()
        self._stamps: Stamps = ()
        self._told: frozenset[Finding] = frozenset()
        self.namespace = ""

    @property
    def served(self) -> Snapshot:
        """What is served of the namespace; raises KeyError before the first `publish`."""
        return self._published[self.namespace]

    def publish(self, workspace: Workspace, began: float) -> bool:
        """Serve the workspace; says what moved, and False when nothing did.

        `began` is the `time.perf_counter` moment of the edit. Raises AmbiguousNamespaceError
        when nothing is served yet and there is not one namespace to choose.
        """
        self._tell(workspace.findings)
        if not self.namespace:
            self.namespace = choose(workspace.namespaces, self._wanted)
        sealed = workspace.compiled.snapshots.get(self.namespace)
        if sealed is None:
            return False
        before = self._published.get(self.namespace)
        if before is not None and before.digest == sealed.digest:
            return False
        stamped = snapshot.stamp(sealed, before.generation if before else 0, time.time())
        self._published[self.namespace] = stamped
        self._current.apply(stamped, "process")
        self._say(edit_line(before, stamped, (time.perf_counter() - began) * 1000))
        return True

    def read(self, paths: Sequence[Path]) -> Workspace:
        """The manifests under `paths`, compiled upon what is served.

        Of a file that cannot be read right now, what was last read of it counts.
        """
        self._stamps = _stamps(paths)
        read = load(paths, self._published, self._resources)
        self._resources = read.resources
        return read

    async def watch(self, paths: Sequence[Path], stop: asyncio.Event) -> None:
        """Serve each saved edit until `stop`; a broken one is told and the last good stays.

        The kernel tells of most edits at once. What it does not tell, of a directory that took
        another's place or lies on another machine, is found by looking once a second.
        """
        watched = {path if path.is_dir() else path.parent for path in paths}
        while not stop.is_set():
            with contextlib.suppress(OSError):
                async for changes in awatch(
                    *watched,
                    step=QUIET_MS,
                    debounce=LONGEST_MS,
                    stop_event=stop,
                    rust_timeout=_LOOK_MS,
                    yield_on_timeout=True,
                    recursive=False,
                ):
                    await self._look(paths, changes)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_MS / 1000)
            await self._look(paths, ())

    async def _look(self, paths: Sequence[Path], changes: Collection[FileChange]) -> None:
        if changes or await asyncio.to_thread(_stamps, paths) != self._stamps:
            await self._edit(paths, _age(path for _, path in changes))

    async def _edit(self, paths: Sequence[Path], age: float) -> None:
        """Serve what is on disk, `age` seconds after it was saved."""
        began = time.perf_counter() - age
        workspace = await asyncio.to_thread(self.read, paths)
        broken = {one for one in workspace.problems if one not in self._told}
        if not self.publish(workspace, began) and broken:
            table = self._current.table
            self._say(f"generation {table.generation if table else 0} stays as it is")

    def _tell(self, findings: Sequence[Finding]) -> None:
        now = frozenset(findings)
        for finding in sorted(now - self._told):
            self._say(str(finding))
        mended = sum(finding.severity == "problem" for finding in self._told - now)
        if mended and not any(finding.severity == "problem" for finding in now):
            self._say("all problems are mended")
        self._told = now


def _age(paths: Iterable[str]) -> float:
    """Seconds since the newest of these files was saved, 0 when none tells.

    A file that comes with an old date, from version control say, was not saved at that moment.
    """
    ages = []
    for path in paths:
        with contextlib.suppress(OSError):
            ages.append(time.time() - os.stat(path).st_mtime)
    return min((age for age in ages if 0 <= age < LONGEST_MS / 1000 + 1), default=0.0)


def _stamps(paths: Iterable[Path]) -> Stamps:
    """What changes when a manifest does: of each file its path, its time and its inode."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            for file in path.iterdir() if path.is_dir() else (path,):
                told = file.stat()
                found.append((str(file), told.st_mtime_ns, told.st_ino))
    return tuple(sorted(found))
