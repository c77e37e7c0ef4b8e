"""The official SDKs for TypeScript: each of their checks is a test here."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from environment import TYPESCRIPT, tool
from outrider_sidecar.telemetry.record import Record
from standins.scene import Scene, Served

pytestmark = pytest.mark.node

FILES = ("openai.mjs", "anthropic.mjs")
Told = dict[tuple[str, str], str | None]


def checks() -> Iterator[tuple[str, str]]:
    """Every check by its file and sentence, as the files say."""
    for file in FILES:
        for sentence in re.findall(
            r'^check\("(.+)", async', (TYPESCRIPT / file).read_text(), re.MULTILINE
        ):
            yield file, sentence


@pytest.fixture(scope="module")
def told(scene: Scene) -> Told:
    """What node told of each check: None, or how it failed. Both SDKs run at the same time."""
    late = [scene.background.run(scene.late()) for _ in FILES]
    found: Told = {}
    with ThreadPoolExecutor() as pool:
        for lines in pool.map(lambda file, proxy: _run(scene, file, proxy), FILES, late):
            found |= lines
    for proxy in late:
        scene.background.run(proxy.proxy.close())
    return found | {("", complaint): complaint for complaint in scene.complaints}


def _run(scene: Scene, file: str, late: Served) -> Told:
    """Runs one file; `late` gets its configuration when it has refused a request."""

    def publish(record: Record) -> None:
        late.current.apply(scene.providers.narrow(), "process")

    late.telemetry.sinks.append(publish)
    urls = {
        "OUTRIDER_URL": scene.main.url,
        "OUTRIDER_NARROW_URL": scene.narrow.url,
        "OUTRIDER_LATE_URL": late.url,
        "PROVIDER_URL": f"http://127.0.0.1:{scene.provider(Path(file).stem).port}",
    }
    done = subprocess.run(
        [tool("node"), str(TYPESCRIPT / file)],
        env={**os.environ, **urls},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(file, line["check"]): line["failed"] for line in lines}


@pytest.mark.parametrize(("file", "sentence"), list(checks()))
def test_the_check(told: Told, file: str, sentence: str) -> None:
    assert told[file, sentence] is None, told[file, sentence]


def test_no_provider_complained_and_no_check_was_left_out(told: Told) -> None:
    assert set(told) == set(checks())
