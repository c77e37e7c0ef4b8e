"""Where a connection may go: every address is checked after resolution, and dialled as checked.

Loopback and unspecified addresses are refused unless a setting allows them; link-local ones
and those of cloud metadata always. Providers' own hosts are asked for with a trailing dot,
so that a pod's search domains cost no lookups; other hosts are resolved as written.
"""

import asyncio
import itertools
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple

from aiohttp.abc import AbstractResolver, ResolveResult

LIFETIME: Final = 30.0
"""Seconds for which an answer of the name service is used without asking again."""

STALE_PAUSE: Final = 5.0
"""Seconds for which an expired answer serves on after the name service failed."""

OWN_HOSTS: Final[Mapping[str, frozenset[str]]] = {
    "OpenAI": frozenset({"api.openai.com"}),
    "Anthropic": frozenset({"api.anthropic.com"}),
}
"""Providers' own hosts: their keys may go there."""

_DOTTED: Final = frozenset[str]().union(*OWN_HOSTS.values())

# Cloud metadata that is not link-local: AWS over IPv6, Alibaba, Oracle.
_METADATA: Final = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")))
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")

Lookup = Callable[[str, int, int], Awaitable[list[tuple[int, str]]]]
"""(host, port, family) -> [(family, numeric address)]; raises OSError when there is none."""


class AddressRefused(OSError):
    """Every address of a host is one that no request may go to."""


def why_refused(address: str, *, allow_loopback: bool) -> str | None:
    """What kind of forbidden address the numeric `address` is, or None when it may be dialled."""
    ip = _embedded(ip_address(address.partition("%")[0]))
    if ip.is_link_local:
        return "link-local"
    if ip in _METADATA:
        return "cloud metadata"
    if allow_loopback:
        return None
    if ip.is_loopback:
        return "loopback"
    return "unspecified" if ip.is_unspecified else None


def _embedded(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that a mapped or translated IPv6 address stands for."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip in _TRANSLATED:
            return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip


def is_loopback(host: str) -> bool:
    """Whether `host`, as written in a URL, names this machine."""
    if host == "localhost":
        return True
    try:
        return _embedded(ip_address(host)).is_loopback
    except ValueError:
        return False


def check_literal(host: str, *, allow_loopback: bool) -> None:
    """Raises `AddressRefused` when `host` is a numeric address that may not be dialled."""
    try:
        why = why_refused(host, allow_loopback=allow_loopback)
    except ValueError:
        return
    if why is not None:
        raise AddressRefused(_refusal(host, why))


async def system_lookup(host: str, port: int, family: int) -> list[tuple[int, str]]:
    """The addresses that the system's resolver gives, in its order."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [(entry[0], str(entry[4][0])) for entry in found]


class _Known(NamedTuple):
    addresses: list[tuple[int, str]]
    until: float


class Resolver(AbstractResolver):
    """Name service for the upstream client: answers kept 30 s, stale ones on failure."""

    def __init__(
        self,
        *,
        allow_loopback: bool,
        lookup: Lookup = system_lookup,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._lookup = lookup
        self._clock = clock
        self._known: dict[tuple[str, int], _Known] = {}
        self._flights: dict[tuple[str, int], asyncio.Task[list[tuple[int, str]]]] = {}
        self._turn = itertools.count()

    async def resolve(
        self, host: str, port: int = 0, family: int = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host` that may be dialled, another one first each time."""
        addresses = await self._addresses(host, family)
        allowed: list[tuple[int, str]] = []
        refused = ""
        for found, address in addresses:
            why = why_refused(address, allow_loopback=self._allow_loopback)
            if why is None:
                allowed.append((found, address))
            else:
                refused = f"{address}, {why}"
        if not allowed:
            raise AddressRefused(_refusal(host, refused or "no address"))
        first = next(self._turn) % len(allowed)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=found,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for found, address in allowed[first:] + allowed[:first]
        ]

    async def close(self) -> None:
        """Ends the lookups that are still under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _addresses(self, host: str, family: int) -> list[tuple[int, str]]:
        key = (host, family)
        known = self._known.get(key)
        if known is not None and self._clock() < known.until:
            return known.addresses
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._ask(host, family), name=f"resolve {host}")
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        try:
            # One caller leaving must not take the answer from the others.
            return await asyncio.shield(flight)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if flight.cancelled() and not (task and task.cancelling()):
                raise OSError("the resolver was closed") from None
            raise

    def _landed(self, key: tuple[str, int], flight: asyncio.Task[list[tuple[int, str]]]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # Read here as well: every caller may have left.

    async def _ask(self, host: str, family: int) -> list[tuple[int, str]]:
        name = host + "." if host in _DOTTED else host
        try:
            addresses = await self._lookup(name, 0, family)
            lifetime = LIFETIME
        except OSError:
            stale = self._known.get((host, family))
            if stale is None:
                raise
            addresses, lifetime = stale.addresses, STALE_PAUSE
        self._known[host, family] = _Known(addresses, self._clock() + lifetime)
        return addresses


def _refusal(host: str, why: str) -> str:
    return (
        f"{host} is refused ({why}): requests go to no link-local or metadata address, "
        "and to loopback only where OUTRIDER_ALLOW_LOOPBACK allows it"
    )
