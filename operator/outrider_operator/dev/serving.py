"""Local mode as it runs: manifests or the environment in, two base URLs out, until a signal."""

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from outrider_operator.dev import environment, workspace
from outrider_operator.dev.lines import request_line
from outrider_operator.dev.local import Local, Say, keyless
from outrider_operator.dev.namespace import AmbiguousNamespaceError
from outrider_sidecar.config.credentials import Credentials
from outrider_sidecar.config.current import Current
from outrider_sidecar.config.settings import Settings
from outrider_sidecar.proxy import PortTaken, Proxy
from outrider_sidecar.snapshot import Snapshot
from outrider_sidecar.telemetry.hashes import Hasher
from outrider_sidecar.telemetry.log import to_stdout
from outrider_sidecar.telemetry.telemetry import Telemetry

Log = Literal["text", "json"]


class UnusableError(Exception):
    """Nothing can be served; the message says why, for people."""


async def serve(
    source: Sequence[Path] | environment.Found,
    settings: Settings,
    credentials: Credentials,
    *,
    namespace: str | None,
    log: Log,
    say: Say,
) -> None:
    """Serve the manifests under paths, or what the environment made, until SIGINT or SIGTERM.

    `say` is given each line for people. Raises UnusableError when there is nothing to serve.
    """
    current = Current()
    local = Local(current, namespace, say)
    _first(local, source, say)
    if current.table is None:
        raise UnusableError(f"nothing of namespace {local.namespace} can be served")
    _check_keys(current.table.snapshot, credentials, say)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    proxy = Proxy(settings, current, credentials, _telemetry(log, say))
    try:
        await proxy.start()
    except PortTaken as error:
        raise UnusableError(str(error)) from None
    say(f"OpenAI SDKs     OPENAI_BASE_URL=http://127.0.0.1:{proxy.port}/v1")
    say(f"Anthropic SDKs  ANTHROPIC_BASE_URL=http://127.0.0.1:{proxy.port}")
    async with asyncio.TaskGroup() as tasks:
        if not isinstance(source, environment.Found):
            say("watching the manifests; Ctrl-C ends")
            tasks.create_task(local.watch(source, stop))
        await stop.wait()
    await proxy.drain()


def _first(local: Local, source: Sequence[Path] | environment.Found, say: Say) -> None:
    began = time.perf_counter()
    if isinstance(source, environment.Found):
        for note in source.notes:
            say(f"note: {note}")
        found = workspace.over(source.resources, {})
    else:
        found = local.read(source)
    try:
        local.publish(found, began)
    except AmbiguousNamespaceError as error:
        raise UnusableError(str(error)) from None


def _check_keys(served: Snapshot, credentials: Credentials, say: Say) -> None:
    """Tell which keys are missing; raises UnusableError when no backend at all is left."""
    missing = keyless(served, lambda ref: credentials.key(ref) is not None)
    for backend, key in missing.items():
        variable = environment.variable_of(key)
        say(f"{backend}: there is no key {key!r}: set {variable} or give --credentials DIR")
    backends = sum(len(route.backends) for route in served.routes.values())
    if missing and len(missing) == backends:
        raise UnusableError("no backend has its key, so nothing can be called")


def _telemetry(log: Log, say: Say) -> Telemetry:
    hasher = Hasher()
    if log == "json":
        return Telemetry(to_stdout(hasher), hasher)
    telemetry = Telemetry(None, hasher)
    telemetry.sinks.append(lambda record: say(request_line(record)))
    return telemetry
