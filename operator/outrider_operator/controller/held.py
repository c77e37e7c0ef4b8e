"""What a namespace's ConfigMap holds, read without trusting whoever wrote it."""

import base64
import binascii
from typing import Any, Final

import msgspec

from outrider_operator.compiler.storage import GZIP_KEY, JSON_KEY, unstored
from outrider_operator.controller.notes import Note
from outrider_sidecar.snapshot import Snapshot, SnapshotError

NAME: Final = "outrider-snapshot"
NOTES: Final = "outrider.dev/notes"
OWNER, OWNED = "app.kubernetes.io/managed-by", "outrider"
KEYS: Final = frozenset((JSON_KEY, GZIP_KEY, "ca.crt"))


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A ConfigMap as it was read.

    `version` is its resourceVersion, 0 when there is none. `snapshot` is None when it holds none
    that a sidecar would apply; `problem` then says why, '' for an empty one. `notes` are those
    of the publication it holds, `stray` the entries that nobody of ours writes; `size` counts
    stored bytes. `labelled`: it says itself that Outrider keeps it.
    """

    version: int = 0
    snapshot: Snapshot | None = None
    problem: str = ""
    notes: tuple[Note, ...] = ()
    stray: tuple[str, ...] = ()
    size: int = 0
    labelled: bool = False

    @property
    def exists(self) -> bool:
        """Whether there is a ConfigMap at all."""
        return self.version > 0

    @property
    def foreign(self) -> bool:
        """Whether it holds something, and nothing about it is Outrider's."""
        return bool(self.size) and self.snapshot is None and not self.labelled

    @property
    def generation(self) -> int:
        """The generation of the snapshot, 0 without one."""
        return self.snapshot.generation if self.snapshot is not None else 0


def held_of(body: dict[str, Any], namespace: str) -> Held:
    """What the ConfigMap `body` holds; raises nothing for what is in it."""
    metadata = body["metadata"]
    text: dict[str, str] = body.get("data") or {}
    binary: dict[str, str] = body.get("binaryData") or {}
    stray = {*text, *binary} - KEYS
    if JSON_KEY in text and GZIP_KEY in binary:
        stray.add(GZIP_KEY)
    snapshot, problem = None, ""
    try:
        snapshot = _snapshot(text, binary) if text or binary else None
        if snapshot is not None and snapshot.namespace != namespace:
            raise SnapshotError(f"it is one of namespace {snapshot.namespace}")
    except SnapshotError as error:
        snapshot, problem = None, str(error)
    return Held(
        version=int(metadata["resourceVersion"]),
        snapshot=snapshot,
        problem=problem,
        notes=_notes((metadata.get("annotations") or {}).get(NOTES, "[]")),
        stray=tuple(sorted(stray)),
        size=sum(len(value) for value in (*text.values(), *binary.values())),
        labelled=(metadata.get("labels") or {}).get(OWNER) == OWNED,
    )


def _snapshot(text: dict[str, str], binary: dict[str, str]) -> Snapshot:
    if JSON_KEY in text:
        return unstored(JSON_KEY, text[JSON_KEY].encode())
    if GZIP_KEY not in binary:
        raise SnapshotError(f"neither {JSON_KEY} nor {GZIP_KEY} is in it")
    try:
        return unstored(GZIP_KEY, base64.b64decode(binary[GZIP_KEY], validate=True))
    except binascii.Error as error:
        raise SnapshotError(f"{GZIP_KEY} is no base64: {error}") from error


def _notes(annotation: str) -> tuple[Note, ...]:
    try:
        return msgspec.json.decode(annotation, type=tuple[Note, ...])
    except (msgspec.MsgspecError, RecursionError):
        return ()
