"""What stands around a spec: is it what the API server takes for a manifest?"""

import re
from collections.abc import Iterator
from typing import Any, Final

from outrider_operator.resources.suggestion import meant

_TOP: Final = ("apiVersion", "kind", "metadata", "spec", "status")
_METADATA: Final = (
    *("name", "namespace", "labels", "annotations", "finalizers", "ownerReferences", "uid"),
    *("resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "selfLink"),
    *("deletionGracePeriodSeconds", "managedFields", "generateName"),
)
_WORD: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX: Final = re.compile(
    r"(?=.{1,253}/)([a-z0-9]([-a-z0-9]*[a-z0-9])?[.])*[a-z0-9]([-a-z0-9]*[a-z0-9])?/"
)
_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LETTERS: Final = "letters, digits, -, _ and . between them, at most 63"


def mistakes(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Path and message of everything that is wrong with an object of ours beside its spec."""
    kind, metadata = data["kind"], data.get("metadata")
    yield from _unknown(data, _TOP, "")
    if not isinstance(metadata, dict):
        yield "metadata", f"{kind} has no metadata: write metadata: {{name: ...}}"
        return
    yield from _unknown(metadata, _METADATA, "metadata.")
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        yield "metadata.name", f"{kind} has no name: write metadata: {{name: ...}}"
    yield from _namespace(metadata.get("namespace") or "default")
    yield from _words(metadata.get("labels") or {}, "label")
    yield from _words(metadata.get("annotations") or {}, "annotation")
    if not isinstance(data.get("spec"), dict):
        yield "spec", f"{kind} {metadata.get('name')} has no spec: write spec: {{...}}"


def _unknown(data: dict[str, Any], known: tuple[str, ...], at: str) -> Iterator[tuple[str, str]]:
    for name in data:
        if name not in known:
            near = meant(name, known)
            ask = f"did you mean {near}?" if near else "remove it"
            yield at + name, f"unknown field {at}{name}: {ask}"


def _namespace(name: Any) -> Iterator[tuple[str, str]]:
    at = "metadata.namespace"
    if not isinstance(name, str):
        yield at, f"{at} must be text: quote it"
    elif not _NAMESPACE.fullmatch(name):
        yield at, f'{at} is "{name}": write lower-case letters, digits and -, at most 63'


def _words(given: Any, noun: str) -> Iterator[tuple[str, str]]:
    """What is wrong with labels or annotations; only the values of labels are words."""
    at = f"metadata.{noun}s"
    if not isinstance(given, dict):
        yield at, f"{at} must be a mapping of names to text"
        return
    for name, value in given.items():
        prefix = _PREFIX.match(name)
        if not _WORD.fullmatch(name, prefix.end() if prefix else 0):
            yield (
                f"{at}.{name}",
                f'the {noun} "{name}" has no name that Kubernetes takes: write {_LETTERS}, '
                "after a domain and a / if you like, such as example.com/team",
            )
        elif not isinstance(value, str | None):
            yield f"{at}.{name}", f"the {noun} {name} must be text: quote it"
        elif noun == "label" and value and not _WORD.fullmatch(value):
            yield f"{at}.{name}", f'the label {name} is "{value}": write {_LETTERS}'
