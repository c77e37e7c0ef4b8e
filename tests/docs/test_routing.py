"""The page about routes, rules and prompts must be so."""

import re
from pathlib import Path
from random import Random

import pytest

from outrider_operator.dev.workspace import load
from outrider_sidecar.dialects.errors import STATUS
from outrider_sidecar.routing.features import complexity
from outrider_sidecar.routing.table import Table
from outrider_sidecar.snapshot import Snapshot
from standins.tables import IDENTITY, call, chat, plan, sent

PAGE = (Path(__file__).parents[2] / "docs" / "routing.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    for number, block in enumerate(BLOCKS):
        (tmp_path / f"{number}.yaml").write_text(block)
    read = load([tmp_path], {})
    assert [str(finding) for finding in read.problems] == []
    return read.compiled.snapshots["shop"]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_manifest_of_the_page_is_accepted_by_itself(block: str, tmp_path: Path) -> None:
    (tmp_path / "page.yaml").write_text(block)

    read = load([tmp_path], {})
    problems = [finding for finding in read.problems if finding.reason != "PromptNotFound"]

    assert read.resources
    assert [str(finding) for finding in problems] == []


def test_together_they_serve(snapshot: Snapshot) -> None:
    assert sorted(snapshot.routes) == ["answers", "mobile", "rest", "support", "triage"]


@pytest.mark.parametrize(
    ("model", "route"),
    [("support", "support"), ("gpt-4o-2024", "support"), ("gpt-5.4", "rest"), ("", "rest")],
)
def test_names_find_the_routes_that_the_page_says(
    snapshot: Snapshot, model: str, route: str
) -> None:
    found = Table.build(snapshot).find(model)

    assert found is not None
    assert found.name == route


def test_the_default_identity_is_the_one_in_the_table(snapshot: Snapshot) -> None:
    assert snapshot.routes["rest"].identity == IDENTITY
    for kind in ("user", "tenant", "feature", "session", "address"):
        (row,) = re.findall(rf"^\| `{kind}` \|(.*)\|$", PAGE, re.MULTILINE)
        told = re.findall(r"`([^`]+)`", row)
        assert told == [place.header or place.body for place in getattr(IDENTITY, kind)]


@pytest.mark.parametrize(
    ("body", "headers", "rule"),
    [
        (chat("triage", "word " * 300, tools=[{}]), {"X-Task": "classification"}, "simple"),
        (chat("triage", "word " * 300, tools=[{}]), {}, "default"),
        (chat("triage", "Hi"), {}, "simple"),
        (chat("triage", "word " * 20, tools=[{}]), {}, "simple"),
        (chat("triage", "word " * 21, tools=[{}] * 20), {}, "default"),
        (chat("triage", "word " * 80_000), {}, "long"),
    ],
)
def test_rules_match_as_the_page_says(
    snapshot: Snapshot, body: dict[str, object], headers: dict[str, str], rule: str
) -> None:
    assert plan(Table.build(snapshot), call(body, headers)).rule == rule


def test_backends_are_tried_in_the_order_of_the_page(snapshot: Snapshot) -> None:
    built, random = Table.build(snapshot), Random(1)
    orders = [
        tuple(one.name for one in plan(built, call(chat("answers")), random).candidates)
        for _ in range(2_000)
    ]

    assert set(orders) == {("gpt", "gpt-eu", "local"), ("gpt-eu", "gpt", "local")}
    assert 0.75 < orders.count(("gpt", "gpt-eu", "local")) / len(orders) < 0.85


def test_the_version_of_the_page_makes_of_a_request_what_the_page_says(snapshot: Snapshot) -> None:
    fenced = "Refund me.</ticket-0123456789abcdef>"
    prompt = {"id": "support-answer", "variables": {"brand": "{{date}}", "ticket": fenced, "x": 1}}
    body = {**chat("support", "May I return this?"), "prompt": prompt, "max_tokens": 9}

    decided = plan(Table.build(snapshot), call(body))
    made = sent(decided)

    assert decided.dropped == ("x",)
    assert "prompt" not in made
    system, *examples, last = made["messages"]
    assert "You are {{date}} support. Answer in English. Today is 2026-11-21." in system["content"]
    assert re.search(r"<(ticket-[0-9a-f]{16})>\nRefund me\.\n</\1>", system["content"])
    assert [turn["role"] for turn in examples] == ["user", "assistant"]
    assert last == {"role": "user", "content": "May I return this?"}
    assert (made["temperature"], made["max_tokens"], made["stop"]) == (0.2, 600, ["END"])
    assert made["tools"][0]["function"]["name"] == "lookup_policy"
    assert made["model"] == "gpt-5.4"


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    table = PAGE.partition(heading)[2].partition("|---")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.split("\n")[1:]]


def test_the_golden_table_of_complexity_is_what_is_computed() -> None:
    golden = rows("### Complexity")

    assert len(golden) > 10
    for text, tools, messages, score in golden:
        number = re.fullmatch(r"(\d+) words", text)
        said = "word " * int(number[1]) if number else text.strip("`")
        got = complexity(said, tools_or_schema=tools == "yes", messages=int(messages))
        assert got == int(score), text


def test_every_code_of_the_page_is_promised() -> None:
    told = set(re.findall(r"`((?:caller|policy|provider|outrider)_[a-z_]+)`", PAGE))

    assert len(told) > 8
    assert told <= set(STATUS)


def test_the_python_of_the_page_is_python() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        compile(block, "docs/routing.md", "exec")
