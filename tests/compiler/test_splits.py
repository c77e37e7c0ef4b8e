"""What weights and edits make of a prompt's split."""

import pytest

from outrider_operator.compiler.compile import Compiled
from outrider_operator.compiler.ranges import moved
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Prompt
from standins.resources import (
    compiled,
    complaints,
    message,
    policy,
    route,
    shares,
    snapshot,
    version,
)

USED = route(prompt="answer")


def prompt(found: Compiled, name: str = "answer") -> Prompt:
    return snapshot(found).prompts[name]


def weighed(before: Compiled | None = None, /, **weights: int | None) -> Compiled:
    return compiled([USED, *(version(name, weight) for name, weight in weights.items())], before)


def test_the_canary_owns_the_first_buckets_and_keeps_them() -> None:
    five = weighed(v7=95, v8=5)
    twenty = weighed(five, v7=80, v8=20)
    assert prompt(five).ranges == ((0, 499, "v8"), (500, 9999, "v7"))
    assert prompt(twenty).ranges == ((0, 1999, "v8"), (2000, 9999, "v7"))
    assert prompt(five).salt == "shop/answer"
    assert prompt(twenty).stable == "v7"


def test_a_version_says_what_it_is_meant_to_have_and_has() -> None:
    versions = prompt(weighed(v7=19, v8=4)).versions
    assert {name: (each.goal, each.share) for name, each in versions.items()} == {
        "v7": (8261, 8261),
        "v8": (1739, 1739),
    }


def test_edits_of_one_prompt_move_nobody_in_another() -> None:
    other = [version("s1", 1, of="summary"), version("s2", 2, of="summary")]
    before = compiled([USED, version("v7", 1), *other])
    after = compiled([USED, version("v7", 1), version("v8", 1), *other], before)
    assert prompt(after, "summary") == prompt(before, "summary")
    assert moved(prompt(before).ranges, prompt(after).ranges) == 5_000


def test_edits_of_other_resources_move_nobody() -> None:
    before = weighed(v7=95, v8=5)
    after = compiled([USED, version("v7", 95), version("v8", 5), route("b"), policy()], before)
    assert prompt(after) == prompt(before)


def test_prompts_deal_the_same_user_independently_of_each_other() -> None:
    found = compiled([version("v7", 1), version("s1", 1, of="summary")])
    assert {each.salt for each in snapshot(found).prompts.values()} == {
        "shop/answer",
        "shop/summary",
    }


def test_without_any_weight_ever_nothing_is_served_and_the_message_is_the_mending() -> None:
    found = weighed(v7=None, v8=0)
    assert prompt(found).ranges == ()
    assert prompt(found).stable is None
    assert complaints(found) == {"LLMRoute/support": ["NoWeight"]}
    assert message(found, "NoWeight") == (
        "no version of answer has a weight: kubectl patch prv v8 -n shop --type merge "
        '-p \'{"spec":{"weight":100}}\' (until then its callers get the error '
        "outrider_no_prompt)"
    )


def test_when_the_last_weight_goes_the_last_split_stays() -> None:
    before = weighed(v7=80, v8=20)
    found = weighed(before, v7=0, v8=0)
    assert prompt(found).ranges == prompt(before).ranges
    assert shares(found) == {"v7": 8000, "v8": 2000}
    assert {each.goal for each in prompt(found).versions.values()} == {0}
    said = message(found, "NoWeight")
    assert "kubectl patch prv v7 -n shop" in said
    assert said.endswith("(until then the last split stays)")


def test_a_weight_after_that_continues_from_what_was_served() -> None:
    kept = weighed(weighed(v7=80, v8=20), v7=0, v8=0)
    again = weighed(kept, v7=1, v8=0)
    assert shares(again) == {"v7": 10_000}
    assert not again.problems


def test_a_deleted_version_leaves_its_users_to_the_others() -> None:
    before = weighed(v6=10, v7=80, v8=10)
    after = weighed(before, v7=80, v8=10)
    assert "v6" not in prompt(after).versions
    assert shares(after) == {"v7": 8889, "v8": 1111}


def test_when_every_version_is_deleted_the_last_split_stays_while_a_route_names_it() -> None:
    before = weighed(v7=80, v8=20)
    found = compiled([USED], before)
    assert shares(found) == {"v7": 8000, "v8": 2000}
    assert complaints(found) == {"LLMRoute/support": ["PromptNotFound"]}
    assert message(found, "PromptNotFound") == (
        "no PromptVersion in namespace shop has promptName answer; create one (until then the "
        "last split stays)"
    )
    assert not snapshot(compiled([route()], found)).prompts


def test_a_deleted_version_without_a_successor_serves_on_in_its_last_words() -> None:
    before = weighed(v7=80, v8=20)
    found = weighed(before, v8=0)
    kept = prompt(found).versions["v7"]
    assert (kept.goal, kept.share) == (0, 8000)
    assert kept.prompt == prompt(before).versions["v7"].prompt


def test_ten_versions_come_and_go_and_no_step_moves_more_than_it_must() -> None:
    found = weighed(v0=1)
    for step in range(1, 10):
        weights = {f"v{number}": number + 1 for number in range(step // 2, step + 1)}
        after = weighed(found, **weights)
        held = {each: version.share for each, version in prompt(found).versions.items()}
        grown = sum(
            max(0, each.share - held.get(name, 0)) for name, each in prompt(after).versions.items()
        )
        assert moved(prompt(found).ranges, prompt(after).ranges) == grown
        found = after


def test_the_stable_version_stays_it_among_equals() -> None:
    before = weighed(v7=10, v8=30)
    assert prompt(weighed(before, v7=10, v8=10)).stable == "v8"
    assert prompt(weighed(v7=10, v8=10)).stable == "v7"


@pytest.mark.parametrize("others", [0, 40])
def test_requests_may_name_the_32_newest_versions_that_nobody_is_dealt(others: int) -> None:
    idle = [
        version(f"i{number:02}", created=f"2026-11-01T00:00:{number:02}Z")
        for number in range(others)
    ]
    found = compiled([USED, version("v7", 1), *idle])
    kept = sorted(prompt(found).versions.keys() - {"v7"})
    assert kept == [f"i{number:02}" for number in range(others)][-32:]


def test_versions_of_prompts_that_no_route_names_are_kept_only_with_a_weight() -> None:
    found = compiled([route(), version("v7", 1), version("v8")])
    assert list(prompt(found).versions) == ["v7"]


def test_two_routes_show_the_same_split() -> None:
    resources: list[Resource] = [USED, route("other", prompt="answer"), version("v7", 1)]
    found = compiled(resources)
    one, other = (found.served["LLMRoute", "shop", name] for name in ("support", "other"))
    assert one == other
