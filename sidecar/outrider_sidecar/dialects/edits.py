"""Which bytes of a JSON text change when values at JSON pointers are replaced."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import msgspec

from outrider_sidecar.dialects import layout
from outrider_sidecar.dialects.layout import Member

# What becomes of each member: new JSON, None to remove it, or changes further down.
Tree: TypeAlias = dict[str, "bytes | Tree | None"]


class Edit(NamedTuple):
    """The bytes from `start` to `end` give way to `text`."""

    start: int
    end: int
    text: bytes


def steps(pointer: str) -> list[str]:
    """The names in a JSON pointer (RFC 6901); raises ValueError for one that names no member."""
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON pointer to a member: it begins with '/'")
    if "~" not in pointer:
        return pointer[1:].split("/")
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer[1:].split("/")]


def tree(changes: Mapping[str, bytes | None]) -> Tree:
    """The changes by name, level by level; raises ValueError when one lies inside another."""
    root: Tree = {}
    for pointer, value in changes.items():
        *way, last = steps(pointer)
        node = root
        for name in way:
            child = node.setdefault(name, {})
            if not isinstance(child, dict):
                raise ValueError(f"{pointer!r} lies inside another change")
            node = child
        if last in node:
            raise ValueError(f"{pointer!r} holds another change")
        node[last] = value
    return root


def simple(
    changes: Mapping[str, bytes | None], fields: dict[str, msgspec.Raw]
) -> dict[str, bytes] | None:
    """The changes as values of the top level.

    None when something is removed, or changed inside one of these fields.
    """
    values: dict[str, bytes] = {}
    for pointer, value in changes.items():
        if value is None or "~" in pointer:
            return None
        name, *way = steps(pointer)
        if name in values or (way and name in fields):
            return None
        for inner in reversed(way):
            value = b"{%b:%b}" % (msgspec.json.encode(inner), value)
        values[name] = value
    return values


def replaced(
    text: bytes, fields: dict[str, msgspec.Raw], gap: int, values: dict[str, bytes]
) -> bytes:
    """What `applied` makes of `simple` changes, for an object with a `layout.gap_of`."""
    view = memoryview(text)
    parts: list[bytes | memoryview] = []
    copied = 0
    position = 1
    missing = len(values)
    for key, value in fields.items():
        start = position + len(key) + 3 + gap
        end = start + len(value)
        position = end + 1 + gap
        if key in values:
            parts.append(view[copied:start])
            parts.append(values[key])
            copied = end
            missing -= 1
            if not missing:
                break
    if missing:
        parts.append(view[copied:-1])
        comma, colon = (b", ", b": ") if gap else (b",", b":")
        for key, new in values.items():
            if key not in fields:
                parts.append(
                    (comma if position > 1 else b"") + msgspec.json.encode(key) + colon + new
                )
                position = len(text)
        parts.append(b"}")
    else:
        parts.append(view[copied:])
    return b"".join(parts)


def edits_of(text: bytes, at: int, found: list[Member], changes: Tree) -> list[Edit]:
    """The edits that make `changes` in the object or array at offset `at`, in ascending order.

    `found` are its members. A key that stands twice has every occurrence changed.
    """
    edits: list[Edit] = []
    added = dict(changes)
    kept_before = False
    kept_any = False
    for index, member in enumerate(found):
        if member.key not in changes:
            kept_before = kept_any = True
            continue
        added.pop(member.key, None)
        change = changes[member.key]
        if change is None:
            edits.append(_removal(found, index, kept_before))
            continue
        kept_before = kept_any = True
        if isinstance(change, bytes):
            edits.append(Edit(member.start, member.end, change))
        else:
            edits.extend(_inside(text, member, change))
    addition = _addition(text, at, found, added, kept_any)
    if addition is not None:
        edits.append(addition)
    return edits


def applied(text: bytes, edits: list[Edit]) -> bytes:
    """`text` after the edits, which ascend and do not overlap."""
    view = memoryview(text)
    parts: list[bytes | memoryview] = []
    position = 0
    for start, end, new in edits:
        parts.append(view[position:start])
        parts.append(new)
        position = end
    parts.append(view[position:])
    return b"".join(parts)


def _inside(text: bytes, member: Member, changes: Tree) -> list[Edit]:
    value = text[member.start : member.end]
    if value[0] == 0x7B:
        fields = layout.read(layout.FIELDS, value)
        found = list(layout.members(text, member.start, fields))
    elif value[0] == 0x5B:
        items = layout.read(layout.ITEMS, value)
        found = list(layout.elements(text, member.start, items))
    else:
        new = _json(changes)
        return [] if new is None else [Edit(member.start, member.end, new)]
    return edits_of(text, member.start, found, changes)


def _removal(found: list[Member], index: int, kept_before: bool) -> Edit:
    member = found[index]
    if kept_before:
        return Edit(found[index - 1].end, member.end, b"")
    if index + 1 < len(found):
        return Edit(member.key_start, found[index + 1].key_start, b"")
    return Edit(member.key_start, member.end, b"")


def _addition(text: bytes, at: int, found: list[Member], added: Tree, follows: bool) -> Edit | None:
    comma, colon = _style(text, at, found)
    pieces: list[bytes] = []
    for key, change in added.items():
        value = _json(change)
        if value is None:
            continue
        if text[at] == 0x5B:
            if key != "-":
                raise ValueError(f"the array has no element {key!r}; '-' appends one")
            pieces.append(value)
        else:
            pieces.append(msgspec.json.encode(key) + colon + value)
    if not pieces:
        return None
    end = found[-1].end if found else at + 1
    return Edit(end, end, (comma if follows else b"") + comma.join(pieces))


def _style(text: bytes, at: int, found: list[Member]) -> tuple[bytes, bytes]:
    """How this object writes its commas and colons, by its last member."""
    if not found:
        return b",", b":"
    last = found[-1]
    if len(found) > 1:
        gap = text[found[-2].end : last.key_start]
        comma = gap[gap.index(b",") :]
    else:
        comma = b"," + text[at + 1 : last.key_start]
    return comma, text[last.key_end : last.start] or b":"


def _json(change: "bytes | Tree | None") -> bytes | None:
    """The JSON of what is added; None when there is nothing in it."""
    if not isinstance(change, dict):
        return change
    pieces = [
        msgspec.json.encode(key) + b":" + value
        for key, child in change.items()
        if (value := _json(child)) is not None
    ]
    return b"{" + b",".join(pieces) + b"}" if pieces else None
