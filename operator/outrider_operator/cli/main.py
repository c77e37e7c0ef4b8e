"""The command `outrider`, also `kubectl outrider`: what works is listed, and nothing else.

A command's module is imported when it is called, so that `lint` never waits for Kubernetes.
"""

import importlib
from typing import Final

import click

from outrider_operator import __version__

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
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="outrider")
def main() -> None:
    """Carry LLM traffic: routes, prompts and limits as Kubernetes resources.

    Begin with `outrider dev --demo`, then `outrider dev -f examples/support`.

    Exit codes: 0 fine, 1 problems found, 2 wrong use or environment.
    """
