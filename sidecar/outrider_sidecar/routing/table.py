"""A snapshot made ready for requests: names to routes, rules, prompts, limits.

It is built beside the one in use and swapped in as one reference; requests in flight keep the
one they started with. What is equal in the table before is taken over as it is.
"""

from collections.abc import Mapping

import msgspec

from outrider_sidecar.prompts.version import PromptEntry
from outrider_sidecar.routing.choice import SPEAKS, Candidate, Choices
from outrider_sidecar.routing.identity import Identifier, identifier
from outrider_sidecar.routing.names import Names
from outrider_sidecar.routing.rules import CompiledRule, items
from outrider_sidecar.snapshot import FEATURES, Limit, Route, Snapshot

__all__ = ["PromptEntry", "RouteEntry", "Table"]


class RouteEntry(msgspec.Struct, frozen=True):
    """A route made ready.

    `prompt` is None when the route has none, or one that is not in the snapshot (`route.prompt`
    tells). `own_name_is_model`: a call by the route's own name names a model that it serves.
    `natives` are the backends that requests of a family may pass through to, best first.
    """

    name: str
    route: Route
    prompt: PromptEntry | None
    limits: tuple[Limit, ...]
    rules: tuple[CompiledRule, ...]
    identity: Identifier
    own_name_is_model: bool
    natives: Mapping[str, Candidate]

    @classmethod
    def of(
        cls, name: str, route: Route, prompt: PromptEntry | None, limits: tuple[Limit, ...]
    ) -> "RouteEntry":
        """The route of that name, made ready."""
        backends = {key: Candidate.of(name, key, value) for key, value in route.backends.items()}
        return cls(
            name,
            route,
            prompt,
            limits,
            tuple(
                CompiledRule(r.name, items(r), Choices(r.backends, backends)) for r in route.rules
            ),
            identifier(route.identity),
            any(_covers(pattern, name) for pattern in route.models),
            _natives(route, backends),
        )


class Table:
    """The routes of one snapshot. Finding one costs the same whether there are 1 or 1,000."""

    __slots__ = ("_names", "prompts", "refused", "routes", "snapshot")

    def __init__(
        self,
        snapshot: Snapshot,
        routes: Mapping[str, RouteEntry],
        prompts: Mapping[str, PromptEntry],
        refused: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.snapshot = snapshot
        self.routes = routes
        self.prompts = prompts
        self.refused = refused
        self._names = Names((name, entry.route.models) for name, entry in routes.items())

    @classmethod
    def build(cls, snapshot: Snapshot, previous: "Table | None" = None) -> "Table":
        """The table of a snapshot.

        A route that requires a feature this sidecar lacks keeps the form it has in `previous`,
        if any, and is listed in `refused` with those features.
        """
        old_prompts = previous.prompts if previous else {}
        old_routes = previous.routes if previous else {}
        prompts = {
            name: PromptEntry(name, prompt, old_prompts.get(name))
            for name, prompt in snapshot.prompts.items()
        }
        refused = {
            name: lacking
            for name, route in snapshot.routes.items()
            if (lacking := tuple(sorted(set(route.requires) - FEATURES)))
        }
        routes: dict[str, RouteEntry] = {}
        for name, route in sorted(snapshot.routes.items(), key=lambda item: item[0] in refused):
            old = old_routes.get(name)
            if name in refused:
                if old is None:
                    continue
                route = old.route
            prompt = None
            if route.prompt is not None:
                prompt = prompts.get(route.prompt.name)
                if prompt is None and name in refused and old is not None:
                    prompt = old.prompt
            limits = tuple(
                limit for limit in snapshot.limits if limit.routes is None or name in limit.routes
            )
            if old is not None and old.route == route:
                routes[name] = msgspec.structs.replace(old, prompt=prompt, limits=limits)
            else:
                routes[name] = RouteEntry.of(name, route, prompt, limits)
        return cls(snapshot, routes, prompts, refused)

    @property
    def generation(self) -> int:
        """The snapshot's generation."""
        return self.snapshot.generation

    def find(self, model: str) -> RouteEntry | None:
        """The route that answers for a model: own name, exact model, longest prefix, ``*``."""
        name = self._names.find(model)
        return None if name is None else self.routes[name]

    def fallback(self) -> RouteEntry | None:
        """Where a request goes that names no model of ours: to ``*``, else to the only route."""
        entry = self.find("")
        if entry is None and len(self.routes) == 1:
            return next(iter(self.routes.values()))
        return entry

    def unknown(self, model: str) -> str:
        """What to tell a caller whose model nobody serves: the nearest names and the first few."""
        return self._names.unknown(model)


def _covers(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _natives(route: Route, backends: Mapping[str, Candidate]) -> dict[str, Candidate]:
    """Per family the first real backend that speaks it: those of the last rule by priority and
    weight, then the others by name. A simulated one has nothing to pass a request on to."""
    refs = sorted(
        route.rules[-1].backends if route.rules else (),
        key=lambda ref: (ref.priority, -ref.weight, ref.name),
    )
    found: dict[str, Candidate] = {}
    for name in [*(ref.name for ref in refs), *sorted(backends)]:
        candidate = backends.get(name)
        if candidate is None or candidate.backend.provider == "Simulated":
            continue
        speaks = SPEAKS[candidate.backend.provider]
        found.setdefault("openai" if "chat" in speaks else "anthropic", candidate)
    return found
