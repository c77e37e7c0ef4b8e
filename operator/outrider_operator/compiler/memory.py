"""What the previous snapshot holds of each resource: the form it keeps when it cannot change."""

from collections.abc import Mapping
from typing import Any, Final

from outrider_operator.compiler.reading import Form
from outrider_operator.compiler.splits import Arm
from outrider_operator.resources import kinds
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Limit, Snapshot, Version

MAX_WEIGHT: Final = 10_000


class Memory:
    """The last forms in one snapshot, found by name at the same cost however many there are."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._routes = snapshot.routes
        self._limits: Mapping[str, Limit] = {limit.name: limit for limit in snapshot.limits}
        self._versions: dict[str, dict[str, Version]] = {}
        for prompt, entry in sorted(snapshot.prompts.items()):
            for name, version in entry.versions.items():
                self._versions.setdefault(name, {})[prompt] = version

    def form(self, resource: Resource) -> Form | None:
        """The form that the resource had, with its weight as it is now; None if it had none.

        Of a version that two prompts hold, the one its spec names or else the first by name.
        """
        if resource.kind == kinds.LLM_ROUTE:
            return self._routes.get(resource.name)
        if resource.kind == kinds.RATE_LIMIT_POLICY:
            return self._limits.get(resource.name)
        held = self._versions.get(resource.name)
        if not held:
            return None
        asked = resource.spec.get("promptName")
        prompt = asked if isinstance(asked, str) and asked in held else next(iter(held))
        return Arm(
            name=resource.name,
            prompt=prompt,
            template=held[prompt].prompt,
            digest=held[prompt].digest,
            weight=_weight(resource.spec),
            created=resource.created,
        )


def _weight(spec: dict[str, Any]) -> int | None:
    """The weight in a spec of which nothing else may be trusted; None when it has no meaning."""
    weight = spec.get("weight", 0)
    if isinstance(weight, bool) or not isinstance(weight, int):
        return None
    return weight if 0 <= weight <= MAX_WEIGHT else None
