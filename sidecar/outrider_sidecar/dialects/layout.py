"""Where the parts of a JSON text lie, for changing some and no other byte.

msgspec validates and decodes; this module finds offsets. All of it takes text that msgspec has
accepted (with lone surrogates repaired) and costs time linear in its length, without recursion.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeVar

import msgspec

from outrider_sidecar.dialects.errors import Refusal, refuse

T = TypeVar("T")

_SPACE: Final = re.compile(rb"[ \t\n\r]*+").match
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL).match
_KEY: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\n\r]*+:[ \t\n\r]*+', re.DOTALL).match
_COMMA: Final = re.compile(rb"[ \t\n\r]*+(?:,[ \t\n\r]*+)?").match
_SCALAR: Final = re.compile(rb"[-+.0-9A-Za-z]++").match
_TOKENS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{}]', re.DOTALL).finditer

# A member that may be absent is decoded as Raw with this default: msgspec reads `Raw | None` as
# null and nothing else.
NULL: Final = msgspec.Raw(b"null")

FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])

# Up to this many bytes it is cheaper to write an object again than to walk it.
_COPY: Final = 1 << 16

# A surrogate's escape; group 1 only when the other half is missing. An escape begins at a
# backslash with an even number of backslashes before it.
_SURROGATE: Final = re.compile(
    rb"\\(?<!\\\\)(?:\\\\)*+u[dD](?:[89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
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
    return _SURROGATE.sub(_repaired, text) if b"\\u" in text else text


def _repaired(match: re.Match[bytes]) -> bytes:
    return match[0] if match[1] is None else match[0][:-4] + b"fffd"


def fields(value: msgspec.Raw | bytes) -> dict[str, msgspec.Raw]:
    """The members of an object, undecoded and as they were sent; of a key twice, the last.

    Raises msgspec.ValidationError for anything else, Refusal `caller_json` when too deep.
    """
    try:
        return FIELDS.decode(value)
    except (msgspec.DecodeError, RecursionError):
        text = bytes(value)
        sound = repair(text)
        decoded = read(FIELDS, sound)
    return cut(text, members(sound, after_space(sound, 0), decoded))


def items(value: msgspec.Raw | bytes) -> list[msgspec.Raw]:
    """The elements of an array, undecoded and as they were sent; raises what `fields` raises."""
    try:
        return ITEMS.decode(value)
    except (msgspec.DecodeError, RecursionError):
        text = bytes(value)
        sound = repair(text)
        decoded = read(ITEMS, sound)
    return list(cut(text, elements(sound, after_space(sound, 0), decoded)).values())


def read(decoder: msgspec.json.Decoder[T], value: msgspec.Raw | bytes) -> T:
    """What `decoder` makes of a value of the caller's, lone surrogates read as U+FFFD.

    Raises msgspec.ValidationError when it is of another type, Refusal `caller_json` when too
    deep: how deep msgspec goes depends on the stack it is called on.
    """
    try:
        try:
            return decoder.decode(value)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return decoder.decode(repair(bytes(value)))
    except RecursionError as error:
        raise too_deep() from error


def glean(decoder: msgspec.json.Decoder[T], data: msgspec.Raw | bytes) -> T | None:
    """What `decoder` makes of a provider's data, or of a caller's that only a provider judges.

    Lone surrogates and bytes that are not UTF-8 are read as U+FFFD; None when it is no JSON of
    that shape.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = repair(bytes(data).decode("utf-8", "replace").encode())
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None


def is_object(data: bytes) -> bool:
    """Whether a provider's data are a JSON object, whatever is in it."""
    return glean(FIELDS, data) is not None


def too_deep() -> Refusal:
    """What is said about JSON that is nested beyond what can be read."""
    return refuse("caller_json", "The request body is nested too deep. Send a flatter one.")


def cut(text: bytes, found: Iterable["Member"]) -> dict[str, msgspec.Raw]:
    """The values of the members, as views into `text`."""
    view = memoryview(text)
    return {member.key: msgspec.Raw(view[member.start : member.end]) for member in found}


def gap_of(text: bytes, fields: dict[str, msgspec.Raw]) -> int | None:
    """How many spaces follow each comma and colon of an object that decoded to `fields`.

    0 or 1, as compact JSON and Python's own have it, without a scan. None when it is written in
    any other way, and always when a key stands in it twice.
    """
    # A member takes at least its key, its value and four bytes of punctuation, so only a
    # compact object without duplicates is as short as this.
    least = sum(map(len, fields)) + sum(map(len, fields.values())) + 4 * len(fields) + 1
    if len(text) == least:
        return 0
    if len(text) != least + 2 * len(fields) - 1 or len(text) > _COPY:
        return None
    pieces = [b'"%b": %b' % (key.encode(), value) for key, value in fields.items()]
    return 1 if text == b"{%b}" % b", ".join(pieces) else None


def regular(fields: dict[str, msgspec.Raw], gap: int) -> Iterator[Member]:
    """The members of an object with these fields that is written with this gap."""
    position = 1
    for key, value in fields.items():
        key_end = position + len(key) + 2
        start = key_end + 1 + gap
        end = start + len(value)
        yield Member(key, position, key_end, start, end)
        position = end + 1 + gap


def members(text: bytes, at: int, fields: dict[str, msgspec.Raw]) -> Iterator[Member]:
    """The members of the object at offset `at`, duplicates too, in the order of the text.

    `fields` is what msgspec decoded it to: known lengths save the scan of the values.
    """
    view = memoryview(text)
    position = after_space(text, at + 1)
    while text[position] != 0x7D:
        head = _matched(_KEY(text, position))
        spelled = head[1]
        key = msgspec.json.decode(b'"%b"' % spelled) if b"\\" in spelled else spelled.decode()
        value = fields[key]
        start = head.end()
        end = start + len(value)
        if msgspec.Raw(view[start:end]) != value or text[end] not in b", \t\n\r}":
            end = end_of(text, start)
        yield Member(key, position, head.end(1) + 1, start, end)
        position = _matched(_COMMA(text, end)).end()


def elements(text: bytes, at: int, values: Iterable[msgspec.Raw]) -> Iterator[Member]:
    """The elements of the array at offset `at`, keyed by their index."""
    position = at
    for index, value in enumerate(values):
        start = after_space(text, position + 1)
        end = start + len(value)
        yield Member(str(index), start, start, start, end)
        position = after_space(text, end)


def end_of(text: bytes, start: int) -> int:
    """The offset behind the value that begins at `start`."""
    first = text[start]
    if first == 0x22:
        return _matched(_STRING(text, start)).end()
    if first not in b"{[":
        return _matched(_SCALAR(text, start)).end()
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
    return _matched(_SPACE(text, position)).end()


def _matched(match: re.Match[bytes] | None) -> re.Match[bytes]:
    if match is None:
        raise AssertionError("text that msgspec accepted is JSON")
    return match
