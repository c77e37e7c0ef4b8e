"""Manifests on disk, compiled: what every command that takes a PATH begins with."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from outrider_operator.compiler import compile as compiler
from outrider_operator.compiler.compile import Compiled
from outrider_operator.compiler.problem import Problem
from outrider_operator.compiler.warnings import LintWarning, warnings
from outrider_operator.resources import manifests
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Snapshot


class Finding(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A problem or a warning with the place where it is mended.

    `file` is '' for what was in no file; lines and columns count from 1, 0 is none. `object` is
    ``Kind namespace/name``, '' for a file that cannot be read; `path` such as
    ``spec.rules[0].name``.
    """

    file: str = ""
    line: int = 0
    column: int = 0
    severity: Literal["problem", "warning"]
    object: str = ""
    path: str = ""
    reason: str
    message: str

    def __str__(self) -> str:
        """One line: where, what, why."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        told = self.path in self.message
        where = self.object if told else f"{self.object} {self.path}"
        parts = (place, self.severity, where, f"{self.message} [{self.reason}]")
        return ": ".join(part for part in parts if part)


class Workspace(msgspec.Struct, frozen=True):
    """Resources, what they compile to, and everything there is to say about them."""

    resources: tuple[Resource, ...]
    compiled: Compiled
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that must be mended."""
        return tuple(one for one in self.findings if one.severity == "problem")

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Namespaces that have a snapshot, in order."""
        return tuple(sorted(self.compiled.snapshots))


def load(
    paths: Sequence[Path],
    previous: Mapping[str, Snapshot],
    earlier: Sequence[Resource] = (),
) -> Workspace:
    """The manifests under `paths`, compiled upon `previous`; reading never raises, it finds.

    Of `earlier` resources those count that stood in a file, or in a directory, which cannot be
    read any more.
    """
    read, unreadable = manifests.read(paths)
    there = {(one.kind, one.namespace, one.name) for one in read}
    lost = {problem.file for problem in unreadable}
    read += [
        one
        for one in earlier
        if one.source is not None
        and not lost.isdisjoint((one.source.file, str(Path(one.source.file).parent)))
        and (one.kind, one.namespace, one.name) not in there
    ]
    broken = [
        Finding(
            file=problem.file,
            line=problem.line,
            column=problem.column,
            severity="problem",
            reason="Unreadable",
            message=problem.message,
        )
        for problem in unreadable
    ]
    return over(read, previous, broken)


def over(
    resources: Sequence[Resource],
    previous: Mapping[str, Snapshot],
    unreadable: Sequence[Finding] = (),
) -> Workspace:
    """A workspace of resources that are in memory already."""
    compiled = compiler.compile(resources, previous)
    findings = {*unreadable, *_findings(resources, compiled, previous)}
    return Workspace(tuple(resources), compiled, tuple(sorted(findings)))


def _findings(
    resources: Sequence[Resource], compiled: Compiled, previous: Mapping[str, Snapshot]
) -> Iterator[Finding]:
    by_name = {(one.kind, one.namespace, one.name): one for one in resources}
    for problem in compiled.problems:
        yield _placed(problem, by_name, "problem", problem.reason)
    for warning in warnings(resources, compiled, previous):
        yield _placed(warning, by_name, "warning", "Warning")


def _placed(
    said: Problem | LintWarning,
    resources: Mapping[tuple[str, str, str], Resource],
    severity: Literal["problem", "warning"],
    reason: str,
) -> Finding:
    resource = resources.get((said.kind, said.namespace, said.name))
    source = resource.source if resource else None
    line, column = source.at(said.path) if source else (0, 0)
    return Finding(
        file=source.file if source else "",
        line=line,
        column=column,
        severity=severity,
        object=f"{said.kind} {said.namespace}/{said.name}",
        path=said.path,
        reason=reason,
        message=said.message,
    )
