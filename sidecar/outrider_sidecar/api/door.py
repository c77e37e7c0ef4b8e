"""Who may talk to the data port at all: this pod, and no web page that a browser has open.

A page can send requests to 127.0.0.1, and with DNS rebinding under a name of its own; it cannot
choose the ``Host`` its browser sends, nor hide the ``Origin``.
"""

import re
from collections.abc import Mapping
from typing import Final

from outrider_sidecar.api.bounds import Bounds
from outrider_sidecar.dialects.errors import refuse
from outrider_sidecar.upstream.outgoing import HOP, hops

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

_AUTHORITY: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@/?#\s]+)(?::[0-9]{0,5})?")
_REMEMBERED: Final = 256


def target(raw: str) -> tuple[str | None, str]:
    """Authority and path of a request target without its query (RFC 9112, 3.2).

    The authority is None where the target is a path alone, as SDKs send it. In a form that has
    no path (``CONNECT host:port``, ``OPTIONS *``) it is the target itself.
    """
    if raw.startswith("/"):
        return None, raw
    scheme, found, rest = raw.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return raw, "/"
    authority, _, path = rest.partition("/")
    return authority, "/" + path


class Door:
    """Checks Host, Origin and the number of sidecars a request has passed.

    `hosts` are names allowed beside loopback, without port.
    """

    def __init__(self, hosts: frozenset[str], bounds: Bounds) -> None:
        self._hosts = LOOPBACK | {host.lower() for host in hosts}
        self._bounds = bounds
        self._known: set[str] = set()

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises `Refusal` caller_origin or outrider_loop."""
        host = headers.get("Host")
        if host is not None and host not in self._known:
            self._check_host(host)
        origin = headers.get("Origin")
        if origin is not None:
            self._check_origin(origin)
        elif headers.get("Sec-Fetch-Site") == "cross-site":
            raise refuse("caller_origin", "a web page of another site may not call this proxy")
        if HOP in headers:
            self._check_hops(hops(headers))

    def check_target(self, authority: str) -> None:
        """Raises `Refusal` caller_origin for a request target that names another server."""
        if not self._is_ours(authority):
            raise refuse(
                "caller_origin",
                f"{authority[:100]!r} is not this proxy: Outrider is a base URL for SDKs, not an "
                "HTTP proxy for other servers",
            )

    def _check_host(self, host: str) -> None:
        if not self._is_ours(host):
            raise refuse(
                "caller_origin",
                f"Host {host[:100]!r} is not this proxy; call it as 127.0.0.1 or localhost",
            )
        if len(self._known) < _REMEMBERED:
            self._known.add(host)

    def _check_origin(self, origin: str) -> None:
        scheme, _, authority = origin.partition("://")
        if scheme not in ("http", "https") or not self._is_ours(authority):
            raise refuse(
                "caller_origin",
                f"Origin {origin[:100]!r} may not call this proxy; only pages of this machine may",
            )

    def _check_hops(self, passed: int) -> None:
        if passed >= self._bounds.hops:
            raise refuse(
                "outrider_loop",
                f"the request has passed {passed} sidecars: a backend's baseURL leads back to "
                "one; point it at the provider",
            )

    def _is_ours(self, authority: str) -> bool:
        match = _AUTHORITY.fullmatch(authority)
        return match is not None and match[1].lower() in self._hosts
