"""What holds of compile whatever it is given."""

from collections.abc import Iterable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider_operator.compiler import reading
from outrider_operator.compiler.compile import Compiled, compile
from outrider_operator.compiler.ranges import Range, counts, is_whole
from outrider_operator.compiler.warnings import warnings
from outrider_operator.resources.kinds import KINDS
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import decode, encode
from standins.resources import NAMESPACE, compiled, policy, resource, route, snapshot, version

MODELS = ["gpt-5-mini", "gpt-*", "claude-haiku-4-5", "r1", "*"]
PROMPTS = ["answer", "summary", "none"]
MOMENTS = ["", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"]

routes = st.builds(
    lambda name, prompt, models, created: route(
        name, prompt=prompt, models=models, created=created
    ),
    st.sampled_from(["r1", "r2", "r3"]),
    st.sampled_from([None, *PROMPTS]),
    st.lists(st.sampled_from(MODELS), unique=True),
    st.sampled_from(MOMENTS),
)
versions = st.builds(
    lambda number, of, weight, created, model: version(
        f"v{number}", weight, of=of, created=created, **({"model": model} if model else {})
    ),
    st.integers(1, 6),
    st.sampled_from(PROMPTS[:2]),
    st.none() | st.integers(0, 10_000),
    st.sampled_from(MOMENTS),
    st.sampled_from([None, "claude-haiku-4-5", "gpt-5.4"]),
)
TARGET = {"group": "outrider.dev", "kind": "LLMRoute"}
policies = st.builds(
    lambda number, target: (
        policy(f"p{number}", targetRefs=[TARGET | {"name": target}])
        if target
        else policy(f"p{number}")
    ),
    st.integers(1, 2),
    st.sampled_from([None, "r1", "r9"]),
)
several = st.lists(routes | versions | policies, max_size=12)
namespaces = st.lists(several, min_size=1, max_size=4)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "x" * 300, b"\xff", 10**400, object(), {1, 2}])
)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a spec."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [at, *(place for key, inner in inside for place in places(inner, (*at, key)))]


def replaced(value: Any, at: tuple[Any, ...], by: Any) -> Any:
    if not at:
        return by
    copy = value.copy()
    copy[at[0]] = replaced(value[at[0]], at[1:], by)
    return copy


@st.composite
def broken(draw: st.DrawFn) -> Resource:
    """An object that no schema accepts: junk, or a good one with junk somewhere in it."""
    name = draw(st.sampled_from(["broken1", "broken2", "Broken_3"]))
    good = draw(routes | versions | policies)
    if draw(st.booleans()):
        spec = replaced(good.spec, draw(st.sampled_from(places(good.spec))), draw(junk))
    else:
        spec = draw(junk)
    return msgspec.structs.replace(good, name=name, spec=spec)


def unlike(resources: Iterable[Resource]) -> list[Resource]:
    """The last of each object: a cluster holds it once."""
    return list({(each.kind, each.name): each for each in resources}.values())


def told(history: list[list[Resource]]) -> Compiled:
    """The last of a history of edits, each compiled upon the one before."""
    found = compiled([])
    for step in history:
        found = compiled(unlike(step), found)
    return found


@given(namespaces, st.randoms())
def test_the_order_of_resources_means_nothing(history: list[list[Resource]], random: Any) -> None:
    before = told(history[:-1])
    shuffled = history[-1].copy()
    random.shuffle(shuffled)
    assert compiled(history[-1], before) == compiled(shuffled, before)


@given(namespaces)
def test_compiling_again_changes_nothing_and_moves_nobody(history: list[list[Resource]]) -> None:
    once = told(history)
    again = compiled(unlike(history[-1]), once)
    assert again.snapshots == once.snapshots
    assert again.served == once.served


@given(namespaces, several)
def test_a_snapshot_that_was_stored_and_read_continues_the_same(
    history: list[list[Resource]], after: list[Resource]
) -> None:
    before = told(history)
    read = {name: decode(encode(each)) for name, each in before.snapshots.items()}
    there = msgspec.structs.replace(before, snapshots=read)
    assert compiled(after, before) == compiled(after, there)


