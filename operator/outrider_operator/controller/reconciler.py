"""One namespace, from what is stored to what is published and said.

The order survives a crash at any point: the ConfigMap first, the only write that moves traffic;
then status; then Events. Each step compares before it writes, so starting over repeats nothing.
"""

import asyncio
import datetime
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from outrider_operator.compiler.compile import Compiled
from outrider_operator.compiler.compile import compile as compile_resources
from outrider_operator.compiler.problem import Problem
from outrider_operator.controller import events, status
from outrider_operator.controller.errors import (
    Conflict,
    ControllerError,
    KubeError,
    LeaseLost,
    NamespaceGone,
    NotFound,
    NotOurs,
)
from outrider_operator.controller.held import NAME, Held
from outrider_operator.controller.kube import Kube
from outrider_operator.controller.metrics import Metrics
from outrider_operator.controller.mirror import lost_splits, mirrored
from outrider_operator.controller.notes import bounded, in_words, of_snapshot, restored
from outrider_operator.controller.objects import Observed, observed, path_of
from outrider_operator.controller.publisher import Publisher
from outrider_operator.controller.store import Store
from outrider_sidecar.snapshot import Snapshot, seal

PUBLISHING: Final = 4
TELLING: Final = 4
STATUS_WRITES: Final = 8

logger = logging.getLogger(__name__)


class _Place(msgspec.Struct):
    """What is remembered of a namespace: its ConfigMap, and the newest one heard of.

    `tried` are the digests written since `published`: one may be stored though no answer came.
    """

    held: Held | None = None
    published: Snapshot | None = None
    tried: set[str] = set()
    heard: int = 0


class _Step(NamedTuple):
    """What was compiled of which objects, and why it could not be published, if it could not."""

    place: _Place
    objects: Sequence[Observed]
    compiled: Compiled
    failure: ControllerError | None


