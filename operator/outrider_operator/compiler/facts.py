"""What status says of an object beside its problems."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

import msgspec

from outrider_operator.compiler.assembly import Assembly, Forms, Key
from outrider_operator.compiler.ranges import Range
from outrider_operator.compiler.splits import Arm
from outrider_operator.compiler.wording import some
from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION
from outrider_sidecar.snapshot import Limit, Route

RANGES_SHOWN: Final = 64
SHARES_SHOWN: Final = 256


class Share(msgspec.Struct, frozen=True):
    """A version's goal and share, of 10,000."""

    version: str
    goal: int
    share: int


class RouteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Of an LLMRoute: the names it answers for beside its own, and the split it serves.

    `prompt` is the one that is served, which is the last good one while the named one has
    nothing to serve. `shares` are those of versions with a goal or a share; `ranges` are left
    out above 64, the snapshot holds them all.
    """

    models: tuple[str, ...] = ()
    prompt: str | None = None
    stable: str | None = None
    shares: tuple[Share, ...] = ()
    ranges: tuple[Range, ...] = ()


class VersionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Of a PromptVersion: the digest of its prompt as it is served, goal and share of 10,000.

    `digest` is '' while it was never accepted; `used` is whether a route serves its prompt.
    """

    digest: str = ""
    goal: int = 0
    share: int = 0
    used: bool = False


class Target(msgspec.Struct, frozen=True):
    """A route that a policy names; the message says what to do when there is none."""

    name: str
    accepted: bool
    message: str = ""


class PolicyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Of a RateLimitPolicy: the routes of its targetRefs; none when it has none."""

    targets: tuple[Target, ...] = ()


Facts = RouteFacts | VersionFacts | PolicyFacts


def of(objects: Collection[Key], forms: Forms, assembly: Assembly) -> Iterator[tuple[Key, Facts]]:
    """The facts of each object; those with a form have it in the assembly."""
    routes = assembly.snapshot.routes
    used = {route.prompt.name for route in routes.values() if route.prompt}
    splits = {prompt: _split(prompt, assembly) for prompt in used}
    choice = f"name one of {some(routes)}" if routes else "create it"
    there = set(objects)
    for kind, name in objects:
        form = forms.get((kind, name))
        facts: Facts
        if kind == LLM_ROUTE:
            facts = _route(routes.get(name), splits)
        elif kind == PROMPT_VERSION:
            facts = _version(form, assembly, used) if isinstance(form, Arm) else VersionFacts()
        else:
            facts = (
                _policy(form, routes, there, choice) if isinstance(form, Limit) else PolicyFacts()
            )
        yield (kind, name), facts


def _route(route: Route | None, splits: Mapping[str, RouteFacts]) -> RouteFacts:
    if route is None:
        return RouteFacts()
    facts = splits[route.prompt.name] if route.prompt else RouteFacts()
    return msgspec.structs.replace(facts, models=route.models)


def _split(prompt: str, assembly: Assembly) -> RouteFacts:
    """What every route that serves the prompt says of it."""
    split = assembly.split(prompt)
    shares = [
        Share(version, split.goals.get(version, 0), split.shares.get(version, 0))
        for version in split.goals.keys() | split.shares.keys()
        if split.goals.get(version) or split.shares.get(version)
    ]
    largest = sorted(shares, key=lambda each: (-each.share, -each.goal, each.version))
    return RouteFacts(
        prompt=prompt,
        stable=split.stable,
        shares=tuple(sorted(largest[:SHARES_SHOWN], key=lambda each: each.version)),
        ranges=split.ranges if len(split.ranges) <= RANGES_SHOWN else (),
    )


def _version(arm: Arm, assembly: Assembly, used: Collection[str]) -> VersionFacts:
    split = assembly.split(arm.prompt)
    return VersionFacts(
        digest=arm.digest,
        goal=split.goals.get(arm.name, 0),
        share=split.shares.get(arm.name, 0),
        used=arm.prompt in used,
    )


def _policy(
    limit: Limit, routes: Collection[str], there: Collection[Key], choice: str
) -> PolicyFacts:
    def message(name: str) -> str:
        if (LLM_ROUTE, name) in there:
            return f"LLMRoute {name} is not served; mend it as its own status says"
        return f"there is no LLMRoute {name}; {choice}"

    return PolicyFacts(
        targets=tuple(
            Target(name, True) if name in routes else Target(name, False, message(name))
            for name in limit.routes or ()
        )
    )
