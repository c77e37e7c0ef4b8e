"""The one writer of the ConfigMap `outrider-snapshot`: the only write that moves traffic.

Server-side apply with the resourceVersion that was read, so a controller that lost its Lease
without noticing is refused. A ConfigMap that does not exist yet is created empty first: an apply
that creates cannot be refused for coming late. An empty one is no news to a sidecar.
"""

import base64
import time
from collections.abc import Callable
from typing import Any

import msgspec

from outrider_operator.compiler.storage import GZIP_KEY, JSON_KEY, stored
from outrider_operator.controller.errors import NotFound
from outrider_operator.controller.held import NAME, NOTES, Held, held_of
from outrider_operator.controller.kube import Kube
from outrider_operator.controller.notes import Note
from outrider_sidecar.snapshot import Snapshot, stamp

LABELS = {"app.kubernetes.io/managed-by": "outrider", "app.kubernetes.io/name": "outrider"}


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
        meanwhile: read again.
        """
        namespace = snapshot.namespace
        stamped = stamp(snapshot, max(previous, held.generation), self._now())
        version = held.version or await self._create(namespace)
        if held.stray:
            version = await self._cleaned(namespace, version, held.stray)
        key, data = stored(stamped)
        body = _shell(namespace)
        body["metadata"]["resourceVersion"] = str(version)
        if notes:
            body["metadata"]["annotations"] = {NOTES: msgspec.json.encode(notes).decode()}
        if key == JSON_KEY:
            body["data"] = {JSON_KEY: data.decode()}
        else:
            body["binaryData"] = {GZIP_KEY: base64.b64encode(data).decode()}
        return held_of(await self._kube.apply(path_of(namespace), body), namespace)

    async def _create(self, namespace: str) -> int:
        created = await self._kube.create(
            f"/api/v1/namespaces/{namespace}/configmaps", _shell(namespace)
        )
        return int(created["metadata"]["resourceVersion"])

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
