"""What LLMRoutes say of models and rules, accepted and refused, and their fields."""

from functools import partial
from typing import Any, Final

from manifests import entry
from manifests.backends import BACKEND, backend
from manifests.entry import base
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
        "spec.rules",
        "rule default names a backend that is not one of spec.backends",
        "define it there",
        **refs({"name": "main"}, {"name": "sonnet"}),
    ),
    accepted(LAST_RULE, "one rule that takes all", rules=[LAST]),
    refused(
        LAST_RULE,
        "no rule for the rest",
        "spec.rules",
        LAST_RULE,
        rules=matching({"minWords": 1})["rules"][:1],
    ),
    accepted(ONLY_LAST, "a rule with matches before the last", **matching({"minWords": 1})),
    refused(
        ONLY_LAST,
        "a rule behind one that takes all",
        "spec.rules",
        ONLY_LAST,
        rules=[{**LAST, "name": "first"}, LAST],
    ),
    accepted(OWN_NAME, "two rules with two names", **matching({"tools": "Present"})),
    refused(
        OWN_NAME,
        "two rules with one name",
        "spec.rules",
        OWN_NAME,
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

_MATCH: Final = "spec.rules[0].matches[0]"

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
    refused(EMPTY_MATCH, "a match without a condition", _MATCH, EMPTY_MATCH, **matching({})),
    refused(
        EMPTY_MATCH,
        "a match whose only condition is null",
        _MATCH,
        EMPTY_MATCH,
        **matching({"tools": None}),
    ),
    accepted(WORDS, "exactly 20 words", **matching({"minWords": 20, "maxWords": 20})),
    refused(
        WORDS,
        "at least 21 and at most 20 words",
        f"{_MATCH}.minWords",
        WORDS,
        **matching({"minWords": 21, "maxWords": 20}),
    ),
    accepted(TOKENS, "exactly 20 tokens", **matching({"minInputTokens": 20, "maxInputTokens": 20})),
    refused(
        TOKENS,
        "at least 21 and at most 20 tokens",
        f"{_MATCH}.minInputTokens",
        TOKENS,
        **matching({"minInputTokens": 21, "maxInputTokens": 20}),
    ),
    accepted(NO_COMPLEXITY, "complexity from 4", **matching({"complexity": {"min": 4}})),
    refused(
        NO_COMPLEXITY,
        "complexity without a bound",
        f"{_MATCH}.complexity",
        NO_COMPLEXITY,
        **matching({"complexity": {}}),
    ),
    accepted(COMPLEXITY, "complexity 3", **matching({"complexity": {"min": 3, "max": 3}})),
    refused(
        COMPLEXITY,
        "complexity from 4 to 3",
        f"{_MATCH}.complexity.min",
        COMPLEXITY,
        **matching({"complexity": {"min": 4, "max": 3}}),
    ),
)

