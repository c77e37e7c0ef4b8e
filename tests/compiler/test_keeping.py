"""One bad resource never takes another with it, and keeps its own last good form."""

from typing import Any

import msgspec
import pytest

from outrider_operator.resources.resource import Resource, Source
from standins.resources import (
    compiled,
    complaints,
    message,
    policy,
    resource,
    route,
    shares,
    snapshot,
    version,
)

USED = route(prompt="answer")


def test_a_broken_route_serves_on_as_it_was_and_says_why() -> None:
    before = compiled([route(models=["m"]), route("other")])
    found = compiled([route(models=["m"], rules=[]), route("other")], before)
    assert found.snapshots == before.snapshots
    (problem,) = found.problems
    assert (problem.condition, problem.reason, problem.path) == (
        "Accepted",
        "Invalid",
        "spec.rules",
    )


def test_a_broken_policy_limits_on_as_it_did() -> None:
    before = compiled([route(), policy()])
    found = compiled([route(), policy(tiers=[])], before)
    assert snapshot(found).limits == snapshot(before).limits
    assert complaints(found) == {"RateLimitPolicy/per-user": ["Invalid"]}


def test_a_new_broken_resource_is_served_nowhere() -> None:
    good = [USED, version("v7", 1), policy()]
    bad = [route("r", rules=[]), version("v8", 50, text="{{x}}"), policy("p", subject="Nobody")]
    found = compiled([*good, *bad])
    assert found.snapshots == compiled(good).snapshots
    assert sorted(complaints(found)) == ["LLMRoute/r", "PromptVersion/v8", "RateLimitPolicy/p"]


def test_a_broken_version_serves_on_and_its_weight_still_turns() -> None:
    before = compiled([USED, version("v7", 80), version("v8", 20)])
    found = compiled([USED, version("v7", 80), version("v8", 0, variables=5)], before)
    assert shares(found) == {"v7": 10_000}
    kept = snapshot(found).prompts["answer"].versions["v8"]
    assert kept.prompt == snapshot(before).prompts["answer"].versions["v8"].prompt


@pytest.mark.parametrize("weight", [-1, "20", 10_001, True, 2.5, [20]])
def test_a_weight_that_means_nothing_leaves_the_share_as_it_was(weight: Any) -> None:
    before = compiled([USED, version("v7", 80), version("v8", 20)])
    found = compiled([USED, version("v7", 80), version("v8", weight)], before)
    assert found.snapshots == before.snapshots
    assert complaints(found) == {"PromptVersion/v8": ["Invalid"]}


def test_the_others_share_what_an_unreadable_weight_leaves() -> None:
    before = compiled([USED, version("v6", 40), version("v7", 40), version("v8", 20)])
    after = [USED, version("v6", 1), version("v7", 3), version("v8", "?")]
    assert shares(compiled(after, before)) == {"v6": 2_000, "v7": 6_000, "v8": 2_000}


def test_a_deleted_resource_is_gone_and_takes_its_form_with_it() -> None:
    before = compiled([route(), route("other"), policy()])
    found = compiled([route("other")], before)
    assert list(snapshot(found).routes) == ["other"]
    assert snapshot(found).limits == ()


def test_a_namespace_whose_last_resource_is_gone_has_an_empty_snapshot() -> None:
    before = compiled([route(), version("v7", 1, namespace="other")])
    found = compiled([], before)
    assert {name: each.routes for name, each in found.snapshots.items()} == {
        "shop": {},
        "other": {},
    }


def test_an_object_written_twice_is_refused_with_both_places() -> None:
    twice = [
        msgspec.structs.replace(route(models=[name]), source=Source("routes.yaml", line))
        for name, line in (("a", 3), ("b", 30))
    ]
    found = compiled(twice)
    assert snapshot(found).routes == {}
    assert message(found, "Invalid") == (
        "LLMRoute shop/support is written 2 times (routes.yaml:3, routes.yaml:30); remove or "
        "rename all but one"
    )


def test_an_object_written_twice_keeps_its_last_form_and_share() -> None:
    before = compiled([USED, version("v7", 80), version("v8", 20), policy()])
    twice = [
        USED,
        route(models=["x"]),
        version("v7", 80),
        version("v8", 1),
        version("v8", 2),
        policy(),
        policy(mode="Shadow"),
    ]
    assert compiled(twice, before).snapshots == before.snapshots


