"""One manifest of one of the three kinds, wherever it was read."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

Position = tuple[int, int]


class Source(msgspec.Struct, frozen=True):
    """The place of a manifest: a file as it was named, and the line it starts on, from 1.

    `positions` holds line and column of everything in its document, by paths such as
    ``items[2].spec.rules[0].name``; the manifest stands at the path `root` of it, such as
    ``items[2]``, or is all of it.
    """

    file: str
    line: int
    positions: Mapping[str, Position] = {}
    root: str = ""

    def at(self, path: str) -> Position:
        """Line and column of `path`, or of the nearest that was written around it."""
        path = ".".join(part for part in (self.root, path) if part)
        while path != self.root:
            if path in self.positions:
                return self.positions[path]
            path = re.sub(r"(^|\.)[^.\[\]]*$|\[[0-9]+\]$", "", path)
        return (self.line, 1)

    def where(self, path: str) -> str:
        """``file:line:column`` of `path`."""
        line, column = self.at(path)
        return f"{self.file}:{line}:{column}"


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """An LLMRoute, PromptVersion or RateLimitPolicy as it was written, its spec unchecked.

    `created` is RFC 3339 or '' where nobody stamped it; `source` is None for what came from a
    cluster.
    """

    kind: str
    namespace: str
    name: str
    spec: dict[str, Any]
    generation: int = 0
    created: str = ""
    uid: str = ""
    source: Source | None = None
