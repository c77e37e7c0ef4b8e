"""JSON as people and libraries spell it, and what it says, read without any code of ours.

`texts` draws JSON with odd white space, escapes, number spellings, lone surrogates and keys that
stand twice; `read` keeps what a dict would lose: order, duplicates, spellings of numbers.
"""

import json
from typing import Any, NamedTuple

from hypothesis import strategies as st


class Number(NamedTuple):
    """A number by its spelling."""

    spelling: str


class Object(NamedTuple):
    """An object by its members, duplicates too, in order."""

    members: tuple[tuple[str, Any], ...]


SPACES = st.sampled_from(["", "", "", " ", "\n  ", "\t", "\r\n", " \n\t\r "])
KEYS = {
    "a": ['"a"', r'"\u0061"'],
    "b": ['"b"'],
    "model": ['"model"', r'"mod\u0065l"'],
    "": ['""'],
    "x/y": ['"x/y"', r'"x\/y"'],
    "~": ['"~"'],
    "é": ['"é"', r'"\u00e9"', r'"\u00E9"'],
    '"\\': [r'"\"\\"'],
    "\U0001f600": ['"\U0001f600"', r'"\uD83D\ude00"'],
}
NUMBERS = ["0", "-0", "1", "1.0", "1E+2", "1e-7", "1e999", "-1e999", "9" * 40, "9" * 400]
STRINGS = [
    '""',
    '"a"',
    '"]}"',
    r'"\"{\\"',
    r'"\\\""',
    r'"\\ud800"',
    r'"\\\ud800"',
    r'"\ud800\ud800\udc00"',
    r'"\uDFFF"',
    r'"\ud83d\ude00"',
    '"\u2028\U0001f600é"',
    r'"\u0000\n"',
]
SCALARS = st.sampled_from([*NUMBERS, *STRINGS, "true", "false", "null"])


def values() -> st.SearchStrategy[str]:
    """Any JSON value, spelled in any way."""
    return st.recursive(SCALARS, lambda inner: arrays(inner) | objects(inner), max_leaves=8)


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """An array of such values."""
    items = draw(st.lists(inner, max_size=4))
    return _spaced(draw, "[", [[item] for item in items], "]")


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[str], unique: bool = False) -> str:
    """An object of such values; a key may stand in it twice unless it is to be `unique`."""
    names = draw(st.lists(st.sampled_from(sorted(KEYS)), max_size=5, unique=unique))
    members = [[draw(st.sampled_from(KEYS[name])), ":", draw(inner)] for name in names]
    return _spaced(draw, "{", members, "}")


def _spaced(draw: st.DrawFn, start: str, members: list[list[str]], end: str) -> str:
    style = draw(st.sampled_from(["compact", "python", "odd"]))
    text = start
    for place, member in enumerate(members):
        if place:
            text += "," if style != "python" else ", "
        for token in member:
            if style == "odd":
                text += draw(SPACES)
            text += token + (" " if style == "python" and token == ":" else "")
        if style == "odd":
            text += draw(SPACES)
    return text + (draw(SPACES) if style == "odd" else "") + end


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A request body: an object whose own keys are unique."""
    body = draw(objects(values(), unique=True))
    style = draw(st.sampled_from(list(_WRITERS)))
    if style != "as drawn":
        # Numbers become strings, since Python would spell them anew, or not at all.
        decoded = json.loads(body, parse_int=str, parse_float=str)
        body = json.dumps(decoded, **_WRITERS[style])
    space = "" if style == "compact" else draw(SPACES)
    return (space + body + space).encode()


_WRITERS: dict[str, dict[str, Any]] = {
    "as drawn": {},
    "compact": {"separators": (",", ":")},
    "python": {},
    "indented": {"indent": 2},
}


def read(text: bytes) -> Any:
    """What a text says, as `Object` and `Number` where a dict and a float would lose something."""
    return json.loads(
        text,
        object_pairs_hook=lambda pairs: Object(tuple(pairs)),
        parse_int=Number,
        parse_float=Number,
    )
