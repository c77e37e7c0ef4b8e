"""The published formula, its code and its vectors are what the product does."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from outrider_operator.compiler.goals import goals, percent
from outrider_operator.compiler.ranges import Range, counts, moved, reassigned
from outrider_sidecar.prompts.split import Split, bucket_of
from standins.resources import compiled, route, snapshot, version

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "split.md").read_text(encoding="utf-8")
VECTORS: dict[str, list[dict[str, Any]]] = json.loads((DOCS / "split-vectors.json").read_bytes())
STORIES = {story["story"]: story["steps"] for story in VECTORS["ranges"]}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def tables() -> Iterator[list[dict[str, str]]]:
    """The tables of the page, each row by the heads of its columns, without code marks."""
    for table in re.findall(r"(?:^\|.*\|\n)+", PAGE, re.MULTILINE):
        head, _, *rows = [
            [cell.strip().strip("`") for cell in line.strip("|").split("|")]
            for line in table.splitlines()
        ]
        yield [dict(zip(head, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """What the Python of the page defines."""
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(block, names)
    return names


def ranges(step: dict[str, Any]) -> tuple[Range, ...]:
    return tuple((first, last, name) for first, last, name in step["ranges"])


def test_the_proxy_deals_every_published_key_its_published_bucket() -> None:
    for vector in VECTORS["buckets"]:
        assert bucket_of(vector["salt"], vector["key"]) == vector["bucket"], vector
        salted = f"{vector['salt']}\x1f{vector['key']}".encode()
        assert hashlib.sha256(salted).hexdigest()[:16] == vector["head"]


def test_the_vectors_reach_the_corners() -> None:
    keys = [vector["key"] for vector in VECTORS["buckets"]]
    assert "" in keys
    assert max(len(key.encode()) for key in keys) == 256
    assert any(len(key.encode()) == 256 and not key.isascii() for key in keys)
    assert len({vector["salt"] for vector in VECTORS["buckets"]}) > 3


def test_the_python_of_the_page_is_the_formula(reference: dict[str, Any]) -> None:
    for vector in VECTORS["buckets"]:
        assert reference["bucket"](vector["salt"], vector["key"]) == vector["bucket"]


def test_the_bash_of_the_page_is_the_formula() -> None:
    (block,) = blocks("bash")
    definition, example = block.splitlines()
    call, said = example.split("#")
    every = '\nwhile [ $# -gt 0 ]; do bucket "$1" "$2"; shift 2; done'
    pairs = [text for vector in VECTORS["buckets"] for text in (vector["salt"], vector["key"])]
    script = f"{definition}\n{call}{every}"
    done = subprocess.run(
        ["bash", "-c", script, "bash", *pairs], capture_output=True, text=True, check=True
    )
    first, *others = [int(line) for line in done.stdout.split()]
    assert first == int(said)
    assert others == [vector["bucket"] for vector in VECTORS["buckets"]]


def test_the_table_of_the_page_is_right() -> None:
    rows = next(table for table in tables() if "salt" in table[0])
    for row in rows:
        digest = hashlib.sha256(f"{row['salt']}\x1f{row['key']}".encode()).hexdigest()
        assert row["first 8 bytes of the hash"] == digest[:16]
        assert bucket_of(row["salt"], row["key"]) == int(row["bucket"])
    assert len(rows) == 9


@pytest.mark.parametrize("vector", VECTORS["goals"], ids=lambda vector: str(vector["weights"]))
def test_weights_ask_for_the_published_goals(vector: dict[str, Any]) -> None:
    assert goals(vector["weights"]) == vector["goals"]


@pytest.mark.parametrize("steps", STORIES.values(), ids=STORIES)
def test_every_edit_gives_the_published_ranges(steps: list[dict[str, Any]]) -> None:
    before: tuple[Range, ...] = ()
    for step in steps:
        after = reassigned(before, step["goals"])
        assert after == ranges(step)
        assert moved(before, after) == step["moved"]
        before = after


@pytest.mark.parametrize("steps", STORIES.values(), ids=STORIES)
def test_the_python_of_the_page_gives_the_published_ranges(
    steps: list[dict[str, Any]], reference: dict[str, Any]
) -> None:
    for earlier, later in pairwise(steps):
        owners = reference["reassigned"](earlier["ranges"], later["goals"])
        assert owners == [reference["owner"](later["ranges"], each) for each in range(10_000)]


@pytest.mark.parametrize("steps", STORIES.values(), ids=STORIES)
def test_no_edit_of_the_stories_moves_more_than_it_must(steps: list[dict[str, Any]]) -> None:
    for earlier, later in pairwise(steps):
        held = counts(ranges(earlier))
        gained = sum(max(0, goal - held.get(name, 0)) for name, goal in later["goals"].items())
        assert later["moved"] == gained


def test_the_worked_example_is_what_compiles() -> None:
    used = route(prompt="support-answer")

    def weighed(stable: int, canary: int) -> list[Any]:
        of = "support-answer"
        return [used, version("v7", stable, of=of), version("v8", canary, of=of)]

    five = compiled(weighed(95, 5))
    twenty = compiled(weighed(80, 20), five)
    before, after = (snapshot(each).prompts["support-answer"] for each in (five, twenty))
    assert f"v8 0 to {before.ranges[0][1]}, v7 {before.ranges[1][0]} to 9999" in PAGE
    assert f"v8 0 to {after.ranges[0][1]}, v7 {after.ranges[1][0]} to 9999" in PAGE
    assert f"{moved(before.ranges, after.ranges):,} of 10,000: 15 %" in PAGE
    rows = next(table for table in tables() if "at 5 %" in table[0])
    for row in rows:
        bucket = bucket_of(after.salt, row["user"])
        assert bucket == int(row["bucket"])
        assert Split(before.salt, before.ranges).owner(bucket) == row["at 5 %"]
        assert Split(after.salt, after.ranges).owner(bucket) == row["at 20 %"].partition(":")[0]


def test_the_numbers_in_the_text_are_right() -> None:
    assert [percent(goal) for goal in goals({"v7": 19, "v8": 4}).values()] == ["82.61%", "17.39%"]
    assert [percent(goal) for goal in goals({"v7": 95, "v8": 20}).values()] == ["82.61%", "17.39%"]
    assert "are `82.61%` and `17.39%`" in PAGE
    assert "95 and 20 are 82.61 % and 17.39 %" in PAGE
