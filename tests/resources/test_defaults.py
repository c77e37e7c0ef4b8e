"""The table of defaults and what the CRDs say of them are one."""

import re
from typing import Any

import pytest
import yaml

from manifests.constraints import fields
from outrider_operator.compiler.compile import compile as compiled
from outrider_operator.compiler.routes import BASE_URLS
from outrider_operator.compiler.version_rules import VARIABLE_CHARACTERS
from outrider_operator.resources import crds
from outrider_operator.resources.defaults import DEFAULTS
from outrider_operator.resources.kinds import KINDS, LLM_ROUTE, PROMPT_VERSION
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Snapshot

SAID = re.compile(r"Default: (.*?)\.(?: |$)")


def said(kind: str) -> dict[str, Any]:
    """What the descriptions call the default, read as YAML."""
    texts = {
        path: match[1]
        for path, schema in fields(kind)
        if (match := SAID.search(schema.get("description", "")))
    }
    return {path: yaml.safe_load(text) for path, text in texts.items()}


def written(kind: str) -> dict[str, Any]:
    """The schema's own defaults, apart from the empty object that lets those inside it apply."""
    return {
        path: schema["default"]
        for path, schema in fields(kind)
        if "default" in schema and schema["default"] != {}
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_default_is_said_in_its_fields_description(kind: str) -> None:
    assert said(kind) == DEFAULTS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_object_fields_have_their_default_in_the_schema_and_list_items_do_not(kind: str) -> None:
    """A default inside a list item would make GitOps tools see a difference for ever."""
    of_objects = {path: value for path, value in DEFAULTS[kind].items() if "[]" not in path}

    assert written(kind) == of_objects


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_object_is_the_default_where_its_members_have_defaults_of_their_own(
    kind: str,
) -> None:
    optional = {path for path, schema in fields(kind) if schema.get("default") == {}}

    assert optional == ({"spec.identity"} if kind == LLM_ROUTE else set())


def test_a_weight_has_no_default() -> None:
    """It would be owned by nobody and hide the choice."""
    spec = crds.schema(PROMPT_VERSION)["properties"]["spec"]

    assert "default" not in spec["properties"]["weight"]
    assert "spec.weight" not in DEFAULTS[PROMPT_VERSION]


def test_base_urls_are_said_in_their_fields_description() -> None:
    of_backend = dict(fields(LLM_ROUTE))["spec.backends[].baseURL"]["description"]

    for provider, url in BASE_URLS.items():
        assert f"{url} for {provider}" in of_backend


def test_a_variables_rule_knows_the_same_default() -> None:
    rules = dict(fields(PROMPT_VERSION))["spec.prompt.variables[]"]["x-kubernetes-validations"]

    assert f"self.maxLength : {VARIABLE_CHARACTERS}" in rules[0]["rule"]


def test_the_smallest_route_compiles_to_the_defaults_of_the_table() -> None:
    table = DEFAULTS[LLM_ROUTE]
    route = snapshot(
        LLM_ROUTE,
        prompt={"name": "answer"},
        backends=[
            {"name": "a", "provider": "OpenAI", "model": "m", "secretKeyRef": {"key": "openai"}},
            {"name": "b", "provider": "Simulated", "model": "m"},
        ],
        rules=[{"name": "default", "backendRefs": [{"name": "a"}]}],
    ).routes["entry"]
    ours, simulated = route.backends["a"], route.backends["b"].simulated

    assert ours.secret_key_ref is not None
    assert simulated is not None
    assert route.prompt is not None
    assert ours.secret_key_ref.name == table["spec.backends[].secretKeyRef.name"]
    assert ours.caller_credentials == table["spec.backends[].callerCredentials"]
    assert ours.default_max_tokens == table["spec.backends[].defaultMaxTokens"]
    assert (ours.timeouts.connect_ms, ours.timeouts.first_token_ms) == (2_000, 30_000)
    assert (ours.timeouts.idle_ms, ours.timeouts.request_ms) == (60_000, 300_000)
    assert (simulated.time_to_first_token_ms, simulated.tokens_per_second) == (200, 50)
    assert (simulated.output_tokens, simulated.error_ratio) == (60, "0")
    assert simulated.error_class == "Overloaded"
    assert [place.header or place.body for place in route.identity.user] == [
        *("x-outrider-user", "/safety_identifier", "/user", "/metadata/user_id")
    ]
    assert route.prompt.assign_by == ("User", "Session")
    assert (route.prompt.unkeyed, route.prompt.allow_override) == ("PerRequest", True)
    assert [(ref.weight, ref.priority) for ref in route.rules[0].backends] == [(1, 0)]


def snapshot(kind: str, **spec: Any) -> Snapshot:
    resource = Resource(kind=kind, namespace="shop", name="entry", spec=spec)
    version = Resource(
        kind=PROMPT_VERSION,
        namespace="shop",
        name="v1",
        spec={"promptName": "answer", "weight": 1, "prompt": {}},
    )
    return compiled([resource, version], {}).snapshots["shop"]
