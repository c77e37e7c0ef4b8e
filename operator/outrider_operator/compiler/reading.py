"""From a resource as it was written to its compiled form, or to what is wrong with it."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec

from outrider_operator.compiler import limits, routes, versions
from outrider_operator.compiler.problem import Problem, Reason
from outrider_operator.compiler.rules import broken
from outrider_operator.compiler.splits import Arm
from outrider_operator.resources import kinds, schema
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Limit, Route

DEPTH: Final = 64  # the sidecar parses what is published, and its parser has a limit too

Form = Route | Arm | Limit
Spec = TypeVar("Spec", kinds.LLMRoute, kinds.PromptVersion, kinds.RateLimitPolicy)
Found = tuple[Reason, str, str]  # reason, path, message

_encoder: Final = msgspec.json.Encoder(order="sorted")


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A resource and its form, None when it is not accepted; the problems say why."""

    resource: Resource
    form: Form | None
    problems: tuple[Problem, ...] = ()


class _Refused(ValueError):
    """A spec that cannot be compiled."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


def read(resource: Resource) -> Reading:
    """The resource's form, or every reason why it has none. Whatever the spec, it returns."""
    try:
        spec = schema.without_nulls(resource.kind, _plain(resource.spec))
    except _Refused as error:
        resource = msgspec.structs.replace(resource, spec=_remains([resource]))
        form, found = None, [_invalid(error)]
    else:
        resource = msgspec.structs.replace(resource, spec=spec)
        try:
            form, found = _checked(resource, spec)
        except _Refused as error:
            form, found = None, [_invalid(error)]
    if not found:
        return Reading(resource=resource, form=form)
    return Reading(resource=resource, form=None, problems=_problems(resource, found))


def repeated(copies: list[Resource]) -> Reading:
    """What is wrong with an object that was written more than once."""
    first = copies[0]
    places = [f"{each.source.file}:{each.source.line}" for each in copies if each.source]
    where = f" ({', '.join(sorted(places))})" if places else ""
    message = f"{first.kind} {first.namespace}/{first.name} is written {len(copies)} times{where}"
    found: list[Found] = [("Invalid", "", f"{message}; remove or rename all but one")]
    return Reading(
        resource=msgspec.structs.replace(first, spec=_remains(copies), created=""),
        form=None,
        problems=_problems(first, found),
    )


def _invalid(error: _Refused) -> Found:
    return "Invalid", error.path, str(error)


def _remains(copies: Iterable[Resource]) -> dict[str, Any]:
    """What counts of specs that cannot be read: prompt name and weight, where all agree."""
    specs: list[Any] = [each.spec for each in copies]
    if not all(isinstance(spec, dict) for spec in specs):
        return {"weight": None}
    prompts = {spec.get("promptName") for spec in specs if _is_name(spec.get("promptName"))}
    weights = [spec.get("weight", 0) for spec in specs]
    agreed = weights[0] if weights.count(weights[0]) == len(weights) else None
    return {"weight": agreed} | ({"promptName": prompts.pop()} if len(prompts) == 1 else {})


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isascii()


def _checked(resource: Resource, spec: dict[str, Any]) -> tuple[Form | None, list[Found]]:
    invalid = [(each.path, each.message) for each in schema.problems(resource)]
    invalid = invalid or broken(resource.kind, spec)
    if invalid:
        return None, [("Invalid", path, message) for path, message in invalid]
    if resource.kind == kinds.LLM_ROUTE:
        route = _typed(spec, kinds.LLMRoute)
        missing = routes.without_model(route)
        return routes.compiled(route), [("ModelMissing", *each) for each in missing]
    if resource.kind == kinds.RATE_LIMIT_POLICY:
        policy = _typed(spec, kinds.RateLimitPolicy)
        try:
            return limits.compiled(resource.name, policy), []
        except ValueError as error:
            raise _Refused("spec.overrides", f"until is no moment: {error}") from error
    version = _typed(spec, kinds.PromptVersion)
    return _arm(resource, spec, version), [*_too_large(spec), *_undeclared(version)]


def _arm(resource: Resource, spec: dict[str, Any], version: kinds.PromptVersion) -> Arm:
    return Arm(
        name=resource.name,
        prompt=version.prompt_name,
        template=versions.compiled(version.prompt),
        digest=versions.digest(spec["prompt"]),
        weight=version.weight or 0,
        created=resource.created,
    )


def _too_large(spec: dict[str, Any]) -> list[Found]:
    size = versions.size(spec["prompt"])
    if size <= versions.PROMPT_BYTES:
        return []
    message = (
        f"spec.prompt is {size} bytes of JSON, at most {versions.PROMPT_BYTES} can be served; "
        "shorten its messages or tools"
    )
    return [("TooLarge", "spec.prompt", message)]


def _undeclared(version: kinds.PromptVersion) -> list[Found]:
    return [("VariableUndeclared", *each) for each in versions.undeclared(version.prompt)]


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """The value as JSON carries it; raises `_Refused` for what JSON or its parsers cannot."""
    too_deep = f"spec is nested deeper than {DEPTH} levels; flatten it"
    try:
        result: dict[str, Any] = msgspec.json.decode(_encoder.encode(value), type=dict[str, Any])
    except RecursionError as error:
        raise _Refused("spec", too_deep) from error
    except UnicodeEncodeError as error:
        raise _Refused("spec", "spec holds half a surrogate pair; write the character") from error
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise _Refused("spec", f"spec is not JSON: {error}") from error
    level: list[Any] = [result]
    for _ in range(DEPTH):
        level = [
            item
            for outer in level
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, dict | list)
        ]
        if not level:
            return result
    raise _Refused("spec", too_deep)


def _typed(spec: dict[str, Any], kind: type[Spec]) -> Spec:
    try:
        return msgspec.convert(spec, kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        raise _Refused("spec" + place.removesuffix("`"), message) from error


def _problems(resource: Resource, found: Iterable[Found]) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            kind=resource.kind,
            namespace=resource.namespace,
            name=resource.name,
            path=path,
            condition="Accepted",
            reason=reason,
            message=message,
        )
        for reason, path, message in found
    )
