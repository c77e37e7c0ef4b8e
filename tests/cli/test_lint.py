"""`outrider lint`: what a cluster would refuse, told with file, line and column."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from outrider_operator.cli.main import main
from outrider_operator.compiler.version_rules import MESSAGE_CHARACTERS

ROUTE = """\
apiVersion: outrider.dev/v1alpha1
kind: LLMRoute
metadata: {name: support}
spec:
  models: [gpt-5-mini]
  prompt: {name: answer}
  backends:
  - {name: haiku, provider: Anthropic, model: claude-haiku-4-5, secretKeyRef: {key: anthropic}}
  - {name: local, provider: OpenAICompatible, model: llama-4, baseURL: "http://vllm:8000/v1"}
  rules:
  - name: default
    backendRefs: [{name: haiku}, {name: local, priority: 1}]
"""
PROMPT = """\
apiVersion: outrider.dev/v1alpha1
kind: PromptVersion
metadata: {name: answer-v1}
spec:
  promptName: answer
  weight: 100
  prompt:
    messages:
    - {role: system, content: "You are {{brand}} support."}
    variables: [{name: brand, default: Acme}]
"""


def lint(*paths: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["lint", *map(str, paths)], input=stdin)


def problems(text: str) -> list[str]:
    """The lines of problems that `lint -` prints of `text`; there are some."""
    done = lint("-", stdin=text)
    assert done.exit_code == 1
    return [line for line in done.stdout.splitlines() if ": problem: " in line]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "route.yaml").write_text(ROUTE)
    (tmp_path / "prompt.yaml").write_text(PROMPT)
    return tmp_path


def test_good_manifests_exit_0_and_say_how_many_there_are(files: Path) -> None:
    done = lint(files)

    assert done.exit_code == 0
    assert ": problem: " not in done.stdout
    assert done.stderr.startswith("2 resources, 0 problems, ")


def test_a_problem_stands_on_a_line_with_its_place_and_the_exit_code_is_1(files: Path) -> None:
    route = files / "route.yaml"
    route.write_text(ROUTE.replace("provider: Anthropic", "provider: Antropic"))

    done = lint(files)

    assert done.exit_code == 1
    [line] = [line for line in done.stdout.splitlines() if ": problem: " in line]
    assert line.startswith(
        f"{route}:8:19: problem: LLMRoute default/support: spec.backends[0].provider "
    )
    assert line.endswith(
        'is "Antropic", not one of OpenAI, Anthropic, OpenAICompatible, Simulated: '
        "did you mean Anthropic? [Invalid]"
    )
    assert done.stderr.startswith("2 resources, 1 problem, ")


def test_every_problem_of_every_file_is_told_in_the_order_of_the_files(files: Path) -> None:
    (files / "route.yaml").write_text(
        ROUTE.replace("models:", "model:").replace("- name:", "- nam:")
    )
    (files / "broken.yaml").write_text("kind: [\n")

    done = lint(files)

    places = [
        line.split(": problem: ")[0] for line in done.stdout.splitlines() if ": problem: " in line
    ]
    assert places == [
        f"{files}/broken.yaml:2:1",
        f"{files}/route.yaml:5:3",
        f"{files}/route.yaml:11:5",
        f"{files}/route.yaml:11:5",
    ]


def test_json_has_one_object_a_finding(files: Path) -> None:
    route = files / "route.yaml"
    route.write_text(ROUTE.replace("models:", "model:"))

    done = lint(files, "--output", "json")

    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    assert done.exit_code == 1
    assert [one for one in found if one["severity"] == "problem"] == [
        {
            "file": str(route),
            "line": 5,
            "column": 3,
            "severity": "problem",
            "object": "LLMRoute default/support",
            "path": "spec.model",
            "reason": "Invalid",
            "message": "unknown field spec.model: did you mean models?",
        }
    ]


def test_json_of_good_manifests_is_json_too(files: Path) -> None:
    done = lint(files, "-o", "json")

    assert done.exit_code == 0
    assert all(one["severity"] == "warning" for one in json.loads(done.stdout)["findings"])


def test_manifests_come_from_standard_input_too() -> None:
    done = lint("-", stdin=ROUTE + "---\n" + PROMPT)

    assert done.exit_code == 0
    assert done.stderr.startswith("2 resources, 0 problems")


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("  models:", "\tmodels:", "stdin:5:1: problem: not YAML: found"),
        ("[gpt-5-mini]", "[gpt-5-mini", "stdin:6:9: problem: not YAML: did not"),
        (
            "kind: LLMRoute",
            "kind: LLMRoute\nkind: LLMRoute",
            "stdin:3:1: problem: kind stands here",
        ),
        (
            "kind: LLMRoute",
            "kind: LLMRout",
            "stdin:2:1: problem: there is no kind LLMRout: did you",
        ),
    ],
)
def test_text_that_is_no_manifest_is_told_with_line_and_column(
    before: str, after: str, line: str
) -> None:
    [told] = problems(ROUTE.replace(before, after))

    assert told.startswith(line)
    assert told.endswith("[Unreadable]")


def test_an_unknown_field_is_told_with_what_was_meant() -> None:
    [line] = problems(PROMPT.replace("promptName:", "promptname: x\n  promptName:"))

    assert "stdin:5:3: problem: PromptVersion default/answer-v1" in line
    assert "unknown field spec.promptname: did you mean promptName?" in line


def test_a_prompt_over_the_cap_is_told_with_its_size() -> None:
    one = "a" * (MESSAGE_CHARACTERS + 1)
    two = f'"}}\n    - {{role: user, content: "{"a" * (MESSAGE_CHARACTERS - 10)}'

    [alone] = problems(PROMPT.replace("You are {{brand}} support.", one))
    [together] = problems(PROMPT.replace("You are {{brand}} support.", "a" * 11 + two))

    assert "stdin:9:22: problem:" in alone
    assert "has 98,305 characters: write at most 98,304" in alone
    assert "stdin:8:5: problem:" in together
    assert "have 98,305 characters in all, of 98,304 that may be; shorten them" in together


def test_a_template_with_a_variable_that_nobody_declared_is_told_what_to_add() -> None:
    [line] = problems(PROMPT.replace("{{brand}} support", "{{brand}} support for {{language}}"))

    assert "stdin:9:22: problem: PromptVersion default/answer-v1" in line
    assert "{{language}} is not declared; add {name: language} to spec.prompt.variables" in line
    assert line.endswith("[VariableUndeclared]")


def test_a_model_that_no_backend_has_is_told_with_those_there_are() -> None:
    version = PROMPT.replace("  prompt:\n", "  prompt:\n    model: gpt-5.4\n")

    [line] = problems(ROUTE + "---\n" + version)

    assert "stdin:21:5: problem: PromptVersion default/answer-v1 spec.prompt.model" in line
    assert "no backend of LLMRoute support has the model gpt-5.4" in line
    assert "claude-haiku-4-5, llama-4" in line
    assert line.endswith("[ModelNotInRoute]")


def test_a_prompt_that_nobody_wrote_is_told() -> None:
    [line] = problems(ROUTE)

    assert "stdin:6:12: problem: LLMRoute default/support spec.prompt.name" in line
    assert "no PromptVersion in namespace default has promptName answer; create one" in line


def test_a_prompt_without_a_weight_is_told_with_the_command_that_mends_it() -> None:
    [line] = problems(ROUTE + "---\n" + PROMPT.replace("weight: 100", "weight: 0"))

    assert "kubectl patch prv answer-v1 -n default --type merge" in line
    assert line.endswith("[NoWeight]")


def test_a_rule_that_names_no_backend_is_told_at_the_name() -> None:
    [line] = problems(ROUTE.replace("{name: local, priority", "{name: lokal, priority"))

    assert "stdin:12:35: problem: LLMRoute default/support" in line
    assert "rule default names the backend lokal, which spec.backends does not have" in line
    assert "did you mean local?" in line


def test_the_same_object_in_two_files_is_told_with_both_places(files: Path) -> None:
    (files / "again.yaml").write_text("# again\n" + PROMPT)

    done = lint(files)

    assert done.exit_code == 1
    assert (
        f"{files}/prompt.yaml:3:12: problem: PromptVersion default/answer-v1 stands in "
        f"{files}/again.yaml:4:12 too: remove or rename one"
    ) in done.stdout


def test_a_broken_resource_hides_nothing_of_the_others(files: Path) -> None:
    (files / "prompt.yaml").write_text(PROMPT.replace("weight: 100", "weight: many"))
    (files / "route.yaml").write_text(ROUTE.replace("models:", "model:"))

    reasons = [line for line in lint(files).stdout.splitlines() if "[Invalid]" in line]

    assert len(reasons) == 2


@pytest.mark.parametrize("path", ["missing.yaml", "empty"])
def test_a_path_that_cannot_be_read_is_a_problem(path: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    done = lint(tmp_path / path)

    assert done.exit_code == 1
    assert done.stdout.startswith(f"{tmp_path / path}: problem: ")


@pytest.mark.parametrize("words", [[], ["--output", "xml", "."], ["--fix", "."]])
def test_wrong_use_exits_2(words: list[str]) -> None:
    assert lint(*words).exit_code == 2


def test_the_example_has_no_problems() -> None:
    done = lint(Path(__file__).parents[2] / "examples" / "support")

    assert done.exit_code == 0
    assert "4 resources, 0 problems" in done.stderr


def test_a_password_in_an_address_is_not_repeated() -> None:
    [line] = problems(ROUTE.replace("http://vllm:8000/v1", "http://ann:secret@vllm:8000/v1"))

    assert 'baseURL is "http://...@vllm:8000/v1": write http(s)://host[:port][/path]' in line
    assert "secret" not in line
