"""`outrider explain`: where a request would go, and why."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from outrider_operator.cli import options
from outrider_operator.dev import explanation
from outrider_operator.dev.namespace import AmbiguousNamespaceError, choose
from outrider_operator.dev.workspace import load
from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.dialects.errors import Refusal

_HELLO = "Hello"


@click.command(short_help="Show what becomes of a request, and why.")
@options.files(
    "Manifests: a file, a directory, or - for standard input; repeatable.", required=True
)
@click.option("--model", required=True, help="The model the application names.")
@click.option("--user", help="The user: header x-outrider-user.")
@click.option(
    "--header", "headers", multiple=True, metavar="K=V", help="A request header; repeatable."
)
@click.option(
    "--body",
    type=click.File("rb"),
    metavar="FILE",
    help="The request's body; its model is replaced. Default: one user message, Hello.",
)
@click.option(
    "--dialect",
    type=click.Choice(list(explanation.PATHS)),
    default="chat",
    show_default=True,
    help="Chat Completions, or Anthropic's Messages.",
)
@click.option("--namespace", "-n", help="Default: the only one there is.")
@click.option(
    "--credentials",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Skip backends whose key is not in DIR/SECRET/KEY. Default: keys are not looked at.",
)
@options.output(("text", "json"), "Lines for people, or JSON.")
def explain(
    paths: tuple[Path, ...],
    model: str,
    user: str | None,
    headers: tuple[str, ...],
    body: Any,
    dialect: str,
    namespace: str | None,
    credentials: Path | None,
    output: str,
) -> None:
    """Show the decisions on a request without sending it.

    Route, rule, version and bucket, limits, and the backends in order of choice. Exit 1 when
    the request would be refused: the answer's code and message are printed.
    """
    workspace = load(paths, {})
    for problem in workspace.problems:
        click.echo(str(problem), err=True)
    try:
        chosen = choose(workspace.namespaces, namespace)
    except AmbiguousNamespaceError as error:
        raise click.UsageError(str(error)) from None
    sent = dict(_header(text) for text in headers)
    if user is not None:
        sent["x-outrider-user"] = user
    try:
        found = explanation.explain(
            workspace.compiled.snapshots[chosen],
            dialect,
            _body(body, model),
            sent,
            FileCredentials(credentials) if credentials else None,
        )
    except Refusal as refusal:
        if output == "json":
            told = {"namespace": chosen, "status": refusal.status, "code": refusal.code}
            click.echo(msgspec.json.encode(told | {"message": refusal.message}).decode())
        else:
            click.echo(f"refused: {refusal.status} {refusal.code}: {refusal.message}")
        sys.exit(1)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        for line in told_in_words(found):
            click.echo(line)


def told_in_words(path: explanation.Path) -> list[str]:
    """The decisions, a line each, in the order in which they are made."""
    identity = ", ".join(f"{kind}={value}" for kind, value in path.identity.items())
    lines = [
        f"route      {path.namespace}/{path.route}",
        f"identity   {identity or 'none'}",
    ]
    if path.prompt:
        prompt = path.prompt
        lines.append(f"prompt     {prompt['name']} -> {prompt['version']}: {_dealt(prompt)}")
    lines += [
        f"request    {path.words or 0} words, about {path.input_tokens} input tokens, "
        f"complexity {path.complexity}",
        f"rule       {path.rule}: {path.why}",
    ]
    for limit in path.limits:
        tier = f"tier {limit['tier']}" if limit["tier"] else "exempt"
        who = limit["subject"] if limit["known"] else f"{limit['subject']} unknown"
        lines.append(f"limit      {limit['policy']}: {who}, {tier}, {limit['mode']}")
    order = 0
    for backend in path.backends:
        if backend["skipped"]:
            lines.append(f"skipped    {backend['name']} ({backend['model']}): {backend['skipped']}")
        else:
            order += 1
            lines.append(f"backend {order}  {backend['name']} ({backend['model']})")
    if path.dropped:
        lines.append(f"dropped    {', '.join(path.dropped)}: not sent")
    if path.flags:
        lines.append(f"flags      {', '.join(path.flags)}")
    return lines


def _dealt(prompt: dict[str, Any]) -> str:
    """Why the request gets this version."""
    if prompt["bucket"] is None:
        return f"{prompt['reason']}, no bucket was dealt"
    if prompt["key"] is None:
        return f"bucket {prompt['bucket']} drawn by chance: the request names nobody to keep it for"
    return f"bucket {prompt['bucket']} by the hash of the {prompt['key'].lower()}"


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.UsageError(f"--header {text!r}: write NAME=VALUE, such as x-task=chat")
    return name.strip(), value


def _body(file: Any, model: str) -> bytes:
    if file is None:
        messages = [{"role": "user", "content": _HELLO}]
        return msgspec.json.encode({"model": model, "max_tokens": 100, "messages": messages})
    from outrider_sidecar.dialects.body import Body

    return Body.parse(file.read()).splice({"/model": msgspec.json.encode(model)})
