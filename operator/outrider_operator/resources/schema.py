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
    {"type", "enum", "pattern", "format", "required", "minimum", "maximum"}
    | {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
)


class SchemaProblem(msgspec.Struct, frozen=True, order=True):
    """A value that the schema refuses: its path, such as ``spec.rules[0].name``, and why."""

    path: str
    message: str


def problems(resource: Resource) -> list[SchemaProblem]:
    """Everything in the resource that its CRD's schema refuses, in the order of the paths."""
    instance = {"metadata": {"name": resource.name}, "spec": _without_nulls(resource)}
    found = {
        SchemaProblem(path, message)
        for error in _validator(resource.kind).iter_errors(instance)
        for path, message in wording.problems(error, crds.schema(resource.kind))
    }
    return sorted(found)


@cache
def _validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    written = crds.schema(kind)
    name = _strict(written["properties"]["metadata"]["properties"]["name"])
    spec = _strict(written["properties"]["spec"])
    metadata = {"type": "object", "properties": {"name": {**name, "pattern": _NAME}}}
    properties = {"metadata": metadata, "spec": spec}
    whole = {"type": "object", "required": ["spec"], "properties": properties}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of a structural schema: unknown fields refused where they are not kept."""
    strict = {key: value for key, value in schema.items() if key in _KEPT}
    # Kubernetes says with these how an integer is stored; JSON Schema knows no such formats.
    if strict.get("format") in ("int32", "int64"):
        del strict["format"]
    if "properties" in schema:
        strict["properties"] = {
            name: _strict(member) for name, member in schema["properties"].items()
        }
        strict["additionalProperties"] = False
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    return strict


def _without_nulls(resource: Resource) -> Any:
    """The spec as the API server sees it: null where there is a default means the default."""
    return _defaulted(resource.spec, crds.schema(resource.kind)["properties"]["spec"])


def _defaulted(value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, dict) and "properties" in schema:
        members = schema["properties"]
        return {
            name: _defaulted(member, members.get(name, {}))
            for name, member in value.items()
            if not (member is None and "default" in members.get(name, {}))
        }
    if isinstance(value, list) and "items" in schema:
        return [_defaulted(item, schema["items"]) for item in value]
    return value
