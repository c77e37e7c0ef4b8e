"""Starting and ending the controller as a process."""

import asyncio
import logging
import math
import os
import signal
from pathlib import Path
from typing import Literal

from outrider_operator.controller import log
from outrider_operator.controller.controller import Controller, Options
from outrider_operator.controller.errors import ControllerError, LeaseLost
from outrider_operator.controller.kube import connect

logger = logging.getLogger(__name__)


def run(
    *,
    kubeconfig: Path | None = None,
    context: str | None = None,
    namespace: str = "outrider-system",
    watch_namespaces: tuple[str, ...] = (),
    port: int = 8080,
    log_format: Literal["text", "json"] = "text",
) -> int:
    """Run until SIGTERM or SIGINT; the exit code.

    0 after a signal, 1 when the Lease was lost, 2 when it cannot run here at all.
    """
    log.configure(log_format)
    code = 0
    try:
        options = Options(
            namespace=namespace,
            watch=watch_namespaces,
            port=port,
            drain_seconds=_drain_seconds(),
        )
        asyncio.run(_until_signalled(kubeconfig, context, options))
    except* LeaseLost as lost:
        logger.error("%s; this process may not write any more and ends", _first(lost))
        code = 1
    except* ControllerError as errors:
        logger.error("%s", _first(errors))
        code = 2
    return code


async def _until_signalled(kubeconfig: Path | None, context: str | None, options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with connect(kubeconfig, context) as kube:
        await Controller(kube, options).run(stop)


def _drain_seconds() -> float:
    text = os.environ.get("OUTRIDER_DRAIN_SECONDS", "25")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < math.inf:
        raise ControllerError(f"OUTRIDER_DRAIN_SECONDS={text} is no number of seconds; write 25")
    return seconds


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
