"""`outrider render`: the snapshots that sidecars would get."""

import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml

from outrider_operator.cli import options, previous
from outrider_operator.dev.workspace import load
from outrider_sidecar import snapshot
from outrider_sidecar.snapshot import Snapshot


@click.command(short_help="Print the snapshot of each namespace.")
@click.argument("paths", nargs=-1, required=True, type=options.PATHS, metavar="PATH...")
@options.output(("json", "yaml"), "How {namespace: snapshot} is printed.")
@click.option(
    "--namespace", "-n", help="Print this namespace's snapshot alone, as a sidecar reads it."
)
@previous.option("An earlier output: its ranges and its generation are continued.")
def render(
    paths: tuple[Path, ...], output: str, namespace: str | None, earlier: Path | None
) -> None:
    """Compile manifests and print the snapshot of each namespace.

    Problems go to standard error and the good ones are printed all the same; exit 1 if there
    are any. A directory that holds the output of `render -n NAMESPACE` as snapshot.json is a
    valid OUTRIDER_CONFIG_DIR.
    """
    before = previous.read(earlier) if earlier else {}
    workspace = load(paths, before)
    for problem in workspace.problems:
        click.echo(str(problem), err=True)
    now = time.time()
    snapshots = {
        name: published(one, before.get(name), now)
        for name, one in sorted(workspace.compiled.snapshots.items())
    }
    if namespace is not None and namespace not in snapshots:
        known = ", ".join(snapshots) or "none"
        raise click.UsageError(f"no snapshot of namespace {namespace!r}; there are: {known}")
    shown = snapshots[namespace] if namespace is not None else snapshots
    if output == "yaml":
        click.echo(_yaml(shown), nl=False)
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(shown, order="sorted"), indent=1))
    sys.exit(1 if workspace.problems else 0)


def published(sealed: Snapshot, before: Snapshot | None, now: float) -> Snapshot:
    """`sealed` with its generation: that of `before` where nothing changed, else the next."""
    if before is not None and before.digest == sealed.digest:
        return before
    return snapshot.stamp(sealed, before.generation if before else 0, now)


def _yaml(shown: Any) -> str:
    """YAML that reads back the same: U+0085 is a line's end to it unless it is escaped."""
    plain = msgspec.to_builtins(shown)
    readable = "\x85" not in msgspec.json.encode(plain).decode()
    return yaml.safe_dump(plain, sort_keys=True, allow_unicode=readable)
