"""What status is told of each object."""

from typing import Any

from outrider_operator.compiler import versions
from outrider_operator.compiler.facts import (
    Facts,
    PolicyFacts,
    RouteFacts,
    Share,
    Target,
    VersionFacts,
)
from outrider_operator.resources.resource import Resource
from standins.resources import compiled, policy, route, snapshot, version

USED = route(prompt="answer")


def facts(*resources: Resource, before: tuple[Resource, ...] = ()) -> dict[str, Facts]:
    found = compiled(resources, compiled(before))
    return {f"{kind}/{name}": each for (kind, _, name), each in found.served.items()}


def test_a_route_shows_the_split_it_serves() -> None:
    found = facts(route(prompt="answer", models=["m"]), version("v7", 95), version("v8", 5))
    assert found["LLMRoute/support"] == RouteFacts(
        models=("m",),
        prompt="answer",
        stable="v7",
        shares=(Share("v7", 9500, 9500), Share("v8", 500, 500)),
        ranges=((0, 499, "v8"), (500, 9999, "v7")),
    )


def test_a_version_shows_goal_share_digest_and_whether_it_is_used() -> None:
    own = version("v8", 5)
    found = facts(USED, version("v7", 95), own)
    digest = versions.digest(own.spec["prompt"])
    assert found["PromptVersion/v8"] == VersionFacts(digest=digest, goal=500, share=500, used=True)
    assert found["PromptVersion/v7"] == VersionFacts(
        digest=digest, goal=9500, share=9500, used=True
    )
    unused = facts(route(), own)["PromptVersion/v8"]
    assert unused == VersionFacts(digest=digest, goal=10_000, share=10_000, used=False)


def test_without_weights_the_share_is_shown_beside_a_goal_of_nothing() -> None:
    before = (USED, version("v7", 95), version("v8", 5))
    found = facts(USED, version("v7", 0), version("v8", 0), before=before)
    shown = found["LLMRoute/support"]
    assert isinstance(shown, RouteFacts)
    assert shown.shares == (Share("v7", 0, 9500), Share("v8", 0, 500))


def test_a_broken_route_shows_what_is_served_meanwhile() -> None:
    before = (USED, version("v7", 1), version("s", 1, of="summary"))
    found = facts(route(prompt="summary", rules=[]), *before[1:], before=before)
    shown = found["LLMRoute/support"]
    assert isinstance(shown, RouteFacts)
    assert shown.prompt == "answer"
    assert found["PromptVersion/v7"] == facts(*before)["PromptVersion/v7"]


def test_what_was_never_accepted_shows_nothing() -> None:
    bad = (route("r", rules=[]), version("v", weight="x"), policy("p", tiers=[]))
    assert facts(*bad) == {
        "LLMRoute/r": RouteFacts(),
        "PromptVersion/v": VersionFacts(),
        "RateLimitPolicy/p": PolicyFacts(),
    }


def test_more_than_64_ranges_stay_in_the_snapshot_alone() -> None:
    found = compiled([USED, *(version(f"v{number}", 1) for number in range(65))])
    shown = found.served["LLMRoute", "shop", "support"]
    assert isinstance(shown, RouteFacts)
    assert shown.ranges == ()
    assert len(shown.shares) == 65
    assert len(snapshot(found).prompts["answer"].ranges) == 65


def test_of_very_many_versions_the_256_largest_are_shown() -> None:
    found = facts(USED, *(version(f"v{n:03}", 1 if n < 45 else 30) for n in range(1, 301)))
    shown = found["LLMRoute/support"]
    assert isinstance(shown, RouteFacts)
    assert [each.version for each in shown.shares] == [f"v{number:03}" for number in range(45, 301)]


def test_a_policy_shows_which_targets_there_are() -> None:
    def limited(*names: str) -> dict[str, Any]:
        target = {"group": "outrider.dev", "kind": "LLMRoute"}
        return {"targetRefs": [target | {"name": name} for name in names]}

    found = facts(route(), policy(**limited("support", "x")), policy("everywhere"))
    assert found["RateLimitPolicy/everywhere"] == PolicyFacts()
    assert found["RateLimitPolicy/per-user"] == PolicyFacts(
        targets=(
            Target("support", True),
            Target("x", False, "there is no LLMRoute x; name one of support"),
        )
    )
    alone = facts(policy(**limited("x")))["RateLimitPolicy/per-user"]
    assert alone == PolicyFacts(targets=(Target("x", False, "there is no LLMRoute x; create it"),))


def test_a_target_that_is_broken_is_not_called_missing() -> None:
    target = {"group": "outrider.dev", "kind": "LLMRoute", "name": "support"}
    found = facts(route(rules=[]), policy(targetRefs=[target]))["RateLimitPolicy/per-user"]
    said = "LLMRoute support is not served; mend it as its own status says"
    assert found == PolicyFacts(targets=(Target("support", False, said),))


def test_a_default_written_out_is_the_same_prompt() -> None:
    plain = version("v7", 1)
    spelled = version("v7", 1, format="Simple", callerSystem=None)
    assert facts(plain) == facts(spelled)
