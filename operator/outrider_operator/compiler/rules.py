"""The CRDs' validation rules once more, for manifests that no API server has seen.

Each `Rule` is the twin of one CEL rule: it stands at the same place with the same message, and
`holds` is the same expression over the same `self`. Each `Key` is the twin of a list that is a
map or a set to the API server. Rules over an object's older self (immutability) have no twin: a
manifest has no older self. A test compares both tables with the CRDs.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from outrider_operator.resources.defaults import DEFAULTS
from outrider_operator.resources.durations import milliseconds
from outrider_operator.resources.kinds import KINDS, LLM_ROUTE, PROMPT_VERSION, RATE_LIMIT_POLICY

MESSAGE_CHARACTERS: Final = 98_304
VARIABLE_CHARACTERS: Final = DEFAULTS["PromptVersion"]["spec.prompt.variables[].maxLength"]
_DAY_MS: Final = 86_400_000
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_WINDOW_MS: Final = range(1_000, 31 * _DAY_MS + 1)
_LABEL: Final = "[A-Za-z0-9]([-A-Za-z0-9_]*[A-Za-z0-9])?"
_BASE_URL: Final = re.compile(
    rf"https?://({_LABEL}([.]{_LABEL})*[.]?|\[[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\])"
    r"(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
    r"(/[-A-Za-z0-9._~!$&()*+,;=:@%/]*)?"
)

Value = Any  # a part of a spec that its schema has accepted


class Rule(msgspec.Struct, frozen=True):
    """What must hold of every value at `at`, a path in which ``[]`` is any item of a list.

    `field` is the member of the value that a violation is reported at. `says` gives the message
    for one value where the API server's is an expression.
    """

    kind: str
    at: str
    message: str
    holds: Callable[[Value], bool]
    field: str = ""
    says: Callable[[Value], str] | None = None


class Key(msgspec.Struct, frozen=True):
    """A list whose items differ in `fields`, or, without any, from each other."""

    kind: str
    at: str
    fields: tuple[str, ...] = ()


def broken(kind: str, spec: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and message of every rule that a spec, valid by its schema, does not keep."""
    found = [
        (path + rule.field, rule.says(value) if rule.says else rule.message)
        for rule in _RULES_OF[kind]
        for path, value in _at(rule.at, spec)
        if not rule.holds(value)
    ]
    for key in _KEYS_OF[kind]:
        for path, items in _at(key.at, spec):
            found.extend(_repeated(path, items, key.fields))
    return sorted(found)


def _at(pattern: str, spec: dict[str, Any]) -> Iterator[tuple[str, Value]]:
    """Every value at `pattern` with its own path; nothing where it is absent."""
    found: list[tuple[str, Any]] = [("spec", spec)]
    for step in pattern.split(".")[1:]:
        name = step.removesuffix("[]")
        found = [
            (f"{path}.{name}", member)
            for path, value in found
            if (member := value.get(name)) is not None
        ]
        if step.endswith("[]"):
            found = [
                (f"{path}[{index}]", item)
                for path, items in found
                for index, item in enumerate(items)
            ]
    yield from found


def _repeated(path: str, items: list[Value], fields: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    seen: set[Value] = set()
    for index, item in enumerate(items):
        identity = tuple(item.get(field) for field in fields) if fields else (item,)
        if identity in seen:
            what = "/".join(str(part) for part in identity)
            yield f"{path}[{index}]", f"{what} stands here twice; remove or rename one"
        seen.add(identity)


def _in_order(item: dict[str, Value], low: str, high: str) -> bool:
    return low not in item or high not in item or item[low] <= item[high]


def _names(items: list[Value]) -> set[str]:
    return {item["name"] for item in items}


def _referred(rule: Value) -> set[str]:
    return _names(rule["backendRefs"])


def _dangling(spec: Value) -> list[str]:
    """The rules that name a backend which is not there."""
    backends = _names(spec["backends"])
    return [rule["name"] for rule in spec["rules"] if not _referred(rule) <= backends]


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) >= _EARLIEST
    except (ValueError, OverflowError):
        return False


def _place_rule(identity: str) -> Rule:
    return Rule(
        LLM_ROUTE,
        f"spec.identity.{identity}[]",
        f"a place in identity.{identity} is either {{header}} or {{body}}; "
        "set exactly one of the two",
        lambda self: ("header" in self) != ("body" in self),
    )


_BACKEND_RULES: Final = (
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
    ),
    Rule(
        LLM_ROUTE,
        "spec.backends[].timeouts",
        "each of timeouts must be longer than 0s and at most 24h",
        lambda self: all(0 < milliseconds(wait) <= _DAY_MS for wait in self.values()),
    ),
)

_MATCH_RULES: Final = (
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
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules[].matches[]",
        "minInputTokens must not be above maxInputTokens",
        lambda self: _in_order(self, "minInputTokens", "maxInputTokens"),
        ".minInputTokens",
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
    ),
)

