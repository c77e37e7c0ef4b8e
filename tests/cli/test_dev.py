"""`outrider dev` as a person uses it: a real process, real files, real requests."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from watchfiles import awatch

from standins.manifests import prompts, support, write

OUTRIDER = Path(sys.executable).parent / "outrider"


class Dev:
    """A running `outrider dev`; `until` reads its lines up to one that matches."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.openai = self.anthropic = ""

    async def until(self, pattern: str) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            while raw := await self.process.stdout.readline():
                line = raw.decode().rstrip("\n")
                self.lines.append(line)
                if re.search(pattern, line):
                    return line
        raise AssertionError(f"no line with {pattern!r} in {self.lines}")

    async def ready(self) -> "Dev":
        self.openai = (await self.until("OPENAI_BASE_URL=")).partition("=")[2]
        self.anthropic = (await self.until("ANTHROPIC_BASE_URL=")).partition("=")[2]
        return self

    async def ask(self, text: str = "Hi", **fields: object) -> tuple[int, str]:
        body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": text}]} | fields
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self.openai}/chat/completions",
                json=body,
                headers={"x-outrider-user": "ann", "x-outrider-tier": "pro"},
            ) as answer,
        ):
            return answer.status, await answer.text()

    async def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            return await self.process.wait()


Start = Callable[..., Awaitable[Dev]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    begun: list[Dev] = []

    async def begin(*words: str, **environment: str) -> Dev:
        process = await asyncio.create_subprocess_exec(
            OUTRIDER,
            "dev",
            *words,
            "--port=0",
            "--admin-port=0",
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "COLUMNS": "100"} | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        begun.append(Dev(process))
        return begun[-1]

    yield begin
    for dev in begun:
        if dev.process.returncode is None:
            dev.process.kill()
        await dev.process.wait()


async def test_files_are_served_and_each_request_and_edit_is_a_line(
    start: Start, tmp_path: Path
) -> None:
    support(tmp_path)
    dev = await (await start("-f", ".")).ready()
    await dev.until("watching the manifests")
    assert dev.openai == dev.anthropic + "/v1"

    assert (await dev.ask())[0] == 200
    line = await dev.until("support/default")
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d support/default v[78] main ok \d+ms \d+>8tok limit=per-user:\S+", line
    )
    assert (await dev.ask(stream=True))[0] == 200
    assert re.search(r" ok \d+ms ttft=\d+ms \d+>8tok", await dev.until("support/default"))
    status, text = await dev.ask(model="nope")
    assert (status, json.loads(text)["error"]["code"]) == (404, "caller_model_unknown")
    assert "caller_model_unknown" in await dev.until("chat")

    write(tmp_path, prompts=prompts(v7=80, v8=20))
    line = await dev.until("generation")
    assert re.fullmatch(r"generation \d+ live in \d+ ms: v8 5% -> 20%, 15% of users move", line)
    write(tmp_path, prompts=prompts(v7=80, v8=20).replace("weight", "wait"))
    assert "unknown field spec.wait: did you mean weight?" in await dev.until("wait")
    assert (await dev.ask())[0] == 200
    assert await dev.end() == 0


async def test_without_files_and_keys_it_says_that_it_is_simulated(start: Start) -> None:
    dev = await (await start()).ready()
    assert "answers are simulated" in "\n".join(dev.lines)
    status, text = await dev.ask("What is up?", model="any-model-at-all")
    assert status == 200
    assert "Simulated" in json.loads(text)["choices"][0]["message"]["content"]
    assert await dev.end() == 0


async def test_a_key_makes_a_backend_and_is_never_printed(start: Start) -> None:
    dev = await (await start(OPENAI_API_KEY="sk-hush")).ready()
    assert not any("simulated" in line for line in dev.lines)
    assert await dev.end() == 0
    assert dev.process.stdout is not None
    assert "sk-hush" not in "\n".join(dev.lines) + (await dev.process.stdout.read()).decode()


async def test_json_lines_are_those_of_a_pod(start: Start, tmp_path: Path) -> None:
    support(tmp_path)
    dev = await (await start("-f", ".", "--log", "json")).ready()
    await dev.ask()
    line = json.loads(await dev.until('"route"'))
    assert (line["route"], line["backend"], line["status"]) == ("support", "main", 200)
    assert "ann" not in json.dumps(line).replace("channel", "")


