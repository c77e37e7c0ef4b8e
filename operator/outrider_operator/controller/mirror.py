"""The split as status remembers it, for the day the snapshot itself is lost."""

from collections.abc import Iterable
from typing import Any

from outrider_operator.compiler.ranges import Range, is_whole
from outrider_operator.controller.objects import Observed
from outrider_sidecar.snapshot import Prompt, Snapshot


def mirrored(namespace: str, objects: Iterable[Observed]) -> Snapshot | None:
    """What to continue from when the ConfigMap is lost: ranges and generation, no content.

    None when no route's status tells of an earlier publication.
    """
    routes = [seen for seen in objects if seen.kind == "LLMRoute"]
    generation = max((_generation(seen) for seen in routes), default=0)
    prompts: dict[str, Prompt] = {}
    for seen in sorted(routes, key=_generation):
        name = (seen.spec.get("prompt") or {}).get("name")
        split = seen.status.get("prompt") or {}
        ranges = _ranges(split.get("ranges") or ())
        if name and is_whole(ranges):
            prompts[name] = Prompt(
                salt=f"{namespace}/{name}",
                stable=split.get("stable"),
                versions={},
                ranges=ranges,
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
    return int((seen.status.get("snapshot") or {}).get("generation") or 0)


def _ranges(entries: Iterable[dict[str, Any]]) -> tuple[Range, ...]:
    return tuple((int(e["first"]), int(e["last"]), str(e["version"])) for e in entries)