class Reconciler:
    """Brings namespaces up to date, each by one caller at a time.

    However many callers there are, a few publish and a few tell, so that no publication waits
    for another namespace's status. `fence` raises when this process may not write any more.
    """

    def __init__(
        self,
        store: Store,
        kube: Kube,
        publisher: Publisher,
        poster: events.Poster,
        metrics: Metrics,
        fence: Callable[[], None],
    ) -> None:
        self._store = store
        self._kube = kube
        self._publisher = publisher
        self._poster = poster
        self._metrics = metrics
        self._fence = fence
        self._places: dict[str, _Place] = {}
        self._publishing = asyncio.Semaphore(PUBLISHING)
        self._telling = asyncio.Semaphore(TELLING)
        self._slots = asyncio.Semaphore(STATUS_WRITES)

    def heard(self, namespace: str, version: int) -> bool:
        """The ConfigMap was seen at `version`; whether that is news to this process."""
        place = self._places.setdefault(namespace, _Place())
        place.heard = max(place.heard, version)
        return place.held is None or place.heard > place.held.version

    def missing(self, listed: Iterable[str]) -> set[str]:
        """Namespaces whose ConfigMap is known here and not in a complete list of them."""
        present = set(listed)
        lost = {
            namespace
            for namespace, place in self._places.items()
            if namespace not in present and place.held is not None and place.held.exists
        }
        for namespace in lost:
            self._places[namespace].held = None
        return lost

    async def reconcile(self, namespace: str) -> None:
        """Publish, then say so; raises `NamespaceGone` for one that is going."""
        async with self._publishing:
            step = await self._step(namespace)
        if step is None:
            return
        async with self._telling:
            await self._tell(namespace, step)
        if step.failure is not None:
            raise step.failure

    async def _step(self, namespace: str) -> _Step | None:
        """Compile and publish; what to tell of it, None when there is nothing."""
        place = self._places.setdefault(namespace, _Place())
        held = await self._held(namespace, place)
        objects = self._store.of_namespace(namespace)
        if not objects and not held.labelled:
            self._forget(namespace)
            return None
        previous = place.published or mirrored(namespace, objects)
        compiled = await asyncio.to_thread(
            compile_resources,
            [seen.resource for seen in objects],
            {} if previous is None else {namespace: previous},
        )
        snapshot = compiled.snapshots.get(namespace) or _empty(namespace)
        failure: ControllerError | None = None
        try:
            await self._publish(place, held, previous, snapshot, objects)
        except NamespaceGone:
            self._forget(namespace)
            raise
        except (Conflict, NotFound):
            place.held = None
            raise
        except (KubeError, NotOurs) as error:
            failure = error
        return _Step(place, objects, compiled, failure)

    def _forget(self, namespace: str) -> None:
        """One of this name that is made later is another namespace."""
        del self._places[namespace]
        self._metrics.forget(namespace)

    async def _held(self, namespace: str, place: _Place) -> Held:
        if place.held is None or place.heard > place.held.version:
            place.held = await self._publisher.read(namespace)
            if place.published is None:
                place.published = place.held.snapshot
            elif _arrived(place.held, place.published, place.tried):
                self._published(namespace, place, place.held)
                logger.info(
                    "namespace %s: generation %d was published, though no answer came",
                    namespace,
                    place.held.generation,
                )
        return place.held

    def _published(self, namespace: str, place: _Place, held: Held) -> None:
        place.held, place.published = held, held.snapshot
        place.tried.clear()
        self._metrics.published(namespace, held.size, held.generation)

    async def _publish(
        self,
        place: _Place,
        held: Held,
        previous: Snapshot | None,
        snapshot: Snapshot,
        objects: Sequence[Observed],
    ) -> None:
        namespace = snapshot.namespace
        ours = place.published
        untouched = _same(held.snapshot, ours) and not held.stray
        if untouched and ours is not None and ours.digest == snapshot.digest:
            self._metrics.holds(namespace, held.size, held.generation)
            return
        lost = () if ours is not None else lost_splits(objects, previous)
        notes = of_snapshot(previous, snapshot, lost)
        if (ours is not None and not untouched) or held.problem:
            notes = (restored(held.exists, held.problem), *notes)
        if held.foreign and ours is None:
            raise NotOurs(
                f"ConfigMap {NAME} of namespace {namespace} holds what somebody else put there; "
                f"save it, then: kubectl delete configmap {NAME} -n {namespace}"
            )
        notes = bounded(notes)
        self._fence()
        place.tried.add(snapshot.digest)
        generation = previous.generation if previous is not None else 0
        written = await self._publisher.publish(snapshot, held, generation, notes)
        self._published(namespace, place, written)
        # What status remembers of a lost snapshot are splits only: nothing else is called new then.
        known = ours or (None if previous is None else snapshot)
        logger.info(
            "namespace %s: generation %d published (%d bytes)%s",
            namespace,
            written.generation,
            written.size,
            "".join(f"; {text}" for text in in_words(notes, known, snapshot)),
        )

    async def _tell(self, namespace: str, step: _Step) -> None:
        place, objects, compiled = step.place, step.objects, step.compiled
        problems: dict[tuple[str, str], list[Problem]] = {}
        for problem in compiled.problems:
            problems.setdefault((problem.kind, problem.name), []).append(problem)
        outcome = status.Outcome(
            snapshot=place.published,
            facts={(kind, name): facts for (kind, _, name), facts in compiled.served.items()},
            problems=problems,
            failure=_not_published(step.failure),
        )
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        happened: list[events.Event] = []
        failed: list[ControllerError] = []

        async def write(seen: Observed) -> None:
            wanted = status.desired(seen, outcome, now)
            happened.extend(events.of_conditions(seen, wanted["conditions"]))
            happened.extend(events.of_targets(seen, outcome.facts.get((seen.kind, seen.name))))
            patch = status.patch_of(seen.status, wanted)
            if not patch:
                return
            path = path_of(seen.kind, seen.namespace, seen.name) + "/status"
            metadata = {"uid": seen.uid, "resourceVersion": str(seen.version)}
            async with self._slots:
                try:
                    self._fence()
                    body = await self._kube.merge(path, {"metadata": metadata, "status": patch})
                    self._store.put(observed(seen.kind, body))
                except NotFound:
                    logger.debug("%s %s/%s is gone", seen.kind, seen.namespace, seen.name)
                except ControllerError as error:
                    failed.append(error)

        async with asyncio.TaskGroup() as group:
            for seen in objects:
                group.create_task(write(seen))
        if failed:
            raise min(failed, key=_order)
        if place.held is not None:
            happened += events.of_publication(namespace, place.held, objects, time.time())
        await self._poster.post(happened)


def _order(error: ControllerError) -> tuple[bool, bool, str]:
    """Which of several failures is told: a lost Lease first, a conflict last."""
    return (not isinstance(error, LeaseLost), isinstance(error, Conflict), str(error))


def _same(held: Snapshot | None, ours: Snapshot | None) -> bool:
    if held is None or ours is None:
        return False
    return (held.generation, held.digest) == (ours.generation, ours.digest)


def _arrived(held: Held, published: Snapshot, tried: Collection[str]) -> bool:
    """Whether what is `held` is a write of our own whose answer got lost."""
    return (
        held.snapshot is not None
        and held.snapshot.digest in tried
        and held.snapshot.generation > published.generation
        and held.labelled
        and not held.stray
    )


def _empty(namespace: str) -> Snapshot:
    return seal(Snapshot(namespace=namespace, routes={}, prompts={}))


def _not_published(failure: ControllerError | None) -> str:
    if failure is None:
        return ""
    if isinstance(failure, NotOurs):
        return str(failure)
    return f"the API server refuses ConfigMap {NAME} ({failure}); retrying"
