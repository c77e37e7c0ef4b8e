"""What the CRDs say of the specs, as lists that a table can be held against."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from outrider_operator.resources import crds
from outrider_operator.resources.kinds import KINDS

Schema = dict[str, Any]


@dataclass(frozen=True)
class Validation:
    """One of `x-kubernetes-validations`: a CEL rule at a path such as ``spec.rules[]``."""

    kind: str
    at: str
    rule: str
    message: str
    field: str

    @property
    def is_transition(self) -> bool:
        """Whether it compares with what was there before, so that only an edit can break it."""
        return "oldSelf" in self.rule


def fields(kind: str, under: str = "spec") -> Iterator[tuple[str, Schema]]:
    """Every schema in the spec, or the status, of a kind with its path, from the top down."""
    yield from _below(under, crds.schema(kind)["properties"][under])


def validations() -> list[Validation]:
    """Every CEL rule of the three CRDs."""
    return [
        Validation(
            kind,
            path,
            rule["rule"],
            rule["message"],
            rule.get("fieldPath", ""),
        )
        for kind in KINDS
        for path, schema in fields(kind)
        for rule in schema.get("x-kubernetes-validations", ())
    ]


def _below(path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, member in schema.get("properties", {}).items():
        yield from _below(f"{path}.{name}", member)
    if "items" in schema:
        yield from _below(f"{path}[]", schema["items"])
