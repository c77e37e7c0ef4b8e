"""A JSON request body: read where needed, changed where needed, otherwise the caller's bytes.

`Body.parse` decodes one level and leaves every value raw. Changes go in by `splice`, which
leaves every other byte as it was: unknown fields, key order and number spellings survive.
"""

import codecs
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, TypeVar, cast

import msgspec

from outrider_sidecar.dialects import edits, layout
from outrider_sidecar.dialects.errors import Refusal, refuse

T = TypeVar("T")

# Bytes checked for UTF-8 at a time: decoded at once, 31 MiB may take four times that.
_PIECE: Final = 1 << 18

# Providers know some thirty; members beyond this are not laid out, which costs far more than
# decoding them.
MEMBERS: Final = 1_000

_TEXT: Final = msgspec.json.Decoder(str)

# By type, and types come from code: there are few, and making a decoder is dear.
_DECODERS: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}


class Body:
    """A JSON object as sent: `raw` its bytes, `fields` its members by name, undecoded."""

    __slots__ = ("_gap", "_members", "_sound", "fields", "raw")

    def __init__(
        self,
        raw: bytes,
        fields: dict[str, msgspec.Raw],
        sound: bytes,
        gap: int | None,
        members: list[layout.Member],
    ) -> None:
        """Use `parse`. `sound` is `raw` repaired; `members` are empty when there is a `gap`."""
        self.raw = raw
        self.fields = fields
        self._sound = sound
        self._gap = gap
        self._members = members

    @classmethod
    def parse(cls, raw: bytes) -> "Body":
        """The body in `raw`.

        Raises Refusal `caller_json` when it is not UTF-8, not JSON, nested too deep, no object
        or one of more than `MEMBERS` members, and `caller_duplicate_key` when a top-level key
        stands in it twice.
        """
        if not raw.isascii():
            _check_utf8(raw)
        try:
            fields = layout.FIELDS.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            return cls._parse_repaired(raw, error)
        _check_number(fields)
        gap = layout.gap_of(raw, fields)
        if gap is not None:
            return cls(raw, fields, raw, gap, [])
        return cls(raw, fields, raw, None, _members(raw, fields))

    def text(self, name: str) -> str | None:
        """The top-level member `name` if it is a string.

        Raises Refusal `caller_json` when it holds a lone surrogate.
        """
        value = self.fields.get(name)
        return None if value is None else _string(value, f"/{name}")

    def at(self, pointer: str) -> str | None:
        """The scalar a JSON pointer names: strings as they are, else by their JSON spelling.

        None when it is absent, null, an object, an array or an empty string. Raises Refusal
        `caller_json` when it is a string with a lone surrogate.
        """
        first, *rest = edits.steps(pointer)
        value = self.fields.get(first)
        for name in rest:
            if value is None:
                return None
            value = _child(value, name)
        if value is None:
            return None
        start = memoryview(value)[0]
        if start == 0x22:
            return _string(value, pointer) or None
        if start in b"{[n":
            return None
        return bytes(value).decode()

    def get(self, name: str, kind: type[T]) -> T | None:
        """The top-level member `name` decoded as `kind`; None when it is absent or null.

        Raises Refusal `caller_invalid` when it is something else and `caller_json` when it
        holds a lone surrogate.
        """
        value = self.fields.get(name)
        if value is None or value == layout.NULL:
            return None
        return decoded(value, kind, f"/{name}")

    def splice(self, changes: Mapping[str, bytes | None]) -> bytes:
        """The body with the values at these JSON pointers replaced, and no other byte changed.

        A value is JSON; None removes the member with its comma. An absent member is added at
        the end of its object in the object's own style, absent objects on the way are made.
        A nested key that stands twice has every occurrence changed, so that all parsers read
        the same. Elements of arrays are named by index, ``-`` appends.
        """
        if self._gap is not None:
            simple = edits.simple(changes, self.fields)
            if simple is not None:
                return edits.replaced(self.raw, self.fields, self._gap, simple)
            members = list(layout.regular(self.fields, self._gap))
        else:
            members = self._members
        at = layout.after_space(self._sound, 0)
        return edits.applied(
            self.raw, edits.edits_of(self._sound, at, members, edits.tree(changes))
        )

    @classmethod
    def _parse_repaired(cls, raw: bytes, error: Exception) -> "Body":
        """The body when msgspec refuses `raw`, which it also does for a lone surrogate."""
        sound = layout.repair(raw)
        if sound == raw:
            raise _not_json(raw, error) from error
        try:
            fields = layout.FIELDS.decode(sound)
        except (msgspec.MsgspecError, RecursionError) as second:
            raise _not_json(raw, second) from second
        _check_number(fields)
        members = _members(sound, fields)
        return cls(raw, layout.cut(raw, members), sound, None, members)


