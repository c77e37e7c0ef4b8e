"""docs/controller.md against the code: what it lists is what there is."""

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import pytest

from outrider_operator.cli.controller import controller
from outrider_operator.compiler.problem import Reason
from outrider_operator.controller.events import TARGET_REASON
from outrider_operator.controller.metrics import Metrics
from outrider_operator.controller.notes import Note
from outrider_operator.controller.status import StatusReason

PAGE = (Path(__file__).parents[2] / "docs" / "controller.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(text: str, column: int = 0) -> list[str]:
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [found[0] for row in rows if (found := re.findall(r"`([^`]+)`", row[column]))]


def test_the_page_lists_every_reason_of_a_condition_and_no_other() -> None:
    listed = first_cells(section("What status says"), column=1)
    assert set(listed) == {*get_args(Reason), *get_args(StatusReason)}


def test_the_page_lists_every_reason_of_an_event() -> None:
    reasons: Any = get_type_hints(Note)["reason"]
    assert set(first_cells(section("Events"))) == {*get_args(reasons), TARGET_REASON}


def test_the_page_lists_every_metric() -> None:
    metrics = Metrics()
    metrics.watch(dict, int)
    names = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in metrics.registry.collect()
    }
    assert set(first_cells(section("Probes and metrics"))) == names


@pytest.mark.parametrize("option", [each for each in controller.params if each.name != "help"])
def test_the_page_lists_every_option(option: click.Parameter) -> None:
    assert f"`{option.opts[0]} " in section("Run it") or f", `{option.opts[0]} " in PAGE


def test_the_page_and_the_help_say_who_can_reach_the_port() -> None:
    port = next(option for option in controller.params if option.name == "port")
    assert isinstance(port, click.Option)
    assert "on all addresses" in (port.help or "")
    assert "all addresses" in section("Run it")
