from typing import Any

import msgspec

from outrider_operator.compiler.facts import (
    Facts,
    PolicyFacts,
    RouteFacts,
    Share,
    Target,
    VersionFacts,
)
from outrider_operator.compiler.problem import Problem
from outrider_operator.controller.objects import Observed
from outrider_operator.controller.status import Outcome, desired, patch_of
from outrider_sidecar.snapshot import Snapshot

EARLIER, NOW = "2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z"
ROUTE = RouteFacts(
    prompt="support-answer",
    stable="v7",
    shares=(Share("v7", 0, 8000), Share("v8", 10000, 2000)),
    ranges=((0, 1999, "v8"), (2000, 9999, "v7")),
)


def seen(kind: str = "LLMRoute", status: dict[str, Any] | None = None) -> Observed:
    return Observed(
        kind=kind,
        namespace="shop",
        name="it",
        uid="u1",
        version=1,
        generation=3,
        created="",
        spec={},
        status=status or {},
    )


def outcome(facts: Facts, *problems: Problem, kind: str = "LLMRoute", failure: str = "") -> Outcome:
    snapshot = Snapshot(
        namespace="shop", generation=1795219200, digest="sha256:5d", routes={}, prompts={}
    )
    return Outcome(
        snapshot=snapshot,
        facts={(kind, "it"): facts},
        problems={(kind, "it"): problems},
        failure=failure,
    )


def problem(condition: Any, reason: Any, message: str = "mend it", path: str = "") -> Problem:
    return Problem(
        kind="LLMRoute",
        namespace="shop",
        name="it",
        condition=condition,
        reason=reason,
        message=message,
        path=path,
    )


def condition(status: dict[str, Any], kind: str) -> tuple[str, str, str]:
    found = next(each for each in status["conditions"] if each["type"] == kind)
    return found["status"], found["reason"], found["message"]


def test_a_good_route_shows_what_is_served() -> None:
    status = desired(seen(), outcome(ROUTE), NOW)
    assert status["observedGeneration"] == 3
    assert status["snapshot"] == {"generation": 1795219200, "digest": "sha256:5d"}
    assert status["prompt"] == {
        "stable": "v7",
        "shares": [
            {"version": "v7", "goal": "0%", "share": "80%"},
            {"version": "v8", "goal": "100%", "share": "20%"},
        ],
        "ranges": [
            {"first": 0, "last": 1999, "version": "v8"},
            {"first": 2000, "last": 9999, "version": "v7"},
        ],
    }
    assert [each["type"] for each in status["conditions"]] == [
        "Accepted",
        "ResolvedRefs",
        "Programmed",
        "Ready",
    ]
    assert condition(status, "Ready") == ("True", "Ready", "")
    assert condition(status, "Programmed") == (
        "Unknown",
        "NoSidecars",
        "not known: sidecars of this version do not report which snapshot they serve; "
        "Ready says whether it is published",
    )
    assert {each["observedGeneration"] for each in status["conditions"]} == {3}


def test_a_problem_says_where_and_what_to_write_instead() -> None:
    broken = problem("Accepted", "Invalid", "write 1 to 10000", "spec.rules[0].backendRefs[0]")
    status = desired(seen(), outcome(ROUTE, broken), NOW)
    text = "spec.rules[0].backendRefs[0]: write 1 to 10000"
    assert condition(status, "Accepted") == ("False", "Invalid", text)
    assert condition(status, "ResolvedRefs")[:2] == ("Unknown", "NotAccepted")
    assert condition(status, "Ready") == ("False", "NotAccepted", text)


def test_unresolved_references_keep_it_from_being_ready() -> None:
    status = desired(seen(), outcome(ROUTE, problem("ResolvedRefs", "NoWeight")), NOW)
    assert condition(status, "Accepted")[0] == "True"
    assert condition(status, "ResolvedRefs") == ("False", "NoWeight", "mend it")
    assert condition(status, "Ready")[:2] == ("False", "NotResolved")


def test_conflicted_is_there_only_while_it_holds() -> None:
    status = desired(seen(), outcome(ROUTE, problem("Conflicted", "ModelTaken")), NOW)
    assert condition(status, "Conflicted") == ("True", "ModelTaken", "mend it")
    assert condition(status, "Ready")[:2] == ("True", "Ready")
    mended = desired(seen(status=status), outcome(ROUTE), NOW)
    assert "Conflicted" not in {each["type"] for each in mended["conditions"]}


