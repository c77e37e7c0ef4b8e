"""`outrider check`: fail fast, before anything is served."""

import sys
from pathlib import Path

import click

from outrider_operator.cli import options
from outrider_operator.dev import environment, keys, workspace


@click.command(short_help="Check that references and keys are there.")
@options.files(
    "Manifests; repeatable. Default: what `outrider dev` makes of the environment and .env."
)
@options.credentials
def check(paths: tuple[Path, ...], directory: Path | None) -> None:
    """Check that everything needed to serve is there: references and credentials.

    Each line names what is missing, why it is needed and how to mend it. Exit 2 if anything is.
    """
    notes: tuple[str, ...] = ()
    try:
        variables = environment.read(Path.cwd())
        credentials = options.keys(directory, variables)
        if paths:
            found = workspace.load(paths, {})
        else:
            made = environment.resources(variables)
            notes = made.notes
            found = workspace.over(made.resources, {})
    except environment.EnvironmentProblem as error:
        click.echo(f"{error}", err=True)
        sys.exit(2)
    for note in notes:
        click.echo(f"note: {note}")
    wrong = [str(problem) for problem in found.problems]
    for namespace, served in sorted(found.compiled.snapshots.items()):
        for problem in keys.problems(served, credentials):
            fix = (
                f"{problem.in_file} in {directory}"
                if directory
                else f"set {problem.in_environment} in the environment or in .env"
            )
            wrong.append(f"namespace {namespace}: {problem}: {fix}")
    for line in wrong:
        click.echo(line, err=True)
    if not wrong:
        routes = sum(len(one.routes) for one in found.compiled.snapshots.values())
        click.echo(f"{routes} route{'' if routes == 1 else 's'}: references and keys are there")
    sys.exit(2 if wrong else 0)