async def test_the_last_request_before_the_end_is_logged(tmp_path: Path) -> None:
    support(tmp_path)
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            OUTRIDER,
            *("dev", "-f", ".", "--log", "json", "--port=0", "--admin-port=0"),
            cwd=tmp_path,
            stdout=out,
            stderr=asyncio.subprocess.DEVNULL,
        )
    dev = Dev(process)
    async with asyncio.timeout(30):
        async for changes in awatch(tmp_path, step=10, rust_timeout=100, yield_on_timeout=True):
            assert process.returncode is None, changes
            if found := re.search("OPENAI_BASE_URL=(\\S+)", log.read_text()):
                break
    dev.openai = found[1]
    assert (await dev.ask())[0] == 200
    assert await dev.end() == 0
    assert '"route":"support"' in log.read_text()


async def test_a_backend_without_its_key_is_named_and_the_others_serve(
    start: Start, tmp_path: Path
) -> None:
    support(tmp_path)
    text = (tmp_path / "route.yaml").read_text()
    keyed = "  - {name: real, provider: OpenAI, model: gpt-5.4, secretKeyRef: {key: my-key}}\n"
    refs = "[{name: real}, {name: main, priority: 1}]"
    write(
        tmp_path,
        route=text.replace("  rules:", keyed + "  rules:").replace("[{name: main}]", refs),
    )
    dev = await (await start("-f", ".")).ready()
    said = "\n".join(dev.lines)
    assert (
        "backend support/real needs the key 'my-key' and there is none: set MY_KEY_API_KEY" in said
    )
    status, _ = await dev.ask()
    assert status == 200
    assert " main ok " in await dev.until("support/default")


@pytest.mark.parametrize(
    ("words", "environment", "says"),
    [
        (["-f", "absent"], {}, "Path 'absent' does not exist"),
        (["-f", "."], {}, "there is no LLMRoute, PromptVersion or RateLimitPolicy"),
        (["--demo", "-f", "."], {}, "--demo brings its own manifests"),
        ([], {"LLM_PROVIDER": "acme"}, "LLM_PROVIDER='acme': write one of"),
    ],
)
async def test_what_cannot_be_served_ends_with_2_and_the_reason(
    start: Start, words: list[str], environment: dict[str, str], says: str
) -> None:
    dev = await start(*words, **environment)
    assert dev.process.stdout is not None
    text = (await dev.process.stdout.read()).decode()
    assert await dev.process.wait() == 2
    assert says in text


async def test_without_any_key_at_all_nothing_is_served(start: Start, tmp_path: Path) -> None:
    route = (
        support(tmp_path)
        .joinpath("route.yaml")
        .read_text()
        .replace("provider: Simulated", "provider: OpenAI\n    secretKeyRef: {key: my-key}")
    )
    simulated = next(line for line in route.splitlines() if "simulated:" in line)
    write(tmp_path, route=route.replace(simulated + "\n", ""))
    dev = await start("-f", ".")
    assert dev.process.stdout is not None
    text = (await dev.process.stdout.read()).decode()
    assert await dev.process.wait() == 2
    assert "or add the file outrider-credentials/my-key in --credentials DIR" in text
    assert "no backend may use a key, so nothing can be called" in text


async def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        OUTRIDER,
        "dev",
        f"--port={port}",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    server.close()
    assert process.returncode == 2
    assert f"port {port} cannot be listened on" in out.decode()
    assert "--port" in out.decode()


async def test_a_second_signal_ends_at_once_while_a_stream_is_open(
    start: Start, tmp_path: Path
) -> None:
    support(tmp_path)
    route = (tmp_path / "route.yaml").read_text()
    write(tmp_path, route=route.replace("tokensPerSecond: 5000", "tokensPerSecond: 1"))
    dev = await (await start("-f", ".")).ready()
    body = {
        "model": "gpt-5-mini",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{dev.openai}/chat/completions", json=body) as answer,
    ):
        assert await answer.content.readline()
        dev.process.send_signal(signal.SIGINT)
        assert "Ctrl-C again ends at once" in await dev.until("ending when")
        assert await dev.end() == 0


async def test_the_sdk_that_no_backend_serves_is_told_so(start: Start) -> None:
    dev = await start(ANTHROPIC_API_KEY="hush")
    assert (await dev.until("OPENAI_BASE_URL=")).endswith("/v1  (no backend speaks its dialect)")
    assert (await dev.until("ANTHROPIC_BASE_URL="))[-1].isdigit()
