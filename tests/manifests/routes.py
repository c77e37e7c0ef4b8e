"""What LLMRoutes say of rules and matches, accepted and refused."""

from functools import partial
from typing import Any, Final

from manifests import entry
from outrider_operator.resources.kinds import LLM_ROUTE

accepted: Final = partial(entry.accepted, LLM_ROUTE)
refused: Final = partial(entry.refused, LLM_ROUTE)

DANGLING: Final = "every backendRefs name in rules must be the name of one of spec.backends"
LAST_RULE: Final = "the last rule must have no matches, so that every request has a backend"
ONLY_LAST: Final = (
    "only the last rule may be without matches; what follows such a rule is never reached"
)
OWN_NAME: Final = "every rule needs a name of its own"
EMPTY_MATCH: Final = (
    "an item of matches must have a condition; to match every request leave matches out"
)
WORDS: Final = "minWords must not be above maxWords"
TOKENS: Final = "minInputTokens must not be above maxInputTokens"
NO_COMPLEXITY: Final = "complexity needs min, max or both, for example {max: 2}"
COMPLEXITY: Final = "complexity.min must not be above complexity.max"
NO_WEIGHT: Final = "at least one of a rule's backendRefs must have a weight above 0"

LAST: Final[dict[str, Any]] = {"name": "default", "backendRefs": [{"name": "main"}]}


def matching(*matches: dict[str, Any]) -> dict[str, Any]:
    first = {"name": "first", "matches": list(matches), "backendRefs": [{"name": "main"}]}
    return {"rules": [first, LAST]}


def refs(*given: dict[str, Any]) -> dict[str, Any]:
    backends = [
        {"name": name, "provider": "Simulated", "model": name} for name in ("main", "other")
    ]
    return {"backends": backends, "rules": [{"name": "default", "backendRefs": list(given)}]}


_RULES: Final = (
    accepted(DANGLING, "rules that name two backends", **refs({"name": "main"}, {"name": "other"})),
    refused(
        DANGLING,
        "a rule that names no backend of the route",
        "spec.rules[0].backendRefs[1].name",
        "rule default names the backend sonnet, which spec.backends does not have",
        "name main, other, or define it",
        **refs({"name": "main"}, {"name": "sonnet"}),
    ),
    refused(
        DANGLING,
        "a rule that misspells a backend of the route",
        "spec.rules[0].backendRefs[0].name",
        "did you mean main?",
        **refs({"name": "mian"}),
    ),
    accepted(LAST_RULE, "one rule that takes all", rules=[LAST]),
    refused(
        LAST_RULE,
        "no rule for the rest",
        "spec.rules[0].matches",
        "the last rule, first, must have no matches",
        "remove them or add a rule without matches",
        rules=matching({"minWords": 1})["rules"][:1],
    ),
    accepted(ONLY_LAST, "a rule with matches before the last", **matching({"minWords": 1})),
    refused(
        ONLY_LAST,
        "a rule behind one that takes all",
        "spec.rules[0]",
        "rule first has no matches, so that what follows is never reached",
        "give it matches, or put it last",
        rules=[{**LAST, "name": "first"}, LAST],
    ),
    accepted(OWN_NAME, "two rules with two names", **matching({"tools": "Present"})),
    refused(
        OWN_NAME,
        "two rules with one name",
        "spec.rules[1].name",
        "the rule name default stands here twice; rename one",
        rules=[{**matching({"minWords": 1})["rules"][0], "name": "default"}, LAST],
    ),
    accepted(
        NO_WEIGHT,
        "a backendRef that only waits beside one with a weight",
        **refs({"name": "main", "weight": 0}, {"name": "other", "weight": 1}),
    ),
    accepted(
        NO_WEIGHT,
        "a backendRef that does not say its weight",
        **refs({"name": "main", "weight": 0}, {"name": "other"}),
    ),
    refused(
        NO_WEIGHT,
        "backendRefs that all have the weight 0",
        "spec.rules[0].backendRefs",
        NO_WEIGHT,
        **refs({"name": "main", "weight": 0}, {"name": "other", "weight": 0}),
    ),
)

MATCH: Final = "spec.rules[0].matches[0]"

_MATCHES: Final = (
    *(
        accepted(EMPTY_MATCH, f"a match by {condition} alone", **matching(condition))
        for condition in (
            {"headers": [{"name": "x-task", "value": "classification"}]},
            {"complexity": {"max": 2}},
            {"tools": "Absent"},
            {"minWords": 0},
            {"maxWords": 0},
            {"minInputTokens": 0},
            {"maxInputTokens": 0},
        )
    ),
    refused(EMPTY_MATCH, "a match without a condition", MATCH, EMPTY_MATCH, **matching({})),
    refused(
        EMPTY_MATCH,
        "a match whose only condition is null",
        MATCH,
        EMPTY_MATCH,
        **matching({"tools": None}),
    ),
    accepted(WORDS, "exactly 20 words", **matching({"minWords": 20, "maxWords": 20})),
    refused(
        WORDS,
        "at least 21 and at most 20 words",
        f"{MATCH}.minWords",
        "minWords 21 is above maxWords 20; swap the two",
        **matching({"minWords": 21, "maxWords": 20}),
    ),
    accepted(TOKENS, "exactly 20 tokens", **matching({"minInputTokens": 20, "maxInputTokens": 20})),
    refused(
        TOKENS,
        "at least 21 and at most 20 tokens",
        f"{MATCH}.minInputTokens",
        "minInputTokens 21 is above maxInputTokens 20; swap the two",
        **matching({"minInputTokens": 21, "maxInputTokens": 20}),
    ),
    accepted(NO_COMPLEXITY, "complexity from 4", **matching({"complexity": {"min": 4}})),
    refused(
        NO_COMPLEXITY,
        "complexity without a bound",
        f"{MATCH}.complexity",
        NO_COMPLEXITY,
        **matching({"complexity": {}}),
    ),
    accepted(COMPLEXITY, "complexity 3", **matching({"complexity": {"min": 3, "max": 3}})),
    refused(
        COMPLEXITY,
        "complexity from 4 to 3",
        f"{MATCH}.complexity.min",
        "complexity.min 4 is above complexity.max 3; swap the two",
        **matching({"complexity": {"min": 4, "max": 3}}),
    ),
)

ENTRIES: Final = (*_RULES, *_MATCHES)
