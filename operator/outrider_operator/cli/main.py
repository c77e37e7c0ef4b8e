"""The command `outrider`, also `kubectl outrider`: what works is listed, and nothing else.

A command's module is imported when it is called, so that `lint` never waits for Kubernetes.
"""

import importlib
import sys
from typing import Any, Final, NoReturn

import click

from outrider_operator import __version__

_OURS: Final = ("outrider_operator", "outrider_sidecar")

# What `pip install outrider` alone does not bring.
_EXTRAS: Final = {
    "dev": "sidecar",
    "explain": "sidecar",
    "check": "sidecar",
    "sidecar": "sidecar",
    "controller": "operator",
}

_COMMANDS: Final = {
    "dev": "outrider_operator.cli.dev:dev",
    "lint": "outrider_operator.cli.lint:lint",
    "render": "outrider_operator.cli.render:render",
    "explain": "outrider_operator.cli.explain:explain",
    "check": "outrider_operator.cli.check:check",
    "controller": "outrider_operator.cli.controller:controller",
    "sidecar": "outrider_operator.cli.sidecar:sidecar",
}


class _Commands(click.Group):
    """Commands by name, each in a module of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        try:
            command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            _explain_missing(cmd_name, error)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            _explain_missing(ctx.invoked_subcommand or "", error)


def _explain_missing(command: str, error: ModuleNotFoundError) -> NoReturn:
    """Exit 2 with the extra that brings the missing package; anything else is a bug of ours."""
    extra = _EXTRAS.get(command)
    if extra is None or (error.name or "").startswith(_OURS):
        raise error
    click.echo(
        f"outrider {command} needs the package {error.name}: install it with the extra "
        f"{extra!r}: pip install 'outrider[{extra}]', or in a clone pip install '.[{extra}]'",
        err=True,
    )
    sys.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="outrider")
def main() -> None:
    """Carry LLM traffic: routes, prompts and limits as Kubernetes resources.

    Begin with `outrider dev --demo`, then `outrider dev -f examples/support`.

    Exit codes: 0 fine, 1 problems found, 2 wrong use or environment.
    """
