"""What no API server can know of one manifest, the compiler says; `lint` says it before."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from manifests.backends import backend
from manifests.entry import Entry, accepted
from manifests.verdicts import of_api_server
from outrider_operator.cli.main import main
from outrider_operator.compiler.compile import compile as compiled
from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION
from outrider_operator.resources.resource import Resource


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels else {}


REASONS: Final = {
    "VariableUndeclared": accepted(
        PROMPT_VERSION,
        "{{brand}} is not declared; add {name: brand} to spec.prompt.variables",
        "a template with a variable that is not declared",
        prompt={"messages": [{"role": "system", "content": "You are {{brand}}."}]},
    ),
    "TooLarge": accepted(
        PROMPT_VERSION,
        "at most 262144 can be served; shorten its messages or tools",
        "a prompt whose characters are few and whose bytes are many",
        prompt={"messages": [{"role": "system", "content": "字" * 98_304}]},
    ),
    "Invalid": accepted(
        PROMPT_VERSION,
        "nested deeper than 64 levels; flatten it",
        "a tool whose JSON Schema has no end",
        prompt={"tools": [{"name": "t", "parameters": nested(70)}]},
    ),
    "ModelMissing": accepted(
        LLM_ROUTE,
        "set the backend's model, or list the names that applications send in spec.models",
        "a backend without a model in a route without models",
        **backend("OpenAI", model=None),
    ),
}


async def test_the_api_server_takes_them(kube_client: Any, namespace: str) -> None:
    answers = await of_api_server(kube_client, namespace, REASONS.values())

    assert [answer.refusal for answer in answers] == [""] * len(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_compile_refuses_them_with_their_reason(reason: str) -> None:
    entry = REASONS[reason]
    resource = Resource(kind=entry.kind, namespace="shop", name="entry", spec=entry.spec)

    [problem] = compiled([resource], {}).problems

    assert (problem.condition, problem.reason) == ("Accepted", reason)
    assert entry.exercises in problem.message


@pytest.mark.parametrize("reason", REASONS)
def test_lint_refuses_them_in_the_same_words(reason: str, tmp_path: Path) -> None:
    entry = REASONS[reason]
    written(entry, tmp_path)

    done = CliRunner().invoke(main, ["lint", str(tmp_path)])

    assert done.exit_code == 1
    assert entry.exercises in done.stdout
    assert f"[{reason}]" in done.stdout


def written(entry: Entry, directory: Path) -> None:
    (directory / "entry.json").write_text(json.dumps(entry.manifest("shop")), encoding="utf-8")
