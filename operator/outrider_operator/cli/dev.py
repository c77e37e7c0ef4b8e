"""`outrider dev`: the proxy on this machine, with resources from files or the environment."""

import dataclasses
import sys
from pathlib import Path
from typing import Literal

import click

from outrider_operator.cli import options
from outrider_operator.dev import environment
from outrider_sidecar.config.settings import Settings


@click.command(short_help="Serve manifests on this machine, no cluster needed.")
@options.files(
    "Manifests: a file or a directory, watched; repeatable. Default: one route made of the keys "
    "in the environment or in .env."
)
@click.option("--demo", is_flag=True, help="Tell the story of Outrider on simulated users.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    envvar="OUTRIDER_PORT",
    show_default="4141; with --demo a free one",
    help="Data port.",
)
@click.option(
    "--admin-port",
    type=click.IntRange(0, 65535),
    envvar="OUTRIDER_ADMIN_PORT",
    show_default="4142; with --demo a free one",
    help="Port of /readyz, /metrics, /stats.",
)
@options.credentials
@click.option("--namespace", "-n", help="The namespace to serve. Default: the only one there is.")
@click.option(
    "--log",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A readable line per request, or the JSON line that a pod writes.",
)
def dev(
    paths: tuple[Path, ...],
    demo: bool,
    port: int | None,
    admin_port: int | None,
    directory: Path | None,
    namespace: str | None,
    log: Literal["text", "json"],
) -> None:
    """Serve routes, prompts and limits on this machine: no cluster, the same proxy.

    Files are watched: what you save is live in milliseconds, and what it moved is printed.
    Point an OpenAI SDK at the first URL that is printed, an Anthropic SDK at the second.
    """
    if demo and paths:
        raise click.UsageError("--demo brings its own manifests; leave -f out")
    import uvloop

    from outrider_operator.dev.serving import UnusableError, serve

    usual = Settings(port=0, admin_port=0) if demo else Settings()
    settings = dataclasses.replace(
        usual,
        port=usual.port if port is None else port,
        admin_port=usual.admin_port if admin_port is None else admin_port,
        allow_loopback=True,
    )
    try:
        if demo:
            from outrider_operator.dev.demo.story import tell

            uvloop.run(tell(settings))
            return
        variables = environment.read(Path.cwd())
        keys = options.keys(directory, variables)
        source = paths or environment.resources(variables)
        uvloop.run(serve(source, settings, keys, namespace=namespace, log=log, say=click.echo))
    except (UnusableError, environment.EnvironmentProblem) as error:
        click.echo(f"outrider: {error}", err=True)
        sys.exit(2)
