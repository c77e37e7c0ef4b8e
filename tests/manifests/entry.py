"""A line of the table of manifests: what is written, and what everybody who reads it must say."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION, RATE_LIMIT_POLICY
from outrider_operator.resources.manifests import API_VERSION

PLURALS: Final = {
    LLM_ROUTE: "llmroutes",
    PROMPT_VERSION: "promptversions",
    RATE_LIMIT_POLICY: "ratelimitpolicies",
}

_BASES: Final[dict[str, dict[str, Any]]] = {
    LLM_ROUTE: {
        "backends": [{"name": "main", "provider": "Simulated", "model": "simulated"}],
        "rules": [{"name": "default", "backendRefs": [{"name": "main"}]}],
    },
    PROMPT_VERSION: {"promptName": "answer", "weight": 100, "prompt": {}},
    RATE_LIMIT_POLICY: {
        "subject": "User",
        "tiers": [{"name": "free", "requests": {"limit": 10, "window": "1m"}}],
    },
}


@dataclass(frozen=True)
class Entry:
    """One manifest and the verdict on it.

    `exercises` is the message of a validation rule of the CRD, or a keyword of its schema such as
    ``maxItems``. A refused one is reported at the path `at`, in words that hold all of `says`.
    """

    name: str
    kind: str
    spec: Any
    accepted: bool
    exercises: str
    at: str = ""
    says: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=lambda: {"name": "entry"})
    top: dict[str, Any] = field(default_factory=dict)

    def manifest(self, namespace: str) -> dict[str, Any]:
        """The whole object, in `namespace`."""
        return {
            "apiVersion": API_VERSION,
            "kind": self.kind,
            "metadata": {**self.metadata, "namespace": namespace},
            "spec": self.spec,
            **self.top,
        }


def base(kind: str, **changes: Any) -> dict[str, Any]:
    """The smallest good spec of the kind, with members replaced."""
    return {**deepcopy(_BASES[kind]), **changes}


def accepted(kind: str, exercises: str, name: str, **changes: Any) -> Entry:
    """A good manifest: the smallest with `changes`."""
    return Entry(name, kind, base(kind, **changes), True, exercises)


def refused(kind: str, exercises: str, name: str, at: str, *says: str, **changes: Any) -> Entry:
    """A bad manifest: the smallest with `changes`, and what there is to say about it."""
    return Entry(name, kind, base(kind, **changes), False, exercises, at, says)
