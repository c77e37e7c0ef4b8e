"""Which operation a method and a path ask for.

SDKs differ in who appends ``/v1``, and Azure's put the model into the path, so every operation
answers at ``/v1/x``, ``/x``, ``/v1/v1/x``, ``/openai/v1/x`` and ``/openai/deployments/{m}/x``.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs, unquote

from outrider_sidecar.dialects.dialect import CHAT, MESSAGES, Dialect
from outrider_sidecar.dialects.errors import Family


@dataclass(frozen=True, slots=True)
class Operation:
    """What is asked for. `path` is the provider's own, without ``/v1`` and leading slash.

    `dialect` is None for what passes through; `model` is what path or query name, if any.
    """

    name: Literal["chat", "messages", "passthrough"]
    family: Family
    dialect: Dialect | None
    path: str
    model: str | None = None


_CHAT: Final = Operation("chat", "openai", CHAT, "chat/completions")
_MESSAGES: Final = Operation("messages", "anthropic", MESSAGES, "messages")
_STAGED: Final = {("POST", operation.path): operation for operation in (_CHAT, _MESSAGES)}
_HOT: Final = {
    ("POST", prefix + operation.path): operation
    for operation in (_CHAT, _MESSAGES)
    for prefix in ("/v1/", "/", "/v1/v1/", "/openai/v1/")
}

_PREFIX: Final = re.compile(r"/*(?:openai/+)?(?:v1(?:/+|$))*")
_DEPLOYMENT: Final = re.compile(r"/*openai/+deployments/+([^/]+)/+(.*)", re.DOTALL)
_SLASH: Final = re.compile(r"/|%2f|\\|%5c", re.IGNORECASE)
_DOTS: Final = re.compile(
    rf"(?:^|{_SLASH.pattern})(?:\.|%2e){{1,2}}(?:{_SLASH.pattern}|$)", re.IGNORECASE
)
_IN_PATH: Final = re.compile(r"(?:v1(?:alpha|beta)\d?/)?models?/([^/:?]+)(?::|/|$)")


def operation(method: str, path: str, query: str, has_anthropic_version: bool) -> Operation:
    """The operation behind a request line; `path` and `query` as sent, still escaped."""
    hot = _HOT.get((method, path))
    if hot is not None:
        return hot
    if _DOTS.search(path):
        path = _without_dots(path)
    deployment = _DEPLOYMENT.fullmatch(path)
    if deployment is not None:
        model: str | None = unquote(deployment[1])
        native = deployment[2]
    else:
        model = None
        native = _PREFIX.sub("", path, count=1)
    staged = _STAGED.get((method, native))
    if staged is not None:
        return Operation(staged.name, staged.family, staged.dialect, native, model)
    if model is None:
        model = _model_named(native, query)
    is_messages = native == "messages" or native.startswith("messages/")
    family: Family = "anthropic" if is_messages or has_anthropic_version else "openai"
    return Operation("passthrough", family, None, native, model)


def _without_dots(path: str) -> str:
    """The path without its dot segments (RFC 3986, 5.2.4), between escaped slashes too.

    So no caller climbs out of a backend's base URL, whose host may serve others beside it.
    """
    kept: list[str] = []
    for segment in _SLASH.split(path):
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            del kept[max(1, len(kept) - 1) :]
        elif plain != ".":
            kept.append(segment)
    return "/".join(kept)


def _model_named(native: str, query: str) -> str | None:
    in_path = _IN_PATH.match(native)
    if in_path is not None:
        return unquote(in_path[1])
    if "model=" in query:
        return parse_qs(query).get("model", [None])[0]
    return None
