"""What `lint` warns about, and what it lets pass."""

from typing import Any

import pytest

from outrider_operator.compiler.warnings import LintWarning, warnings
from outrider_operator.resources.resource import Resource
from standins.resources import BACKENDS, compiled, policy, route, version

SONNET, HAIKU = BACKENDS
GPT = {
    "name": "gpt",
    "provider": "OpenAI",
    "model": "gpt-5.4",
    "secretKeyRef": {"key": "openai"},
}
DEFAULT = {"name": "default", "backendRefs": [{"name": "sonnet"}, {"name": "haiku"}]}


def found(*resources: Resource, before: tuple[Resource, ...] = ()) -> list[LintWarning]:
    previous = compiled(before)
    return warnings(resources, compiled(resources, previous), previous.snapshots)


def only(*resources: Resource, before: tuple[Resource, ...] = ()) -> tuple[str, str, str]:
    (warning,) = found(*resources, before=before)
    return warning.name, warning.path, warning.message


def ruled(*rules: dict[str, Any]) -> Resource:
    return route(rules=[*rules, DEFAULT])


def rule(name: str, *matches: dict[str, Any]) -> dict[str, Any]:
    return {**DEFAULT, "name": name, "matches": list(matches)}


def test_what_is_in_order_has_no_warning() -> None:
    assert not found(
        route(prompt="answer"),
        version(
            "v7", 95, text="You are {{brand}}.", variables=[{"name": "brand", "maxLength": 64}]
        ),
        version("v8", 5, text="Hi {{date}} {{t}}", variables=[{"name": "t", "fence": True}]),
        policy(),
    )


def test_what_is_refused_has_problems_and_no_warnings() -> None:
    assert not found(route(backends=[{"name": "one", "provider": "Guesswork"}], rules=[]))
    twice = version("v7", 1)
    assert not found(route(), twice, twice)


def test_a_route_with_one_backend_has_nothing_behind_it() -> None:
    name, path, message = only(
        route(backends=[SONNET], rules=[{"name": "all", "backendRefs": [{"name": "sonnet"}]}])
    )
    assert (name, path) == ("support", "spec.backends")
    assert message == (
        "sonnet is the only backend, so whenever it fails or refuses every request of the route "
        "does; add another one and name it in backendRefs with priority: 1"
    )


def test_a_rule_with_one_backend_has_nothing_behind_it() -> None:
    _, path, message = only(
        ruled({"name": "long", "matches": [{"minWords": 9}], "backendRefs": [{"name": "sonnet"}]})
    )
    assert path == "spec.rules[0].backendRefs"
    assert message.startswith("rule long has only the backend sonnet, so whenever that fails")


def test_a_backend_of_another_dialect_is_nothing_behind() -> None:
    both = [{"name": "all", "backendRefs": [{"name": "sonnet"}, {"name": "gpt", "priority": 1}]}]
    chat, messages = found(route(backends=[SONNET, GPT], rules=both))
    assert chat.path == messages.path == "spec.rules[0].backendRefs"
    assert "only the backend gpt speaks Chat Completions" in chat.message
    assert "only the backend sonnet speaks Messages" in messages.message


def test_simulated_backends_speak_both_dialects() -> None:
    backends = [{"name": name, "provider": "Simulated", "model": "m"} for name in ("a", "b")]
    rules = [{"name": "all", "backendRefs": [{"name": "a"}, {"name": "b"}]}]
    assert not found(route(backends=backends, rules=rules))


