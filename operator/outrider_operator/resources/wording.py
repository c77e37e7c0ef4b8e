"""Schema errors in people's words: the thing, the value, and what to write instead."""

import json
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs

from outrider_operator.resources.suggestion import meant

_NAME: Final = "lower-case letters and digits with - and . between them, such as support-answer"
_DURATION: Final = "a duration in h, m, s and ms, such as 500ms, 30s or 1m30s"
_UNIT_RATIO: Final = 'a decimal from 0 to 1 with at most four decimals, such as "0.25"'

# What each pattern of the CRDs asks for.
PATTERNS: Final[dict[str, str]] = {
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$": _NAME,
    "^[!-)+-~]*[*]?$": "a model name without spaces; a * may stand at its end only, as in gpt-4o-*",
    "^[!-)+-~]+$": "a model name without spaces or *, such as claude-haiku-4-5",
    "^[a-z0-9]([a-z0-9_.-]*[a-z0-9])?$": "a header name in lower case, such as x-outrider-user",
    "^(/([^/~]|~[01])+){1,8}$": "a JSON pointer of at most 8 steps, such as /metadata/user_id",
    "^[-_a-zA-Z0-9][-._a-zA-Z0-9]*$": "the name of a Secret's entry, such as anthropic",
    "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$": "a label: letters, digits, - _ and ., "
    "such as eu-west",
    "^([0-9]{1,5}(h|m|s|ms)){1,4}$": _DURATION,
    "^(0([.][0-9]{1,4})?|1([.]0{1,4})?)$": _UNIT_RATIO,
    "^([01]([.][0-9]{1,4})?|2([.]0{1,4})?)$": "a decimal from 0 to 2 with at most four decimals, "
    'such as "0.2"',
    "^[A-Za-z_][A-Za-z0-9_.]*$": "letters, digits, _ and ., not a digit or . first, "
    "such as language",
    "^[A-Za-z0-9_-]+$": "letters, digits, _ and -, such as lookup_policy",
    "^[2-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:"
    "[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$": "a time such as "
    "2026-12-01T00:00:00Z",
}

_TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a mapping of names to values",
    "array": "a list",
}
_SHOWN: Final = 60


def problems(
    error: jsonschema_rs.ValidationError, schema: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Path and message of each thing that one error of the validator is about."""
    path = path_of(error.instance_path)
    value: Any = error.instance
    kind: Any = error.kind
    fields = _schema_at(schema, error.instance_path)
    limit = kind.value
    match kind.name:
        case "required":
            name = kind.property
            yield f"{path}.{name}", f"{path}.{name} is missing{_example(fields, name)}"
        case "additionalProperties":
            known = fields.get("properties", {})
            for name in kind.unexpected:
                near = meant(name, known)
                ask = f"did you mean {near}?" if near else f"{path} has {', '.join(known)}"
                yield f"{path}.{name}", f"unknown field {path}.{name}: {ask}"
        case "type":
            yield path, _type(path, value, fields)
        case "enum":
            near = meant(value, limit) if isinstance(value, str) else None
            ask = f"did you mean {near}?" if near else f"write {_either(limit)}"
            yield path, f"{path} is {shown(value)}, not one of {', '.join(limit)}: {ask}"
        case "pattern":
            yield path, f"{path} is {shown(value)}: write {PATTERNS[limit]}"
        case "minimum" | "maximum":
            low, high = fields.get("minimum"), fields.get("maximum")
            yield path, f"{path} is {shown(value)}: write a number from {low} to {high}"
        case "minLength" | "maxLength":
            size = f"{len(value):,} characters"
            side = "at least" if kind.name == "minLength" else "at most"
            yield path, f"{path} has {size}: write {side} {limit:,}"
        case "minItems":
            yield path, f"{path} is empty: give it an item, or leave it out if it is optional"
        case "maxItems":
            yield path, f"{path} has {len(value)} items: {limit} are the most"
        case _:
            yield path, f"{path}: {error.message}"


def path_of(steps: list[str | int]) -> str:
    """The steps as people write a path: ``spec.rules[0].name``."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def shown(value: Any) -> str:
    """The value as it could be typed, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _schema_at(schema: dict[str, Any], steps: list[str | int]) -> dict[str, Any]:
    for step in steps:
        below = (
            schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
        )
        schema = below or {}
    return schema


def _type(path: str, value: Any, fields: dict[str, Any]) -> str:
    wanted = fields.get("type", "")
    # Text in place of an object may be a key that somebody put where its reference belongs.
    written = "text" if wanted == "object" and isinstance(value, str) else shown(value)
    message = f"{path} is {written}: it must be {_TYPES.get(wanted, wanted)}"
    if value is None:
        return f"{path} has no value: write {_TYPES.get(wanted, wanted)}, or remove it"
    if wanted == "string" and isinstance(value, bool):
        return f"{message}; quote it (YAML reads y, yes, no, on and off as true and false)"
    if wanted == "string" and isinstance(value, int | float):
        if PATTERNS.get(fields.get("pattern", "")) == _DURATION:
            return f"{message}; write {_DURATION}"
        return f'{message}; quote it: "{value}"'
    if wanted == "integer" and isinstance(value, str):
        return f"{message}; write it without quotes and units"
    if wanted == "array":
        return f"{message}; begin each item with a -"
    if wanted == "object" and (example := _described(fields)):
        return f"{message}, such as {example}"
    return message


def _example(fields: dict[str, Any], name: str) -> str:
    """The example in the description of a missing field, or of the items of a missing list."""
    member = fields.get("properties", {}).get(name, {})
    if enum := member.get("enum"):
        return f": write {_either(enum)}"
    if example := _described(member):
        return f": for example {name}: {example}"
    if item := _described(member.get("items", {})):
        return f": for example {name}: [{item}]"
    return ""


def _described(fields: dict[str, Any]) -> str:
    return str(fields.get("description", "")).partition("Example: ")[2].removesuffix(".")


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
