"""From the resources of all namespaces to one snapshot each, pure and deterministic."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from outrider_operator.compiler import facts, reading, references
from outrider_operator.compiler.assembly import Assembly, Forms, Key, assembled
from outrider_operator.compiler.facts import Facts
from outrider_operator.compiler.fitting import fitted, largest
from outrider_operator.compiler.memory import Memory
from outrider_operator.compiler.problem import Problem
from outrider_operator.compiler.reading import Form, Reading
from outrider_operator.compiler.splits import Arm
from outrider_operator.compiler.storage import STORED_BYTES
from outrider_operator.resources.kinds import KINDS, LLM_ROUTE, PROMPT_VERSION
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Route, Snapshot

ObjectKey = tuple[str, str, str]  # kind, namespace, name

LARGEST_NAMED: Final = 5


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed snapshot per namespace, with the generation of the previous one or 0.

    `problems` are sorted; `served` has what status says of each object, good or bad.
    """

    snapshots: dict[str, Snapshot]
    problems: tuple[Problem, ...]
    served: dict[ObjectKey, Facts]


def compile(resources: Iterable[Resource], previous: Mapping[str, Snapshot]) -> Compiled:
    """The snapshots of every namespace that has resources or had a snapshot.

    A resource that cannot be compiled, or for which there is no room, keeps its form in
    `previous` and yields problems; the others are served as they are. Equal input in any order
    gives equal output. A resource that is gone is gone, except that the last split of a prompt
    stays when no version has a weight.
    """
    copies: dict[str, dict[Key, list[Resource]]] = {name: {} for name in previous}
    for resource in resources:
        if resource.kind in KINDS:
            objects = copies.setdefault(resource.namespace, {})
            objects.setdefault((resource.kind, resource.name), []).append(resource)
    snapshots: dict[str, Snapshot] = {}
    problems: list[Problem] = []
    served: dict[ObjectKey, Facts] = {}
    for namespace, objects in sorted(copies.items()):
        last = previous.get(namespace) or Snapshot(namespace=namespace, routes={}, prompts={})
        readings = {
            key: reading.read(same[0]) if len(same) == 1 else reading.repeated(same)
            for key, same in sorted(objects.items())
        }
        memory = Memory(last)
        assembly, forms, refused = _fitted(readings, last, memory)
        snapshots[namespace] = assembly.snapshot
        for each in readings.values():
            problems.extend(each.problems)
        problems.extend(_too_large(readings, refused, last.namespace, memory))
        problems.extend(_references(readings, forms, assembly))
        for (kind, name), each_facts in facts.of(readings, forms, assembly):
            served[kind, namespace, name] = each_facts
    return Compiled(snapshots=snapshots, problems=tuple(sorted(problems)), served=served)


def _fitted(
    readings: Mapping[Key, Reading], last: Snapshot, memory: Memory
) -> tuple[Assembly, Forms, Sequence[Key]]:
    """The namespace with all there is room for, the forms in it, and whose change is not."""
    before = {key: form for key, each in readings.items() if (form := memory.form(each.resource))}
    wanted = {key: form for key, each in readings.items() if (form := each.form or before.get(key))}
    created = {
        name: each.resource.created for (kind, name), each in readings.items() if kind == LLM_ROUTE
    }

    def assembly(forms: Forms, extras: int | None = None) -> Assembly:
        return assembled(forms, created, last, extras)

    whole = assembly(wanted)
    if whole.fits():
        return whole, wanted, ()
    idle = largest(len(wanted), lambda count: assembly(wanted, count).fits())
    lean = assembly(wanted, idle)
    if lean.fits():
        return lean, wanted, ()
    forms, refused = fitted(wanted, before, _size, lambda forms: assembly(forms, 0).fits())
    return assembly(forms, 0), forms, refused


def _references(
    readings: Mapping[Key, Reading], forms: Forms, assembly: Assembly
) -> Iterator[Problem]:
    routes = {name: form for (_, name), form in forms.items() if isinstance(form, Route)}
    arms = [form for form in forms.values() if isinstance(form, Arm)]
    versions = [each.resource for (kind, _), each in readings.items() if kind == PROMPT_VERSION]
    yield from references.prompts(routes, versions, arms, assembly)
    yield from references.models(assembly.snapshot.routes, arms, assembly)
    yield from references.conflicts(assembly.taken, assembly)


def _too_large(
    readings: Mapping[Key, Reading], refused: Sequence[Key], namespace: str, memory: Memory
) -> Iterator[Problem]:
    """SnapshotTooLarge for each resource whose change has no room."""
    if not refused:
        return
    sizes = {key: _size(each.form) for key, each in readings.items()}
    biggest = sorted(readings, key=lambda key: (-sizes[key], key))[:LARGEST_NAMED]
    named = ", ".join(f"{kind} {name} ({sizes[kind, name] // 1024} KiB)" for kind, name in biggest)
    for kind, name in refused:
        keeps = memory.form(readings[kind, name].resource) is not None
        yield Problem(
            kind=kind,
            namespace=namespace,
            name=name,
            condition="Accepted",
            reason="SnapshotTooLarge",
            message=(
                f"the snapshot of namespace {namespace} has no room for {kind} {name}, which "
                f"{'keeps its last form' if keeps else 'is not served'}: it may take "
                f"{STORED_BYTES // 1024} KiB as it is stored; shorten or delete some of the "
                f"largest: {named}"
            ),
        )


def _size(form: Form | None) -> int:
    return len(msgspec.json.encode(form))
