"""LISTs with replace semantics: what a watch missed, in either direction, is mended here.

The first one brings everything; later ones bring metadata only, and what differs is fetched one
by one. A list that fails half-way, 404 included, is no list: nothing is removed for it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from outrider_operator.controller.errors import ControllerError, Forbidden, NotFound
from outrider_operator.controller.held import NAME
from outrider_operator.controller.kube import Kube
from outrider_operator.controller.objects import PLURALS, observed, path_of
from outrider_operator.controller.store import Store

EVERY_SECONDS: Final = 300
STALE_SECONDS: Final = 900
FETCHES: Final = 8


class Relist:
    """The LISTs of one controller. `namespaces` empty means all of them."""

    def __init__(
        self,
        kube: Kube,
        store: Store,
        namespaces: tuple[str, ...] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kube = kube
        self._store = store
        self._scopes: tuple[str | None, ...] = namespaces or (None,)
        self._now = now
        self._started = now()
        self._listed: dict[str, float] = {}

    @property
    def complete(self) -> bool:
        """Whether every kind was listed completely at least once."""
        return len(self._listed) == len(PLURALS)

    def age(self, kind: str) -> float:
        """Seconds since the last complete LIST of a kind, or since the start without one."""
        return self._now() - self._listed.get(kind, self._started)

    def restart_age(self) -> None:
        """Count ages from now: a standby lists nothing and is not late for it."""
        self._started = self._now()

    @property
    def stale(self) -> bool:
        """Whether a kind went without a complete LIST for too long to be trusted."""
        return max(self.age(kind) for kind in PLURALS) > STALE_SECONDS

    async def first(self) -> None:
        """Bring every object; raises, with the store as it was, when a list fails."""
        for kind in PLURALS:
            found = []
            for scope in self._scopes:
                async for page in self._pages(scope, path_of(kind, scope)):
                    found += [observed(kind, item) for item in page.get("items") or ()]
            for seen in found:
                self._store.put(seen)
            self._listed[kind] = self._now()

    async def again(self, mark: Callable[[str], None]) -> None:
        """Compare everything, and `mark` each namespace in which something differed."""
        for kind in PLURALS:
            for scope in self._scopes:
                await self._compare(kind, scope, mark)
            self._listed[kind] = self._now()

    async def snapshots(self) -> dict[str, int]:
        """The resourceVersion of every namespace's ConfigMap `outrider-snapshot`."""
        found: dict[str, int] = {}
        for scope in self._scopes:
            place = f"/namespaces/{scope}" if scope is not None else ""
            pages = self._pages(
                scope,
                f"/api/v1{place}/configmaps",
                selector=f"metadata.name={NAME}",
                metadata_only=True,
            )
            async for page in pages:
                for item in page.get("items") or ():
                    metadata = item["metadata"]
                    found[metadata["namespace"]] = int(metadata["resourceVersion"])
        return found

    async def _pages(
        self, scope: str | None, path: str, *, selector: str = "", metadata_only: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """A list; where one namespace of several refuses it, the error says what that costs."""
        try:
            async for page in self._kube.pages(
                path, selector=selector, metadata_only=metadata_only
            ):
                yield page
        except Forbidden as error:
            if scope is None:
                raise
            raise ControllerError(
                f"{error}; bind the ClusterRole in namespace {scope}, or leave "
                f"--watch-namespace {scope} out: it holds up the others too"
            ) from error

    async def _compare(self, kind: str, scope: str | None, mark: Callable[[str], None]) -> None:
        listed: dict[str, int] = {}
        places: dict[str, tuple[str, str]] = {}
        version = 0
        async for page in self._pages(scope, path_of(kind, scope), metadata_only=True):
            version = int(page["metadata"]["resourceVersion"])
            for item in page.get("items") or ():
                metadata = item["metadata"]
                listed[metadata["uid"]] = int(metadata["resourceVersion"])
                places[metadata["uid"]] = (metadata["namespace"], metadata["name"])
        for namespace in self._store.replace(kind, scope, listed, version):
            mark(namespace)
        slots = asyncio.Semaphore(FETCHES)
        failed: list[ControllerError] = []

        async def fetch(namespace: str, name: str) -> None:
            async with slots:
                try:
                    body = await self._kube.get(path_of(kind, namespace, name))
                except NotFound:
                    return
                except ControllerError as error:
                    failed.append(error)
                    return
                if self._store.put(observed(kind, body)):
                    mark(namespace)

        async with asyncio.TaskGroup() as group:
            for uid in self._store.differing(listed):
                group.create_task(fetch(*places[uid]))
        if failed:
            raise failed[0]
