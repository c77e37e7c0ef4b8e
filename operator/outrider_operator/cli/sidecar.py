"""`outrider sidecar`: the proxy as it runs in a pod; `outrider-sidecar` is the same."""

import click


@click.command(
    short_help="Run the proxy as a pod does.",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sidecar(arguments: tuple[str, ...]) -> None:
    """Run the proxy as a pod does, set up by OUTRIDER_* variables."""
    from outrider_sidecar.main import main

    main(list(arguments))
