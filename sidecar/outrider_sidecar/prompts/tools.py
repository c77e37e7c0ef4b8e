"""Tools of a prompt version beside those of the caller."""

from collections.abc import Sequence
from typing import Any

import msgspec

from outrider_sidecar.dialects import layout
from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.errors import refuse
from outrider_sidecar.snapshot import Dialect, Tool

_NULL = msgspec.Raw(b"null")

# Where a tool's name may stand: Messages at the top, Chat in the member of its type.
_NAMES = ("/name", "/function/name", "/custom/name")


class Tools(msgspec.Struct, frozen=True):
    """A version's tools, encoded for each dialect."""

    names: frozenset[str]
    chat: tuple[bytes, ...]
    messages: tuple[bytes, ...]

    @classmethod
    def of(cls, tools: Sequence[Tool]) -> "Tools":
        """Chat has function tools, Messages tools with an `input_schema`, which is required."""
        return cls(
            frozenset(tool.name for tool in tools),
            tuple(
                msgspec.json.encode(
                    {"type": "function", "function": _described(tool, "parameters")}
                )
                for tool in tools
            ),
            tuple(
                msgspec.json.encode(
                    {"input_schema": {"type": "object"}} | _described(tool, "input_schema")
                )
                for tool in tools
            ),
        )

    def joined(self, sent: msgspec.Raw | None, dialect: Dialect) -> bytes:
        """The JSON array of ours and the caller's tools (its `tools` member, byte for byte).

        Ours stand first, so that they share the provider's cached prefix and a cache marker on
        the caller's last tool covers them. Raises `caller_tool_clash` when both have a name and
        `caller_invalid` when `sent` is no array.
        """
        ours = self.chat if dialect == "chat" else self.messages
        theirs: list[bytes] = []
        for raw in _items(sent):
            name = _name(raw)
            if name in self.names:
                raise refuse(
                    "caller_tool_clash",
                    f"the prompt brings a tool named {name} already: rename yours or leave it out",
                    param="tools",
                )
            theirs.append(raw)
        return b"[" + b",".join([*ours, *theirs]) + b"]"


def _described(tool: Tool, schema: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        fields["description"] = tool.description
    if tool.parameters is not None:
        fields[schema] = tool.parameters
    return fields


def _items(sent: msgspec.Raw | None) -> list[bytes]:
    if sent is None or sent == _NULL:
        return []
    try:
        return [bytes(raw) for raw in layout.items(sent)]
    except msgspec.ValidationError as error:
        raise refuse(
            "caller_invalid", "tools must be an array of tool objects", param="tools"
        ) from error


def _name(raw: bytes) -> str | None:
    if not raw.startswith(b"{"):
        return None
    tool = Body.parse(raw)
    names = (tool.at(pointer) for pointer in _NAMES)
    return next((name for name in names if name is not None), None)
