"""What must hold of an LLMRoute beyond its schema."""

import json
import re
from collections.abc import Iterator
from typing import Final

from outrider_operator.compiler.rule import Rule, Told, Value, names
from outrider_operator.compiler.wording import some
from outrider_operator.resources.durations import milliseconds
from outrider_operator.resources.kinds import LLM_ROUTE
from outrider_operator.resources.suggestion import meant

_DAY_MS: Final = 86_400_000
_LABEL: Final = "[A-Za-z0-9]([-A-Za-z0-9_]*[A-Za-z0-9])?"
_BASE_URL: Final = re.compile(
    rf"https?://({_LABEL}([.]{_LABEL})*[.]?|\[[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\])"
    r"(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
    r"(/[-A-Za-z0-9._~!$&()*+,;=:@%/]*)?"
)


def _is_wait(duration: str) -> bool:
    return 0 < milliseconds(duration) <= _DAY_MS


def _shown(url: str) -> str:
    """The URL for people, without the password that should not be in it."""
    return json.dumps(re.sub("//.*@", "//...@", url)[:100], ensure_ascii=False)


def _in_order(item: Value, low: str, high: str) -> bool:
    return low not in item or high not in item or bool(item[low] <= item[high])


def _crossed(item: Value, low: str, high: str, around: str = "") -> list[Told]:
    message = f"{around}{low} {item[low]} is above {around}{high} {item[high]}; swap the two"
    return [(f".{low}", message)]


def _dangling(spec: Value) -> Iterator[Told]:
    """The names of backends that are not there."""
    backends = names(spec["backends"])
    defined = some(set(backends))
    for index, rule in enumerate(spec["rules"]):
        for position, name in enumerate(names(rule["backendRefs"])):
            if name not in backends:
                near = meant(name, backends)
                ask = f"did you mean {near}?" if near else f"name {defined}, or define it"
                yield (
                    f".rules[{index}].backendRefs[{position}].name",
                    f"rule {rule['name']} names the backend {name}, which spec.backends does not "
                    f"have: {ask}",
                )


def _unreachable(rules: Value) -> Iterator[Told]:
    first = next(index for index, rule in enumerate(rules) if "matches" not in rule)
    yield (
        f"[{first}]",
        f"rule {rules[first]['name']} has no matches, so that what follows is never reached; give "
        "it matches, or put it last in place of the rule without matches that is there",
    )


def _same_names(rules: Value) -> Iterator[Told]:
    for index, name in enumerate(names(rules)):
        if name in names(rules[:index]):
            yield f"[{index}].name", f"the rule name {name} stands here twice; rename one"


def _place(identity: str) -> Rule:
    return Rule(
        LLM_ROUTE,
        f"spec.identity.{identity}[]",
        f"a place in identity.{identity} is either {{header}} or {{body}}; "
        "set exactly one of the two",
        lambda self: ("header" in self) != ("body" in self),
    )


_BACKENDS: Final = (
    Rule(
        LLM_ROUTE,
        "spec.backends[]",
        "provider OpenAICompatible needs a baseURL, for example http://vllm.models.svc:8000/v1",
        lambda self: self["provider"] != "OpenAICompatible" or "baseURL" in self,
        ".baseURL",
    ),
    Rule(
        LLM_ROUTE,
        "spec.backends[]",
        "provider Simulated answers by itself; remove baseURL or choose OpenAICompatible",
        lambda self: self["provider"] != "Simulated" or "baseURL" not in self,
        ".baseURL",
    ),
    Rule(
        LLM_ROUTE,
        "spec.backends[]",
        "provider Simulated answers by itself and takes no key; remove secretKeyRef",
        lambda self: self["provider"] != "Simulated" or "secretKeyRef" not in self,
        ".secretKeyRef",
    ),
    Rule(
        LLM_ROUTE,
        "spec.backends[]",
        "simulated is only for provider Simulated; remove it or change the provider",
        lambda self: self["provider"] == "Simulated" or "simulated" not in self,
        ".simulated",
    ),
    Rule(
        LLM_ROUTE,
        "spec.backends[]",
        "callerCredentials Forward sends the caller's own key; "
        "remove secretKeyRef or callerCredentials",
        lambda self: self.get("callerCredentials") != "Forward" or "secretKeyRef" not in self,
        ".secretKeyRef",
    ),
    Rule(
        LLM_ROUTE,
        "spec.backends[].baseURL",
        "baseURL must be http(s)://host[:port][/path] without user, query or fragment, "
        "for example https://api.example.com/v1",
        lambda self: _BASE_URL.fullmatch(self) is not None,
        tells=lambda self: [
            (
                "",
                f"baseURL is {_shown(self)}: write http(s)://host[:port][/path] without user, "
                "query or fragment, for example https://api.example.com/v1",
            )
        ],
    ),
    Rule(
        LLM_ROUTE,
        "spec.backends[].timeouts",
        "each of timeouts must be longer than 0s and at most 24h",
        lambda self: all(_is_wait(wait) for wait in self.values()),
        tells=lambda self: [
            (f".{name}", f"timeouts.{name} is {wait}: write one longer than 0s and at most 24h")
            for name, wait in self.items()
            if not _is_wait(wait)
        ],
    ),
)

_MATCHES: Final = (
    Rule(
        LLM_ROUTE,
        "spec.rules[].matches[]",
        "an item of matches must have a condition; to match every request leave matches out",
        bool,
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules[].matches[]",
        "minWords must not be above maxWords",
        lambda self: _in_order(self, "minWords", "maxWords"),
        ".minWords",
        lambda self: _crossed(self, "minWords", "maxWords"),
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules[].matches[]",
        "minInputTokens must not be above maxInputTokens",
        lambda self: _in_order(self, "minInputTokens", "maxInputTokens"),
        ".minInputTokens",
        lambda self: _crossed(self, "minInputTokens", "maxInputTokens"),
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules[].matches[].complexity",
        "complexity needs min, max or both, for example {max: 2}",
        bool,
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules[].matches[].complexity",
        "complexity.min must not be above complexity.max",
        lambda self: _in_order(self, "min", "max"),
        ".min",
        lambda self: _crossed(self, "min", "max", "complexity."),
    ),
)

_RULES: Final = (
    Rule(
        LLM_ROUTE,
        "spec",
        "every backendRefs name in rules must be the name of one of spec.backends",
        lambda self: not any(_dangling(self)),
        ".rules",
        _dangling,
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules",
        "the last rule must have no matches, so that every request has a backend",
        lambda self: not self or "matches" not in self[-1],
        tells=lambda self: [
            (
                f"[{len(self) - 1}].matches",
                f"the last rule, {self[-1]['name']}, must have no matches, so that every request "
                "has a backend; remove them or add a rule without matches",
            )
        ],
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules",
        "only the last rule may be without matches; what follows such a rule is never reached",
        lambda self: sum("matches" not in rule for rule in self) <= 1,
        tells=_unreachable,
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules",
        "every rule needs a name of its own",
        lambda self: len(set(names(self))) == len(self),
        tells=_same_names,
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules[].backendRefs",
        "at least one of a rule's backendRefs must have a weight above 0",
        lambda self: any(ref.get("weight", 1) > 0 for ref in self),
    ),
)

RULES: Final = (
    *(_place(each) for each in ("user", "tenant", "feature", "session", "address")),
    *_BACKENDS,
    *_MATCHES,
    *_RULES,
)
