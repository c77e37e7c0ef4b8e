"""The one client for all providers: connections, proxies, certificates, address checks."""

import asyncio
import io
import ssl
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict
from yarl import URL

from outrider_sidecar.config.credentials import Credentials
from outrider_sidecar.upstream.addresses import Lookup, Resolver, check_literal, system_lookup
from outrider_sidecar.upstream.classify import closed_unread
from outrider_sidecar.upstream.proxies import Proxies
from outrider_sidecar.upstream.reply import Reply
from outrider_sidecar.upstream.simulated import Simulator

KEEP_ALIVE: Final = 90.0
"""Seconds for which an idle connection is kept, so that a quiet pod need not shake hands."""

HEADER_LIMIT: Final = 32 * 1024

# aiohttp warns about bytes above this size; a file object is sent piece by piece.
_WHOLE: Final = 2**20

_AUTOMATIC: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class _Dialled:
    """Whether a request needed a connection of its own."""

    __slots__ = ("new",)

    def __init__(self) -> None:
        self.new = False


_dialled: ContextVar[_Dialled | None] = ContextVar("dialled", default=None)


class _Connector(aiohttp.TCPConnector):
    """Tells the request that waits for it when a connection is a new one."""

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        waits: aiohttp.ClientTimeout,
    ) -> ResponseHandler:
        dialled = _dialled.get()
        if dialled is not None:
            dialled.new = True
        return await super()._create_connection(req, traces, waits)


class Target(NamedTuple):
    """Where a request goes, and with which headers; `key` is the one of ours among them."""

    url: URL
    headers: CIMultiDict[str]
    key: str | None = None


class Upstream:
    """Sends requests to providers. Use it as an async context manager, or `start` and `close`.

    `allow_loopback` lets requests and keys go to this machine. Proxies are those of
    `HTTPS_PROXY` and `HTTP_PROXY`; certificates those that OpenSSL finds, so `SSL_CERT_FILE`
    counts. Both are read once, at the start; `NO_PROXY` when a host is called first.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        allow_loopback: bool,
        lookup: Lookup = system_lookup,
        simulator: Simulator | None = None,
    ) -> None:
        self.credentials = credentials
        self.simulator = simulator or Simulator()
        self.allow_loopback = allow_loopback
        self._lookup = lookup
        self._session: aiohttp.ClientSession | None = None
        self._sockets: aiohttp.ClientSession | None = None
        self._proxies: Proxies | None = None
        self._timeouts = lru_cache(maxsize=256)(_timeout)
        self._route = lru_cache(maxsize=1024)(self._routed)

    async def start(self) -> None:
        """Opens the client; nothing is dialled yet. Raises `SettingsError` for a bad proxy."""
        self._proxies = Proxies()
        tls = ssl.create_default_context()
        tls.set_alpn_protocols(["http/1.1"])
        connector = _Connector(
            limit=0,
            keepalive_timeout=KEEP_ALIVE,
            use_dns_cache=False,
            resolver=Resolver(
                allow_loopback=self.allow_loopback,
                lookup=self._lookup,
                clock=asyncio.get_running_loop().time,
            ),
            ssl=tls,
        )
        self._session = _session(connector)
        self._sockets = _session(connector, middlewares=(_unredirected,))

    async def close(self) -> None:
        """Closes every connection."""
        for session in (self._sockets, self._session):
            if session is not None:
                await session.close()

    async def __aenter__(self) -> "Upstream":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The client for requests; each says itself that redirects are not followed."""
        if self._session is None:
            raise RuntimeError("the upstream client is used before start()")
        return self._session

    @property
    def sockets(self) -> aiohttp.ClientSession:
        """The client for WebSockets; `proxy` must be asked for each URL."""
        if self._sockets is None:
            raise RuntimeError("the upstream client is used before start()")
        return self._sockets

    def proxy(self, url: URL) -> URL | None:
        """The proxy for `url`. Raises `AddressRefused` for a numeric host that is forbidden."""
        return self._route(url.scheme, url.host or "", url.explicit_port)

    async def send(self, target: Target, body: bytes, *, connect_ms: int) -> Reply:
        """POSTs `body` and returns when the answer's head is there; its body is decoded.

        A reused connection that closes before the answer's first byte was closed by the
        other side while it lay idle: one more try, at once. Raises what aiohttp raises.
        """
        try:
            response = await self._post(target, body, connect_ms, again=True)
        except _Unread:
            response = await self._post(target, body, connect_ms, again=False)
        return Reply(response.status, response.headers, response.content.readany, response.close)

    async def open(
        self, method: str, target: Target, data: Any, *, connect_ms: int
    ) -> aiohttp.ClientResponse:
        """Sends any request as it is, its body too, and returns the answer undecoded."""
        return await self.session.request(
            method,
            target.url,
            data=data,
            headers=target.headers,
            allow_redirects=False,
            auto_decompress=False,
            proxy=self.proxy(target.url),
            timeout=self._timeouts(connect_ms),
        )

    async def _post(
        self, target: Target, body: bytes, connect_ms: int, *, again: bool
    ) -> aiohttp.ClientResponse:
        dialled = _Dialled()
        token = _dialled.set(dialled)
        try:
            return await self.session.request(
                "POST",
                target.url,
                data=body if len(body) <= _WHOLE else io.BytesIO(body),
                headers=target.headers,
                allow_redirects=False,
                proxy=self.proxy(target.url),
                timeout=self._timeouts(connect_ms),
            )
        except aiohttp.ClientConnectionError as error:
            if again and not dialled.new and closed_unread(error):
                raise _Unread from error
            raise
        finally:
            _dialled.reset(token)

    def _routed(self, scheme: str, host: str, port: int | None) -> URL | None:
        check_literal(host, allow_loopback=self.allow_loopback)
        proxy = None if self._proxies is None else self._proxies.of(scheme, host, port)
        if proxy is not None:
            check_literal(proxy.host or "", allow_loopback=self.allow_loopback)
        return proxy


class _Unread(Exception):
    """A reused connection closed before it gave a byte."""


def _session(connector: _Connector, **options: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_AUTOMATIC,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        max_line_size=HEADER_LIMIT,
        max_field_size=HEADER_LIMIT,
        **options,
    )


async def _unredirected(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Fails a handshake that is redirected: the client would take key and cookies elsewhere."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.WSServerHandshakeError(
            response.request_info,
            response.history,
            message="the handshake was redirected",
            status=response.status,
            headers=response.headers,
        )
    return response


def _timeout(connect_ms: int) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect_ms / 1000)
