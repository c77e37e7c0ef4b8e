"""Local mode as it runs: manifests or the environment in, two base URLs out, until a signal."""

import asyncio
import signal
import time
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Literal

from outrider_operator.dev import environment, keys, workspace
from outrider_operator.dev.lines import request_line
from outrider_operator.dev.local import Local, Say
from outrider_operator.dev.namespace import AmbiguousNamespaceError
from outrider_sidecar.config.credentials import Credentials
from outrider_sidecar.config.current import Current
from outrider_sidecar.config.settings import Settings, SettingsError
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
    _check_keys(local.served, credentials, say)
    stop, hurry = asyncio.Event(), asyncio.Event()
    _on_signals(stop, hurry, say)
    telemetry = _telemetry(log, say)
    proxy = Proxy(settings, current, credentials, telemetry)
    try:
        await proxy.start()
        await _until_told(proxy, local, source, stop, hurry, say)
    except (PortTaken, SettingsError) as error:
        raise UnusableError(str(error)) from None
    finally:
        await proxy.close()
        telemetry.close()


async def _until_told(
    proxy: Proxy,
    local: Local,
    source: Sequence[Path] | environment.Found,
    stop: asyncio.Event,
    hurry: asyncio.Event,
    say: Say,
) -> None:
    """Serve until `stop`, then until everything in flight is answered, or `hurry`."""
    routes = local.served.routes.values()
    providers = {backend.provider for route in routes for backend in route.backends.values()}
    base = f"http://127.0.0.1:{proxy.port}"
    say(f"OpenAI SDKs     OPENAI_BASE_URL={base}/v1{_unserved(providers, 'Anthropic')}")
    say(f"Anthropic SDKs  ANTHROPIC_BASE_URL={base}{_unserved(providers, 'OpenAI')}")
    async with asyncio.TaskGroup() as tasks:
        if not isinstance(source, environment.Found):
            say("watching the manifests; Ctrl-C ends")
            tasks.create_task(local.watch(source, stop))
        await stop.wait()
    ends = [asyncio.create_task(proxy.drain()), asyncio.create_task(hurry.wait())]
    _, late = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def _on_signals(stop: asyncio.Event, hurry: asyncio.Event, say: Say) -> None:
    """The first signal ends politely, the second at once."""

    def told() -> None:
        if stop.is_set():
            hurry.set()
        else:
            stop.set()
            say("ending when the requests in flight are answered; Ctrl-C again ends at once")

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told)


def _unserved(providers: Set[str], family: str) -> str:
    """A remark for the other SDK when every backend speaks the dialect of `family`."""
    others = {"OpenAI": {"OpenAI", "OpenAICompatible"}, "Anthropic": {"Anthropic"}}
    return "  (no backend speaks its dialect)" if providers <= others[family] else ""


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
    """Tell which keys are missing or kept back; raises UnusableError when no backend is left."""
    missing = list(keys.problems(served, credentials))
    for problem in missing:
        say(f"{problem}: set {problem.in_environment}, or {problem.in_file} in --credentials DIR")
    backends = sum(len(route.backends) for route in served.routes.values())
    if missing and len(missing) == backends:
        raise UnusableError("no backend may use a key, so nothing can be called")


def _telemetry(log: Log, say: Say) -> Telemetry:
    hasher = Hasher()
    if log == "json":
        return Telemetry(to_stdout(hasher), hasher)
    telemetry = Telemetry(None, hasher)
    telemetry.sinks.append(lambda record: say(request_line(record)))
    return telemetry
