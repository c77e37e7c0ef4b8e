"""Manifests as people write them, for `kubectl apply -f -`."""

import json
from typing import Any

API = "outrider.dev/v1alpha1"

Manifest = dict[str, Any]


def route(name: str = "support", prompt: str | None = "answer", **spec: Any) -> Manifest:
    """An LLMRoute with one simulated backend."""
    return _manifest(
        "LLMRoute",
        name,
        {
            "models": [f"{name}-model"],
            **({} if prompt is None else {"prompt": {"name": prompt}}),
            "backends": [{"name": "main", "provider": "Simulated", "model": "simulated"}],
            "rules": [{"name": "default", "backendRefs": [{"name": "main"}]}],
            **spec,
        },
    )


def version(
    name: str, weight: int | None, text: str = "Be kind.", prompt: str = "answer"
) -> Manifest:
    """A PromptVersion with one system message."""
    spec: Manifest = {
        "promptName": prompt,
        "prompt": {"messages": [{"role": "system", "content": text}]},
    }
    return _manifest("PromptVersion", name, spec if weight is None else {**spec, "weight": weight})


def policy(name: str = "per-user", **spec: Any) -> Manifest:
    """A RateLimitPolicy of 10 requests a minute and user."""
    tiers = [{"name": "free", "requests": {"limit": 10, "window": "1m"}}]
    return _manifest("RateLimitPolicy", name, {"subject": "User", "tiers": tiers, **spec})


def as_yaml(*manifests: Manifest) -> str:
    """A file of them; JSON is YAML."""
    return "\n---\n".join(json.dumps(manifest) for manifest in manifests)


def _manifest(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}
