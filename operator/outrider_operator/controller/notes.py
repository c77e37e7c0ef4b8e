"""What a publication does, in words for people. Pure."""

from collections.abc import Collection, Sequence
from typing import Final, Literal

import msgspec

from outrider_operator.compiler.changes import what_changed
from outrider_operator.compiler.goals import percent
from outrider_operator.compiler.ranges import counts, moved
from outrider_sidecar.snapshot import Prompt, Snapshot

NOTES: Final = 100
LOGGED: Final = 8
TEXT_BYTES: Final = 1000


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Said of a prompt, or ('') of the ConfigMap itself.

    Notes lie in an annotation of the ConfigMap, so that a controller that restarts between a
    publication and its Events still knows what to say.
    """

    reason: Literal["SplitChanged", "SplitRebuilt", "SnapshotRestored"]
    text: str
    prompt: str = ""


def of_snapshot(
    previous: Snapshot | None, snapshot: Snapshot, lost: Collection[str]
) -> tuple[Note, ...]:
    """The prompts whose split differs from `previous`; those in `lost` had to be dealt anew."""
    before = previous.prompts if previous is not None else {}
    notes = []
    for name, prompt in sorted(snapshot.prompts.items()):
        held = before.get(name)
        if name in lost:
            text = f"prompt {name}: snapshot and status lost its ranges; users were dealt anew"
            notes.append(Note(reason="SplitRebuilt", prompt=name, text=text))
        elif prompt.ranges and (held is None or held.ranges != prompt.ranges):
            notes.append(Note(reason="SplitChanged", prompt=name, text=_split(held, prompt)))
    return tuple(notes)


def bounded(notes: Sequence[Note]) -> tuple[Note, ...]:
    """As many as have room in an annotation, which holds 256 KiB, and in a day's Events."""
    return tuple(
        msgspec.structs.replace(note, text=shortened(note.text, TEXT_BYTES))
        for note in notes[:NOTES]
    )


def in_words(notes: Sequence[Note], before: Snapshot | None, after: Snapshot) -> list[str]:
    """A publication for a line of the log: splits that moved, then what is new, gone or changed.

    `before` is what was served, None when nothing was ever.
    """
    nothing = Snapshot(namespace=after.namespace, routes={}, prompts={})
    texts = [*(note.text for note in notes), *what_changed(before or nothing, after)]
    rest = [f"and {len(texts) - LOGGED} more"] if len(texts) > LOGGED else []
    return texts[:LOGGED] + rest


def shortened(text: str, size: int) -> str:
    """The text in at most so many bytes of UTF-8, with an ellipsis for what was cut."""
    if len(text.encode()) <= size:
        return text
    return text.encode()[: size - 3].decode(errors="ignore") + "..."


def restored(exists: bool, problem: str) -> Note:
    """The ConfigMap was not what this controller had written."""
    if not exists:
        what = "was deleted"
    elif problem:
        what = f"held no snapshot ({problem})"
    else:
        what = "was changed by somebody else"
    return Note(reason="SnapshotRestored", text=f"outrider-snapshot {what}; it is written again")


def _split(before: Prompt | None, after: Prompt) -> str:
    ranges = before.ranges if before is not None else ()
    old, new = counts(ranges), counts(after.ranges)
    parts = [
        f"{name} {percent(old[name])} -> {percent(new.get(name, 0))}"
        if name in old
        else f"{name} {percent(new[name])}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    if not ranges:
        return ", ".join(parts)
    return f"{', '.join(parts)}; {percent(moved(ranges, after.ranges))} of users move"
