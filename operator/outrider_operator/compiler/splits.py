"""The split of one prompt: what its versions' weights ask for and who is served what."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from outrider_operator.compiler.goals import goals
from outrider_operator.compiler.ranges import Range, counts, is_whole, reassigned
from outrider_sidecar.snapshot import BUCKETS, Prompt, Template, Version

EXTRAS: Final = 32


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """A version that can be served. `weight` None: unreadable, so it keeps its last goal."""

    name: str
    prompt: str
    template: Template
    digest: str
    weight: int | None
    created: str


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """Goals and shares of 10,000 by version, and the buckets. Without ranges nothing is served.

    `gone` are versions that serve although their object is not there, as they were served last.
    """

    goals: dict[str, int] = {}
    shares: dict[str, int] = {}
    ranges: tuple[Range, ...] = ()
    stable: str | None = None
    gone: dict[str, Version] = {}


def by_prompt(arms: Iterable[Arm]) -> dict[str, list[Arm]]:
    """The arms of each prompt, in the order in which they come."""
    grouped: dict[str, list[Arm]] = {}
    for arm in arms:
        grouped.setdefault(arm.prompt, []).append(arm)
    return grouped


def split(arms: Iterable[Arm], previous: Prompt | None) -> Split:
    """The split of the arms of one prompt; without any weight the last split stays."""
    by_name = {arm.name: arm for arm in arms}
    versions = previous.versions if previous else {}
    before = previous.ranges if previous and is_whole(previous.ranges) else ()
    asked = _goals(by_name.values(), versions)
    if any(asked.values()):
        shares, ranges = asked, reassigned(before, asked)
    elif all(name in by_name or name in versions for _, _, name in before):
        shares, ranges = counts(before), before
    else:
        shares, ranges = {}, ()
    return Split(
        goals=asked,
        shares={name: share for name, share in shares.items() if share},
        ranges=ranges,
        stable=_stable(shares, previous),
        gone={name: versions[name] for name in counts(ranges) if name not in by_name},
    )


def entry(salt: str, split: Split, arms: Iterable[Arm], extras: set[str]) -> Prompt:
    """The prompt as a sidecar reads it: versions with a goal or a share, and the extras."""
    versions = {
        arm.name: Version(
            digest=arm.digest,
            goal=split.goals[arm.name],
            share=split.shares.get(arm.name, 0),
            prompt=arm.template,
        )
        for arm in arms
        if is_needed(split, arm.name) or arm.name in extras
    }
    for name, version in split.gone.items():
        versions[name] = msgspec.structs.replace(version, goal=0, share=split.shares[name])
    return Prompt(salt=salt, stable=split.stable, versions=versions, ranges=split.ranges)


def is_needed(split: Split, name: str) -> bool:
    """Whether requests are, or are meant to be, dealt the version."""
    return bool(split.goals.get(name) or split.shares.get(name))


def extras(split: Split, arms: Iterable[Arm]) -> list[Arm]:
    """The newest versions that nobody is dealt but that a request may name, newest first."""
    idle = [arm for arm in arms if not is_needed(split, arm.name)]
    return sorted(idle, key=lambda arm: (arm.created, arm.name), reverse=True)[:EXTRAS]


def _goals(arms: Collection[Arm], versions: Mapping[str, Version]) -> dict[str, int]:
    """Goals by weight; versions without a readable one keep theirs and the rest is shared."""
    weights = {arm.name: arm.weight for arm in arms if arm.weight is not None}
    held = {
        arm.name: versions[arm.name].goal if arm.name in versions else 0
        for arm in arms
        if arm.weight is None
    }
    rest = BUCKETS - sum(held.values())
    if rest <= 0 or not any(weights.values()):
        return goals(held) | dict.fromkeys(weights, 0)
    return held | goals(weights, rest)


def _stable(shares: Mapping[str, int], previous: Prompt | None) -> str | None:
    """The version with the largest share; of equals the one that was, then the first by name."""
    if not shares:
        return None
    largest = max(shares.values())
    equals = sorted(name for name, share in shares.items() if share == largest)
    if previous and previous.stable in equals:
        return previous.stable
    return equals[0]
