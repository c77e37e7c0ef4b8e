"""The messages of a request, which both dialects keep in the member ``messages``."""

from typing import Any, Final

import msgspec

from outrider_sidecar.dialects import layout
from outrider_sidecar.dialects.body import Body, decoded
from outrider_sidecar.dialects.errors import refuse


class Turn(msgspec.Struct, frozen=True):
    """One message as it was sent."""

    role: str
    raw: bytes


class Part(msgspec.Struct):
    """A content part or block, as far as its text is concerned."""

    type: Any = None
    text: Any = None
    refusal: Any = None
    thinking: Any = None
    title: Any = None
    name: Any = None
    input: msgspec.Raw = layout.NULL
    content: msgspec.Raw = layout.NULL
    source: msgspec.Raw = layout.NULL


class _Role(msgspec.Struct):
    role: str


class _Kind(msgspec.Struct):
    type: Any = None


class _Text(msgspec.Struct):
    type: Any = None
    text: Any = None


_ANY: Final = msgspec.json.Decoder(Any)
_KIND: Final = msgspec.json.Decoder(_Kind)
_PART: Final = msgspec.json.Decoder(Part)
_PARTS: Final = msgspec.json.Decoder(list[Part])
_ROLE: Final = msgspec.json.Decoder(_Role)
_STRING: Final = msgspec.json.Decoder(str)


def turns(body: Body) -> list[Turn]:
    """The messages in order; [] when the member is absent.

    Raises Refusal `caller_invalid` naming the place when one is no message.
    """
    value = body.fields.get("messages")
    if value is None:
        return []
    try:
        items = layout.items(value)
    except msgspec.ValidationError as error:
        raise refuse(
            "caller_invalid", f"/messages: {error}. Send an array of messages.", param="/messages"
        ) from error
    found: list[Turn] = []
    for index, item in enumerate(items):
        try:
            role = layout.read(_ROLE, item).role
        except msgspec.ValidationError as error:
            path = f"/messages/{index}"
            raise refuse(
                "caller_invalid",
                f"{path}: {error}. A message is an object with a role.",
                param=path,
            ) from error
        found.append(Turn(role, bytes(item)))
    return found


def text_of(turn: bytes, kinds: tuple[str, ...], path: str) -> str | None:
    """The content of a message: its text, or its parts of these kinds joined with a line feed.

    None when there is no text in it. Raises Refusal `caller_json` when there is a lone
    surrogate in it, `caller_invalid` when it is neither text nor parts.
    """
    content = layout.fields(turn).get("content", layout.NULL)
    if memoryview(content)[0] != 0x5B:
        text: str | None = decoded(content, _OPTIONAL, f"{path}/content")
        return text or None
    parts: list[_Text] = decoded(content, list[_Text], f"{path}/content")
    texts = [part.text for part in parts if part.type in kinds and isinstance(part.text, str)]
    return "\n".join(texts) or None


_OPTIONAL: Any = str | None


def parts_of(content: msgspec.Raw | None) -> list[Part]:
    """The parts of a content, a plain string as one of type ``text``; [] for anything else."""
    if content is None:
        return []
    start = memoryview(content)[0]
    if start == 0x22:
        return [Part("text", layout.glean(_STRING, content))]
    if start == 0x5B:
        return layout.glean(_PARTS, content) or []
    part = layout.glean(_PART, content) if start == 0x7B else None
    return [] if part is None else [part]


def kind_of(value: msgspec.Raw | None) -> Any:
    """The member ``type`` of an object; None for anything else."""
    kind = None if value is None else layout.glean(_KIND, value)
    return None if kind is None else kind.type


def compact_length(value: msgspec.Raw) -> int:
    """Bytes of a value as compact JSON in UTF-8; 0 for null.

    Where it cannot be read, such as a number beyond a double, its bytes as they were sent.
    """
    if value == layout.NULL:
        return 0
    try:
        return len(msgspec.json.encode(layout.read(_ANY, value)))
    except msgspec.ValidationError:
        return len(value)
    except RecursionError as error:
        raise layout.too_deep() from error


def tools_length(body: Body, name: str) -> int:
    """Bytes of the tool definitions in a member, as compact JSON; 0 when there are none."""
    value = body.fields.get(name)
    if value is None or memoryview(value)[0] != 0x5B:
        return 0
    length = compact_length(value)
    return length if length > len("[]") else 0
