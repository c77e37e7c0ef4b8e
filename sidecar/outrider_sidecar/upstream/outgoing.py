"""What a provider receives beside the body: the URL, the headers, and a key if it may have it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal

from multidict import CIMultiDict
from yarl import URL

from outrider_sidecar.config.credentials import Credentials
from outrider_sidecar.dialects.errors import Refusal, refuse
from outrider_sidecar.snapshot import Backend
from outrider_sidecar.upstream.addresses import OWN_HOSTS, is_loopback
from outrider_sidecar.upstream.client import Target

Encoding = Literal["identity", "gzip", "caller"]
"""Which coding of the answer is asked for; `caller` leaves that to the caller's own header."""

ANTHROPIC_VERSION: Final = "2023-06-01"
HOP: Final = "x-outrider-hop"

CREDENTIALS: Final = frozenset(
    {
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "ocp-apim-subscription-key",
        "openai-organization",
        "openai-project",
    }
)
"""Headers that say who pays."""

# Of one connection (RFC 9110, 7.6.1), of this machine, or of the browser behind the caller.
_DROPPED: Final = CREDENTIALS | {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "host",
    "content-length",
    "content-encoding",
    "accept-encoding",
    "cookie",
    "origin",
    "referer",
    "forwarded",
    "via",
    "x-real-ip",
    "traceparent",
    "tracestate",
    "baggage",
}
_DROPPED_PREFIXES: Final = ("x-outrider-", "x-forwarded-")


class KeyMissing(Exception):
    """The backend's key is named in its route and not mounted; the message says where."""


def target(
    backend: Backend,
    name: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    *,
    credentials: Credentials,
    allow_loopback: bool,
    encoding: Encoding,
) -> Target:
    """Where the request goes when `backend`, called `name` in its route, serves it.

    `path` is native without `/v1`, `query` as received. Raises `KeyMissing`, and `Refusal`
    provider_credential_host when the key's owner did not name the backend's host.
    """
    key = None
    url = url_of(backend.base_url, backend.provider == "Anthropic", path, query)
    sent = passed_on(headers, trace=backend.provider == "OpenAICompatible", encoding=encoding)
    if backend.caller_credentials == "Forward":
        if not _is_free(backend.provider, url, allow_loopback):
            raise _host_refused(backend, name, url)
        for field in CREDENTIALS:
            for value in _all(headers, field):
                sent.add(field, value)
    elif backend.secret_key_ref is not None:
        ref = backend.secret_key_ref
        key = credentials.key(ref)
        if key is None:
            raise KeyMissing(
                f"backend {name} wants key {ref.key!r} of Secret {ref.name!r}, which is not there: "
                "add the entry to the Secret; `outrider check` names its place in local mode"
            )
        free = _is_free(backend.provider, url, allow_loopback)
        if not free and _host(url) not in credentials.hosts(ref):
            raise _host_refused(backend, name, url)
        if backend.provider == "Anthropic":
            sent["x-api-key"] = key
        else:
            sent["authorization"] = "Bearer " + key
    if backend.provider == "Anthropic" and "anthropic-version" not in sent:
        sent["anthropic-version"] = ANTHROPIC_VERSION
    return Target(url, sent, key)


@lru_cache(maxsize=512)
def url_of(base: str, anthropic: bool, path: str, query: str) -> URL:
    """The URL of a native path below a base URL as the provider's SDK takes it.

    An OpenAI-like base holds `/v1`; Anthropic's does not (one at its end is dropped), the
    path gets it.
    """
    base = base.rstrip("/")
    if anthropic:
        base = base.removesuffix("/v1") + "/v1"
    return URL(f"{base}/{path}" + (f"?{query}" if query else ""), encoded=True)


def passed_on(headers: Mapping[str, str], *, trace: bool, encoding: Encoding) -> CIMultiDict[str]:
    """The caller's headers that a provider may see, with the hop counted.

    No credential, cookie or header of one connection passes; `traceparent` only with `trace`.
    """
    named = _named_by_connection(headers)
    sent: CIMultiDict[str] = CIMultiDict()
    for field, value in headers.items():
        if _passes(field) and not (named and field.lower() in named):
            sent.add(field, value)
    if trace and "traceparent" in headers:
        sent["traceparent"] = headers["traceparent"]
    if encoding != "caller":
        sent["accept-encoding"] = encoding
    elif "accept-encoding" in headers:
        sent["accept-encoding"] = headers["accept-encoding"]
    sent[HOP] = str(hops(headers) + 1)
    return sent


@lru_cache(maxsize=256)
def _passes(field: str) -> bool:
    lower = field.lower()
    return lower not in _DROPPED and not lower.startswith(_DROPPED_PREFIXES)


def hops(headers: Mapping[str, str]) -> int:
    """How many sidecars the request has passed; 0 when the header is absent or no number."""
    value = headers.get(HOP)
    if value is None:
        return 0
    return int(value) if value.isascii() and value.isdigit() and len(value) < 4 else 0


def _named_by_connection(headers: Mapping[str, str]) -> frozenset[str]:
    value = headers.get("connection")
    if value is None or value.lower() in ("keep-alive", "close"):
        return frozenset()
    return frozenset(
        word.strip().lower()
        for line in _all(headers, "connection")
        for word in line.split(",")
        if word.strip().lower() != "content-type"
    )


def _all(headers: Mapping[str, str], field: str) -> list[str]:
    getall = getattr(headers, "getall", None)
    if getall is not None:
        return list(getall(field, []))
    return [headers[field]] if field in headers else []


@lru_cache(maxsize=512)
def _is_free(provider: str, url: URL, allow_loopback: bool) -> bool:
    """Whether any key may go to `url`: to the provider's own host, or to this machine."""
    host = _host(url)
    if host in OWN_HOSTS.get(provider, ()) and url.scheme == "https":
        return True
    return allow_loopback and is_loopback(host)


def _host(url: URL) -> str:
    return (url.raw_host or "").rstrip(".").lower()


def _host_refused(backend: Backend, name: str, url: URL) -> Refusal:
    host, ref = _host(url), backend.secret_key_ref
    fix = (
        f"add {host} to the entry {ref.key}.hosts of Secret {ref.name}"
        if ref is not None and backend.caller_credentials == "Drop"
        else f"callerCredentials: Forward is for the own hosts of provider {backend.provider}"
    )
    return refuse(
        "provider_credential_host",
        f"backend {name} would send a key to {url.scheme}://{host}, "
        f"which its owner did not allow: {fix}",
    )
