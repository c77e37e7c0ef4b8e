"""One manifest of one of the three kinds, wherever it was read."""

from typing import Any

import msgspec


class Source(msgspec.Struct, frozen=True):
    """The place of a manifest: a file as it was named, and the line it starts on, from 1."""

    file: str
    line: int


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """An LLMRoute, PromptVersion or RateLimitPolicy as it was written, its spec unchecked.

    `created` is RFC 3339 or '' where nobody stamped it; `source` is None for what came from a
    cluster.
    """

    kind: str
    namespace: str
    name: str
    spec: dict[str, Any]
    labels: dict[str, str] = {}
    generation: int = 0
    created: str = ""
    uid: str = ""
    source: Source | None = None
