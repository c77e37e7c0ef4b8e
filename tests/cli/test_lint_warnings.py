"""`outrider lint` warns, and warnings alone are no failure."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from outrider_operator.cli.main import main
from standins.manifests import ROUTE, prompts, support, write


def lint(*words: str) -> Result:
    return CliRunner().invoke(main, ["lint", *words])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return support(tmp_path)


def test_a_warning_is_printed_where_it_is_mended_and_exits_0(files: Path) -> None:
    done = lint(str(files))
    assert done.exit_code == 0
    place = f"{files / 'route.yaml'}:7:3: warning: LLMRoute default/support spec.backends: "
    assert done.stdout.startswith(f"{place}main is the only backend, so whenever it fails")
    assert done.stdout.endswith(" [Warning]\n")
    assert done.stderr == "4 resources, 0 problems, 1 warning\n"


def test_warnings_do_not_hide_problems(files: Path) -> None:
    write(files, more=prompts(v9=-1))
    done = lint(str(files))
    assert done.exit_code == 1
    assert done.stderr == "5 resources, 1 problem, 1 warning\n"


def test_a_script_reads_warnings_as_json(files: Path) -> None:
    (finding,) = json.loads(lint(str(files), "-o", "json").stdout)["findings"]
    assert finding["severity"] == "warning"
    assert finding["reason"] == "Warning"
    assert finding["object"] == "LLMRoute default/support"
    assert (finding["path"], finding["line"]) == ("spec.backends", 7)


def test_beside_what_was_served_it_warns_of_a_version_straight_to_everything(
    files: Path, tmp_path: Path
) -> None:
    rendered = CliRunner().invoke(main, ["render", str(files)])
    earlier = tmp_path / "earlier.txt"
    earlier.write_text(rendered.stdout)
    write(files, prompts=prompts(v7=0, v8=0, v9=100))
    assert "v9 goes" not in lint(str(files)).stdout
    done = lint(str(files), "--previous", str(earlier))
    assert done.exit_code == 0
    assert "v9 goes from 0% to 100% in one step" in done.stdout


def test_a_previous_file_of_something_else_is_wrong_use(files: Path) -> None:
    (files / "earlier.txt").write_text(ROUTE)
    done = lint(str(files), "--previous", str(files / "earlier.txt"))
    assert done.exit_code == 2
    assert "not an output of `outrider render`" in done.stderr
