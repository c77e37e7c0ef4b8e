"""The one writer of the ConfigMap `outrider-snapshot`: the only write that moves traffic.

Server-side apply with the resourceVersion that was read, so a controller that lost its Lease
without noticing is refused. A ConfigMap that does not exist yet is created empty first: an apply
that creates cannot be refused for coming late. An empty one is no news to a sidecar. It is
created by an apply too, which RBAC can bind to the one name, and in another manager's name, so
that it takes nothing from one that came first.
"""

import base64
import logging
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from outrider_operator.compiler.storage import GZIP_KEY, JSON_KEY, stored
from outrider_operator.controller.errors import Conflict, Forbidden, NamespaceGone, NotFound
from outrider_operator.controller.held import NAME, NOTES, OWNED, OWNER, Held, held_of
from outrider_operator.controller.kube import MANAGER, Kube
from outrider_operator.controller.notes import Note
from outrider_sidecar.snapshot import Snapshot, stamp

CREATOR: Final = f"{MANAGER}-create"
LABELS: Final = {OWNER: OWNED, "app.kubernetes.io/name": "outrider"}


logger = logging.getLogger(__name__)


class Publisher:
    """Reads and writes the ConfigMaps of all namespaces."""

    def __init__(self, kube: Kube, now: Callable[[], float] = time.time) -> None:
        self._kube = kube
        self._now = now

    async def read(self, namespace: str) -> Held:
        """What the namespace's ConfigMap holds; an empty `Held` when there is none."""
        try:
            return held_of(await self._kube.get(path_of(namespace)), namespace)
        except NotFound:
            return Held()

    async def publish(
        self, snapshot: Snapshot, held: Held, previous: int, notes: tuple[Note, ...]
    ) -> Held:
        """Write `snapshot` over what was `held`; what the ConfigMap holds then.

        Its generation is higher than `previous`. Raises `Conflict` when somebody else wrote
        meanwhile, `NotFound` when somebody deleted it: read again. In a namespace that is being
        deleted nothing is written (`NamespaceGone`): its pods serve to their end what they have.
        """
        await self._still_there(snapshot.namespace)
        stamped = stamp(snapshot, max(previous, held.generation), self._now())
        try:
            return await self._written(stamped, held, notes)
        except Forbidden as error:
            if error.terminating:
                raise NamespaceGone(f"namespace {snapshot.namespace} is being deleted") from error
            raise

    async def _written(self, snapshot: Snapshot, held: Held, notes: tuple[Note, ...]) -> Held:
        namespace = snapshot.namespace
        version = held.version or await self._create(namespace)
        if held.stray:
            version = await self._cleaned(namespace, version, held.stray)
        key, data = stored(snapshot)
        body = _shell(namespace)
        body["metadata"]["resourceVersion"] = str(version)
        if notes:
            body["metadata"]["annotations"] = {NOTES: msgspec.json.encode(notes).decode()}
        if key == JSON_KEY:
            body["data"] = {JSON_KEY: data.decode()}
        else:
            body["binaryData"] = {GZIP_KEY: base64.b64encode(data).decode()}
        return held_of(await self._kube.apply(path_of(namespace), body), namespace)

    async def _still_there(self, namespace: str) -> None:
        try:
            body = await self._kube.get(f"/api/v1/namespaces/{namespace}")
        except NotFound as error:
            raise NamespaceGone(f"namespace {namespace} is gone") from error
        except Forbidden:
            logger.debug("namespaces may not be read; the ConfigMap's answer will tell")
            return
        if body["metadata"].get("deletionTimestamp"):
            raise NamespaceGone(f"namespace {namespace} is being deleted")

    async def _create(self, namespace: str) -> int:
        created = await self._kube.apply(path_of(namespace), _shell(namespace), CREATOR)
        held = held_of(created, namespace)
        if held.size:
            raise Conflict(409, f"ConfigMap {namespace}/{NAME} was created by somebody else")
        return held.version

    async def _cleaned(self, namespace: str, version: int, stray: tuple[str, ...]) -> int:
        gone = dict.fromkeys(stray)
        cleaned = await self._kube.merge(
            path_of(namespace),
            {"metadata": {"resourceVersion": str(version)}, "data": gone, "binaryData": gone},
        )
        return int(cleaned["metadata"]["resourceVersion"])


def path_of(namespace: str) -> str:
    """The URL path of the namespace's ConfigMap."""
    return f"/api/v1/namespaces/{namespace}/configmaps/{NAME}"


def _shell(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": namespace, "labels": dict(LABELS)},
    }
