"""What the API server last said about the three kinds.

Objects are kept by uid. kopf orders events of one uid only, so after a delete and a recreate
two uids may be here for one name for a while: the newest resourceVersion counts. An uid that
was deleted never comes back, however late an older answer with it arrives.
"""

from collections.abc import Iterable, Mapping

from outrider_operator.controller.objects import Observed


class Store:
    """Objects by uid. Every method is synchronous and does no I/O."""

    def __init__(self) -> None:
        self._objects: dict[str, Observed] = {}
        self._by_namespace: dict[str, set[str]] = {}
        self._deleted: dict[str, int] = {}

    def put(self, seen: Observed) -> bool:
        """Keep `seen` if it is news; whether its namespace should be looked at again."""
        held = self._objects.get(seen.uid)
        if seen.uid in self._deleted or (held is not None and held.version >= seen.version):
            return False
        self._objects[seen.uid] = seen
        self._by_namespace.setdefault(seen.namespace, set()).add(seen.uid)
        return held is None or held.generation != seen.generation or held.status != seen.status

    def remove(self, uid: str, version: int) -> str | None:
        """Forget one uid for good; its namespace if it was known."""
        self._deleted[uid] = version
        return self._drop(uid)

    def differing(self, listed: Mapping[str, int]) -> tuple[str, ...]:
        """Uids of a list (uid to resourceVersion) that are unknown here, or known older."""
        return tuple(
            uid
            for uid, version in listed.items()
            if uid not in self._deleted
            and ((held := self._objects.get(uid)) is None or held.version < version)
        )

    def replace(
        self, kind: str, namespace: str | None, listed: Iterable[str], version: int
    ) -> set[str]:
        """Forget what a complete list lacks; the namespaces that lost something.

        `namespace` None means all of them. Objects newer than the list's own resourceVersion
        came after it and stay.
        """
        present = set(listed)
        uids = self._objects if namespace is None else self._by_namespace.get(namespace, set())
        gone = [
            uid
            for uid in uids
            if uid not in present
            and self._objects[uid].kind == kind
            and self._objects[uid].version <= version
        ]
        self._deleted = {
            uid: at for uid, at in self._deleted.items() if uid in present or at > version
        }
        return {place for uid in gone if (place := self._drop(uid)) is not None}

    def of_namespace(self, namespace: str) -> list[Observed]:
        """Its objects, one per kind and name, in order of kind and name."""
        newest: dict[tuple[str, str], Observed] = {}
        for uid in self._by_namespace.get(namespace, ()):
            seen = self._objects[uid]
            key = (seen.kind, seen.name)
            if key not in newest or newest[key].version < seen.version:
                newest[key] = seen
        return [newest[key] for key in sorted(newest)]

    def namespaces(self) -> set[str]:
        """Namespaces that hold at least one object."""
        return set(self._by_namespace)

    def __len__(self) -> int:
        return len(self._objects)

    def _drop(self, uid: str) -> str | None:
        held = self._objects.pop(uid, None)
        if held is None:
            return None
        uids = self._by_namespace[held.namespace]
        uids.discard(uid)
        if not uids:
            del self._by_namespace[held.namespace]
        return held.namespace