def splice(raw: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """`Body.splice` for bytes that are not parsed yet, with the refusals of `Body.parse`."""
    return Body.parse(raw).splice(changes)


def decoded(value: msgspec.Raw | bytes, kind: type[T], path: str) -> T:
    """A raw value as `kind`; `path` names it in the refusals, which are those of `Body.get`."""
    try:
        return cast(T, _decoder(kind).decode(value))
    except msgspec.ValidationError as error:
        raise refuse("caller_invalid", f"{path}: {error}.", param=path) from error
    except msgspec.MsgspecError as error:
        raise _surrogate(path) from error
    except RecursionError as error:
        raise layout.too_deep() from error


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    return decoder


def _string(value: msgspec.Raw, pointer: str) -> str | None:
    try:
        return _TEXT.decode(value)
    except msgspec.ValidationError:
        return None
    except msgspec.MsgspecError as error:
        raise _surrogate(pointer) from error


def _child(value: msgspec.Raw, name: str) -> msgspec.Raw | None:
    start = memoryview(value)[0]
    if start == 0x7B:
        return layout.fields(value).get(name)
    if start == 0x5B and name.isdecimal() and name.isascii():
        items = layout.items(value)
        index = int(name)
        return items[index] if index < len(items) else None
    return None


def _check_utf8(raw: bytes) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(raw)
    for start in range(0, len(raw), _PIECE):
        try:
            decoder.decode(view[start : start + _PIECE], start + _PIECE >= len(raw))
        except UnicodeDecodeError as error:
            raise refuse(
                "caller_json",
                f"The request body is not UTF-8 (near byte {start + error.start}). "
                "JSON is sent as UTF-8: encode it so.",
            ) from error


def _not_json(raw: bytes, error: Exception) -> Refusal:
    if isinstance(error, RecursionError):
        return layout.too_deep()
    if not raw.strip():
        return refuse("caller_json", "The request body is empty. Send a JSON object.")
    if isinstance(error, msgspec.ValidationError):
        return refuse("caller_json", f"The request body: {error}. Send a JSON object.")
    what = str(error).removeprefix("JSON is malformed: ")
    return refuse("caller_json", f"The request body is not JSON: {what}. Send a JSON object.")


def _members(text: bytes, fields: dict[str, msgspec.Raw]) -> list[layout.Member]:
    """The members of a whole body; raises Refusal `caller_duplicate_key`."""
    found = layout.members(text, layout.after_space(text, 0), fields)
    members = list(islice(found, len(fields) + 1))
    if len(members) == len(fields):
        return members
    key = next(key for key, times in Counter(m.key for m in members).items() if times > 1)
    raise refuse(
        "caller_duplicate_key",
        f"The request body has the key {msgspec.json.encode(key).decode()} twice. Parsers "
        "disagree about which one counts: send it once.",
        param=key,
    )


def _check_number(fields: dict[str, msgspec.Raw]) -> None:
    if len(fields) > MEMBERS:
        raise refuse(
            "caller_json",
            f"The request body has {len(fields)} members, at most {MEMBERS} are read. Send fewer.",
        )


def _surrogate(path: str) -> Refusal:
    return refuse(
        "caller_json",
        f"{path} holds a lone surrogate (half of a \\ud83d\\ude00), which is no text. "
        "Send whole characters.",
        param=path,
    )
