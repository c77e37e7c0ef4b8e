"""Beyond every bound of every field, and on it, the three judges agree."""

import re
from typing import Any, Final

import pytest

from manifests.constraints import fields
from manifests.entry import Entry
from manifests.mutations import mutations, pairs, perturbed, values
from manifests.verdicts import of_api_server, of_compile, of_lint
from outrider_operator.resources.kinds import KINDS
from outrider_operator.resources.wording import path_of

PAIRS: Final = 200
MISTAKES: Final = 10
BOUNDS: Final = [entry for kind in KINDS for entry in mutations(kind)]
ENTRIES: Final = [
    *BOUNDS,
    *(entry for kind in KINDS for entry in pairs(kind, PAIRS)),
    *(entry for kind in KINDS for entry in perturbed(kind, MISTAKES)),
]


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    return of_lint(tmp_path_factory.mktemp("bounds"), ENTRIES)


async def test_whatever_is_written_lint_agrees_with_the_api_server(
    kube_client: Any, namespace: str, linted: list[list[dict[str, Any]]]
) -> None:
    answers = await of_api_server(kube_client, namespace, ENTRIES)

    disagreements = [
        (entry.name, answer, findings)
        for entry, answer, findings in zip(ENTRIES, answers, linted, strict=True)
        if bool(answer.refusal) is not bool(findings)
    ]
    assert disagreements == []


def test_whatever_is_written_compile_agrees_with_lint(
    linted: list[list[dict[str, Any]]],
) -> None:
    disagreements = [
        (entry.name, findings)
        for entry, findings in zip(ENTRIES, linted, strict=True)
        if isinstance(entry.spec, dict)
        and {one["message"] for one in findings} != {one.message for one in of_compile(entry)}
    ]
    assert disagreements == []


def test_what_steps_over_a_bound_is_refused_where_it_stands(
    linted: list[list[dict[str, Any]]],
) -> None:
    silent = [
        (entry.name, findings)
        for entry, findings in zip(ENTRIES, linted, strict=True)
        if not entry.accepted and not any(_is_about(entry, one) for one in findings)
    ]
    assert silent == []


def test_there_is_a_case_for_every_kind_of_bound() -> None:
    stepped_over = {entry.exercises for entry in BOUNDS if not entry.accepted}

    assert stepped_over == {
        *("type", "enum", "minimum", "maximum", "minLength", "maxLength"),
        *("minItems", "maxItems", "required", "unknown field"),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_full_manifests_write_every_field(kind: str) -> None:
    written = {re.sub(r"\[[0-9]+\]", "[]", path_of(list(steps))) for steps, _ in values(kind)}

    assert written == {path for path, _ in fields(kind)}


def _is_about(entry: Entry, finding: dict[str, Any]) -> bool:
    return entry.at in f"{finding['path']} {finding['message']}"