def test_a_conflict_is_in_the_message_of_ready_which_the_message_column_shows() -> None:
    taken = problem("Conflicted", "ModelTaken", "gpt-5 is served by LLMRoute a", "spec.models")
    some = msgspec.structs.replace(ROUTE, models=("gpt-6",))
    status = desired(seen(), outcome(some, taken), NOW)
    text = "spec.models: gpt-5 is served by LLMRoute a"
    assert condition(status, "Ready") == ("True", "Ready", text)
    status = desired(seen(), outcome(ROUTE, taken), NOW)
    text = f"no name of spec.models is served here, only the route's own; {text}"
    assert condition(status, "Ready") == ("True", "Ready", text)


def test_what_could_not_be_published_is_not_said_to_be_served() -> None:
    before = desired(seen(), outcome(ROUTE), EARLIER)
    moved = RouteFacts(prompt="support-answer", stable="v8", shares=(Share("v8", 10000, 10000),))
    after = desired(seen(status=before), outcome(moved, failure="403: no"), NOW)
    assert after["prompt"] == before["prompt"]
    assert condition(after, "Ready") == ("False", "NotPublished", "403: no")


def test_a_transition_time_moves_only_with_the_status() -> None:
    before = desired(seen(), outcome(ROUTE), EARLIER)
    after = desired(seen(status=before), outcome(ROUTE, problem("ResolvedRefs", "NoWeight")), NOW)
    times = {each["type"]: each["lastTransitionTime"] for each in after["conditions"]}
    assert times == {
        "Accepted": EARLIER,
        "ResolvedRefs": NOW,
        "Programmed": EARLIER,
        "Ready": NOW,
    }


def test_a_version_shows_goal_and_share_and_whether_anybody_uses_it() -> None:
    used = VersionFacts(digest="sha256:9f", goal=10000, share=1739, used=True)
    status = desired(seen("PromptVersion"), outcome(used, kind="PromptVersion"), NOW)
    assert (status["digest"], status["goal"], status["share"]) == ("sha256:9f", "100%", "17.39%")
    unused = VersionFacts(digest="sha256:9f")
    status = desired(seen("PromptVersion"), outcome(unused, kind="PromptVersion"), NOW)
    assert (status["goal"], status["share"]) == ("0%", "0%")
    assert condition(status, "Ready")[:2] == ("True", "Unused")


def test_a_policy_shows_its_targets_and_says_what_to_do_about_a_missing_one() -> None:
    facts = PolicyFacts(targets=(Target("a", True), Target("b", False, "there is no LLMRoute b")))
    status = desired(seen("RateLimitPolicy"), outcome(facts, kind="RateLimitPolicy"), NOW)
    assert status["targets"] == [
        {"name": "a", "accepted": True},
        {"name": "b", "accepted": False},
    ]
    text = "there is no LLMRoute b; nothing is limited there"
    assert condition(status, "Ready") == ("True", "Ready", text)
    assert condition(status, "ResolvedRefs") == ("True", "ResolvedRefs", text)


def test_a_policy_none_of_whose_targets_is_there_says_that_it_limits_nothing() -> None:
    facts = PolicyFacts(targets=(Target("b", False, "there is no LLMRoute b"),))
    status = desired(seen("RateLimitPolicy"), outcome(facts, kind="RateLimitPolicy"), NOW)
    text = "there is no LLMRoute b; nothing is limited anywhere"
    assert condition(status, "Ready") == ("True", "Ready", text)


def test_an_unchanged_status_needs_no_write() -> None:
    status = desired(seen(), outcome(ROUTE), EARLIER)
    assert patch_of(status, desired(seen(status=status), outcome(ROUTE), NOW)) == {}


def test_a_patch_changes_what_is_ours_and_removes_what_no_longer_holds() -> None:
    current = desired(seen(), outcome(ROUTE), EARLIER) | {"proxies": {"total": 3}}
    wanted = desired(seen(status=current), outcome(RouteFacts(prompt="p", stable="v7")), NOW)
    assert patch_of(current, wanted) == {"prompt": {"shares": None, "ranges": None}}
