"""What is likely to be regretted in a route."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from outrider_operator.compiler.shadows import shadowed
from outrider_sidecar.routing.choice import SPEAKS
from outrider_sidecar.snapshot import Backend, Dialect, Route, Rule

Found = tuple[str, str]  # path, message

API: Final[Mapping[Dialect, str]] = {"chat": "Chat Completions", "messages": "Messages"}
KEYED: Final = ("OpenAI", "Anthropic")
CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def of(route: Route) -> Iterator[Found]:
    """Path and message of each warning about a route as its author wrote it."""
    for place, (name, backend) in enumerate(route.backends.items()):
        yield from _key(f"spec.backends[{place}]", name, backend)
    if len(route.backends) == 1:
        yield (
            "spec.backends",
            f"{next(iter(route.backends))} is the only backend, so whenever it fails or refuses "
            "every request of the route does; add another one and name it in backendRefs with "
            "priority: 1",
        )
    else:
        for place, rule in enumerate(route.rules):
            yield from _alone(f"spec.rules[{place}].backendRefs", rule, route.backends)
    for place, rule in enumerate(route.rules):
        yield from _unsendable(f"spec.rules[{place}]", rule)
    for place, takers in shadowed(route.rules):
        yield (
            f"spec.rules[{place}]",
            f"no request reaches rule {route.rules[place].name}, because whatever it matches is "
            f"taken by {', '.join(takers)} before it; move it up, narrow what stands before it, "
            "or remove it",
        )


def _key(at: str, name: str, backend: Backend) -> Iterator[Found]:
    if backend.provider not in KEYED or backend.secret_key_ref is not None:
        return
    if backend.caller_credentials == "Drop":
        yield (
            f"{at}.secretKeyRef",
            f"backend {name} sends no key, and {backend.provider} answers 401 without one; write "
            f"secretKeyRef: {{key: {backend.provider.lower()}}}, or callerCredentials: Forward "
            "where applications bring their own",
        )


def _alone(at: str, rule: Rule, backends: Mapping[str, Backend]) -> Iterator[Found]:
    """A rule that leaves the callers of an API with one backend and nothing behind it."""
    speaking = {
        dialect: [
            ref.name for ref in rule.backends if dialect in SPEAKS[backends[ref.name].provider]
        ]
        for dialect in API
    }
    alone = {dialect: able[0] for dialect, able in speaking.items() if len(able) == 1}
    if not alone:
        return
    fix = "name another one in backendRefs with priority: 1"
    if len(rule.backends) == 1:
        yield (
            at,
            f"rule {rule.name} has only the backend {rule.backends[0].name}, so whenever that "
            f"fails or refuses every request of the rule does; {fix}",
        )
        return
    for dialect, name in alone.items():
        yield (
            at,
            f"of rule {rule.name} only the backend {name} speaks {API[dialect]}, so for callers "
            f"of that API nothing stands behind it (requests are not translated); {fix} that "
            "speaks it too",
        )


def _unsendable(at: str, rule: Rule) -> Iterator[Found]:
    """Header values that no request can have: HTTP cuts what surrounds them."""
    for item, match in enumerate(rule.matches):
        for place, header in enumerate(match.headers):
            if header.value != header.value.strip() or CONTROL.search(header.value):
                yield (
                    f"{at}.matches[{item}].headers[{place}].value",
                    f"no request has this value of {header.name}, because HTTP cuts surrounding "
                    f"space and carries no control characters; take them out of {header.value!r}",
                )
