"""Resources as people write them, small and good unless a test says otherwise."""

from collections.abc import Iterable
from typing import Any

from outrider_operator.compiler.compile import Compiled, compile
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Snapshot

NAMESPACE = "shop"
BACKENDS = (
    {
        "name": "sonnet",
        "provider": "Anthropic",
        "model": "claude-sonnet-4-6",
        "secretKeyRef": {"key": "anthropic"},
    },
    {
        "name": "haiku",
        "provider": "Anthropic",
        "model": "claude-haiku-4-5",
        "secretKeyRef": {"key": "anthropic"},
    },
)
RULES = ({"name": "default", "backendRefs": [{"name": "sonnet"}, {"name": "haiku"}]},)


def resource(kind: str, name: str, spec: Any, **fields: Any) -> Resource:
    """An object of a kind, its spec as it is."""
    return Resource(
        kind=kind, namespace=fields.pop("namespace", NAMESPACE), name=name, spec=spec, **fields
    )


def route(
    name: str = "support",
    *,
    prompt: str | None = None,
    created: str = "",
    namespace: str = NAMESPACE,
    **spec: Any,
) -> Resource:
    """A route with two backends and one rule; `spec` adds to that or replaces it."""
    whole = {"backends": list(BACKENDS), "rules": list(RULES)}
    if prompt is not None:
        whole["prompt"] = {"name": prompt}
    return resource("LLMRoute", name, whole | spec, created=created, namespace=namespace)


def version(
    name: str,
    weight: Any = None,
    *,
    of: str = "answer",
    created: str = "",
    namespace: str = NAMESPACE,
    text: str = "Be brief.",
    **prompt: Any,
) -> Resource:
    """A version of the prompt `of` with one system message; `prompt` adds to spec.prompt."""
    messages = [{"role": "system", "content": text}, {"placeholder": "conversation"}]
    spec = {"promptName": of, "prompt": {"messages": messages} | prompt}
    if weight is not None:
        spec["weight"] = weight
    return resource("PromptVersion", name, spec, created=created, namespace=namespace)


def policy(name: str = "per-user", *, namespace: str = NAMESPACE, **spec: Any) -> Resource:
    """Ten requests a minute for each user; `spec` adds to that or replaces it."""
    tiers = [{"name": "free", "requests": {"limit": 10, "window": "1m"}}]
    whole = {"subject": "User", "tiers": tiers} | spec
    return resource("RateLimitPolicy", name, whole, namespace=namespace)


def compiled(resources: Iterable[Resource], previous: Compiled | None = None) -> Compiled:
    """The resources upon what they compiled to before."""
    return compile(resources, previous.snapshots if previous else {})


def snapshot(found: Compiled, namespace: str = NAMESPACE) -> Snapshot:
    """The snapshot of a namespace."""
    return found.snapshots[namespace]


def shares(found: Compiled, prompt: str = "answer") -> dict[str, int]:
    """The shares that are served, without those of 0."""
    versions = snapshot(found).prompts[prompt].versions
    return {name: each.share for name, each in versions.items() if each.share}


def complaints(found: Compiled) -> dict[str, list[str]]:
    """By ``Kind/name`` the reasons of its problems."""
    result: dict[str, list[str]] = {}
    for each in found.problems:
        result.setdefault(f"{each.kind}/{each.name}", []).append(each.reason)
    return result


def message(found: Compiled, reason: str) -> str:
    """The message of the only problem with that reason."""
    (said,) = [each.message for each in found.problems if each.reason == reason]
    return said