_ROUTE_RULES: Final = (
    Rule(
        LLM_ROUTE,
        "spec",
        "every backendRefs name in rules must be the name of one of spec.backends",
        lambda self: not _dangling(self),
        ".rules",
        lambda self: (
            f"rule {_dangling(self)[0]} names a backend that is not one of spec.backends; "
            "define it there or correct the name in backendRefs"
        ),
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules",
        "the last rule must have no matches, so that every request has a backend",
        lambda self: not self or "matches" not in self[-1],
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules",
        "only the last rule may be without matches; what follows such a rule is never reached",
        lambda self: sum("matches" not in rule for rule in self) <= 1,
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules",
        "every rule needs a name of its own",
        lambda self: len(_names(self)) == len(self),
    ),
    Rule(
        LLM_ROUTE,
        "spec.rules[].backendRefs",
        "at least one of a rule's backendRefs must have a weight above 0",
        lambda self: any(ref.get("weight", 1) > 0 for ref in self),
    ),
)

_VERSION_RULES: Final = (
    Rule(
        PROMPT_VERSION,
        "spec.prompt",
        "messages may hold {placeholder: conversation} only once",
        lambda self: sum("placeholder" in each for each in self.get("messages", ())) <= 1,
        ".messages",
    ),
    Rule(
        PROMPT_VERSION,
        "spec.prompt",
        f"the contents of messages must be at most {MESSAGE_CHARACTERS} characters in all; "
        "shorten them",
        lambda self: (
            sum(len(each.get("content", "")) for each in self.get("messages", ()))
            <= MESSAGE_CHARACTERS
        ),
        ".messages",
    ),
    Rule(
        PROMPT_VERSION,
        "spec.prompt.messages[]",
        "an item of messages is either {role, content} or {placeholder: conversation}",
        lambda self: set(self) in ({"role", "content"}, {"placeholder"}),
    ),
    Rule(
        PROMPT_VERSION,
        "spec.prompt.variables[]",
        "a variable's default must not be longer than its maxLength",
        lambda self: len(self.get("default", "")) <= self.get("maxLength", VARIABLE_CHARACTERS),
        ".default",
    ),
)

_POLICY_RULES: Final = (
    Rule(
        RATE_LIMIT_POLICY,
        "spec",
        "defaultTier is required with two tiers or more; name the tier of those who have no other",
        lambda self: len(self["tiers"]) <= 1 or "defaultTier" in self,
        ".defaultTier",
    ),
    Rule(
        RATE_LIMIT_POLICY,
        "spec",
        "defaultTier must be the name of one of tiers",
        lambda self: "defaultTier" not in self or self["defaultTier"] in _names(self["tiers"]),
        ".defaultTier",
        lambda self: f"defaultTier {self['defaultTier']} is not the name of one of tiers",
    ),
    Rule(
        RATE_LIMIT_POLICY,
        "spec",
        "the tier of every override must be the name of one of tiers",
        lambda self: {each["tier"] for each in self.get("overrides", ())} <= _names(self["tiers"]),
        ".overrides",
    ),
    Rule(
        RATE_LIMIT_POLICY,
        "spec.tiers[].requests.window",
        "window must be from 1s to 744h (31 days)",
        lambda self: milliseconds(self) in _WINDOW_MS,
    ),
    Rule(
        RATE_LIMIT_POLICY,
        "spec.overrides[].until",
        "until must be a day that the calendar has, in the year 2000 or later",
        _is_moment,
    ),
)

RULES: Final = (
    *(_place_rule(each) for each in ("user", "tenant", "feature", "session", "address")),
    *_BACKEND_RULES,
    *_MATCH_RULES,
    *_ROUTE_RULES,
    *_VERSION_RULES,
    *_POLICY_RULES,
)

KEYS: Final = (
    Key(LLM_ROUTE, "spec.models"),
    Key(LLM_ROUTE, "spec.backends", ("name",)),
    Key(LLM_ROUTE, "spec.rules[].matches[].headers", ("name",)),
    Key(LLM_ROUTE, "spec.rules[].backendRefs", ("name",)),
    Key(PROMPT_VERSION, "spec.prompt.variables", ("name",)),
    Key(PROMPT_VERSION, "spec.prompt.tools", ("name",)),
    Key(RATE_LIMIT_POLICY, "spec.targetRefs", ("group", "kind", "name")),
    Key(RATE_LIMIT_POLICY, "spec.tiers", ("name",)),
    Key(RATE_LIMIT_POLICY, "spec.overrides", ("subject",)),
)

_RULES_OF: Final = {kind: [rule for rule in RULES if rule.kind == kind] for kind in KINDS}
_KEYS_OF: Final = {kind: [key for key in KEYS if key.kind == kind] for kind in KINDS}
