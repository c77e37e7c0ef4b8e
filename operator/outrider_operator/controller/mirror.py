"""The split as status remembers it, for the day the snapshot itself is lost."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from outrider_operator.compiler.ranges import is_whole
from outrider_operator.controller.objects import Observed
from outrider_sidecar.snapshot import Prompt, Snapshot

T = TypeVar("T")


class _Range(msgspec.Struct, frozen=True):
    first: int
    last: int
    version: str


class _Split(msgspec.Struct, frozen=True):
    stable: str | None = None
    ranges: tuple[_Range, ...] = ()


class _Publication(msgspec.Struct, frozen=True):
    generation: int = 0


class _Reference(msgspec.Struct, frozen=True):
    name: str | None = None


def mirrored(namespace: str, objects: Iterable[Observed]) -> Snapshot | None:
    """What to continue from when the ConfigMap is lost: ranges and generation, no content.

    None when no route's status tells of an earlier publication. A status that is not of our
    making tells nothing.
    """
    routes = [seen for seen in objects if seen.kind == "LLMRoute"]
    generation = max((_generation(seen) for seen in routes), default=0)
    prompts: dict[str, Prompt] = {}
    for seen in sorted(routes, key=_generation):
        name = _read(seen.spec, "prompt", _Reference()).name
        split = _read(seen.status, "prompt", _Split())
        ranges = tuple((each.first, each.last, each.version) for each in split.ranges)
        if name and is_whole(ranges):
            prompts[name] = Prompt(
                salt=f"{namespace}/{name}", stable=split.stable, versions={}, ranges=ranges
            )
    if not generation and not prompts:
        return None
    return Snapshot(namespace=namespace, generation=generation, routes={}, prompts=prompts)


def lost_splits(objects: Iterable[Observed], previous: Snapshot | None) -> tuple[str, ...]:
    """Prompts whose versions were served once, but whose ranges nobody remembers."""
    known = previous.prompts if previous is not None else {}
    served = {
        str(seen.spec.get("promptName"))
        for seen in objects
        if seen.kind == "PromptVersion" and seen.status.get("share", "0%") != "0%"
    }
    return tuple(sorted(name for name in served if name not in known or not known[name].ranges))


def _generation(seen: Observed) -> int:
    return _read(seen.status, "snapshot", _Publication()).generation


def _read(data: Mapping[str, Any], member: str, otherwise: T) -> T:
    """A member in the type of `otherwise`, which stands for one that is absent or no such."""
    try:
        return msgspec.convert(data.get(member, {}), type(otherwise))
    except msgspec.ValidationError:
        return otherwise
