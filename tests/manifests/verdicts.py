"""What the API server, `outrider lint` and `compile` say of manifests."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from manifests.entry import PLURALS, Entry
from outrider_operator.cli.main import main
from outrider_operator.compiler.compile import Compiled
from outrider_operator.compiler.compile import compile as compiled
from outrider_operator.compiler.problem import Problem
from outrider_operator.resources.resource import Resource

AT_ONCE: Final = 8

# Of the reasons that `lint` gives, those the API server has a word in.
IN_SCHEMA: Final = ("Invalid", "Unreadable")


@dataclass(frozen=True)
class Answer:
    """What the API server says to a manifest: why it refuses it, or the spec it would store."""

    refusal: str = ""
    spec: Any = None


async def of_api_server(api: Any, namespace: str, entries: Iterable[Entry]) -> list[Answer]:
    """The answer to a strict `create` of each; nothing is stored."""
    objects = client.CustomObjectsApi(api)
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(entry: Entry) -> Answer:
        async with turns:
            try:
                made: Any = await objects.create_namespaced_custom_object(
                    "outrider.dev",
                    "v1alpha1",
                    namespace,
                    PLURALS[entry.kind],
                    entry.manifest(namespace),
                    dry_run="All",
                    field_validation="Strict",
                )
            except ApiException as error:
                if error.status not in (400, 422):
                    raise
                return Answer(refusal=json.loads(error.body or "{}")["message"])
            return Answer(spec=made["spec"])

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(entry)) for entry in entries]
    return [task.result() for task in tasks]


def of_lint(directory: Path, entries: Sequence[Entry]) -> list[list[dict[str, Any]]]:
    """For each, the problems that one `outrider lint` of all of them finds in it."""
    names = [f"entry-{index}" for index in range(len(entries))]
    for name, entry in zip(names, entries, strict=True):
        manifest = json.dumps(entry.manifest(name), ensure_ascii=False)
        (directory / f"{name}.json").write_text(manifest, encoding="utf-8")
    done = CliRunner().invoke(main, ["lint", str(directory), "--output", "json"])
    assert done.exit_code in (0, 1), done.output
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for finding in json.loads(done.stdout)["findings"]:
        if finding["reason"] in IN_SCHEMA:
            found[Path(finding["file"]).stem].append(finding)
    return [found[name] for name in names]


def of_compile(entry: Entry) -> list[Problem]:
    """What keeps the object from Accepted=True that the API server has a word in."""
    problems = forms(entry).problems
    assert all(one.condition == "Accepted" for one in problems if one.reason == "Invalid")
    return [problem for problem in problems if problem.reason in IN_SCHEMA]


def forms(entry: Entry, spec: Any = None) -> Compiled:
    """The entry compiled alone, or with the spec that somebody else made of its own."""
    spec = entry.spec if spec is None else spec
    name = str(entry.metadata["name"])
    return compiled([Resource(kind=entry.kind, namespace="shop", name=name, spec=spec)], {})
