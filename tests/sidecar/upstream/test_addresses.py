"""Where a connection may go, and that the address that was checked is the one that is dialled."""

import asyncio
import socket
from pathlib import Path

import msgspec
import pytest

from loopback.scripted import Serve, answers
from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.snapshot import Backend
from outrider_sidecar.upstream.addresses import AddressRefused, Resolver, why_refused
from outrider_sidecar.upstream.client import Upstream
from standins.errands import Errand, to
from standins.sse import COMPLETION

PUBLIC = "203.0.113.7"
OTHER = "203.0.113.8"


class Names:
    """A name service whose answers a test gives; remembers what it was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked: list[str] = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def lookup(self, host: str, port: int, family: int) -> list[tuple[int, str]]:
        self.asked.append(host)
        await self.goes_on.wait()
        if not self.addresses:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, address)
            for address in self.addresses
        ]


class Time:
    """A clock that a test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def resolver(names: Names, clock: Time | None = None, loopback: bool = False) -> Resolver:
    """A resolver over these names."""
    return Resolver(allow_loopback=loopback, lookup=names.lookup, clock=clock or Time())


async def found(resolver: Resolver, host: str = "llm.example.com") -> list[str]:
    """The addresses in the order in which they are dialled."""
    return [result["host"] for result in await resolver.resolve(host, 443)]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("169.254.169.254", "link-local"),
        ("169.254.0.1", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("fd00:ec2::254", "cloud metadata"),
        ("100.100.100.200", "cloud metadata"),
        ("::ffff:100.100.100.200", "cloud metadata"),
        ("192.0.0.192", "cloud metadata"),
    ],
)
def test_metadata_and_link_local_addresses_are_always_refused(address: str, why: str) -> None:
    assert why_refused(address, allow_loopback=False) == why
    assert why_refused(address, allow_loopback=True) == why


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.0.9", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
    ],
)
def test_this_machine_is_refused_unless_it_is_allowed(address: str, why: str) -> None:
    assert why_refused(address, allow_loopback=False) == why
    assert why_refused(address, allow_loopback=True) is None


@pytest.mark.parametrize(
    "address", [PUBLIC, "10.0.0.7", "192.168.1.1", "172.16.0.1", "2001:db8::1", "fd00::1"]
)
def test_a_clusters_own_addresses_and_public_ones_are_dialled(address: str) -> None:
    assert why_refused(address, allow_loopback=False) is None


async def test_forbidden_addresses_are_left_out_and_the_others_take_turns() -> None:
    names = Names("169.254.169.254", PUBLIC, "::1", OTHER)
    resolving = resolver(names)
    assert await found(resolving) == [PUBLIC, OTHER]
    assert await found(resolving) == [OTHER, PUBLIC]
    assert await found(resolving) == [PUBLIC, OTHER]


async def test_a_host_with_forbidden_addresses_only_is_refused_with_the_setting_named() -> None:
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1, loopback.*OUTRIDER_ALLOW_LOOPBACK"):
        await found(resolver(Names("127.0.0.1")), "localhost")


async def test_what_is_dialled_is_the_number_that_was_checked() -> None:
    [result] = await resolver(Names(PUBLIC)).resolve("llm.example.com", 443)
    assert (result["host"], result["port"], result["hostname"]) == (PUBLIC, 443, "llm.example.com")
    assert result["flags"] & socket.AI_NUMERICHOST


async def test_an_answer_serves_for_30_seconds() -> None:
    names, clock = Names(PUBLIC), Time()
    resolving = resolver(names, clock)
    await found(resolving)
    clock.now += 29.9
    names.addresses = [OTHER]
    assert await found(resolving) == [PUBLIC]
    clock.now += 0.2
    assert await found(resolving) == [OTHER]
    assert len(names.asked) == 2


