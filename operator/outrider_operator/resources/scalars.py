"""What an unquoted YAML word means to kubectl: YAML 1.1's booleans, but dates stay strings.

The same table as in the YAML reader that kubectl uses; a test compares the two.
"""

import math
import re
from typing import Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_INTEGER: Final = re.compile(
    r"[-+]?(?:0[xX](?P<x>[0-9a-fA-F]+)|0[bB](?P<b>[01]+)|0[oO]?(?P<o>[0-7]+)|(?P<d>0|[1-9][0-9]*))"
)
_BASES: Final = {"x": 16, "b": 2, "o": 8, "d": 10}
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BETWEEN: Final = re.compile("(?<=[0-9])_(?=[0-9])")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def resolve(word: str) -> Scalar:
    """The value of an unquoted word; raises ValueError for one that JSON cannot hold."""
    if word in _WORDS:
        return _WORDS[word]
    if _NO_NUMBER.fullmatch(word):
        raise ValueError(f"{word} is no number that JSON has: quote it if you mean the text")
    if word.startswith("_"):
        return word
    digits = _BETWEEN.sub("", word) if word.startswith(".") else word.replace("_", "")
    if match := _INTEGER.fullmatch(digits):
        base = match.lastgroup or "d"
        number = int(match[base], _BASES[base])
        return _whole(-number if digits.startswith("-") else number)
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        if math.isinf(value):
            return word
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    return word


def _whole(number: int) -> int | float:
    return number if -(2**63) <= number < 2**63 else float(number)
