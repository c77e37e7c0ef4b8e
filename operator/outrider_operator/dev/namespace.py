"""The one namespace that local mode serves."""

from collections.abc import Sequence


class AmbiguousNamespaceError(Exception):
    """There is not exactly one namespace to serve; the message names those there are."""


def choose(namespaces: Sequence[str], wanted: str | None) -> str:
    """The wanted namespace, else the only one; raises AmbiguousNamespaceError."""
    known = ", ".join(namespaces)
    if wanted is not None:
        if wanted not in namespaces:
            raise AmbiguousNamespaceError(
                f"nothing is in namespace {wanted!r}; there is: {known or 'no namespace at all'}"
            )
        return wanted
    if not namespaces:
        raise AmbiguousNamespaceError(
            "there is no LLMRoute, PromptVersion or RateLimitPolicy that can be served"
        )
    if len(namespaces) > 1:
        raise AmbiguousNamespaceError(f"choose one namespace with -n: {known}")
    return namespaces[0]
