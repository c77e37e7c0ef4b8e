"""Simulated users: HTTP clients that send what an OpenAI or an Anthropic SDK sends."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

import aiohttp
import msgspec

PRO = {"x-outrider-tier": "pro"}


class Answer(msgspec.Struct, frozen=True):
    """What a user got: the status, the headers that tell how it came about, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def version(self) -> str:
        """The prompt version that made the request, '' for none."""
        return self.headers.get("x-outrider-prompt", "").rpartition("@")[2]

    @property
    def generation(self) -> int:
        """The snapshot's generation that served the request, 0 for none."""
        return int(self.headers.get("x-outrider-generation", "0"))


class Users:
    """Calls of named users to one proxy; an async context manager."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Users":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=30)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def chat(self, user: str, headers: Mapping[str, str] = PRO) -> Answer:
        """One Chat Completions call."""
        body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Where is it?"}]}
        return await self._post("/v1/chat/completions", body, user, headers)

    async def versions(self, users: Sequence[str]) -> dict[str, str]:
        """The version that each user is dealt, asked of the proxy, 20 users at a time."""
        gate = asyncio.Semaphore(20)

        async def one(user: str) -> tuple[str, str]:
            async with gate:
                return user, (await self.chat(user)).version

        return dict(await asyncio.gather(*(one(user) for user in users)))

    async def insist(self, users: Sequence[str], stop: asyncio.Event) -> "Load":
        """Ask without a pause until `stop`, as many at a time as there are users."""
        load = Load()

        async def one(user: str) -> None:
            while not stop.is_set():
                load.requests += 1
                try:
                    answer = await self.chat(user)
                except aiohttp.ClientError:
                    load.failed += 1
                    continue
                load.failed += answer.status != 200
                load.generations[answer.generation] += 1

        await asyncio.gather(*(one(user) for user in users))
        return load

    async def _post(self, path: str, body: object, user: str, headers: Mapping[str, str]) -> Answer:
        if self._session is None:
            raise RuntimeError("Users is used before it is entered")
        async with self._session.post(
            self._base + path, json=body, headers={"x-outrider-user": user, **headers}
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())


class Load:
    """What many calls came to."""

    def __init__(self) -> None:
        self.requests = 0
        self.failed = 0
        self.generations: Counter[int] = Counter()
