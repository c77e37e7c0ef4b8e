"""Templates of the format Simple: text with ``{{name}}`` in it.

A template is parsed once and filled in one pass: what stands in a value is never looked at
again, so a value that contains ``{{other}}`` stays what it is.
"""

import re
from collections.abc import Mapping

_SLOT = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_.]*)\}\}")

# Literal text and names of variables in turn, beginning and ending with a literal.
Parts = tuple[str, ...]


def parse(content: str) -> Parts:
    """The parts of a template. Braces that hold no name are text."""
    return tuple(_SLOT.split(content))


def names(parts: Parts) -> tuple[str, ...]:
    """The names a template uses, in order of appearance, with repetitions."""
    return parts[1::2]


def fill(parts: Parts, values: Mapping[str, str]) -> str:
    """The text with every name replaced by its value; raises KeyError when one has none."""
    if len(parts) == 1:
        return parts[0]
    return "".join([values[part] if place & 1 else part for place, part in enumerate(parts)])
