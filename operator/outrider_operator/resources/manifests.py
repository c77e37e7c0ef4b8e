"""Manifests from files, directories and standard input.

What kubectl would apply is read as kubectl reads it; kinds that are not Outrider's are passed over.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from outrider_operator.resources.document import Document, DocumentError, documents
from outrider_operator.resources.kinds import KINDS
from outrider_operator.resources.metadata import mistakes
from outrider_operator.resources.resource import Resource, Source
from outrider_operator.resources.suggestion import meant

GROUP: Final = "outrider.dev"
API_VERSION: Final = f"{GROUP}/v1alpha1"
DEFAULT_NAMESPACE: Final = "default"
MAX_BYTES: Final = 16 * 1024 * 1024
SUFFIXES: Final = (".yaml", ".yml", ".json")


class ManifestProblem(msgspec.Struct, frozen=True, order=True):
    """What makes a file, or a part of it, no manifest. Lines and columns count from 1; 0: none."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class _Unreadable(ValueError):
    """A file that cannot be read at all."""


def read(
    paths: Iterable[str | Path], stdin: BinaryIO | None = None
) -> tuple[list[Resource], list[ManifestProblem]]:
    """Every resource in files and directories (not in their subdirectories) and ``-``.

    A directory gives its files that end in .yaml, .yml or .json, by name. What is wrong comes back
    as problems and hides nothing else; the same kind and name twice keeps the first.
    """
    found: dict[tuple[str, str, str], Resource] = {}
    seen: set[str] = set()
    problems: list[ManifestProblem] = []
    for path in paths:
        try:
            for file in _files(str(path)):
                if os.path.realpath(file) in seen:
                    continue
                seen.add(os.path.realpath(file))
                for item in _of_file(file, stdin):
                    if isinstance(item, ManifestProblem):
                        problems.append(item)
                        continue
                    key = (item.kind, item.namespace, item.name)
                    first = found.setdefault(key, item)
                    if first is not item:
                        problems.append(_twice(first, item))
        except _Unreadable as error:
            problems.append(ManifestProblem(str(path), 0, 0, str(error)))
    return list(found.values()), problems


def _files(path: str) -> Iterator[str]:
    """The path itself, or what kubectl would take from it if it is a directory."""
    if path == "-" or not Path(path).is_dir():
        yield path
        return
    try:
        files = sorted(file for file in Path(path).iterdir() if file.suffix in SUFFIXES)
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from error
    if not files:
        raise _Unreadable(f"no {', '.join(SUFFIXES)} file in this directory")
    yield from (str(file) for file in files if file.is_file())


def _of_file(file: str, stdin: BinaryIO | None) -> Iterator[Resource | ManifestProblem]:
    name = "stdin" if file == "-" else file
    try:
        data = _bytes(file, stdin or sys.stdin.buffer)
        text = data.decode("utf-8-sig")
    except OSError as error:
        yield ManifestProblem(name, 0, 0, f"cannot be read: {error.strerror}")
        return
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        yield ManifestProblem(name, line, 1, "not UTF-8: save the file as UTF-8")
        return
    if len(data) > MAX_BYTES:
        message = f"larger than {MAX_BYTES // 2**20} MiB: split the file"
        yield ManifestProblem(name, 0, 0, message)
        return
    try:
        for document in documents(text):
            yield from _of_object(document.data, "", document, name)
    except DocumentError as error:
        yield ManifestProblem(name, *error.position, str(error))


def _bytes(file: str, stdin: BinaryIO) -> bytes:
    if file == "-":
        return stdin.read(MAX_BYTES + 1)
    with Path(file).open("rb") as opened:
        return opened.read(MAX_BYTES + 1)


def _of_object(
    data: Any, at: str, document: Document, file: str
) -> Iterator[Resource | ManifestProblem]:
    """The resources in one object, which stands at the path `at` of its document."""
    source = _source(document, file, at)

    def problem(path: str, message: str) -> ManifestProblem:
        return ManifestProblem(file, *source.at(path), message)

    if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
        yield problem("kind", "no manifest: it needs apiVersion, kind and metadata")
        return
    kind, version = data["kind"], data.get("apiVersion")
    if not isinstance(version, str):
        yield problem("apiVersion", f"{kind} has no apiVersion: write apiVersion: {API_VERSION}")
        return
    if kind.endswith("List") and isinstance(data.get("items"), list):
        prefix = f"{at}.items" if at else "items"
        for index, item in enumerate(data["items"]):
            yield from _of_object(item, f"{prefix}[{index}]", document, file)
        return
    if version.partition("/")[0] != GROUP:
        if kind in KINDS:
            yield problem("apiVersion", f"{kind} is of {API_VERSION}, not of {version}")
        return
    if version != API_VERSION:
        yield problem("apiVersion", f"there is no {version}: write {API_VERSION}")
    elif kind not in KINDS:
        near = meant(kind, KINDS)
        ask = f"did you mean {near}?" if near else f"{GROUP} has {', '.join(KINDS)}"
        yield problem("kind", f"there is no kind {kind}: {ask}")
    else:
        wrong = [problem(path, message) for path, message in mistakes(data)]
        if wrong:
            yield from wrong
        else:
            yield _resource(data, source)


def _source(document: Document, file: str, at: str) -> Source:
    line = document.positions[at][0] if at else document.line
    return Source(file, line, document.positions, at)


def _resource(data: dict[str, Any], source: Source) -> Resource:
    metadata = data["metadata"]
    generation = metadata.get("generation")
    return Resource(
        kind=data["kind"],
        namespace=metadata.get("namespace") or DEFAULT_NAMESPACE,
        name=metadata["name"],
        spec=data["spec"],
        generation=generation if isinstance(generation, int) else 0,
        created=str(metadata.get("creationTimestamp") or ""),
        uid=str(metadata.get("uid") or ""),
        source=source,
    )


def _twice(first: Resource, second: Resource) -> ManifestProblem:
    there = first.source.where("metadata.name") if first.source else "elsewhere"
    assert second.source is not None
    line, column = second.source.at("metadata.name")
    message = (
        f"{second.kind} {second.namespace}/{second.name} stands in {there} too: "
        "remove or rename one"
    )
    return ManifestProblem(second.source.file, line, column, message)
