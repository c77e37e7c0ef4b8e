"""What is right by every rule and still likely to be regretted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from outrider_operator.compiler import prompt_advice, reading, route_advice
from outrider_operator.compiler.compile import Compiled
from outrider_operator.compiler.facts import PolicyFacts
from outrider_operator.compiler.reading import Form
from outrider_operator.compiler.splits import Arm
from outrider_operator.resources.kinds import PROMPT_VERSION
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Limit, Route, Snapshot

ALWAYS_KNOWN: Final = ("Workload", "Route")  # subjects that every request has


class LintWarning(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Advice about one object: at what place, and what to do instead."""

    kind: str
    namespace: str
    name: str
    path: str = ""
    message: str


def warnings(
    resources: Iterable[Resource],
    compiled: Compiled,
    previous: Mapping[str, Snapshot] | None = None,
) -> list[LintWarning]:
    """The warnings about resources that compiled to `compiled` upon `previous`, sorted.

    A resource that is not accepted has problems, and no warnings beside them.
    """
    refused = {
        (each.kind, each.namespace, each.name)
        for each in compiled.problems
        if each.condition == "Accepted"
    }
    found: set[LintWarning] = set()
    arms: dict[str, list[Arm]] = {}

    def warn(kind: str, namespace: str, name: str, path: str, message: str) -> None:
        found.add(
            LintWarning(kind=kind, namespace=namespace, name=name, path=path, message=message)
        )

    for resource in resources:
        key = (resource.kind, resource.namespace, resource.name)
        form = None if key in refused else reading.read(resource).form
        if form is None:
            continue
        if isinstance(form, Arm):
            arms.setdefault(resource.namespace, []).append(form)
        facts = compiled.served.get(key)
        targets = facts if isinstance(facts, PolicyFacts) else PolicyFacts()
        for path, message in _of(form, targets):
            warn(*key, path, message)
    for namespace, own in arms.items():
        last = (previous or {}).get(namespace)
        for name, path, message in prompt_advice.of_splits(
            own, compiled.snapshots[namespace], last
        ):
            warn(PROMPT_VERSION, namespace, name, path, message)
    return sorted(found)


def _of(form: Form, targets: PolicyFacts) -> Iterator[tuple[str, str]]:
    if isinstance(form, Route):
        yield from route_advice.of(form)
    elif isinstance(form, Arm):
        yield from prompt_advice.of_template(form.template)
    else:
        yield from _policy(form, targets)


def _policy(limit: Limit, facts: PolicyFacts) -> Iterator[tuple[str, str]]:
    for index, target in enumerate(facts.targets):
        if not target.accepted:
            path = f"spec.targetRefs[{index}].name"
            yield path, f"{target.message}: until then nothing is limited there"
    denies = limit.unknown_subject == "Deny" and limit.mode == "Enforce"
    if denies and limit.subject not in ALWAYS_KNOWN:
        subject = limit.subject.lower()
        yield (
            "spec.unknownSubject",
            f"Deny answers 403 to every request that does not say its {subject}, so one "
            "application that forgets to is an outage; write mode: Shadow until no request lacks "
            f"a {subject}, or unknownSubject: Shared, which limits all of those together",
        )
    given = {limit.default_tier} | {override.tier for override in limit.overrides}
    for index, tier in enumerate(limit.tiers):
        if limit.tier_from is None and tier not in given:
            yield (
                f"spec.tiers[{index}].name",
                f"nobody is ever in tier {tier}, since nothing says who is; write tierFrom: "
                "{header: x-outrider-tier}, name the tier in an override, or remove it",
            )
