"""Who gets which version, over the wire: exactly what the published formula says."""

import asyncio
import hashlib
from collections import Counter
from pathlib import Path

from loopback.process import Sidecar, running, simulated
from loopback.stage import CHAT
from loopback.wire import Wire, chat, request
from outrider_sidecar.snapshot import BUCKETS, encode, seal
from standins import tables

USERS = 100_000
CONNECTIONS = 10
AT_ONCE = 50

SALT = "shop/answer"
RANGES = ((0, 0, "one"), (1, 499, "five"), (500, 2_999, "quarter"), (3_000, 9_999, "most"))


def user(number: int) -> str:
    """An id as applications have them."""
    match number % 4:
        case 0:
            return f"user-{number}"
        case 1:
            return f"{number:032x}"
        case 2:
            return f"käufer {number}"
        case _:
            return f"{number}@example.com"


def wanted(key: str) -> str:
    """The version for a key: `(sha256(salt + 0x1f + key)[:8] * 10000) >> 64`, then the ranges."""
    digest = hashlib.sha256(SALT.encode() + b"\x1f" + key.encode("utf-8")).digest()
    bucket = (int.from_bytes(digest[:8], "big") * BUCKETS) >> 64
    return next(name for first, last, name in RANGES if first <= bucket <= last)


def asking(number: int) -> bytes:
    """A request of a user, who is named in the header or, every tenth, in the body."""
    if number % 10 == 0:
        return request("POST", CHAT, chat(model="support", user=user(number)))
    name = user(number).encode().decode("latin-1")
    return request("POST", CHAT, chat(model="support")).replace(
        b"\r\n", b"\r\nx-outrider-user: " + name.encode("latin-1") + b"\r\n", 1
    )


async def prompts(wire: Wire, numbers: range) -> list[str]:
    """The versions that these users get, many requests on the way at once."""
    found: list[str] = []
    for start in range(0, len(numbers), AT_ONCE):
        batch = numbers[start : start + AT_ONCE]
        await wire.send(b"".join(map(asking, batch)))
        for _ in batch:
            status, headers = await wire.head()
            await wire.reader.readexactly(int(headers["content-length"]))
            assert status == 200
            found.append(headers["x-outrider-prompt"])
    return found


async def shares(sidecar: Sidecar) -> dict[str, str]:
    """The version of each user."""
    portion = USERS // CONNECTIONS
    ranges = [range(start, start + portion) for start in range(0, USERS, portion)]
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(prompts(await sidecar.wire(), numbers)) for numbers in ranges]
    return {
        user(number): prompt
        for numbers, task in zip(ranges, asked, strict=True)
        for number, prompt in zip(numbers, task.result(), strict=True)
    }


async def test_100_000_users_get_the_versions_that_the_formula_names(tmp_path: Path) -> None:
    versions = {name: tables.template(("system", f"You are {name}.")) for _, _, name in RANGES}
    support = tables.route({"main": simulated()}, prompt="answer")
    served = tables.snapshot(
        {"support": support}, {"answer": tables.prompt(versions, RANGES, salt=SALT)}
    )
    (tmp_path / "snapshot.json").write_bytes(encode(seal(served)))
    async with running(tmp_path) as sidecar:
        got = await shares(sidecar)
    expected = {key: f"answer@{wanted(key)}" for key in map(user, range(USERS))}
    assert len(expected) == USERS
    assert got == expected
    assert set(Counter(got.values())) == {f"answer@{name}" for _, _, name in RANGES}
