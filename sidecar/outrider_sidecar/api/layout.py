"""Where the parts of a JSON text lie, for changing some and no other byte.

msgspec validates and decodes; this module finds offsets. All of it takes text that msgspec has
accepted (with lone surrogates repaired) and costs time linear in its length, without recursion.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

_SPACE: Final = re.compile(rb"[ \t\n\r]*+").match
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL).match
_COLON: Final = re.compile(rb"[ \t\n\r]*+:[ \t\n\r]*+").match
_SCALAR: Final = re.compile(rb"[-+.0-9A-Za-z]++").match
_TOKENS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{}]', re.DOTALL).finditer

FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])

# A surrogate's escape; group 1 only when the other half is missing. An escape begins at a
# backslash with an even number of backslashes before it.
_SURROGATE: Final = re.compile(
    rb"(?<!\\)(?:\\\\)*+\\u[dD](?:[89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|([89a-fA-F][0-9a-fA-F]{2}))"
)


class Member(NamedTuple):
    """A member of an object or an element of an array, by offsets; an element has no key."""

    key: str
    key_start: int
    key_end: int
    start: int
    end: int


def repair(text: bytes) -> bytes:
    """`text` with every escape of a lone surrogate replaced by that of U+FFFD, of equal length.

    msgspec refuses lone surrogates even in parts it does not decode.
    """
    return _SURROGATE.sub(_repaired, text)


def _repaired(match: re.Match[bytes]) -> bytes:
    return match[0] if match[1] is None else match[0][:-4] + b"fffd"


def fields(value: msgspec.Raw | bytes) -> dict[str, msgspec.Raw]:
    """The members of an object, undecoded and as they were sent; of a key twice, the last."""
    try:
        return FIELDS.decode(value)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        text = bytes(value)
        sound = repair(text)
        found = members(sound, after_space(sound, 0), FIELDS.decode(sound))
    return cut(text, found)


def items(value: msgspec.Raw | bytes) -> list[msgspec.Raw]:
    """The elements of an array, undecoded and as they were sent."""
    try:
        return ITEMS.decode(value)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        text = bytes(value)
        sound = repair(text)
        found = elements(sound, after_space(sound, 0), ITEMS.decode(sound))
    return list(cut(text, found).values())


def cut(text: bytes, found: Iterable["Member"]) -> dict[str, msgspec.Raw]:
    """The values of the members, as views into `text`."""
    view = memoryview(text)
    return {member.key: msgspec.Raw(view[member.start : member.end]) for member in found}


def compact(fields: dict[str, msgspec.Raw]) -> Iterator[Member]:
    """The members of an object with these fields that has no space outside its values."""
    position = 1
    for key, value in fields.items():
        key_end = position + len(key) + 2
        end = key_end + 1 + len(value)
        yield Member(key, position, key_end, key_end + 1, end)
        position = end + 1


def members(text: bytes, at: int, fields: dict[str, msgspec.Raw]) -> list[Member]:
    """The members of the object at offset `at`, duplicates too, in the order of the text.

    `fields` is what msgspec decoded it to: known lengths save the scan of the values.
    """
    view = memoryview(text)
    found: list[Member] = []
    position = after_space(text, at + 1)
    while text[position] != 0x7D:
        key_start = position
        key_end = _end_of_string(text, key_start)
        key: str = msgspec.json.decode(view[key_start:key_end], type=str)
        colon = _COLON(text, key_end)
        assert colon is not None
        start = colon.end()
        end = start + len(fields[key])
        if msgspec.Raw(view[start:end]) != fields[key] or text[end] not in b" \t\n\r,}":
            end = end_of(text, start)
        found.append(Member(key, key_start, key_end, start, end))
        position = after_space(text, end)
        if text[position] == 0x2C:
            position = after_space(text, position + 1)
    return found


def elements(text: bytes, at: int, values: Iterable[msgspec.Raw]) -> list[Member]:
    """The elements of the array at offset `at`, keyed by their index."""
    found: list[Member] = []
    position = at
    for index, value in enumerate(values):
        start = after_space(text, position + 1)
        end = start + len(value)
        found.append(Member(str(index), start, start, start, end))
        position = after_space(text, end)
    return found


def end_of(text: bytes, start: int) -> int:
    """The offset behind the value that begins at `start`."""
    first = text[start]
    if first == 0x22:
        return _end_of_string(text, start)
    if first not in b"{[":
        scalar = _SCALAR(text, start)
        assert scalar is not None
        return scalar.end()
    depth = 0
    for token in _TOKENS(text, start):
        byte = text[token.start()]
        if byte in b"{[":
            depth += 1
        elif byte in b"}]":
            depth -= 1
            if depth == 0:
                return token.end()
    raise AssertionError("a value of valid JSON has an end")


def after_space(text: bytes, position: int) -> int:
    """The offset of the first byte at or behind `position` that is no white space."""
    space = _SPACE(text, position)
    assert space is not None
    return space.end()


def _end_of_string(text: bytes, start: int) -> int:
    string = _STRING(text, start)
    assert string is not None
    return string.end()


def read(decoder: msgspec.json.Decoder[T], value: msgspec.Raw | bytes) -> T:
    """What `decoder` makes of a value, lone surrogates read as U+FFFD.

    Raises msgspec.ValidationError when it is of another type.
    """
    try:
        return decoder.decode(value)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return decoder.decode(repair(bytes(value)))
