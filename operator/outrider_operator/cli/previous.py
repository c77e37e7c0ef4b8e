"""The option `--previous FILE`: what was served before, as `outrider render` printed it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml

from outrider_sidecar import snapshot
from outrider_sidecar.snapshot import Snapshot, SnapshotError


def option(text: str) -> Callable[[Any], Any]:
    """The option, as the parameter `earlier`, with its help."""
    file = click.Path(path_type=Path, exists=True, dir_okay=False)
    return click.option("--previous", "earlier", type=file, metavar="FILE", help=text)


def read(file: Path) -> dict[str, Snapshot]:
    """Snapshots by namespace from a file that `render` wrote, whole or of one namespace.

    Raises `click.UsageError` for another file.
    """
    try:
        data = _parsed(file.read_bytes())
        several = data if isinstance(data, dict) and "schema" not in data else {"": data}
        found = (snapshot.decode(msgspec.json.encode(one)) for one in several.values())
        return {one.namespace: one for one in found}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, SnapshotError) as error:
        raise click.UsageError(
            f"--previous {file}: not an output of `outrider render`: {error}"
        ) from error


def _parsed(data: bytes) -> Any:
    """JSON if it is JSON: to YAML a string with U+2028 in it is another string."""
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return yaml.safe_load(data)
