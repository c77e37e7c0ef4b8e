"""The story that `make demo` tells, from begin to end, as the terminal shows it."""

import asyncio
import re
import sys
from pathlib import Path

OUTRIDER = Path(sys.executable).parent / "outrider"


async def test_the_whole_story_comes_out(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        OUTRIDER,
        "dev",
        "--demo",
        "--port=0",
        "--admin-port=0",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    told = out.decode()
    assert (process.returncode, err) == (0, b"")
    chapters = re.findall(r"^(\d)\. (.+)$", told, re.MULTILINE)
    assert [int(number) for number, _ in chapters] == list(range(1, len(chapters) + 1))
    assert re.search(r"openai [\d.]+ +Simulated answer", told)
    assert re.search(r"anthropic [\d.]+ +Simulated answer", told)
    assert "8 of these 200 users got v8; asked again, 0 changed" in told
    assert "28 of 200 users moved to v8, the formula names 28: the same ones; 0 left v8" in told
    assert re.search(r"live in \d+ ms: support-answer-v8 5% -> 20%, 15% of users move", told)
    assert re.search(r"requests over \d+ generations: 0 failed, 0 by a generation never", told)
    assert "20 of 20 requests answered 200" in told
    assert "200 200 200 200 200 200 200 200 200 200 429" in told
    assert "10 of 10 requests per 1m used by this user (tier free)" in told
    assert "OPENAI_BASE_URL=" in told.rpartition("Your own application")[2]
