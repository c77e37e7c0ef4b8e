"""What of a provider's answer reaches the caller beside its body."""

from collections.abc import Mapping
from typing import Final

_KEPT: Final = frozenset({"retry-after", "retry-after-ms"})
_KEPT_PREFIXES: Final = ("x-ratelimit-", "anthropic-", "openai-")


def passed_back(headers: Mapping[str, str], request_id: str) -> list[tuple[str, str]]:
    """The headers of a relayed answer, in lower case.

    Limits, processing times and the content's type pass; cookies, codings and headers of the
    connection do not. Both names of the request id carry the provider's, ours without one:
    each SDK reads its own.
    """
    back: list[tuple[str, str]] = []
    provider_id = None
    for field, value in headers.items():
        name = field.lower()
        if name == "x-request-id" or (name == "request-id" and provider_id is None):
            provider_id = value
        elif name in _KEPT or name.startswith(_KEPT_PREFIXES) or name == "content-type":
            back.append((name, value))
    provider_id = provider_id or request_id
    back.append(("request-id", provider_id))
    back.append(("x-request-id", provider_id))
    return back
