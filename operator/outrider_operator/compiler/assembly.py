"""The snapshot that a set of compiled forms makes: names, splits and versions settled."""

from collections.abc import Mapping
from typing import Final

import msgspec

from outrider_operator.compiler import names, splits, storage
from outrider_operator.compiler.names import Taken
from outrider_operator.compiler.reading import Form
from outrider_operator.compiler.splits import Arm, Split
from outrider_sidecar.snapshot import Limit, Route, Snapshot, seal

Key = tuple[str, str]  # kind, name
Forms = Mapping[Key, Form]

_NOTHING: Final = Split()


class Assembly(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace put together; the snapshot is sealed and has the previous generation."""

    snapshot: Snapshot
    splits: dict[str, Split]
    taken: list[Taken]

    def fits(self) -> bool:
        """Whether a ConfigMap has room for it."""
        return storage.fits(self.snapshot)

    def split(self, prompt: str) -> Split:
        """The split of a prompt, empty for one that has no version and never had."""
        return self.splits.get(prompt, _NOTHING)


def assembled(
    forms: Forms, created: Mapping[str, str], previous: Snapshot, extras: int | None = None
) -> Assembly:
    """The assembly of `forms`, after `previous`, whose namespace and generation it takes.

    `created` is when each route was, `extras` how many of the versions that nobody is dealt are
    kept, None for all.
    """
    arms = splits.by_prompt(form for _, form in sorted(forms.items()) if isinstance(form, Arm))
    split = {
        prompt: splits.split(arms.get(prompt, ()), previous.prompts.get(prompt))
        for prompt in sorted(arms.keys() | previous.prompts.keys())
    }
    routes = {
        form_name: _resolved(form, previous.routes.get(form_name), split)
        for (_, form_name), form in sorted(forms.items())
        if isinstance(form, Route)
    }
    routes, taken = names.settled(routes, created, previous.routes)
    named = {route.prompt.name for route in routes.values() if route.prompt}
    kept = _extras(arms, split, named, extras)
    prompts = {
        prompt: splits.entry(
            f"{previous.namespace}/{prompt}", each, arms.get(prompt, ()), kept.get(prompt, set())
        )
        for prompt, each in split.items()
        if prompt in arms or prompt in named
    }
    snapshot = Snapshot(
        namespace=previous.namespace,
        generation=previous.generation,
        routes=routes,
        prompts={prompt: each for prompt, each in prompts.items() if each.versions},
        limits=tuple(form for _, form in sorted(forms.items()) if isinstance(form, Limit)),
    )
    return Assembly(snapshot=seal(snapshot), splits=split, taken=taken)


def _resolved(route: Route, last: Route | None, split: Mapping[str, Split]) -> Route:
    """The route, or its last form when only that one has a prompt with something to serve."""
    return last if last and not _serves(route, split) and _serves(last, split) else route


def _serves(route: Route, split: Mapping[str, Split]) -> bool:
    return route.prompt is None or bool(split.get(route.prompt.name, _NOTHING).ranges)


def _extras(
    arms: Mapping[str, list[Arm]], split: Mapping[str, Split], named: set[str], limit: int | None
) -> dict[str, set[str]]:
    """By prompt the versions that a request may name although nobody is dealt them."""
    idle = [
        arm for prompt in named & arms.keys() for arm in splits.extras(split[prompt], arms[prompt])
    ]
    idle.sort(key=lambda arm: (arm.created, arm.prompt, arm.name), reverse=True)
    kept: dict[str, set[str]] = {}
    for arm in idle[:limit]:
        kept.setdefault(arm.prompt, set()).add(arm.name)
    return kept
