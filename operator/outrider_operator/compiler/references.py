"""What names something that is not there, not served or served by another: problems."""

from collections.abc import Iterable, Iterator, Mapping

from outrider_operator.compiler.assembly import Assembly
from outrider_operator.compiler.names import Taken
from outrider_operator.compiler.problem import Condition, Problem, Reason
from outrider_operator.compiler.splits import Arm, by_prompt
from outrider_operator.compiler.wording import some
from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Route


def prompts(
    routes: Mapping[str, Route], versions: Iterable[Resource], arms: list[Arm], assembly: Assembly
) -> Iterator[Problem]:
    """PromptNotFound and NoWeight of the routes, in the form that they ask for."""
    written: dict[str, list[str]] = {}
    for resource in versions:
        if isinstance(prompt := resource.spec.get("promptName"), str):
            written.setdefault(prompt, []).append(resource.name)
    served = by_prompt(arms)
    choice = some(served)
    for name, route in routes.items():
        if route.prompt is None:
            continue
        prompt = route.prompt.name
        meanwhile = _meanwhile(name, prompt, assembly)
        if prompt not in written and prompt not in served:
            message = _not_found(prompt, choice, assembly) + meanwhile
            yield _unresolved(assembly, name, "PromptNotFound", message)
        elif not any(assembly.split(prompt).goals.values()):
            mending = (
                f"no version of {prompt} has a weight: {_patch(served[prompt], prompt, assembly)}"
                if prompt in served
                else f"no version of {prompt} is accepted: mend {some(written[prompt])}, whose "
                "own status says how"
            )
            yield _unresolved(assembly, name, "NoWeight", mending + meanwhile)


def models(
    routes: Mapping[str, Route], arms: Iterable[Arm], assembly: Assembly
) -> Iterator[Problem]:
    """ModelNotInRoute of the versions whose model no backend of a route that uses them has."""
    offered: dict[str, dict[str, set[str]]] = {}
    for name, route in routes.items():
        if route.prompt is not None:
            backends = route.backends.values()
            own = {backend.model for backend in backends if backend.model is not None}
            offered.setdefault(route.prompt.name, {})[name] = own
    for arm in arms:
        wanted = arm.template.model
        using = offered.get(arm.prompt, {}) if wanted is not None else {}
        lacking = {name: own for name, own in using.items() if wanted not in own}
        if lacking:
            there = some(set().union(*lacking.values())) or "the model of the caller"
            yield _problem(
                assembly,
                (PROMPT_VERSION, arm.name, "spec.prompt.model"),
                ("ResolvedRefs", "ModelNotInRoute"),
                f"no backend of LLMRoute {some(lacking)} has the model {wanted}, so its rules "
                f"choose one with {there}; give the route a backend with model {wanted}, or "
                "create a version with one it has",
            )


def conflicts(taken: Iterable[Taken], assembly: Assembly) -> Iterator[Problem]:
    """ModelTaken of the routes that lost a name."""
    for each in taken:
        yield _problem(
            assembly,
            (LLM_ROUTE, each.loser, "spec.models"),
            ("Conflicted", "ModelTaken"),
            f"{each.model} is served by LLMRoute {each.winner}; remove it from spec.models of "
            "one of the two"
            if each.model != each.winner
            else f"{each.model} is the name of LLMRoute {each.winner}, which serves it; remove "
            "it from spec.models",
        )


def _not_found(prompt: str, choice: str, assembly: Assembly) -> str:
    another = f", or name one of {choice} in spec.prompt.name" if choice else ""
    return (
        f"no PromptVersion in namespace {assembly.snapshot.namespace} has promptName {prompt}; "
        f"create one{another}"
    )


def _patch(arms: list[Arm], prompt: str, assembly: Assembly) -> str:
    stable = assembly.split(prompt).stable
    best = max(arms, key=lambda arm: (arm.name == stable, arm.created, arm.name))
    return (
        f"kubectl patch prv {best.name} -n {assembly.snapshot.namespace} --type merge "
        """-p '{"spec":{"weight":100}}'"""
    )


def _meanwhile(route: str, prompt: str, assembly: Assembly) -> str:
    """What callers of the route get until the reference is mended."""
    served = assembly.snapshot.routes[route].prompt
    if served is None or served.name != prompt:
        return " (until then the route keeps its last form)"
    if assembly.split(prompt).ranges:
        return " (until then the last split stays)"
    return " (until then its callers get the error outrider_no_prompt)"


def _unresolved(assembly: Assembly, route: str, reason: Reason, message: str) -> Problem:
    return _problem(
        assembly, (LLM_ROUTE, route, "spec.prompt.name"), ("ResolvedRefs", reason), message
    )


def _problem(
    assembly: Assembly,
    place: tuple[str, str, str],
    what: tuple[Condition, Reason],
    message: str,
) -> Problem:
    kind, name, path = place
    condition, reason = what
    return Problem(
        kind=kind,
        namespace=assembly.snapshot.namespace,
        name=name,
        path=path,
        condition=condition,
        reason=reason,
        message=message,
    )
