"""The compiled form of one of each kind, to the last field: what sidecars in the field read."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.snapshot import decode, encode
from standins.resources import compiled, policy, route, snapshot, version

TIMEOUTS = {"connectMs": 2000, "firstTokenMs": 30_000, "idleMs": 60_000, "requestMs": 300_000}


def written(*resources: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(snapshot(compiled(resources))))
    return found


def test_the_top_level_is_the_promised_one() -> None:
    found = written(route(prompt="answer", models=["m"]), version("v7", 95), version("v8", 5))
    assert sorted(found) == [
        "digest",
        "generation",
        "limits",
        "namespace",
        "prices",
        "prompts",
        "routes",
        "schema",
    ]
    assert (found["schema"], found["namespace"], found["generation"]) == (1, "shop", 0)
    answer = found["prompts"]["answer"]
    assert (answer["salt"], answer["stable"]) == ("shop/answer", "v7")
    assert answer["ranges"] == [[0, 499, "v8"], [500, 9999, "v7"]]
    assert (answer["versions"]["v8"]["goal"], answer["versions"]["v8"]["share"]) == (500, 500)
    assert found["routes"]["support"]["models"] == ["m"]


def test_a_route_has_every_default_filled_in() -> None:
    simulated = {"name": "sim", "provider": "Simulated", "model": "s", "simulated": {}}
    gpt = {"name": "gpt", "provider": "OpenAI", "secretKeyRef": {"key": "openai"}}
    claude = {
        "name": "claude",
        "provider": "Anthropic",
        "model": "claude-haiku-4-5",
        "baseURL": "https://gateway.example.com/anthropic/v1/",
        "callerCredentials": "Forward",
        "timeouts": {"connect": "500ms", "request": "1m30s"},
        "defaultMaxTokens": 600,
        "locality": "eu",
    }
    matches = [
        {"headers": [{"name": "x-task", "value": "a"}], "complexity": {"max": 2}, "maxWords": 20}
    ]
    rules = [
        {
            "name": "simple",
            "matches": matches,
            "backendRefs": [{"name": "gpt", "weight": 0}, {"name": "sim", "priority": 1}],
        },
        {"name": "default", "backendRefs": [{"name": "claude"}]},
    ]
    given = route(prompt="answer", models=["m"], backends=[simulated, gpt, claude], rules=rules)
    assert written(given, version("v7", 1))["routes"]["support"] == {
        "models": ["m"],
        "requires": [],
        "identity": {
            "user": [
                {"header": "x-outrider-user"},
                {"body": "/safety_identifier"},
                {"body": "/user"},
                {"body": "/metadata/user_id"},
            ],
            "tenant": [{"header": "x-outrider-tenant"}],
            "feature": [{"header": "x-outrider-feature"}],
            "session": [
                {"header": "x-outrider-session"},
                {"body": "/conversation"},
                {"body": "/prompt_cache_key"},
            ],
            "address": [{"header": "x-forwarded-for"}],
        },
        "prompt": {
            "name": "answer",
            "assignBy": ["User", "Session"],
            "unkeyed": "PerRequest",
            "allowOverride": True,
        },
        "backends": {
            "sim": {
                "provider": "Simulated",
                "model": "s",
                "baseURL": "",
                "secretKeyRef": None,
                "callerCredentials": "Drop",
                "locality": None,
                "timeouts": TIMEOUTS,
                "defaultMaxTokens": 4096,
                "simulated": {
                    "timeToFirstTokenMs": 200,
                    "tokensPerSecond": 50,
                    "outputTokens": 60,
                    "errorRatio": "0",
                    "errorClass": "Overloaded",
                },
            },
            "gpt": {
                "provider": "OpenAI",
                "model": None,
                "baseURL": "https://api.openai.com/v1",
                "secretKeyRef": {"name": "outrider-credentials", "key": "openai"},
                "callerCredentials": "Drop",
                "locality": None,
                "timeouts": TIMEOUTS,
                "defaultMaxTokens": 4096,
                "simulated": None,
            },
            "claude": {
                "provider": "Anthropic",
                "model": "claude-haiku-4-5",
                "baseURL": "https://gateway.example.com/anthropic",
                "secretKeyRef": None,
                "callerCredentials": "Forward",
                "locality": "eu",
                "timeouts": TIMEOUTS | {"connectMs": 500, "requestMs": 90_000},
                "defaultMaxTokens": 600,
                "simulated": None,
            },
        },
        "rules": [
            {
                "name": "simple",
                "matches": [
                    {
                        "headers": [{"name": "x-task", "value": "a"}],
                        "complexity": {"max": 2},
                        "maxWords": 20,
                    }
                ],
                "backends": [
                    {"name": "gpt", "weight": 0, "priority": 0},
                    {"name": "sim", "weight": 1, "priority": 1},
                ],
            },
            {
                "name": "default",
                "matches": [],
                "backends": [{"name": "claude", "weight": 1, "priority": 0}],
            },
        ],
    }


def test_a_given_identity_replaces_that_one_only() -> None:
    found = written(route(identity={"user": [{"body": "/user"}]}))["routes"]["support"]["identity"]
    assert found["user"] == [{"body": "/user"}]
    assert found["tenant"] == [{"header": "x-outrider-tenant"}]


def test_a_version_is_its_prompt_and_nothing_of_its_description() -> None:
    own = version(
        "v7",
        1,
        text="You are {{brand}}.",
        description="why",
        variables=[
            {"name": "brand", "default": ""},
            {"name": "ticket", "fence": True, "maxLength": 9},
        ],
        parameters={"temperature": "0.20", "maxTokens": 600, "stop": ["END"]},
        parametersPolicy="Default",
        callerSystem="TakeOver",
        model="claude-haiku-4-5",
        tools=[{"name": "t", "parameters": {"type": "object"}}],
    )
    found = written(route(prompt="answer"), own)["prompts"]["answer"]["versions"]["v7"]
    assert found["digest"].startswith("sha256:")
    assert found["prompt"] == {
        "format": "Simple",
        "messages": [
            {"role": "system", "content": "You are {{brand}}."},
            {"placeholder": "conversation"},
        ],
        "variables": [
            {"name": "brand", "default": "", "maxLength": 8192, "fence": False},
            {"name": "ticket", "default": None, "maxLength": 9, "fence": True},
        ],
        "callerSystem": "TakeOver",
        "model": "claude-haiku-4-5",
        "parameters": {"temperature": "0.20", "maxTokens": 600, "stop": ["END"]},
        "parametersPolicy": "Default",
        "tools": [{"name": "t", "parameters": {"type": "object"}}],
    }


def test_a_policy_has_milliseconds_seconds_and_a_burst() -> None:
    given = policy(
        targetRefs=[{"group": "outrider.dev", "kind": "LLMRoute", "name": "support"}],
        tierFrom={"header": "x-outrider-tier"},
        defaultTier="free",
        tiers=[
            {"name": "free", "requests": {"limit": 10, "window": "1m"}, "concurrent": 2},
            {"name": "pro", "requests": {"limit": 100, "window": "1h", "burst": 5}},
            {"name": "all"},
        ],
        overrides=[
            {"subject": "u", "tier": "all", "until": "2026-12-01T00:00:00Z"},
            {"subject": "w", "tier": "pro", "until": "2026-12-01T01:00:00.5+01:00"},
            {"subject": "v", "tier": "pro"},
        ],
    )
    assert written(route(), given)["limits"] == [
        {
            "name": "per-user",
            "routes": ["support"],
            "subject": "User",
            "tierFrom": "x-outrider-tier",
            "defaultTier": "free",
            "tiers": {
                "free": {
                    "requests": {"limit": 10, "windowMs": 60_000, "burst": 10},
                    "concurrent": 2,
                },
                "pro": {"requests": {"limit": 100, "windowMs": 3_600_000, "burst": 5}},
                "all": {},
            },
            "overrides": [
                {"subject": "u", "tier": "all", "until": 1_796_083_200},
                {"subject": "w", "tier": "pro", "until": 1_796_083_200},
                {"subject": "v", "tier": "pro"},
            ],
            "unknownSubject": "Shared",
            "mode": "Enforce",
        }
    ]


def test_a_policy_without_targets_is_of_every_route_and_its_only_tier_the_default() -> None:
    (found,) = written(route(), policy())["limits"]
    assert found["routes"] is None
    assert found["defaultTier"] == "free"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab$/"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("xyz", min_size=1), values, max_size=3))
def test_a_tools_schema_is_sealed_and_read_back_whatever_numbers_are_in_it(
    parameters: dict[str, Any],
) -> None:
    tools = [{"name": "t", "parameters": parameters}]
    found = compiled([route(prompt="answer"), version("v7", 1, tools=tools)])
    assert not found.problems
    read = decode(encode(snapshot(found)))
    assert read == snapshot(found)
    assert (
        compiled([route(prompt="answer"), version("v7", 1, tools=tools)], found).snapshots
        == found.snapshots
    )