@given(namespaces)
def test_every_split_is_whole_and_gives_each_version_its_share(
    history: list[list[Resource]],
) -> None:
    for each in told(history).snapshots.values():
        for prompt in each.prompts.values():
            shares = {name: one.share for name, one in prompt.versions.items() if one.share}
            assert counts(prompt.ranges) == shares
            assert is_whole(prompt.ranges) or not prompt.ranges


@given(namespaces)
def test_a_model_name_is_answered_by_one_route(history: list[list[Resource]]) -> None:
    for each in told(history).snapshots.values():
        names = [model for one in each.routes.values() for model in one.models]
        assert len(names) == len(set(names))
        assert all(
            model == name or model not in each.routes
            for name, one in each.routes.items()
            for model in one.models
        )


NAMES = ["v1", "v2", "ghost"]
odd_ranges = st.lists(
    st.tuples(st.integers(-1, 10_001), st.integers(-1, 10_001), st.sampled_from(NAMES)), max_size=3
) | st.integers(0, 9_998).map(lambda at: [(0, at, "v1"), (at + 1, 9_999, "ghost")])


@given(several, several, odd_ranges, st.sampled_from([None, *NAMES]))
def test_whatever_lies_in_the_last_snapshot_the_next_split_is_whole(
    earlier: list[Resource], resources: list[Resource], ranges: list[Range], stable: str | None
) -> None:
    before = compiled(unlike([*earlier, version("v1", 1)]))
    prompts = {
        name: msgspec.structs.replace(prompt, ranges=tuple(ranges), stable=stable)
        for name, prompt in snapshot(before).prompts.items()
    }
    spoiled = msgspec.structs.replace(snapshot(before), prompts=prompts)
    found = compile(unlike(resources), {NAMESPACE: spoiled})
    for prompt in snapshot(found).prompts.values():
        assert set(counts(prompt.ranges)) <= set(prompt.versions)
        assert is_whole(prompt.ranges) or not prompt.ranges
        if any(each.goal for each in prompt.versions.values()):
            assert sum(each.share for each in prompt.versions.values()) == 10_000


@given(namespaces, st.lists(broken(), max_size=4))
def test_what_is_broken_changes_nothing_that_is_good(
    history: list[list[Resource]], more: list[Resource]
) -> None:
    before = told(history[:-1])
    good = [*unlike(history[-1]), route("good")]
    bad = [each for each in unlike(more) if reading.read(each).form is None]
    alone, beside = compiled(good, before), compiled([*bad, *good], before)
    assert beside.snapshots == alone.snapshots
    for key, facts in alone.served.items():
        assert beside.served[key] == facts
    accused = {(each.kind, each.name) for each in beside.problems if each.condition == "Accepted"}
    assert {(each.kind, each.name) for each in bad} <= accused
    msgspec.json.encode((beside.problems, list(beside.served.values())))


@given(several, several)
def test_what_breaks_keeps_its_last_form(good: list[Resource], others: list[Resource]) -> None:
    resources = unlike([*good, *others])
    before = compiled(resources)
    spoiled = [
        msgspec.structs.replace(each, spec=each.spec | {"models": 5, "tiers": 5, "prompt": 5})
        for each in resources
    ]
    assert compiled(spoiled, before).snapshots == before.snapshots


@settings(max_examples=150)
@given(st.sampled_from(KINDS), junk, several)
def test_whatever_a_spec_holds_the_answer_is_a_problem(
    kind: str, spec: Any, others: list[Resource]
) -> None:
    resources = [resource(kind, "odd", spec), *unlike(others)]
    found = compiled(resources)
    assert ("odd", "Accepted") in {(each.name, each.condition) for each in found.problems}
    assert "odd" not in {each.name for each in warnings(resources, found)}
