"""The smallest JSON value that fits a JSON Schema, as an obedient model would write it."""

from collections.abc import Mapping
from typing import Any


def sample(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """A value for `schema`; references are looked up in `root`, by default the schema itself."""
    root = schema if root is None else root
    if "$ref" in schema:
        found: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return sample(found, root)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return sample(schema[choice][0], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: sample(of, root) for name, of in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema.get("items", {}), root)]
        case "integer":
            return 7
        case "number":
            return 7.5
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "Zürich"
