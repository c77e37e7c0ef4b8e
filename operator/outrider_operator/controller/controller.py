"""The controller as a whole: who starts when, who is ready, and how it ends.

Discovery, then the Lease, then one complete LIST, then the workers, the relist and kopf. Nothing
is compiled earlier, so nothing is published from half a picture. When the watches end, they start
again, and a relist finds what was missed.
"""

import asyncio
import datetime
import logging
import os
import random
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from outrider_operator.controller import probes
from outrider_operator.controller.discovery import obstacle
from outrider_operator.controller.errors import (
    Conflict,
    ControllerError,
    LeaseLost,
    NamespaceGone,
    WatchEnded,
)
from outrider_operator.controller.events import Poster
from outrider_operator.controller.informer import Informer
from outrider_operator.controller.kube import Kube
from outrider_operator.controller.lease import Lease
from outrider_operator.controller.metrics import Metrics
from outrider_operator.controller.objects import PLURALS
from outrider_operator.controller.publisher import Publisher
from outrider_operator.controller.queue import Queue
from outrider_operator.controller.reconciler import Reconciler
from outrider_operator.controller.relist import EVERY_SECONDS, Relist
from outrider_operator.controller.store import Store
from outrider_operator.controller.told import Told

WORKERS: Final = 256
PAUSE_SECONDS: Final = 2
SOON_SECONDS: Final = 15
SETTLED_SECONDS: Final = 15
START, LISTS, WATCHES = "START", "LIST", "WATCH"  # told beside namespaces, which are lower case
PAUSES: Final[tuple[float, ...]] = (2, 5, 15, 30)

