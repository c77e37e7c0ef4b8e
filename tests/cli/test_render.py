"""`outrider render`: what sidecars would get, on standard output; what is wrong, on the other."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from outrider_operator.cli.main import main
from outrider_operator.compiler.ranges import moved
from outrider_sidecar.config import files as mounted
from outrider_sidecar.snapshot import Snapshot, decode
from standins.manifests import ROUTE, prompts, support, write


def render(*words: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["render", *map(str, words)], input=stdin)


def printed(*words: str | Path) -> dict[str, Any]:
    done = render(*words)
    assert (done.exit_code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def snapshot(found: dict[str, Any], namespace: str = "default") -> Snapshot:
    return decode(json.dumps(found[namespace]).encode())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "manifests"
    directory.mkdir()
    return support(directory)


def test_each_namespace_has_its_snapshot(files: Path) -> None:
    elsewhere = ROUTE.replace("{name: support}", "{name: other, namespace: shop}")
    write(files, other=elsewhere.replace("  prompt: {name: answer}\n", ""))
    found = printed(files)
    assert sorted(found) == ["default", "shop"]
    assert list(found["shop"]["routes"]) == ["other"]
    assert found["default"]["prompts"]["answer"]["ranges"] == [[0, 499, "v8"], [500, 9999, "v7"]]
    assert snapshot(found).namespace == "default"


def test_yaml_says_the_same_as_json(files: Path) -> None:
    done = render(files, "-o", "yaml")
    assert done.exit_code == 0
    found = yaml.safe_load(done.stdout)
    assert found["default"]["routes"] == printed(files)["default"]["routes"]
    assert snapshot(found).routes["support"].models == ("gpt-5-mini", "claude-haiku-4-5")


def test_one_namespace_alone_is_a_file_that_a_sidecar_loads(files: Path, tmp_path: Path) -> None:
    done = render(files, "-n", "default")
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "snapshot.json").write_text(done.stdout)
    (found,) = mounted.read(directory)
    assert found.problem == ""
    assert found.snapshot is not None
    assert list(found.snapshot.routes) == ["support"]


def test_a_namespace_that_is_not_there_is_wrong_use(files: Path) -> None:
    done = render(files, "-n", "shop")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no snapshot of namespace 'shop'; there are: default" in done.stderr


def test_problems_go_to_standard_error_and_the_good_ones_are_printed(files: Path) -> None:
    write(files, more=prompts(v9=-1), route2=ROUTE.replace("models:", "model:"))
    done = render(files)
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert sorted(found["default"]["prompts"]["answer"]["versions"]) == ["v7", "v8"]
    assert f"{files / 'more.yaml'}:6:" in done.stderr
    assert "PromptVersion default/v9" in done.stderr
    assert "route2.yaml" in done.stderr
    assert "[Warning]" not in done.stderr


def test_a_file_that_is_no_yaml_is_named_with_its_line(files: Path) -> None:
    write(files, broken="kind: [\n")
    done = render(files)
    assert done.exit_code == 1
    assert f"{files / 'broken.yaml'}:2:" in done.stderr
    assert "support" in json.loads(done.stdout)["default"]["routes"]


def test_manifests_come_from_standard_input_too() -> None:
    done = render("-", stdin=ROUTE.replace("  prompt: {name: answer}\n", ""))
    assert done.exit_code == 0
    assert list(json.loads(done.stdout)["default"]["routes"]) == ["support"]


def test_nothing_to_read_is_a_problem(tmp_path: Path) -> None:
    done = render(tmp_path / "nowhere")
    assert done.exit_code == 1
    assert "nowhere" in done.stderr
    assert json.loads(done.stdout) == {}
    assert render().exit_code == 2


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_previous_output_is_continued(files: Path, tmp_path: Path, form: str) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_text(render(files, "-o", form).stdout)
    first = snapshot(yaml.safe_load(earlier.read_text()))
    assert first.generation > 1_700_000_000
    write(files, prompts=prompts(v6=1, v7=1, v8=2))
    second = snapshot(printed(files, "--previous", earlier))
    assert second.generation > first.generation
    before, after = first.prompts["answer"].ranges, second.prompts["answer"].ranges
    assert moved(before, after) == 7_000
    assert after != snapshot(printed(files)).prompts["answer"].ranges


def test_what_did_not_change_keeps_its_generation(files: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_text(render(files).stdout)
    again = render(files, "--previous", earlier)
    assert again.stdout == earlier.read_text()


def test_a_previous_output_of_one_namespace_is_enough(files: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_text(render(files, "-n", "default").stdout)
    assert printed(files, "--previous", earlier)["default"] == json.loads(earlier.read_text())


def test_what_is_broken_now_keeps_its_previous_form(files: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_text(render(files).stdout)
    write(files, route=ROUTE.replace("provider: Simulated", "provider: Guess"))
    done = render(files, "--previous", earlier)
    assert done.exit_code == 1
    assert json.loads(done.stdout) == json.loads(earlier.read_text())


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x7f", "\ufeff", "\U0001f9ed"])
def test_every_character_of_a_prompt_survives_the_round(
    files: Path, tmp_path: Path, separator: str
) -> None:
    odd = prompts(v7=1).replace("You are v7.", f"a\\U{ord(separator):08X}b")
    write(files, prompts=odd)
    for form in ("json", "yaml"):
        earlier = tmp_path / form
        earlier.write_text(render(files, "-o", form).stdout, encoding="utf-8")
        found = printed(files, "--previous", earlier)
        version = found["default"]["prompts"]["answer"]["versions"]["v7"]
        assert version["prompt"]["messages"][0]["content"] == f"a{separator}b"
        parse = json.loads if form == "json" else yaml.safe_load
        assert found == parse(earlier.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", ["", "nonsense", "[1, 2]", "{default: 5}", "a: [", "{schema: 1}"])
def test_a_previous_file_that_is_something_else_is_wrong_use(
    files: Path, tmp_path: Path, text: str
) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_text(text)
    done = render(files, "--previous", earlier)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "not an output of `outrider render`" in done.stderr


def test_a_previous_file_that_was_edited_by_hand_is_wrong_use(files: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_text(render(files).stdout.replace("9500", "9400"))
    done = render(files, "--previous", earlier)
    assert done.exit_code == 2
    assert "its content is sha256:" in done.stderr


def test_another_process_compiles_the_same(files: Path) -> None:
    write(files, more=prompts(**{f"w{number}": number for number in range(9)}), bad=prompts(x=-1))
    code = "from outrider_operator.cli.main import main; main()"

    def told(seed: str) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-c", code, "render", str(files)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout)["default"]["digest"], done.stderr

    assert told("1") == told("2")
