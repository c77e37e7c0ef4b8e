"""`outrider controller`: the program that watches, compiles, publishes and tells."""

import sys
from pathlib import Path
from typing import Literal

import click


@click.command(short_help="Publish snapshots and status from Kubernetes.")
@click.option(
    "--kubeconfig",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Log in with this file. Default: KUBECONFIG, ~/.kube/config, in a pod its ServiceAccount.",
)
@click.option("--context", help="Context of the kubeconfig. Default: its current one.")
@click.option(
    "--namespace",
    default="outrider-system",
    envvar="POD_NAMESPACE",
    show_default=True,
    help="Where the Lease is that lets one controller write. Default in a pod: POD_NAMESPACE.",
)
@click.option(
    "--watch-namespace",
    "watch_namespaces",
    multiple=True,
    metavar="NAME",
    help="Serve this namespace only, by its exact name; repeatable. Default: all.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port of /healthz, /readyz and /metrics, on all addresses; 0 picks a free one.",
)
@click.option(
    "--log",
    "log_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or JSON.",
)
def controller(
    kubeconfig: Path | None,
    context: str | None,
    namespace: str,
    watch_namespaces: tuple[str, ...],
    port: int,
    log_format: Literal["text", "json"],
) -> None:
    """Compile every namespace into its snapshot and say so in status.

    Runs in a pod, or anywhere with a kubeconfig. Ends cleanly on SIGTERM.
    """
    from outrider_operator.controller.main import run

    sys.exit(
        run(
            kubeconfig=kubeconfig,
            context=context,
            namespace=namespace,
            watch_namespaces=watch_namespaces,
            port=port,
            log_format=log_format,
        )
    )
