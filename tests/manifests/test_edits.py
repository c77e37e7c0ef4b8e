"""What may change in a PromptVersion that is there: its weight, and nothing of its prompt."""

import json
from copy import deepcopy
from typing import Any

import pytest

from kube.apiserver import ApiServer
from manifests.constraints import validations
from manifests.entry import Entry
from manifests.full import SPECS
from manifests.versions import NAME_IMMUTABLE, PROMPT_IMMUTABLE
from outrider_operator.resources.kinds import PROMPT_VERSION

SPEC = SPECS[PROMPT_VERSION]
TOOL = SPEC["prompt"]["tools"][0]

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "another promptName": (NAME_IMMUTABLE, {"promptName": "chat"}),
    "another text": (
        PROMPT_IMMUTABLE,
        {"prompt": {"messages": [{"role": "system", "content": "Be brief."}]}},
    ),
    "a member taken away": (PROMPT_IMMUTABLE, {"prompt": {"model": None}}),
    "a member deep inside taken away": (
        PROMPT_IMMUTABLE,
        {"prompt": {"parameters": {"topP": None}}},
    ),
    "another default": (PROMPT_IMMUTABLE, {"prompt": {"callerSystem": "Reject"}}),
    "another description": (PROMPT_IMMUTABLE, {"prompt": {"description": "mended"}}),
    "another schema of a tool": (
        PROMPT_IMMUTABLE,
        {"prompt": {"tools": [{**TOOL, "parameters": {"type": "object"}}]}},
    ),
    "a prompt and a weight at once": (
        PROMPT_IMMUTABLE,
        {"weight": 50, "prompt": {"model": "claude-haiku-4-5"}},
    ),
}
ACCEPTED: dict[str, dict[str, Any]] = {
    "another weight": {"weight": 100},
    "no weight": {"weight": None},
    "the same prompt again": {"prompt": deepcopy(SPEC["prompt"])},
}


def created(api_server: ApiServer, namespace: str, spec: dict[str, Any]) -> None:
    manifest = Entry("", PROMPT_VERSION, spec, True, "").manifest(namespace)
    api_server.kubectl("create", "-f", "-", stdin=json.dumps(manifest))


def patched(api_server: ApiServer, namespace: str, spec: dict[str, Any]) -> str:
    """Why the API server refuses the patch, or ''."""
    patch = json.dumps({"spec": spec})
    command = ["patch", "prv", "entry", "-n", namespace, "--type", "merge", "-p", patch]
    return api_server.try_kubectl(*command).stderr.strip()


def test_every_rule_over_an_older_self_is_tried_here() -> None:
    rules = {(rule.kind, rule.message) for rule in validations() if rule.is_transition}

    assert rules == {(PROMPT_VERSION, message) for message, _ in REFUSED.values()}


@pytest.mark.parametrize("edit", REFUSED)
def test_a_prompt_that_is_there_stays_as_it_is(
    edit: str, api_server: ApiServer, namespace: str
) -> None:
    message, spec = REFUSED[edit]
    created(api_server, namespace, SPEC)

    assert message in patched(api_server, namespace, spec)


@pytest.mark.parametrize("edit", ACCEPTED)
def test_a_weight_is_turned_freely(edit: str, api_server: ApiServer, namespace: str) -> None:
    created(api_server, namespace, SPEC)

    assert patched(api_server, namespace, ACCEPTED[edit]) == ""


def test_a_weight_is_turned_freely_where_the_prompt_says_nothing(
    api_server: ApiServer, namespace: str
) -> None:
    created(api_server, namespace, {"promptName": "support-answer", "prompt": {}})

    assert patched(api_server, namespace, {"weight": 20}) == ""
    assert PROMPT_IMMUTABLE in patched(api_server, namespace, {"prompt": {"model": "gpt-5.4"}})


def test_a_member_cannot_be_changed_by_removing_and_adding_it(
    api_server: ApiServer, namespace: str
) -> None:
    created(api_server, namespace, SPEC)

    assert PROMPT_IMMUTABLE in patched(api_server, namespace, {"prompt": {"tools": None}})
    assert patched(api_server, namespace, {"prompt": {"tools": [TOOL]}}) == ""
