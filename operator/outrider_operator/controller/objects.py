"""The three kinds as the API server shows them."""

from typing import Any, Final

import msgspec

from outrider_operator.resources.resource import Resource

GROUP: Final = "outrider.dev"
VERSION: Final = "v1alpha1"
API: Final = f"{GROUP}/{VERSION}"
PLURALS: Final[dict[str, str]] = {
    "LLMRoute": "llmroutes",
    "PromptVersion": "promptversions",
    "RateLimitPolicy": "ratelimitpolicies",
}


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One object as it was last seen. `version` is its resourceVersion."""

    kind: str
    namespace: str
    name: str
    uid: str
    version: int
    generation: int
    created: str
    spec: dict[str, Any]
    status: dict[str, Any]

    @property
    def resource(self) -> Resource:
        """What the compiler knows of it."""
        return Resource(
            kind=self.kind,
            namespace=self.namespace,
            name=self.name,
            spec=self.spec,
            generation=self.generation,
            created=self.created,
            uid=self.uid,
        )


def observed(kind: str, body: dict[str, Any]) -> Observed:
    """The object in `body`, as the API server sent it. `kind`: items of a list have none."""
    metadata = body["metadata"]
    return Observed(
        kind=kind,
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        generation=int(metadata.get("generation", 0)),
        created=metadata.get("creationTimestamp", ""),
        spec=body.get("spec") or {},
        status=body.get("status") or {},
    )


def path_of(kind: str, namespace: str | None = None, name: str | None = None) -> str:
    """The URL path of a kind, of one in a namespace, or of one object."""
    place = f"/namespaces/{namespace}" if namespace is not None else ""
    rest = f"/{name}" if name is not None else ""
    return f"/apis/{API}{place}/{PLURALS[kind]}{rest}"
