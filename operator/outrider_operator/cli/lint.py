"""`outrider lint`: what a cluster would refuse, and what people regret later."""

import sys
from pathlib import Path

import click
import msgspec

from outrider_operator.cli import options, previous
from outrider_operator.dev.workspace import Workspace, load


@click.command(short_help="Check manifests as a cluster would.")
@click.argument("paths", nargs=-1, required=True, type=options.PATHS, metavar="PATH...")
@options.output(("text", "json"), "Lines for people, or one JSON object.")
@previous.option(
    "An earlier output of `outrider render`: warns of versions that go to 100 % at once."
)
def lint(paths: tuple[Path, ...], output: str, earlier: Path | None) -> None:
    """Check manifests as the API server and the compiler do, without either.

    PATH is a file, a directory of .yaml, .yml and .json files (not of its subdirectories), or -
    for standard input. Each problem is printed with file:line. Exit 1 if there are problems or
    nothing to check; warnings alone exit 0.
    """
    workspace = load(paths, previous.read(earlier) if earlier else {})
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode({"findings": workspace.findings})))
    else:
        for finding in workspace.findings:
            click.echo(str(finding))
        click.echo(summary(workspace), err=True)
    sys.exit(1 if workspace.problems or not workspace.resources else 0)


def summary(workspace: Workspace) -> str:
    """One line of counts."""
    problems = len(workspace.problems)
    return ", ".join(
        (
            _counted(len(workspace.resources), "resource"),
            _counted(problems, "problem"),
            _counted(len(workspace.findings) - problems, "warning"),
        )
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