def test_openai_and_anthropic_answer_nobody_without_a_key() -> None:
    keyless = {"name": "haiku", "provider": "Anthropic", "model": "claude-haiku-4-5"}
    _, path, message = only(route(backends=[SONNET, keyless]))
    assert path == "spec.backends[1].secretKeyRef"
    assert "backend haiku sends no key, and Anthropic answers 401" in message
    assert "secretKeyRef: {key: anthropic}" in message
    assert not found(route(backends=[SONNET, keyless | {"callerCredentials": "Forward"}]))
    local = {"provider": "OpenAICompatible", "model": "m", "baseURL": "http://vllm:8000/v1"}
    pair = [local | {"name": "sonnet"}, local | {"name": "haiku"}]
    assert not found(route(backends=pair))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"tools": "Present"}, {"tools": "Present", "minWords": 3}),
        ({"maxWords": 50}, {"minWords": 10, "maxWords": 20}),
        ({"minWords": 0}, {"maxWords": 5}),
        ({"minInputTokens": 100}, {"minInputTokens": 100, "maxInputTokens": 200}),
        ({"complexity": {"max": 3}}, {"complexity": {"min": 2, "max": 3}}),
        ({"complexity": {"min": 1}}, {"tools": "Absent"}),
        ({"complexity": {"max": 5}}, {"tools": "Absent"}),
        ({"minInputTokens": 0}, {"tools": "Absent"}),
        (
            {"headers": [{"name": "x-task", "value": "a"}]},
            {"headers": [{"name": "x-task", "value": "a"}, {"name": "x-b", "value": "c"}]},
        ),
    ],
)
def test_a_rule_that_an_earlier_one_covers_is_never_reached(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    shadowed = {
        warning.path: warning.message
        for warning in found(ruled(rule("first", earlier), rule("second", later)))
    }
    assert shadowed["spec.rules[1]"] == (
        "no request reaches rule second, because whatever it matches is taken by first before it; "
        "move it up, narrow what stands before it, or remove it"
    )


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"tools": "Present", "minWords": 3}, {"tools": "Present"}),
        ({"maxWords": 50}, {"maxInputTokens": 10}),
        ({"minWords": 0}, {"tools": "Present"}),
        ({"maxWords": 50}, {"minWords": 50}),
        ({"complexity": {"max": 3}}, {"complexity": {"max": 4}}),
        (
            {"headers": [{"name": "x-a", "value": "1"}]},
            {"headers": [{"name": "x-a", "value": "2"}]},
        ),
    ],
)
def test_a_rule_that_is_covered_in_part_is_reached(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    assert not found(ruled(rule("first", earlier), rule("second", later)))


def test_two_rules_together_may_cover_the_items_of_a_third() -> None:
    rules = ruled(
        rule("few", {"maxWords": 9}),
        rule("tools", {"tools": "Present"}),
        rule("both", {"maxWords": 5}, {"tools": "Present", "minWords": 20}),
    )
    _, path, message = only(rules)
    assert path == "spec.rules[2]"
    assert "taken by few, tools before it" in message


def test_a_condition_that_always_holds_hides_the_last_rule() -> None:
    _, path, message = only(ruled(rule("all", {"complexity": {"min": 1}})))
    assert path == "spec.rules[1]"
    assert "no request reaches rule default" in message


@pytest.mark.parametrize("value", [" chat", "chat\n", "a\x00b"])
def test_a_header_value_that_cannot_be_sent_matches_nothing(value: str) -> None:
    _, path, message = only(ruled(rule("task", {"headers": [{"name": "x-task", "value": value}]})))
    assert path == "spec.rules[0].matches[0].headers[0].value"
    assert "no request has this value of x-task" in message


def test_a_callers_variable_in_system_text_wants_a_fence() -> None:
    name, path, message = only(
        route(prompt="answer"),
        version(
            "v7",
            1,
            text="{{a}} {{topic}}",
            variables=[{"name": "a", "maxLength": 9}, {"name": "topic"}],
        ),
    )
    assert (name, path) == ("v7", "spec.prompt.variables[1]")
    assert "{{topic}} stands in system text without a fence" in message
    assert "write fence: true" in message


def test_a_variable_in_a_user_message_needs_no_fence() -> None:
    messages = [{"role": "user", "content": "About {{topic}}: {{input}}"}]
    own = version("v7", 1, messages=messages, variables=[{"name": "topic"}])
    assert not found(route(prompt="answer"), own)


def test_the_users_text_in_system_text_wants_a_fence() -> None:
    _, path, message = only(route(prompt="answer"), version("v7", 1, text="Answer {{input}}"))
    assert path == "spec.prompt.messages[0].content"
    assert "declare {name: input, fence: true}" in message
    fenced = version("v7", 1, text="Answer {{input}}", variables=[{"name": "input", "fence": True}])
    assert not found(route(prompt="answer"), fenced)


def test_a_version_should_not_go_from_nothing_to_everything() -> None:
    used = route(prompt="answer")
    before = (used, version("v7", 100))
    name, path, message = only(used, version("v7", 0), version("v8", 100), before=before)
    assert (name, path) == ("v8", "spec.weight")
    assert message.startswith("v8 goes from 0% to 100% in one step, so all users meet it before")
    assert "leave v7 as before, give this one a weight of about 5%" in message


def test_steps_and_first_versions_may_have_everything() -> None:
    used = route(prompt="answer")
    assert not found(used, version("v7", 100))
    assert not found(used, version("v7", 80), version("v8", 20), before=(used, version("v7", 1)))
    canary = (used, version("v7", 95), version("v8", 5))
    assert not found(used, version("v7", 0), version("v8", 100), before=canary)
    idle = (used, version("v7"))
    assert not found(used, version("v7"), version("v8", 100), before=idle)


def test_a_weight_that_shares_cannot_express_is_named() -> None:
    used = route(prompt="answer")
    name, path, message = only(used, version("v7", 10_000), version("v8", 1), version("v9", 5_000))
    assert (name, path) == ("v8", "spec.weight")
    assert "weight 1 of 15001 in all asks for 0.0067%" in message
    assert "its goal is 0.01%" in message


def test_a_weight_below_any_share_is_named() -> None:
    used = route(prompt="answer")
    others = [version(f"v{number}", 10_000) for number in range(6)]
    name, _, message = only(used, *others, version("w", 1))
    assert name == "w"
    assert "its goal is 0%" in message


def test_thirds_are_near_enough() -> None:
    assert not found(route(prompt="answer"), *(version(f"v{n}", 1) for n in range(3)))


def test_a_prompt_that_no_route_names_is_used_by_nobody() -> None:
    name, path, message = only(route(), version("v8", 5), version("v7", 95))
    assert (name, path) == ("v7", "spec.promptName")
    assert "no LLMRoute of the namespace names the prompt answer" in message
    assert "no request gets v7, v8" in message


def test_a_prompt_that_a_broken_route_names_is_not_called_unused() -> None:
    assert not found(route(prompt="answer", rules=[]), version("v7", 1))
    before = (route(prompt="answer"), version("v7", 1))
    turned = route(prompt="next")
    assert not found(turned, version("v7", 1), version("n", of="next"), before=before)


def test_where_no_route_is_written_nobody_can_say_what_is_unused() -> None:
    target = {"group": "outrider.dev", "kind": "LLMRoute", "name": "elsewhere"}
    assert not found(version("v7", 1), policy(targetRefs=[target]))


def test_versions_beyond_the_newest_32_are_within_nobodys_reach() -> None:
    old = [version(f"v{n:02}", created=f"2026-11-{n + 1:02}T00:00:00Z") for n in range(27)]
    new = [version(f"w{n:02}", created=f"2026-12-{n + 1:02}T00:00:00Z") for n in range(7)]
    name, _, message = only(route(prompt="answer"), version("x", 1), *old, *new)
    assert name == "v00"
    assert "nothing can get v00, v01; delete" in message


def test_denying_the_unknown_is_an_outage_for_whoever_forgets_the_header() -> None:
    _, path, message = only(route(), policy(unknownSubject="Deny"))
    assert path == "spec.unknownSubject"
    assert "Deny answers 403 to every request that does not say its user" in message
    assert "mode: Shadow" in message
    assert not found(route(), policy(unknownSubject="Deny", mode="Shadow"))
    assert not found(route(), policy(unknownSubject="Deny", subject="Route"))


def test_a_policy_for_a_route_that_is_not_there_limits_nothing() -> None:
    target = {"group": "outrider.dev", "kind": "LLMRoute"}
    limited = policy(targetRefs=[target | {"name": "support"}, target | {"name": "suport"}])
    _, path, message = only(route(), limited)
    assert path == "spec.targetRefs[1].name"
    assert "there is no LLMRoute suport; name one of support" in message


def test_a_tier_that_nothing_leads_to_is_nobodys() -> None:
    tiers = [{"name": name} for name in ("free", "pro", "blocked")]
    overrides = [{"subject": "mallory", "tier": "blocked"}]
    given: dict[str, Any] = {"tiers": tiers, "defaultTier": "free", "overrides": overrides}
    _, path, message = only(route(), policy(**given))
    assert path == "spec.tiers[1].name"
    assert "nobody is ever in tier pro" in message
    assert not found(route(), policy(**given, tierFrom={"header": "x-outrider-tier"}))
