"""`outrider-sidecar`: one pod's proxy, from its environment to its exit code."""

import argparse
import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from outrider_sidecar import __version__
from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.config.current import Current
from outrider_sidecar.config.loader import Loader
from outrider_sidecar.config.settings import Settings, SettingsError, from_environment
from outrider_sidecar.proxy import PortTaken, Proxy
from outrider_sidecar.telemetry.hashes import Hasher
from outrider_sidecar.telemetry.log import configure, to_stdout
from outrider_sidecar.telemetry.telemetry import Telemetry

WRONG_ENVIRONMENT: Final = 2

_EVERYWHERE: Final = ""
_COLLECT_AFTER: Final = 10_000
_ENVIRONMENT: Final = """\
environment:
  OUTRIDER_CONFIG_DIR       directory that holds snapshot.json (required)
  OUTRIDER_STATE_DIR        where the snapshot in use is kept for the next start
  OUTRIDER_CREDENTIALS_DIR  provider keys as <secret>/<key>
  OUTRIDER_PORT             port for applications, on 127.0.0.1 (4141)
  OUTRIDER_ADMIN_PORT       port for probes and metrics (4142)
  OUTRIDER_ALLOW_LOOPBACK   whether backends may be on this machine (false)
  OUTRIDER_LOG_LEVEL        DEBUG, INFO, WARNING or ERROR (INFO)
  OUTRIDER_DRAIN_SECONDS    how long requests in flight may take at exit (25)

exit codes: 0 after a signal, 2 when the environment cannot be used.
"""

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs until SIGTERM or SIGINT; exits the process."""
    parser = argparse.ArgumentParser(
        prog="outrider-sidecar",
        description="The proxy that carries one pod's LLM traffic.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.parse_args(arguments)
    try:
        settings = from_environment()
        configure(settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, settings.config_dir or Path()))
    except (SettingsError, PortTaken) as error:
        print(f"outrider-sidecar: {error}", file=sys.stderr)
        sys.exit(WRONG_ENVIRONMENT)


async def serve(settings: Settings, directory: Path) -> None:
    """Serves the snapshots of `directory` until a signal ends it; a second signal does not wait
    for requests in flight."""
    stop, hurry = asyncio.Event(), asyncio.Event()
    _on_signals(stop, hurry)
    telemetry = Telemetry(to_stdout(hasher := Hasher()), hasher)
    current = Current()
    loader = Loader(directory, settings.state_dir, current)
    credentials = FileCredentials(settings.credentials_dir)
    proxy = Proxy(settings, current, credentials, telemetry, admin_host=_EVERYWHERE)
    try:
        await loader.start()
        await proxy.start()
        _tune_collector()
        logger.info(
            "outrider-sidecar %s serves port %d, admin port %d",
            __version__,
            proxy.port,
            proxy.admin_port,
        )
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(loader.run(), name="loader")
            await stop.wait()
            logger.info("a signal came: no new requests, %g s to drain", settings.drain_seconds)
            await _first(proxy.drain(), hurry.wait())
            following.cancel()
    finally:
        await proxy.close()
        telemetry.close()


def _tune_collector() -> None:
    """Makes the cycle collector look away from what stands at the start, and look less often.

    A request leaves next to no cycles but makes hundreds of objects: at Python's own thresholds
    collections take a seventh of all CPU time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)


def _on_signals(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    def told() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)


async def _first(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Waits for the first to end, and ends the others."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    main()