async def test_a_stale_answer_serves_while_the_name_service_fails() -> None:
    names, clock = Names(PUBLIC), Time()
    resolving = resolver(names, clock)
    await found(resolving)
    clock.now += 3_600
    names.addresses = []
    assert await found(resolving) == [PUBLIC]
    clock.now += 4.9
    assert await found(resolving) == [PUBLIC]
    assert len(names.asked) == 2
    clock.now += 0.2
    names.addresses = [OTHER]
    assert await found(resolving) == [OTHER]


async def test_without_an_earlier_answer_the_failure_is_told() -> None:
    with pytest.raises(OSError, match="Temporary failure"):
        await found(resolver(Names()))


async def test_many_callers_ask_once_and_one_leaving_does_not_hurt_the_others() -> None:
    names = Names(PUBLIC)
    names.goes_on.clear()
    resolving = resolver(names)
    callers = [asyncio.create_task(found(resolving)) for _ in range(5)]
    await asyncio.sleep(0)
    callers[0].cancel()
    names.goes_on.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [[PUBLIC]] * 4
    assert len(names.asked) == 1


async def test_closing_ends_what_is_still_being_asked() -> None:
    names = Names(PUBLIC)
    names.goes_on.clear()
    resolving = resolver(names)
    caller = asyncio.create_task(found(resolving))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await resolving.close()
    with pytest.raises(OSError, match="the resolver was closed"):
        await caller


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("api.openai.com", "api.openai.com."),
        ("api.anthropic.com", "api.anthropic.com."),
        ("vllm.models.svc", "vllm.models.svc"),
    ],
)
async def test_only_providers_own_hosts_are_asked_for_with_a_dot(host: str, asked: str) -> None:
    names = Names(PUBLIC)
    await found(resolver(names), host)
    assert names.asked == [asked]


@pytest.fixture
async def names() -> Names:
    """A name service that knows this machine only."""
    return Names("127.0.0.1")


async def unreached(backend: Backend, upstream: Upstream) -> str:
    """Why a backend is not reached."""
    with pytest.raises(Refusal) as caught:
        await Errand({"main": backend}).run(upstream)
    assert caught.value.code == "provider_unreachable"
    return caught.value.message


async def test_a_name_is_asked_for_once_and_its_address_is_dialled(
    serve: Serve, tmp_path: Path, names: Names
) -> None:
    provider = await serve(answers(COMPLETION))
    url = f"http://llm.example.com:{provider.port}/v1"
    named = msgspec.structs.replace(to(provider), base_url=url)
    keys = FileCredentials(tmp_path)
    async with Upstream(keys, allow_loopback=True, lookup=names.lookup) as upstream:
        assert (await Errand({"main": named}).run(upstream)).status == 200
    assert names.asked == ["llm.example.com"]
    assert provider.requests[0].headers["host"] == f"llm.example.com:{provider.port}"
    async with Upstream(keys, allow_loopback=False, lookup=names.lookup) as upstream:
        assert "OUTRIDER_ALLOW_LOOPBACK" in await unreached(named, upstream)
    assert len(provider.connections) == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"]
)
async def test_a_numeric_host_is_checked_although_nobody_is_asked_for_it(
    serve: Serve, tmp_path: Path, names: Names, host: str
) -> None:
    provider = await serve(answers(COMPLETION))
    literal = msgspec.structs.replace(to(provider), base_url=f"http://{host}:{provider.port}/v1")
    keys = FileCredentials(tmp_path)
    async with Upstream(keys, allow_loopback=False, lookup=names.lookup) as upstream:
        assert "is refused" in await unreached(literal, upstream)
    assert (provider.connections, names.asked) == ([], [])


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "017700000001", "localhost"])
async def test_other_spellings_of_this_machine_are_resolved_and_refused(
    serve: Serve, tmp_path: Path, host: str
) -> None:
    provider = await serve(answers(COMPLETION))
    spelled = msgspec.structs.replace(to(provider), base_url=f"http://{host}:{provider.port}/v1")
    async with Upstream(FileCredentials(tmp_path), allow_loopback=False) as upstream:
        await unreached(spelled, upstream)
    assert provider.connections == []