_FIELDS: Final = (
    accepted("null", "null where a field may be absent", models=None, identity=None, prompt=None),
    accepted("pattern", "model names with a prefix, and all others", models=["a/b:c", "a*", "*"]),
    refused(
        "pattern",
        "a * in the middle of a model name",
        "spec.models[0]",
        'spec.models[0] is "gpt-*-mini"',
        "a * may stand at its end only",
        models=["gpt-*-mini"],
    ),
    refused(
        "pattern",
        "a header with a capital",
        "spec.identity.user[0].header",
        'is "X-User"',
        "a header name in lower case",
        identity={"user": [{"header": "X-User"}]},
    ),
    refused(
        "pattern",
        "a body path with dots",
        "spec.identity.user[0].body",
        'is "metadata.user_id"',
        "a JSON pointer",
        "/metadata/user_id",
        identity={"user": [{"body": "metadata.user_id"}]},
    ),
    refused(
        "pattern",
        "a timeout without its unit",
        f"{BACKEND}.timeouts.connect",
        'is "2"',
        "a duration in h, m, s and ms, such as 500ms",
        **backend("OpenAI", timeouts={"connect": "2"}),
    ),
    refused(
        "pattern",
        "half a second in decimals",
        f"{BACKEND}.timeouts.connect",
        'is "0.5s"',
        "a duration",
        **backend("OpenAI", timeouts={"connect": "0.5s"}),
    ),
    refused(
        "pattern",
        "an error ratio in percent",
        f"{BACKEND}.simulated.errorRatio",
        'is "50%"',
        "a decimal from 0 to 1",
        '"0.25"',
        **backend("Simulated", simulated={"errorRatio": "50%"}),
    ),
    refused(
        "pattern",
        "a prompt in capitals",
        "spec.prompt.name",
        'is "Support Answer"',
        "such as support-answer",
        prompt={"name": "Support Answer"},
    ),
    refused(
        "duplicate",
        "a model name twice",
        "spec.models[1]",
        "gpt-5 stands here twice",
        models=["gpt-5", "gpt-5"],
    ),
    refused(
        "duplicate",
        "a backend name twice",
        "spec.backends[1]",
        "main stands here twice",
        backends=backend("OpenAI")["backends"] * 2,
    ),
    refused(
        "duplicate",
        "a backend twice in a rule",
        "spec.rules[0].backendRefs[1]",
        "main stands here twice",
        "remove or rename one",
        **refs({"name": "main"}, {"name": "main", "priority": 1}),
    ),
    refused(
        "duplicate",
        "a header twice in a match",
        f"{_MATCH}.headers[1]",
        "x-a stands here twice",
        **matching({"headers": [{"name": "x-a", "value": "1"}, {"name": "x-a", "value": "2"}]}),
    ),
    refused(
        "maxItems",
        "33 backends",
        "spec.backends",
        "has 33 items",
        "32 are the most",
        backends=[{**base(LLM_ROUTE)["backends"][0], "name": f"b{n}"} for n in range(33)],
    ),
    refused(
        "maxItems",
        "65 model names",
        "spec.models",
        "has 65 items",
        "64 are the most",
        models=[f"m{n}" for n in range(65)],
    ),
    refused("minItems", "no backends", "spec.backends", "spec.backends is empty", backends=[]),
    refused("minItems", "no rules", "spec.rules", "spec.rules is empty", rules=[]),
    refused(
        "minItems",
        "no key to assign by",
        "spec.prompt.assignBy",
        "is empty",
        prompt={"name": "a", "assignBy": []},
    ),
    refused(
        "enum",
        "a provider in other capitals",
        f"{BACKEND}.provider",
        'is "Openai"',
        "did you mean OpenAI?",
        **backend("Openai"),
    ),
    refused(
        "enum",
        "a provider of later",
        f"{BACKEND}.provider",
        'is "Bedrock"',
        "OpenAI, Anthropic, OpenAICompatible or Simulated",
        **backend("Bedrock"),
    ),
    refused(
        "type",
        "tools as true or false",
        f"{_MATCH}.tools",
        "is true",
        "it must be text",
        **matching({"tools": True}),
    ),
    refused(
        "required",
        "a backend without a provider",
        f"{BACKEND}.provider",
        "spec.backends[0].provider is missing",
        "OpenAI, Anthropic",
        backends=[{"name": "main"}],
    ),
    refused(
        "required",
        "a rule without backends",
        "spec.rules[0].backendRefs",
        "spec.rules[0].backendRefs is missing",
        rules=[{"name": "default"}],
    ),
    refused(
        "unknown field",
        "a field of a backend that is misspelled",
        f"{BACKEND}.baseUrl",
        "unknown field spec.backends[0].baseUrl",
        "did you mean baseURL?",
        **backend("OpenAICompatible", baseUrl="http://a", baseURL="http://a"),
    ),
    refused(
        "unknown field",
        "a field that is not there yet",
        "spec.retry",
        "unknown field spec.retry",
        "spec has models, identity, prompt, backends, rules",
        retry={"retries": 2},
    ),
    refused(
        "type",
        "a list without its dash",
        "spec.models",
        'spec.models is "gpt-5"',
        "it must be a list",
        "begin each item with a -",
        models="gpt-5",
    ),
    refused(
        "type",
        "a weight in quotes",
        "spec.rules[0].backendRefs[0].weight",
        'is "80"',
        "without quotes",
        **refs({"name": "main", "weight": "80"}),
    ),
    refused(
        "type",
        "a ratio without quotes",
        f"{BACKEND}.simulated.errorRatio",
        "is 0.5",
        'quote it: "0.5"',
        **backend("Simulated", simulated={"errorRatio": 0.5}),
    ),
    refused(
        "type",
        "a timeout as a number",
        f"{BACKEND}.timeouts.connect",
        "is 2",
        "write a duration",
        **backend("OpenAI", timeouts={"connect": 2}),
    ),
    refused(
        "maximum",
        "a weight above 10,000",
        "spec.rules[0].backendRefs[0].weight",
        "is 10001",
        "a number from 0 to 10000",
        **refs({"name": "main", "weight": 10_001}),
    ),
    refused(
        "minimum",
        "a weight below 0",
        "spec.rules[0].backendRefs[0].weight",
        "is -1",
        "a number from 0 to 10000",
        **refs({"name": "main", "weight": -1}),
    ),
    refused(
        "minimum",
        "complexity 0",
        f"{_MATCH}.complexity.min",
        "is 0",
        "from 1 to 5",
        **matching({"complexity": {"min": 0}}),
    ),
    refused(
        "minLength",
        "an empty model",
        f"{BACKEND}.model",
        'is ""',
        "a model name",
        backends=[{"name": "main", "provider": "OpenAI", "model": ""}],
    ),
    refused(
        "maxLength",
        "a backend name of 64 characters",
        f"{BACKEND}.name",
        "has 64 characters",
        "at most 63",
        backends=[{"name": "b" * 64, "provider": "OpenAI", "model": "m"}],
        rules=[{"name": "default", "backendRefs": [{"name": "b" * 63}]}],
    ),
)

ENTRIES: Final = (*_RULES, *_MATCHES, *_FIELDS)