def test_the_order_of_two_copies_means_nothing() -> None:
    before = compiled([USED, version("v7", 80), version("v8", 20)])
    copies = [version("v8", 90), version("v8", 90, text="Other.")]
    one, other = (
        compiled([USED, version("v7", 10), *each], before) for each in (copies, copies[::-1])
    )
    assert one == other
    assert shares(one) == {"v7": 1_000, "v8": 9_000}


@pytest.mark.parametrize(
    "spec",
    [
        None,
        [],
        "spec",
        {},
        {"backends": None},
        {1: 2},
        {"backends": object()},
        {"models": float("nan")},
        {"models": ["\ud800"]},
        {"backends": [{"name": b"x"}]},
        {"rules": [[[]]]},
    ],
)
@pytest.mark.parametrize("kind", ["LLMRoute", "PromptVersion", "RateLimitPolicy"])
def test_a_spec_that_is_anything_is_refused_in_words(kind: str, spec: Any) -> None:
    found = compiled([resource(kind, "odd", spec), route()])
    assert complaints(found)[f"{kind}/odd"]
    assert all(each.message and each.reason == "Invalid" for each in found.problems)
    assert list(snapshot(found).routes) == ["support"]


def test_a_spec_that_never_ends_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["backends"] = [endless]
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": deep}
    found = compiled([resource("LLMRoute", "a", endless), resource("LLMRoute", "b", deep)])
    assert {each.message for each in found.problems} == {
        "spec is nested deeper than 64 levels; flatten it"
    }


def test_what_was_read_keeps_its_share_even_when_it_is_no_json() -> None:
    before = compiled([USED, version("v7", 80), version("v8", 20)])
    lost = resource("PromptVersion", "v8", {"promptName": "answer", "weight": 20, "prompt": {1j}})
    assert compiled([USED, version("v7", 80), lost], before).snapshots == before.snapshots


def test_other_kinds_are_passed_over() -> None:
    found = compiled([route(), Resource(kind="ConfigMap", namespace="x", name="y", spec={})])
    assert list(found.snapshots) == ["shop"]


def test_a_prompt_with_too_many_bytes_is_too_large_and_says_how_large() -> None:
    found = compiled([USED, version("v7", 1), version("v8", 1, text="字" * 98_000)])
    assert complaints(found) == {"PromptVersion/v8": ["TooLarge"]}
    (problem,) = found.problems
    assert problem.path == "spec.prompt"
    assert "294" in problem.message
    assert problem.message.endswith(
        "bytes of JSON, at most 262144 can be served; shorten its messages or tools"
    )


def test_every_variable_that_is_not_declared_is_named() -> None:
    own = version(
        "v7", 1, text="{{brand}} {{input}} {{langauge}}", variables=[{"name": "language"}]
    )
    found = compiled([own])
    assert [each.path for each in found.problems] == ["spec.prompt.messages[0].content"] * 2
    assert found.problems[0].message == (
        "{{brand}} is not declared; add {name: brand} to spec.prompt.variables, or use one of "
        "language, input, user, tenant, date"
    )


def test_a_backend_without_a_model_needs_names_that_callers_send() -> None:
    bare = {"name": "any", "provider": "Simulated"}
    rules = [{"name": "default", "backendRefs": [{"name": "any"}]}]
    found = compiled([route(backends=[bare], rules=rules)])
    (problem,) = found.problems
    assert (problem.reason, problem.path) == ("ModelMissing", "spec.backends[0].model")
    assert "list the names that applications send in spec.models" in problem.message
    assert not compiled([route(backends=[bare], rules=rules, models=["m"])]).problems


@pytest.mark.parametrize(
    ("field", "value"),
    [("weight", 10_001), ("weight", -1), ("priority", 16), ("priority", -1), ("priority", "0")],
)
def test_weights_and_priorities_of_backends_have_bounds(field: str, value: Any) -> None:
    rules = [{"name": "default", "backendRefs": [{"name": "sonnet", field: value}]}]
    (problem,) = compiled([route(rules=rules)]).problems
    assert problem.path == f"spec.rules[0].backendRefs[0].{field}"
    assert str(value) in problem.message
