"""What does not fit a CRD, in words; the words themselves are held in the table of manifests."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml
from msgspec.inspect import NoneType, StructType, UnionType, VarTupleType, type_info

from manifests.constraints import fields
from manifests.full import SPECS
from manifests.mutations import replaced, values
from outrider_operator.resources import crds, kinds, schema
from outrider_operator.resources.kinds import KINDS, LLM_ROUTE, PROMPT_VERSION, RATE_LIMIT_POLICY
from outrider_operator.resources.resource import Resource
from outrider_operator.resources.wording import PATTERNS

STRUCTS: dict[str, Any] = {
    LLM_ROUTE: kinds.LLMRoute,
    PROMPT_VERSION: kinds.PromptVersion,
    RATE_LIMIT_POLICY: kinds.RateLimitPolicy,
}


def found(kind: str, spec: Any, name: str = "entry") -> list[tuple[str, str]]:
    resource = Resource(kind=kind, namespace="shop", name=name, spec=spec)
    return [(each.path, each.message) for each in schema.problems(resource)]


def test_everything_that_is_wrong_is_told_in_the_order_of_its_place() -> None:
    spec = {
        "model": ["gpt-5"],
        "backends": [{"name": "B", "provider": "OpenAI", "model": 5}],
        "rules": [{"name": "default"}],
    }

    assert found(LLM_ROUTE, spec, name="Support") == [
        (
            "metadata.name",
            'metadata.name is "Support": write lower-case letters and digits with - and . between '
            "them, such as support-answer",
        ),
        (
            "spec.backends[0].model",
            'spec.backends[0].model is 5: it must be text; quote it: "5"',
        ),
        (
            "spec.backends[0].name",
            'spec.backends[0].name is "B": write lower-case letters and digits with - and . '
            "between them, such as support-answer",
        ),
        ("spec.model", "unknown field spec.model: did you mean models?"),
        (
            "spec.rules[0].backendRefs",
            "spec.rules[0].backendRefs is missing: for example "
            "backendRefs: [{name: haiku, weight: 80}]",
        ),
    ]


def test_one_value_is_told_one_thing() -> None:
    policy = {**SPECS[RATE_LIMIT_POLICY], "subject": 5, "mode": ""}

    assert [path for path, _ in found(RATE_LIMIT_POLICY, policy)] == ["spec.mode", "spec.subject"]


def test_a_long_value_is_shown_by_its_beginning() -> None:
    [(_, message)] = found(PROMPT_VERSION, {"promptName": "a", "weight": "x" * 500, "prompt": {}})

    assert message.startswith('spec.weight is "xxx')
    assert "...: it must be a whole number" in message
    assert len(message) < 150


def test_a_key_in_place_of_its_reference_is_not_repeated() -> None:
    spec = deepcopy(SPECS[LLM_ROUTE])
    spec["backends"][0]["secretKeyRef"] = "sk-secret"

    [(path, message)] = found(LLM_ROUTE, spec)

    assert path == "spec.backends[0].secretKeyRef"
    assert "sk-secret" not in message


@pytest.mark.parametrize("spec", [{}, {"models": []}, {"rules": None}])
def test_whatever_is_missing_is_told_with_an_example(spec: dict[str, Any]) -> None:
    messages = [message for _, message in found(LLM_ROUTE, spec)]

    assert any("spec.rules is missing" in message for message in messages)
    assert any("spec.backends is missing" in message for message in messages)


def test_null_is_an_absent_field_and_any_value_inside_a_json_schema() -> None:
    spec = deepcopy(SPECS[PROMPT_VERSION])
    spec["weight"] = spec["prompt"]["model"] = None
    spec["prompt"]["tools"][0]["parameters"] = {"default": None}

    kept = schema.without_nulls(PROMPT_VERSION, spec)

    assert found(PROMPT_VERSION, spec) == []
    assert "weight" not in kept
    assert "model" not in kept["prompt"]
    assert kept["prompt"]["tools"][0]["parameters"] == {"default": None}


def test_every_pattern_is_said_in_words_and_every_word_has_its_pattern() -> None:
    patterns = {each["pattern"] for kind in KINDS for _, each in fields(kind) if "pattern" in each}

    assert patterns == set(PATTERNS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_types_of_the_compiler_have_the_fields_of_the_schema(kind: str) -> None:
    in_schema = {path for path, _ in fields(kind)}

    assert set(paths("spec", type_info(STRUCTS[kind]))) == in_schema


@pytest.mark.parametrize("kind", KINDS)
def test_every_example_in_a_description_fits_its_field(kind: str) -> None:
    examples = [
        (steps, yaml.safe_load(example.removesuffix(".")))
        for steps, each in values(kind)
        if (example := each.get("description", "").partition("Example: ")[2])
    ]

    wrong = [
        (steps, problems)
        for steps, example in examples
        if (problems := found(kind, replaced(kind, steps, example)))
    ]
    assert len(examples) > 5
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_each_kind_is_a_good_manifest(kind: str) -> None:
    _, _, example = crds.schema(kind)["description"].partition("Example: ")
    manifest = yaml.safe_load(example.removesuffix("."))

    assert found(kind, manifest["spec"], manifest["metadata"]["name"]) == []


def paths(path: str, of: Any) -> Iterator[str]:
    """The paths of everything in a type."""
    if isinstance(of, UnionType):
        [of] = [each for each in of.types if not isinstance(each, NoneType)]
    yield path
    if isinstance(of, StructType):
        for field in of.fields:
            yield from paths(f"{path}.{field.encode_name}", field.type)
    elif isinstance(of, VarTupleType):
        yield from paths(f"{path}[]", of.item_type)
