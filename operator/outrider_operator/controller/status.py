"""What the status of each object should say. Pure: the present moment is given.

A condition's `lastTransitionTime` moves only when its status does, and `observedGeneration`
names the spec that was judged. `Conflicted` is there only while it holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from outrider_operator.compiler.facts import Facts, PolicyFacts, RouteFacts, VersionFacts
from outrider_operator.compiler.goals import percent
from outrider_operator.compiler.problem import Problem, Reason
from outrider_operator.controller.objects import Observed
from outrider_sidecar.snapshot import Snapshot

MESSAGE_CHARACTERS: Final = 4096
NO_SIDECARS: Final = (
    "not known: sidecars of this version do not report which snapshot they serve; "
    "Ready says whether it is published"
)
UNCHECKED: Final = "references are checked once the object is accepted"
UNUSED: Final = "no LLMRoute of this namespace names this prompt in spec.prompt.name"
FACTS: Final = ("snapshot", "prompt", "digest", "goal", "share", "targets")
OWNED: Final = ("observedGeneration", "conditions", *FACTS)


StatusReason = Literal[
    "Accepted",
    "ResolvedRefs",
    "NoSidecars",
    "Ready",
    "Unused",
    "NotAccepted",
    "NotResolved",
    "NotPublished",
]
Condition = tuple[str, str, Reason | StatusReason, str]  # type, status, reason, message


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one namespace.

    `facts` and `problems` are the compiler's, by kind and name. `snapshot` is what the ConfigMap
    holds now. `failure` says why the compiled form could not be published, '' when it was.
    """

    snapshot: Snapshot | None
    facts: Mapping[tuple[str, str], Facts]
    problems: Mapping[tuple[str, str], Sequence[Problem]] = {}
    failure: str = ""


def desired(seen: Observed, outcome: Outcome, now: str) -> dict[str, Any]:
    """The status that `seen` should have; `now` is RFC 3339.

    What is served is only said when it is: after a failure the facts stay what they were.
    """
    key = (seen.kind, seen.name)
    facts = outcome.facts.get(key)
    if outcome.failure or facts is None:
        said = {name: value for name, value in seen.status.items() if name in FACTS}
    else:
        said = _said(facts, outcome.snapshot)
    conditions = _conditions(facts, outcome.problems.get(key, ()), outcome.failure)
    return {
        "observedGeneration": seen.generation,
        **said,
        "conditions": _stamped(conditions, seen.status, seen.generation, now),
    }


def patch_of(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch from `current` to `wanted`, of the fields that are ours; {} for none."""
    mine = {key: value for key, value in current.items() if key in OWNED}
    return _merge_patch(mine, wanted)


def _said(facts: Facts, snapshot: Snapshot | None) -> dict[str, Any]:
    if isinstance(facts, VersionFacts):
        shares = {"goal": percent(facts.goal), "share": percent(facts.share)}
        return {"digest": facts.digest} | shares if facts.digest else shares
    if isinstance(facts, PolicyFacts):
        targets = [{"name": each.name, "accepted": each.accepted} for each in facts.targets]
        return {"targets": targets} if targets else {}
    said: dict[str, Any] = {}
    if snapshot is not None:
        said["snapshot"] = {"generation": snapshot.generation, "digest": snapshot.digest}
    if facts.prompt is not None:
        said["prompt"] = _split(facts)
    return said


def _split(facts: RouteFacts) -> dict[str, Any]:
    split: dict[str, Any] = {} if facts.stable is None else {"stable": facts.stable}
    if facts.shares:
        split["shares"] = [
            {"version": each.version, "goal": percent(each.goal), "share": percent(each.share)}
            for each in facts.shares
        ]
    if facts.ranges:
        split["ranges"] = [
            {"first": first, "last": last, "version": version}
            for first, last, version in facts.ranges
        ]
    return split


def _conditions(
    facts: Facts | None, problems: Sequence[Problem], failure: str
) -> Iterable[Condition]:
    accepted = [problem for problem in problems if problem.condition == "Accepted"]
    resolved = [problem for problem in problems if problem.condition == "ResolvedRefs"]
    conflicted = [problem for problem in problems if problem.condition == "Conflicted"]
    yield _verdict("Accepted", accepted)
    if accepted and not resolved:
        yield ("ResolvedRefs", "Unknown", "NotAccepted", UNCHECKED)
    else:
        yield _verdict("ResolvedRefs", resolved, _targets(facts))
    if conflicted:
        yield ("Conflicted", "True", conflicted[0].reason, _message(conflicted))
    yield ("Programmed", "Unknown", "NoSidecars", NO_SIDECARS)
    if accepted:
        yield ("Ready", "False", "NotAccepted", _message(accepted))
    elif resolved:
        yield ("Ready", "False", "NotResolved", _message(resolved))
    elif failure:
        yield ("Ready", "False", "NotPublished", failure)
    elif isinstance(facts, VersionFacts) and not facts.used:
        yield ("Ready", "True", "Unused", UNUSED)
    else:
        yield ("Ready", "True", "Ready", _targets(facts) or _conflict(facts, conflicted))


def _targets(facts: Facts | None) -> str:
    """Where a policy limits nothing, '' when it does everywhere."""
    targets = facts.targets if isinstance(facts, PolicyFacts) else ()
    messages = [target.message for target in targets if not target.accepted]
    if not messages:
        return ""
    where = "anywhere" if len(messages) == len(targets) else "there"
    return f"{'; '.join(messages)}; nothing is limited {where}"


def _conflict(facts: Facts | None, conflicted: Sequence[Problem]) -> str:
    """Which names of its spec a route does not answer for, '' without a conflict."""
    if not conflicted:
        return ""
    alone = isinstance(facts, RouteFacts) and not facts.models
    whole = "no name of spec.models is served here, only the route's own; " if alone else ""
    return whole + _message(conflicted)


def _verdict(
    condition: Literal["Accepted", "ResolvedRefs"], problems: Sequence[Problem], hint: str = ""
) -> Condition:
    if problems:
        return (condition, "False", problems[0].reason, _message(problems))
    return (condition, "True", condition, hint)


def _message(problems: Sequence[Problem]) -> str:
    text = "; ".join(
        f"{problem.path}: {problem.message}" if problem.path else problem.message
        for problem in problems
    )
    return text if len(text) <= MESSAGE_CHARACTERS else text[: MESSAGE_CHARACTERS - 3] + "..."


def _stamped(
    conditions: Iterable[Condition],
    status: Mapping[str, Any],
    generation: int,
    now: str,
) -> list[dict[str, Any]]:
    before = {held.get("type"): held for held in status.get("conditions") or ()}
    result = []
    for kind, verdict, reason, message in conditions:
        held = before.get(kind) or {}
        since = held.get("lastTransitionTime") if held.get("status") == verdict else None
        result.append(
            {
                "type": kind,
                "status": verdict,
                "reason": reason,
                "message": message,
                "observedGeneration": generation,
                "lastTransitionTime": since or now,
            }
        )
    return result


def _merge_patch(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {key: None for key in current if key not in wanted}
    for key, value in wanted.items():
        held = current.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            if inner := _merge_patch(held, value):
                patch[key] = inner
        elif held != value or key not in current:
            patch[key] = value
    return patch
