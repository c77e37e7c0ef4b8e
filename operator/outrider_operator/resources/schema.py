"""Does a resource fit its CRD? The answer in words, without an API server.

The CRD's own schema decides, with unknown fields refused as `kubectl apply` refuses them. Its
validation rules (CEL) and the uniqueness of list keys have their twins in the compiler.
"""

from functools import cache
from typing import Any, Final

import jsonschema_rs
import msgspec

from outrider_operator.resources import crds, wording
from outrider_operator.resources.resource import Resource

# The API server's own rule for names; the CRD adds the length.
_NAME: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_KEPT: Final = frozenset(
    {"type", "enum", "pattern", "required", "minimum", "maximum"}
    | {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
)
# Of the errors at one path only those of the lowest rank are told: who wrote a number for a word
# need not hear the words, who wrote nothing need not hear that it is too short.
_RANKS: Final = {"type": 0, "minLength": 2}


class SchemaProblem(msgspec.Struct, frozen=True, order=True):
    """A value that the schema refuses: its path, such as ``spec.rules[0].name``, and why."""

    path: str
    message: str


def problems(resource: Resource) -> list[SchemaProblem]:
    """Everything in the resource that its CRD's schema refuses, in the order of the paths."""
    spec = without_nulls(resource.kind, resource.spec)
    instance = {"metadata": {"name": resource.name}, "spec": spec}
    found: dict[str, list[tuple[int, str]]] = {}
    for error in _validator(resource.kind).iter_errors(instance):
        rank = _RANKS.get(error.kind.name, 1)
        for path, message in wording.problems(error, crds.schema(resource.kind)):
            found.setdefault(path, []).append((rank, message))
    return sorted(
        SchemaProblem(path, message)
        for path, told in found.items()
        for rank, message in told
        if rank == min(told)[0]
    )


def without_nulls(kind: str, spec: Any) -> Any:
    """The spec as the API server keeps it: a field that is null is absent."""
    return _pruned(spec, crds.schema(kind)["properties"]["spec"])


@cache
def _validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    written = crds.schema(kind)
    name = _strict(written["properties"]["metadata"]["properties"]["name"])
    spec = _strict(written["properties"]["spec"])
    metadata = {"type": "object", "properties": {"name": {**name, "pattern": _NAME}}}
    properties = {"metadata": metadata, "spec": spec}
    whole = {"type": "object", "required": ["spec"], "properties": properties}
    return jsonschema_rs.Draft202012Validator(whole)


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of a structural schema: unknown fields refused where they are not kept."""
    strict = {key: value for key, value in schema.items() if key in _KEPT}
    if "properties" in schema:
        strict["properties"] = {
            name: _strict(member) for name, member in schema["properties"].items()
        }
        strict["additionalProperties"] = False
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    return strict


def _pruned(value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, dict) and "properties" in schema:
        members = schema["properties"]
        return {
            name: _pruned(member, members.get(name, {}))
            for name, member in value.items()
            if not (member is None and name in members)
        }
    if isinstance(value, list) and "items" in schema:
        return [_pruned(item, schema["items"]) for item in value]
    return value
