"""How messages list names."""

from collections.abc import Iterable
from typing import Final

SHOWN: Final = 16


def some(names: Iterable[str]) -> str:
    """The names in order, 16 at most, and how many more there are."""
    ordered = sorted(names)
    rest = len(ordered) - SHOWN
    return ", ".join(ordered[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
