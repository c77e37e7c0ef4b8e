"""Every way to step over one bound of a CRD, and to stand exactly on it.

From a spec in which every field is written, `mutations` makes one manifest for each bound that the
schema sets on each value in it. Nobody chooses the cases, so none is left out. Where a validation
rule may have its say too, an entry claims to be accepted and nothing more than that all three
judges agree is known of it.
"""

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

from manifests.entry import Entry
from manifests.full import SPECS
from outrider_operator.resources import crds
from outrider_operator.resources.wording import path_of

Steps = tuple[str | int, ...]
Schema = dict[str, Any]

_WRONG_TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "string": (5, True, ["text"], {"text": "x"}),
    "integer": ("5", 1.5, True, [5]),
    "boolean": ("true", 1),
    "array": ({"0": "x"}, "x"),
    "object": ([], "x", 1),
}
_NOT_MATCHING: Final = ("Ä b", "-", "*", "12", "a\n", "²")


def mutations(kind: str) -> Iterator[Entry]:
    """For each value of the full spec: beyond each of its bounds, and on it."""
    for steps, schema in values(kind):
        yield from _of_value(kind, steps, schema)


def values(kind: str) -> Iterator[tuple[Steps, Schema]]:
    """The way to every value in the full spec, from ``spec`` on, and its schema."""
    yield from _values(SPECS[kind], crds.schema(kind)["properties"]["spec"], ("spec",))


def replaced(kind: str, steps: Steps, value: Any) -> Any:
    """The full spec with another value at the end of `steps`."""
    return _replaced({"spec": SPECS[kind]}, steps, value)["spec"]


def _values(value: Any, schema: Schema, steps: Steps) -> Iterator[tuple[Steps, Schema]]:
    yield steps, schema
    if isinstance(value, dict):
        for name, member in value.items():
            if name in schema.get("properties", {}):
                yield from _values(member, schema["properties"][name], (*steps, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values(item, schema["items"], (*steps, index))


def _of_value(kind: str, steps: Steps, schema: Schema) -> Iterator[Entry]:
    def entry(exercises: str, what: str, value: Any, accepted: bool | None) -> Entry:
        path = path_of(list(steps))
        spec = replaced(kind, steps, value)
        says = () if accepted else (path.rpartition(".")[2],)
        return Entry(f"{path} {what}", kind, spec, accepted is not False, exercises, path, says)

    written = _at({"spec": SPECS[kind]}, steps)
    for wrong in _WRONG_TYPES[schema["type"]]:
        yield entry("type", f"is {wrong!r}", wrong, False)
    if "enum" in schema:
        for wrong in ("", "Nonsense", schema["enum"][0].swapcase()):
            yield entry("enum", f"is {wrong!r}", wrong, False)
        for word in schema["enum"]:
            yield entry("enum", f"is {word!r}", word, None)
    if "minimum" in schema:
        yield entry("minimum", "is below its minimum", schema["minimum"] - 1, False)
        yield entry("maximum", "is above its maximum", schema["maximum"] + 1, False)
        yield entry("minimum", "is its minimum", schema["minimum"], None)
        yield entry("maximum", "is its maximum", schema["maximum"], None)
    if "maxLength" in schema:
        longest = schema["maxLength"]
        yield entry("maxLength", "is too long", written + "a" * (longest + 1 - len(written)), False)
        yield entry("maxLength", "is as long as may be", written.ljust(longest, "a"), None)
    if "minLength" in schema:
        yield entry("minLength", "is too short", "", False)
    if schema["type"] == "string":
        for text in _NOT_MATCHING:
            yield entry("pattern", f"is {text!r}", text, None)
    if "maxItems" in schema:
        repeated = (written * (schema["maxItems"] + 1))[: schema["maxItems"] + 1]
        yield entry("maxItems", "has too many items", repeated, False)
    if schema["type"] == "array":
        yield entry("minItems", "is empty", [], False if schema.get("minItems") else None)
        yield entry("duplicate", "has its first item twice", [*written, written[0]], None)
    for name in schema.get("required", ()):
        rest = {key: value for key, value in written.items() if key != name}
        yield entry("required", f"has no {name}", rest, False)
    for name in written if isinstance(written, dict) else ():
        if name not in schema.get("required", ()):
            rest = {key: value for key, value in written.items() if key != name}
            yield entry("required", f"leaves {name} out", rest, None)
    if "properties" in schema:
        yield entry("unknown field", "has an unknown field", {**written, "surplus": 1}, False)
        yield entry("unknown field", "is empty", {}, None)
    yield entry("null", "is null", None, None)


def _at(value: Any, steps: Steps) -> Any:
    for step in steps:
        value = value[step]
    return value


def _replaced(value: Any, steps: Steps, new: Any) -> Any:
    copy = deepcopy(value)
    _at(copy, steps[:-1])[steps[-1]] = new
    return copy


def pairs(kind: str, number: int) -> Iterator[Entry]:
    """Two mutations of the full spec at once, drawn with a fixed seed; only agreement is known."""
    random = Random(number)
    chosen = list(values(kind))
    while number:
        first, second = random.sample(chosen, 2)
        one = random.choice(list(_of_value(kind, *first)))
        two = random.choice(list(_of_value(kind, *second)))
        try:
            value = _at({"spec": two.spec}, second[0])
            spec = _replaced({"spec": one.spec}, second[0], value)["spec"]
        except (KeyError, IndexError, TypeError):
            continue  # the first took away what the second is about
        number -= 1
        yield Entry(f"{one.name}; {two.name}", kind, spec, True, "")


def perturbed(kind: str, number: int) -> Iterator[Entry]:
    """`number` small mistakes in each text of the full spec; only agreement is known."""
    random = Random(kind)
    for steps, schema in values(kind):
        text = _at({"spec": SPECS[kind]}, steps)
        if schema["type"] == "string" and "enum" not in schema:
            for _ in range(number):
                mistaken = _mistaken(text, random)
                name = f"{path_of(list(steps))} is {mistaken!r}"
                yield Entry(name, kind, replaced(kind, steps, mistaken), True, "")


def _mistaken(text: str, random: Random) -> str:
    """The text with one to three characters lost, doubled, added or exchanged."""
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(text) + 1)
        other = random.choice("aZ09.-_:/*@[]+#? é\n%~" + text)
        text = text[:at] + random.choice(("", other)) + text[at + random.choice((0, 1, 2)) :]
    return text
