"""What status says of an object beside its problems."""

from typing import Final

import msgspec

from outrider_operator.compiler.assembly import Assembly
from outrider_operator.compiler.ranges import Range
from outrider_operator.compiler.reading import Form
from outrider_operator.compiler.splits import Arm
from outrider_operator.compiler.wording import some
from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Limit

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


def of(resource: Resource, form: Form | None, assembly: Assembly) -> Facts:
    """The facts of an object whose form, if it has one, is in the assembly."""
    if resource.kind == LLM_ROUTE:
        return _route(resource.name, assembly)
    if resource.kind == PROMPT_VERSION:
        return _version(form, assembly) if isinstance(form, Arm) else VersionFacts()
    return PolicyFacts(targets=_targets(form, assembly) if isinstance(form, Limit) else ())


def _route(name: str, assembly: Assembly) -> RouteFacts:
    route = assembly.snapshot.routes.get(name)
    if route is None or route.prompt is None:
        return RouteFacts(models=route.models if route else ())
    split = assembly.split(route.prompt.name)
    shares = [
        Share(version, split.goals.get(version, 0), split.shares.get(version, 0))
        for version in sorted(split.goals.keys() | split.shares.keys())
        if split.goals.get(version) or split.shares.get(version)
    ]
    largest = sorted(shares, key=lambda each: (-each.share, -each.goal, each.version))
    return RouteFacts(
        models=route.models,
        prompt=route.prompt.name,
        stable=split.stable,
        shares=tuple(sorted(largest[:SHARES_SHOWN], key=lambda each: each.version)),
        ranges=split.ranges if len(split.ranges) <= RANGES_SHOWN else (),
    )


def _version(arm: Arm, assembly: Assembly) -> VersionFacts:
    split = assembly.split(arm.prompt)
    routes = assembly.snapshot.routes.values()
    return VersionFacts(
        digest=arm.digest,
        goal=split.goals.get(arm.name, 0),
        share=split.shares.get(arm.name, 0),
        used=any(route.prompt and route.prompt.name == arm.prompt for route in routes),
    )


def _targets(limit: Limit, assembly: Assembly) -> tuple[Target, ...]:
    routes = assembly.snapshot.routes
    choice = f"name one of {some(routes)}" if routes else "create it"
    return tuple(
        Target(name, True)
        if name in routes
        else Target(name, False, f"there is no LLMRoute {name}; {choice}")
        for name in limit.routes or ()
    )