logger = logging.getLogger(__name__)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How one controller runs. `namespace` holds its Lease; `watch` empty means everywhere."""

    namespace: str = "outrider-system"
    watch: tuple[str, ...] = ()
    port: int = 8080
    drain_seconds: float = 25
    relist_seconds: float = EVERY_SECONDS


class Controller:
    """One candidate. `publisher` may be given by a test that stops it at a step."""

    def __init__(self, kube: Kube, options: Options, publisher: Publisher | None = None) -> None:
        identity = f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        self._kube = kube
        self._options = options
        self._store = Store()
        self._queue = Queue()
        self._lease = Lease(kube, options.namespace, identity)
        self._relist = Relist(kube, self._store, options.watch)
        self.metrics = Metrics()
        self._reconciler = Reconciler(
            self._store,
            kube,
            publisher or Publisher(kube),
            Poster(kube, identity, lambda: datetime.datetime.now(datetime.UTC)),
            self.metrics,
            self._lease.check,
        )
        self._informer = Informer(
            kube, self._store, self._queue.add, self._reconciler.heard, options.watch
        )
        self.metrics.watch(
            lambda: {kind: self._relist.age(kind) for kind in PLURALS}, lambda: len(self._queue)
        )
        self._obstacle = "starting"
        self._deaf = ""
        self._leads = False
        self._told = Told()
        self._idle = asyncio.Event()
        self._idle.set()
        self._missed = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, finish what is being worked on, give the Lease up, return.

        Raises an exception group with `LeaseLost` in it when another took over.
        """
        async with (
            probes.served(
                self._options.port, self.healthy, self.ready, self.metrics.exposition
            ) as port,
            asyncio.TaskGroup() as group,
        ):
            logger.info("controller listens on all addresses, port %d", port)
            lead = group.create_task(self._lead(), name="controller")
            await stop.wait()
            logger.info("stopping")
            self._queue.close()
            try:
                async with asyncio.timeout(self._options.drain_seconds):
                    await self._idle.wait()
            except TimeoutError:
                logger.warning("work did not end in %g s", self._options.drain_seconds)
            lead.cancel()

    def healthy(self) -> probes.Verdict:
        """Not well once the leader went 15 minutes without a complete LIST."""
        if self._leads and self._relist.stale:
            return probes.Verdict(False, "no complete LIST in the last 15 minutes")
        return probes.Verdict(True, "ok")

    def ready(self) -> probes.Verdict:
        """Ready when it leads and watches, or waits for a Lease that another holds."""
        if self._obstacle:
            return probes.Verdict(False, self._obstacle)
        if self._deaf:
            return probes.Verdict(False, self._deaf)
        if not self._leads:
            return probes.Verdict(True, f"standby, {self._lease.holder or 'nobody'} leads")
        well = self._relist.complete and self._informer.started
        return probes.Verdict(well, "leading" if well else "reading what is there")

    async def _lead(self) -> None:
        await self._patiently(self._discover)
        await self._patiently(self._lease.acquire)
        self._relist.restart_age()
        self._leads = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._lease.hold(), name="lease")
                await self._patiently(self._read_all)
                group.create_task(self._work_all(), name="workers")
                group.create_task(self._relist_for_ever(), name="relist")
                group.create_task(self._watch_for_ever(), name="informer")
        finally:
            await self._lease.release()

    async def _discover(self) -> None:
        if sentence := await obstacle(self._kube):
            raise ControllerError(sentence)

    async def _read_all(self) -> None:
        await self._relist.first()
        snapshots = await self._relist.snapshots()
        for namespace in self._store.namespaces() | set(snapshots):
            self._queue.add(namespace)
        logger.info("%d resources in %d namespaces", len(self._store), len(self._queue))

    async def _patiently(self, step: Callable[[], Awaitable[None]]) -> None:
        """Repeat `step` until it succeeds, saying why not once a minute."""
        while True:
            try:
                await step()
            except ControllerError as error:
                self._obstacle = str(error)
                if self._told.news(START, self._obstacle):
                    logger.warning("waiting: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self._obstacle = ""
                self._told.over(START)
                return

    async def _work_all(self) -> None:
        self._idle.clear()
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(WORKERS):
                    group.create_task(self._work(), name=f"worker {number}")
        finally:
            self._idle.set()

    async def _work(self) -> None:
        while (namespace := await self._queue.get()) is not None:
            began = time.perf_counter()
            result = await self._reconcile(namespace)
            self.metrics.reconciled(result, began)

    async def _reconcile(self, namespace: str) -> str:
        """Bring one namespace up to date; the result's name on the metric."""
        try:
            await self._reconciler.reconcile(namespace)
        except LeaseLost:
            raise
        except NamespaceGone as error:
            logger.info("%s", error)
            self._told.over(namespace)
            self._queue.succeeded(namespace)
            return "gone"
        except Conflict as error:
            logger.debug("namespace %s changed meanwhile: %s", namespace, error)
            self._queue.failed(namespace)
            return "conflict"
        except ControllerError as error:
            self._queue.failed(namespace)
            if self._told.news(namespace, str(error)):
                logger.warning("namespace %s fails and is tried again: %s", namespace, error)
            return "error"
        except Exception as error:
            self._queue.failed(namespace)
            if self._told.news(namespace, repr(error)):
                logger.exception("namespace %s fails and is tried again", namespace)
            return "error"
        self._queue.succeeded(namespace)
        if self._told.over(namespace):
            logger.info("namespace %s is well again", namespace)
        return "ok"

    async def _watch_for_ever(self) -> None:
        """Watch; when that ends, wait longer each time, watch again and relist."""
        pauses = PAUSES
        while True:
            well = asyncio.get_running_loop().call_later(SETTLED_SECONDS, self._hears)
            try:
                await self._informer.run()
            except WatchEnded as error:
                pauses = pauses[1:] or pauses if self._deaf else PAUSES
                self._deaf = str(error)
                if self._told.news(WATCHES, self._deaf):
                    logger.warning("%s; they start again", error)
            finally:
                well.cancel()
            await asyncio.sleep(pauses[0])
            await self._patiently(self._discover)
            self._missed.set()

    def _hears(self) -> None:
        self._deaf = ""
        if self._told.over(WATCHES):
            logger.info("the watches are well again")

    async def _relist_for_ever(self) -> None:
        pause = self._options.relist_seconds
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause * random.uniform(0.9, 1.1)):
                    await self._missed.wait()
            self._missed.clear()
            try:
                await self._relist.again(self._queue.add)
                snapshots = await self._relist.snapshots()
            except ControllerError as error:
                if self._told.news(LISTS, str(error)):
                    logger.warning("LIST failed, nothing is concluded from it: %s", error)
                pause = min(SOON_SECONDS, self._options.relist_seconds)
                continue
            pause = self._options.relist_seconds
            if self._told.over(LISTS):
                logger.info("LIST is well again")
            changed = self._reconciler.missing(snapshots)
            changed |= {ns for ns, at in snapshots.items() if self._reconciler.heard(ns, at)}
            for namespace in changed:
                self._queue.add(namespace)
