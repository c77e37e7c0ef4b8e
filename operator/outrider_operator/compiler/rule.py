"""The shape of a validation rule's twin, and of a list whose items must differ."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

Value = Any  # a part of a spec that its schema has accepted
Told = tuple[str, str]  # where below the value, and what there is to say


class Rule(msgspec.Struct, frozen=True):
    """What must hold of every value at `at`, a path in which ``[]`` is any item of a list.

    `message` and `field`, the member that a violation is reported at, are those of the CRD.
    `tells` says the same of one value more exactly: of which member, and with what is written
    there.
    """

    kind: str
    at: str
    message: str
    holds: Callable[[Value], bool]
    field: str = ""
    tells: Callable[[Value], Iterable[Told]] | None = None

    def violations(self, value: Value) -> Iterable[Told]:
        """Each place below the value where the rule is not kept, and why."""
        if self.holds(value):
            return ()
        return self.tells(value) if self.tells else ((self.field, self.message),)


class Key(msgspec.Struct, frozen=True):
    """A list whose items differ in `fields`, or, without any, from each other."""

    kind: str
    at: str
    fields: tuple[str, ...] = ()


def names(items: Iterable[Value]) -> list[str]:
    """The names of items, in order."""
    return [item["name"] for item in items]
