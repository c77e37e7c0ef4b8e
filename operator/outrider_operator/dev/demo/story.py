"""The story, chapter by chapter: each says what it will show, does it, and checks itself.

Nothing is staged: the manifests are files that are edited on disk, local mode's own watcher
picks the edits up, and the users are HTTP clients of the running proxy. A chapter that does not
come out as the formula says ends the story with exit code 1.
"""

import asyncio
import contextlib
import random
import shutil
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape

from outrider_operator.dev.demo import sdks
from outrider_operator.dev.demo.users import Answer, Users
from outrider_operator.dev.local import Local
from outrider_operator.dev.serving import UnusableError
from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.config.current import Current
from outrider_sidecar.config.settings import Settings, SettingsError
from outrider_sidecar.prompts.split import bucket_of
from outrider_sidecar.proxy import PortTaken, Proxy
from outrider_sidecar.telemetry.telemetry import Telemetry

USERS = [f"user-{number:03}" for number in range(200)]
SALT = "default/support-answer"
STABLE, CANARY = "support-answer-v7", "support-answer-v8"
EDITS = 20


class StoryError(Exception):
    """Something did not come out as it must; the message says what."""


async def tell(settings: Settings) -> None:
    """Tell the whole story; raises UnusableError when it cannot begin or does not come out."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="outrider-demo-") as name:
        directory = Path(name)
        for file in resources.files(__package__).iterdir():
            if file.name.endswith(".yaml"):
                shutil.copyfile(str(file), directory / file.name)
        try:
            await Story(directory, settings).tell()
        except (StoryError, PortTaken, SettingsError) as error:
            raise UnusableError(str(error)) from None
    Console(highlight=False).print(f"\n[dim]told in {time.perf_counter() - began:.0f} s[/]")


class Story:
    """One telling, on manifests in `directory`."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self._directory = directory
        self._settings = settings
        self._console = Console(highlight=False)
        self._pause = 1.2 if sys.stdout.isatty() else 0.0
        self._current = Current()
        self._local = Local(self._current, None, lambda line: self._said(line))
        self._live = asyncio.Event()
        self._chapters = 0
        self._quiet = False

    async def tell(self) -> None:
        """Every chapter in order."""
        self._title("Three resources become one snapshot")
        for file in sorted(self._directory.iterdir()):
            self._line(f"{file.name:13} {_kinds(file)}")
        began = time.perf_counter()
        self._local.publish(self._local.read([self._directory]), began)
        self._current.listeners.append(lambda _: self._live.set())
        telemetry = Telemetry(None)
        proxy = Proxy(self._settings, self._current, FileCredentials(None), telemetry)
        await proxy.start()
        stop = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks, Users(proxy.port) as users:
                tasks.create_task(self._local.watch([self._directory], stop))
                with contextlib.ExitStack() as ending:
                    ending.callback(stop.set)
                    await self._answers(proxy.port)
                    before = await self._canary(users)
                    await self._raise(users, before)
                    await self._load(users)
                    await self._failure(users)
                    await self._limit(users)
        except* StoryError as group:
            raise group.exceptions[0] from None
        finally:
            await proxy.drain()
        self._end()

    async def _answers(self, port: int) -> None:
        await self._chapter("The proxy answers both SDKs; an application changes its base URL")
        try:
            told = [
                await sdks.openai_says(port, "Where is it?"),
                await sdks.anthropic_says(port, "Where is it?"),
            ]
        except ImportError as error:
            self._line(f"[dim]{error.name} is not installed (pip install 'outrider\\[demo]')[/]")
            self._line("[dim]the users below send what the SDKs send[/]")
            return
        for said in told:
            self._must("Simulated answer" in said.text, f"{said.sdk} got no answer")
            self._line(f"{said.sdk:18} {escape(said.text[:70])}...")
        for name in ("route", "rule", "prompt", "backend", "generation"):
            self._line(f"[dim]x-outrider-{name}: {told[0].headers.get(f'x-outrider-{name}')}[/]")

    async def _canary(self, users: Users) -> dict[str, str]:
        await self._chapter("Version 8 goes to 5 % of users: always the same ones")
        first = await users.versions(USERS)
        second = await users.versions(USERS)
        canary = {user for user, version in first.items() if version == CANARY}
        predicted = {user for user in USERS if bucket_of(SALT, user) < 500}
        self._line(
            f"{len(canary)} of these 200 users got v8; asked again, "
            f"{_changed(first, second)} changed"
        )
        self._line(
            "sha256 of salt and user, below 5 %, names the same ones: "
            f"{'yes' if canary == predicted else 'NO'}  [dim]{', '.join(sorted(canary)[:6])}...[/]"
        )
        self._must(canary == predicted, "the canary is not the one the formula names")
        self._must(first == second, "a user changed sides without an edit")
        return first

    async def _raise(self, users: Users, before: dict[str, str]) -> None:
        await self._chapter("Both weights edited in one save: 5 % becomes 20 %")
        await self._edit(80, 20)
        after = await users.versions(USERS)
        moved = {user for user in USERS if before[user] != after[user]}
        predicted = {user for user in USERS if 500 <= bucket_of(SALT, user) < 2000}
        left = [user for user in USERS if before[user] == CANARY and after[user] != CANARY]
        self._line(
            f"{len(moved)} of 200 users moved to v8, the formula names {len(predicted)}: "
            f"{'the same ones' if moved == predicted else 'OTHERS'}; {len(left)} left v8"
        )
        self._must(moved == predicted and not left, "others moved than the formula names")

    async def _load(self, users: Users) -> None:
        await self._chapter(f"{EDITS} edits while 20 users ask without a pause")
        stop = asyncio.Event()
        load = asyncio.create_task(users.insist(USERS[:20], stop))
        published = {self._generation()}
        self._quiet = True
        for number in range(EDITS):
            swing = (number + 1) % 2  # every save differs from the one before
            await self._edit(80 - swing, 20 + swing)
            published.add(self._generation())
        self._quiet = False
        stop.set()
        told = await load
        strays = set(told.generations) - published
        self._line(
            f"{told.requests} requests over {len(told.generations)} generations: "
            f"{told.failed} failed, {len(strays)} by a generation never published"
        )
        self._must(not told.failed and not strays, "an edit cost a request")

    async def _failure(self, users: Users) -> None:
        await self._chapter("The first backend fails; nobody notices")
        self._quiet = True
        await self._save(
            "route.yaml",
            "simulated-primary\n    simulated: {",
            'simulated-primary\n    simulated: {errorRatio: "1", ',
        )
        self._quiet = False
        answers = [await users.chat(user) for user in USERS[:20]]
        tried = {answer.headers.get("x-outrider-attempts", "") for answer in answers}
        good = sum(answer.status == 200 for answer in answers)
        self._line(f"{good} of {len(answers)} requests answered 200")
        self._line(f"[dim]x-outrider-attempts: {', '.join(sorted(tried))}[/]")
        self._must(good == len(answers), "a request failed that the second backend could save")

    async def _limit(self, users: Users) -> None:
        await self._chapter("A free user may ask ten times a minute")
        answers = [await users.chat("visitor", {"x-outrider-tier": "free"}) for _ in range(11)]
        refused = answers[-1]
        self._line(f"answers: {' '.join(str(answer.status) for answer in answers)}")
        self._line(f"the eleventh says: {_message(refused)}")
        good = all(answer.status == 200 for answer in answers[:-1])
        self._must(good and refused.status == 429, "the limit of ten does not hold")

    def _end(self) -> None:
        self._title("Your own application")
        self._line("outrider dev                      [dim]# with OPENAI_API_KEY set, say[/]")
        self._line(
            "outrider dev -f examples/support/ [dim]# your own manifests, live as you save them[/]"
        )
        self._line("export OPENAI_BASE_URL=http://127.0.0.1:4141/v1")
        self._line("export ANTHROPIC_BASE_URL=http://127.0.0.1:4141")

    async def _edit(self, stable: int, canary: int) -> None:
        """Both weights in one save; returns when it is live."""
        text = (self._directory / "prompts.yaml").read_text()
        lines = iter(text.split("weight: "))
        parts = [next(lines)]
        for weight, part in zip((stable, canary), lines, strict=True):
            parts.append(f"{weight}\n{part.partition(chr(10))[2]}")
        await self._write("prompts.yaml", "weight: ".join(parts))

    async def _save(self, name: str, old: str, new: str) -> None:
        text = (self._directory / name).read_text()
        self._must(old in text, f"{name} is not what the story expects")
        await self._write(name, text.replace(old, new))

    async def _write(self, name: str, text: str) -> None:
        self._live.clear()
        path = self._directory / name
        await asyncio.to_thread(_replace, path, text)
        try:
            async with asyncio.timeout(10):
                await self._live.wait()
        except TimeoutError:
            raise StoryError(f"the edit of {name} was not live within 10 s") from None

    def _generation(self) -> int:
        table = self._current.table
        return table.generation if table else 0

    async def _chapter(self, title: str) -> None:
        if self._pause:
            await asyncio.sleep(self._pause)
        self._title(title)

    def _title(self, text: str) -> None:
        self._chapters += 1
        self._console.print(f"\n[bold cyan]{self._chapters}. {text}[/]")

    def _line(self, text: str) -> None:
        self._console.print(f"   {text}", soft_wrap=True)

    def _said(self, line: str) -> None:
        """What local mode prints of an edit; warnings of the manifests are not the story's."""
        if line.startswith("generation") and not self._quiet:
            self._line(f"[green]{line}[/]")

    def _must(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise StoryError(f"the demo did not come out: {otherwise}")


def _replace(path: Path, text: str) -> None:
    """Save as editors do: a new file in the place of the old one."""
    beside = path.with_suffix(f".{random.randrange(10**9)}.tmp")
    beside.write_text(text)
    beside.replace(path)


def _kinds(file: Path) -> str:
    text = file.read_text()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line[:5] == "kind:"]
    return ", ".join(names)


def _changed(first: dict[str, str], second: dict[str, str]) -> int:
    return sum(first[user] != second[user] for user in first)


def _message(answer: Answer) -> str:
    message: str = msgspec.json.decode(answer.body)["error"]["message"]
    return message
