"""The CRDs' validation rules once more, for manifests that no API server has seen.

Each `Rule` is the twin of one CEL rule: it stands at the same place with the same message, and
`holds` is the same expression over the same `self`. Each `Key` is the twin of a list that is a
map or a set to the API server. Rules over an object's older self (immutability) have no twin: a
manifest has no older self. A test compares both tables with the CRDs.
"""

from collections.abc import Iterator
from typing import Any, Final

from outrider_operator.compiler import policy_rules, route_rules, version_rules
from outrider_operator.compiler.rule import Key, Rule, Value
from outrider_operator.resources.kinds import KINDS, LLM_ROUTE, PROMPT_VERSION, RATE_LIMIT_POLICY

RULES: Final = (*route_rules.RULES, *version_rules.RULES, *policy_rules.RULES)

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

_RULES_OF: Final[dict[str, list[Rule]]] = {
    kind: [rule for rule in RULES if rule.kind == kind] for kind in KINDS
}
_KEYS_OF: Final = {kind: [key for key in KEYS if key.kind == kind] for kind in KINDS}


def broken(kind: str, spec: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and message of every rule that a spec, valid by its schema, does not keep."""
    found = [
        (path + place, message)
        for rule in _RULES_OF[kind]
        for path, value in _at(rule.at, spec)
        for place, message in rule.violations(value)
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
