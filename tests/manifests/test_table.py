"""The API server, `outrider lint` and `compile` say the same of the same manifests."""

import re
from pathlib import Path
from typing import Any

import pytest

from manifests.constraints import fields, validations
from manifests.entry import Entry
from manifests.table import ENTRIES
from manifests.verdicts import forms, of_api_server, of_compile, of_lint
from outrider_operator.compiler.rules import KEYS, RULES
from outrider_operator.resources.kinds import KINDS

RULE_MESSAGES = {validation.message for validation in validations()}
KEYWORDS = (
    *("type", "enum", "pattern", "required", "unknown field", "duplicate"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
)
PLACE = re.compile(r"(spec[^ ]*): (?:Invalid|Required|Forbidden)")
OF_A_SPEC = [entry for entry in ENTRIES if entry.metadata.keys() == {"name"} and not entry.top]


def test_every_validation_rule_has_an_accepted_and_a_refused_entry() -> None:
    rules = {(rule.kind, rule.message) for rule in validations() if not rule.is_transition}

    for verdict in (True, False):
        tried = {(one.kind, one.exercises) for one in ENTRIES if one.accepted is verdict}
        assert rules - tried == set()


@pytest.mark.parametrize("kind", KINDS)
def test_every_keyword_of_the_schemas_has_a_refused_entry_of_each_kind(kind: str) -> None:
    tried = {entry.exercises for entry in ENTRIES if entry.kind == kind and not entry.accepted}

    assert set(KEYWORDS) - tried == set()


def test_every_entry_exercises_something_and_has_a_name_of_its_own() -> None:
    names = [(entry.kind, entry.name) for entry in ENTRIES]

    assert len(set(names)) == len(names)
    assert {entry.exercises for entry in ENTRIES} <= {
        *RULE_MESSAGES,
        *KEYWORDS,
        *("every field", "size", "null", "labels", "status"),
    }
    assert all(entry.at and entry.says for entry in ENTRIES if not entry.accepted)


def test_every_validation_rule_has_its_twin_in_the_compiler() -> None:
    theirs = [rule for rule in validations() if not rule.is_transition]

    assert sorted((rule.kind, rule.at, rule.message, rule.field) for rule in theirs) == sorted(
        (rule.kind, rule.at, rule.message, rule.field) for rule in RULES
    )


def test_every_list_with_keys_has_its_twin_in_the_compiler() -> None:
    theirs = [
        (kind, path, tuple(schema.get("x-kubernetes-list-map-keys", ())))
        for kind in KINDS
        for path, schema in fields(kind)
        if schema.get("x-kubernetes-list-type") in ("map", "set")
    ]

    assert sorted(theirs) == sorted((key.kind, key.at, key.fields) for key in KEYS)


async def test_the_api_server_gives_the_verdicts_of_the_table(
    kube_client: Any, namespace: str
) -> None:
    answers = await of_api_server(kube_client, namespace, ENTRIES)

    wrong = [
        (entry.name, answer)
        for entry, answer in zip(ENTRIES, answers, strict=True)
        if entry.accepted is bool(answer.refusal) or not _speaks_of(entry, answer.refusal)
    ]
    assert wrong == []


async def test_what_the_api_server_stores_compiles_to_what_was_written(
    kube_client: Any, namespace: str
) -> None:
    """The same digest in `render` and in a cluster, defaults filled in or not."""
    entries = [entry for entry in OF_A_SPEC if entry.accepted]
    answers = await of_api_server(kube_client, namespace, entries)

    different = [
        (entry.name, answer.spec)
        for entry, answer in zip(entries, answers, strict=True)
        if forms(entry) != forms(entry, answer.spec)
    ]
    assert different == []


def test_lint_gives_the_verdicts_of_the_table_and_says_what_to_write(tmp_path: Path) -> None:
    found = of_lint(tmp_path, ENTRIES)

    wrong = [
        (entry.name, findings)
        for entry, findings in zip(ENTRIES, found, strict=True)
        if entry.accepted is bool(findings)
        or not _says(entry, [(one["path"], one["message"]) for one in findings])
        or not all(one["line"] and one["column"] for one in findings)
    ]
    assert wrong == []


def test_compile_gives_the_verdicts_of_the_table_and_says_what_to_write() -> None:
    wrong = [
        (entry.name, problems)
        for entry in OF_A_SPEC
        if entry.accepted is bool(problems := of_compile(entry))
        or not _says(entry, [(one.path, one.message) for one in problems])
    ]
    assert wrong == []


def _speaks_of(entry: Entry, answer: str) -> bool:
    """Whether a refusal by a validation rule gives its message and a place around the mistake."""
    if entry.accepted or entry.exercises not in RULE_MESSAGES:
        return True
    told = entry.exercises in answer or entry.says[0] in answer
    return told and any(entry.at.startswith(place) for place in PLACE.findall(answer))


def _says(entry: Entry, findings: list[tuple[str, str]]) -> bool:
    """Whether the refusal is one finding, at the place, that holds all that must be said."""
    if entry.accepted:
        return True
    told = [message for path, message in findings if path in (entry.at, "")]
    return len(told) == 1 and all(words in told[0] for words in entry.says)
