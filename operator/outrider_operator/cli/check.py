"""`outrider check`: fail fast, before anything is served."""

import sys
from pathlib import Path

import click

from outrider_operator.cli import options
from outrider_operator.dev import environment, workspace
from outrider_operator.dev.local import keyless


@click.command(short_help="Check that references and keys are there.")
@options.files(
    "Manifests; repeatable. Default: what `outrider dev` makes of the environment and .env."
)
@options.credentials
def check(paths: tuple[Path, ...], credentials: Path | None) -> None:
    """Check that everything needed to serve is there: references and credentials.

    Each line names what is missing, why it is needed and how to mend it. Exit 2 if anything is.
    """
    variables = environment.read(Path.cwd())
    keys = options.keys(credentials, variables)
    notes: tuple[str, ...] = ()
    try:
        if paths:
            found = workspace.load(paths, {})
        else:
            made = environment.resources(variables)
            notes = made.notes
            found = workspace.over(made.resources, {})
    except environment.VariableError as error:
        click.echo(f"{error}", err=True)
        sys.exit(2)
    for note in notes:
        click.echo(f"note: {note}")
    wrong = [str(problem) for problem in found.problems]
    for namespace, served in sorted(found.compiled.snapshots.items()):
        for backend, key in keyless(served, lambda ref: keys.key(ref) is not None).items():
            variable = environment.variable_of(key)
            where = f"the file outrider-credentials/{key} in {credentials}"
            fix = where if credentials else f"{variable} in the environment or in .env"
            wrong.append(
                f"{variable}: backend {namespace}/{backend} needs the key {key!r} and there is "
                f"none; set {fix}"
            )
    for line in wrong:
        click.echo(line, err=True)
    if not wrong:
        routes = sum(len(one.routes) for one in found.compiled.snapshots.values())
        click.echo(f"{routes} route{'' if routes == 1 else 's'}: references and keys are there")
    sys.exit(2 if wrong else 0)
