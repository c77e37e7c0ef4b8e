"""The caller's conversation as raw messages: read where we must, written anew nowhere else."""

from collections.abc import Iterable

import msgspec

from outrider_sidecar.dialects import layout
from outrider_sidecar.dialects.body import splice
from outrider_sidecar.dialects.dialect import Dialect, Turn

_TEXTS = (msgspec.Raw(b'"text"'), msgspec.Raw(b'"input_text"'))


def joined(raws: Iterable[bytes]) -> bytes:
    """A JSON array of the given JSON values."""
    return b"[" + b",".join(raws) + b"]"


def take_input(dialect: Dialect, turns: list[Turn]) -> tuple[str, list[Turn]] | None:
    """The text of the last user message that has text, and the conversation without it.

    The message's other parts (images, files, tool results) stay where they are. None when no
    user message has text. Raises `caller_json` when the text has a lone surrogate.
    """
    for place in range(len(turns) - 1, -1, -1):
        turn = turns[place]
        if turn.role == "user":
            text = dialect.user_text(turn.raw, f"/messages/{place}")
            if text is not None:
                return text, [*turns[:place], *_without_text(turn), *turns[place + 1 :]]
    return None


def _without_text(turn: Turn) -> list[Turn]:
    content = layout.fields(turn.raw)["content"]
    if not bytes(content).startswith(b"["):
        return []
    others = [bytes(part) for part in layout.items(content) if not _is_text(part)]
    return [Turn(turn.role, splice(turn.raw, {"/content": joined(others)}))] if others else []


def _is_text(part: msgspec.Raw) -> bool:
    return bytes(part).startswith(b"{") and layout.fields(part).get("type") in _TEXTS
