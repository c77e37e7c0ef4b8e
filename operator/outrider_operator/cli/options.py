"""Options that several commands share, each as a decorator, and what becomes of their values."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from outrider_operator.dev.environment import EnvironmentCredentials
from outrider_sidecar.config.credentials import Credentials, FileCredentials

Option = Callable[[Any], Any]

PATHS: Final = click.Path(path_type=Path, allow_dash=True)


def files(text: str, *, required: bool = False) -> Option:
    """``-f PATH``, repeatable, as the parameter `paths`; standard input only where required."""
    kind = PATHS if required else click.Path(path_type=Path, exists=True)
    return click.option(
        "--file",
        "-f",
        "paths",
        multiple=True,
        required=required,
        type=kind,
        metavar="PATH",
        help=text,
    )


def output(choices: tuple[str, ...], text: str) -> Option:
    """``-o`` with the first of the choices as its default."""
    return click.option(
        "--output",
        "-o",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help=text,
    )


credentials: Final[Option] = click.option(
    "--credentials",
    "directory",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Keys as files DIR/SECRET/KEY. Default: <KEY>_API_KEY from the environment or .env.",
)


def keys(directory: Path | None, variables: Mapping[str, str]) -> Credentials:
    """The keys of ``--credentials``, else those of the environment."""
    return FileCredentials(directory) if directory else EnvironmentCredentials(variables)
