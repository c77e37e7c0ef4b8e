"""What the official SDKs' own parameter types say about request bodies, as closed JSON Schemas."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

# An object whose members are the caller's own words, whatever else the type names.
_OPEN = frozenset({"InputSchemaTyped"})

_LONGEST = 400


class _OnTheWire(GenerateJsonSchema):
    """Files and other objects of Python never stand in a body."""

    def handle_invalid_for_json_schema(
        self, schema: CoreSchema, error_info: str
    ) -> JsonSchemaValue:
        return {"not": {}}


@cache
def _validator(params: Any) -> jsonschema_rs.Validator:
    config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    adapter: TypeAdapter[Any] = TypeAdapter(list[params], config=config)
    schema = adapter.json_schema(schema_generator=_OnTheWire)
    for name, definition in schema.get("$defs", {}).items():
        if "properties" in definition and name not in _OPEN:
            definition["additionalProperties"] = False
    return jsonschema_rs.validator_for(schema)


def misfits(params: Any, body: Any) -> Iterator[str]:
    """What of `body` the typed dict `params` does not allow: members unknown, missing, wrong."""
    for error in _validator(params).iter_errors([body]):
        place = "/".join(str(step) for step in error.instance_path[1:])
        yield f"/{place}: {error.message[:_LONGEST]}"
