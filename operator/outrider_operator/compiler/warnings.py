"""What is right by every rule and still likely to be regretted."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from outrider_operator.compiler import policy_advice, prompt_advice, reading, route_advice
from outrider_operator.compiler.assembly import Key
from outrider_operator.compiler.compile import Compiled
from outrider_operator.compiler.facts import PolicyFacts
from outrider_operator.compiler.reading import Form
from outrider_operator.compiler.splits import Arm
from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Route, Snapshot

Found = tuple[str, str, str, str]  # kind, name, path, message


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

    A resource that is not accepted has problems, and no warnings beside them. Where the routes
    are not all there, or not all accepted, nothing is said of prompts that no route names.
    """
    refused = {
        (each.kind, each.namespace, each.name)
        for each in compiled.problems
        if each.condition == "Accepted"
    }
    forms: dict[str, dict[Key, Form | None]] = {}
    for resource in resources:
        key = (resource.kind, resource.namespace, resource.name)
        form = None if key in refused else reading.read(resource).form
        forms.setdefault(resource.namespace, {})[resource.kind, resource.name] = form
    return sorted(
        {
            LintWarning(kind=kind, namespace=namespace, name=name, path=path, message=message)
            for namespace, own in forms.items()
            for kind, name, path, message in _of(
                namespace, own, compiled, (previous or {}).get(namespace)
            )
        }
    )


def _of(
    namespace: str, forms: Mapping[Key, Form | None], compiled: Compiled, last: Snapshot | None
) -> Iterator[Found]:
    routes = [form for (kind, _), form in forms.items() if kind == LLM_ROUTE]
    for (kind, name), form in forms.items():
        facts = compiled.served.get((kind, namespace, name))
        targets = facts.targets if isinstance(facts, PolicyFacts) and routes else ()
        if isinstance(form, Route):
            yield from ((kind, name, *found) for found in route_advice.of(form))
        elif isinstance(form, Arm):
            yield from ((kind, name, *found) for found in prompt_advice.of_template(form.template))
        elif form is not None:
            yield from ((kind, name, *found) for found in policy_advice.of(form, targets))
    arms = [form for form in forms.values() if isinstance(form, Arm)]
    if not arms:
        return
    snapshot = compiled.snapshots[namespace]
    for found in prompt_advice.of_splits(arms, snapshot, last):
        yield (PROMPT_VERSION, *found)
    if routes and None not in routes:
        named = {form.prompt.name for form in routes if isinstance(form, Route) and form.prompt}
        for found in prompt_advice.unused(arms, named, snapshot):
            yield (PROMPT_VERSION, *found)
