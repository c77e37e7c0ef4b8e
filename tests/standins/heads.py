"""What a provider may see of a request's head when a well-behaved proxy stands before it."""

from collections import Counter
from collections.abc import Iterator, Sequence

_OF_ONE_CONNECTION = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    }
)
_OF_THE_CALLER = frozenset(
    {
        "baggage",
        "cookie",
        "forwarded",
        "origin",
        "referer",
        "traceparent",
        "tracestate",
        "via",
        "x-real-ip",
    }
)
_KEYS = frozenset(
    {"api-key", "authorization", "openai-organization", "openai-project", "x-api-key"}
)

Head = Sequence[tuple[str, str]]


def misfits(
    head: Head, *, host: str, key: tuple[str, str], upgrades: bool = False
) -> Iterator[str]:
    """What does not belong in `head`: names in lower case, in the order of the wire.

    `host` is the only right Host; `key` the one header that may say who pays, and its value;
    `upgrades` says that the connection is to become a WebSocket.
    """
    for name, times in Counter(name for name, _ in head).items():
        if times > 1:
            yield f"header {name} stands {times} times"
        if name in _OF_ONE_CONNECTION and not (upgrades and name in ("connection", "upgrade")):
            yield f"header {name} belongs to another connection"
        if name in _OF_THE_CALLER or name.startswith("x-forwarded-"):
            yield f"header {name} is the caller's own"
        if name in _KEYS and name != key[0]:
            yield f"header {name} is a credential that nobody asked for"
        if name.startswith("x-outrider-") and name != "x-outrider-hop":
            yield f"header {name} is not the provider's to know"
    fields = dict(head)
    if fields.get("host") != host:
        yield f"Host is {fields.get('host')!r}, not {host!r}"
    if fields.get(key[0]) != key[1]:
        yield f"header {key[0]} does not hold the key of the backend"
    if fields.get("x-outrider-hop") != "1":
        yield f"x-outrider-hop is {fields.get('x-outrider-hop')!r}, not '1'"
    if "insecure-api-key" in fields.get("sec-websocket-protocol", ""):
        yield "a WebSocket's protocols hold a key"


def framing_misfits(head: Head, method: str, size: int) -> Iterator[str]:
    """What is wrong with how a body of `size` bytes was announced."""
    fields = dict(head)
    length, coding = fields.get("content-length"), fields.get("transfer-encoding")
    if length is not None and coding is not None:
        yield "Content-Length and Transfer-Encoding stand together"
    if coding is not None and coding.lower() != "chunked":
        yield f"Transfer-Encoding is {coding!r}"
    if length is not None and length != str(size):
        yield f"Content-Length is {length}, the body has {size} bytes"
    if method == "POST" and length is None and coding is None:
        yield "a POST has neither Content-Length nor Transfer-Encoding"
    if method == "GET" and size:
        yield f"a GET has a body of {size} bytes"
    if "content-encoding" in fields:
        yield f"the body is coded as {fields['content-encoding']!r}"
