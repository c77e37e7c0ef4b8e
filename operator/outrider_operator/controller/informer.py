"""kopf as our informer, the only module that imports it.

It watches; a handler stores what it saw and marks the namespace, nothing else: an error in a
handler would be logged and lost.

kopf runs in a thread and on a loop of its own, because it thinks the loop is its own: it takes
the process's signals, and when it ends it cancels every task that started after it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

import kopf

from outrider_operator.controller.errors import WatchEnded
from outrider_operator.controller.held import NAME
from outrider_operator.controller.kube import Kube
from outrider_operator.controller.objects import GROUP, PLURALS, VERSION, observed
from outrider_operator.controller.store import Store

WATCH_SECONDS: Final = 290
WATCH_CLIENT_SECONDS: Final = 310
CONNECT_SECONDS: Final = 10
END_SECONDS: Final = 10
BACKOFF_SECONDS: Final = (0.5, 1, 1)

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Informer:
    """Watches the three kinds and the ConfigMaps `outrider-snapshot`.

    `mark` is told of a namespace to look at; `heard` of a ConfigMap's namespace and
    resourceVersion, and says whether that is news. Both are called on the loop of `run`.
    """

    def __init__(
        self,
        kube: Kube,
        store: Store,
        mark: Callable[[str], None],
        heard: Callable[[str, int], bool],
        namespaces: tuple[str, ...] = (),
    ) -> None:
        self._kube = kube
        self._store = store
        self._mark = mark
        self._heard = heard
        self._namespaces = namespaces
        self.started = False

    async def run(self) -> None:
        """Watch until cancelled; raises `WatchEnded` when kopf gives up."""
        loop = asyncio.get_running_loop()
        ending = asyncio.Event()
        operator = _Operator(self._registry(loop, ending), self._namespaces)
        with ThreadPoolExecutor(1, "kopf") as thread:
            ran = loop.run_in_executor(thread, operator.run)
            ends = asyncio.create_task(ending.wait(), name="kopf ends")
            either: set[asyncio.Future[Any]] = {ran, ends}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self.started = False
                ends.cancel()
                operator.stop()
                if not await _over(ran):
                    operator.force()
                    await asyncio.wait([ran])
                error = ran.exception()
        reason = error.args[0] if error and error.args else type(error).__name__
        raise WatchEnded(f"the watches ended: {reason}") from error

    def _registry(
        self, loop: asyncio.AbstractEventLoop, ending: asyncio.Event
    ) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        async def there(work: Coroutine[Any, Any, T]) -> T:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

        @kopf.on.startup(registry=registry)
        async def started(**_: Any) -> None:
            loop.call_soon_threadsafe(self._start)

        @kopf.on.cleanup(registry=registry)
        async def ended(**_: Any) -> None:
            loop.call_soon_threadsafe(ending.set)

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.ConnectionInfo:
            return await there(_connection(self._kube))

        for plural in PLURALS.values():

            @kopf.on.event(GROUP, VERSION, plural, registry=registry, id=plural)
            async def seen(event: kopf.RawEvent, **_: Any) -> None:
                loop.call_soon_threadsafe(self._object, event)

        @kopf.on.event("", "v1", "configmaps", registry=registry, id="snapshots")
        async def snapshot_seen(event: kopf.RawEvent, **_: Any) -> None:
            loop.call_soon_threadsafe(self._snapshot, event)

        return registry

    def _start(self) -> None:
        self.started = True
        logger.info("watching %s", ", ".join(self._namespaces) or "all namespaces")

    def _object(self, event: Any) -> None:
        body = event["object"]
        if event["type"] == "DELETED":
            metadata = body["metadata"]
            namespace = self._store.remove(metadata["uid"], int(metadata["resourceVersion"]))
            if namespace is not None:
                self._mark(namespace)
            return
        seen = observed(body["kind"], body)
        if self._store.put(seen):
            self._mark(seen.namespace)

    def _snapshot(self, event: Any) -> None:
        metadata = event["object"]["metadata"]
        namespace = metadata["namespace"]
        if self._heard(namespace, int(metadata["resourceVersion"])):
            self._mark(namespace)


class _Operator:
    """One run of kopf, for a thread."""

    def __init__(self, registry: kopf.OperatorRegistry, namespaces: tuple[str, ...]) -> None:
        self._registry = registry
        self._namespaces = namespaces
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_aside)
        self._stop = asyncio.Event()

    def run(self) -> None:
        """Blocks until kopf ends, whyever."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(
                kopf.operator(
                    registry=self._registry,
                    settings=_settings(),
                    standalone=True,
                    clusterwide=not self._namespaces,
                    namespaces=self._namespaces,
                    stop_flag=self._stop,
                )
            )

    def stop(self) -> None:
        """Ask it to end, from another thread; once it has ended, nothing."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)

    def force(self) -> None:
        """End it, tasks and all: kopf may wait for ever for one that it has cancelled."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)


async def _over(ran: asyncio.Future[None]) -> bool:
    """Whether kopf has ended, within the time that this takes it."""
    done, _ = await asyncio.wait([ran], timeout=END_SECONDS)
    return bool(done)


def _aside(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Of watches that fail together kopf tells the first; the others are forgotten tasks."""
    logger.debug("in kopf: %s", context.get("exception") or context.get("message"))


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.networking.error_backoffs = BACKOFF_SECONDS
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.client_timeout = WATCH_CLIENT_SECONDS
    settings.watching.connect_timeout = CONNECT_SECONDS
    settings.watching.field_selectors["", "v1", "configmaps"] = f"metadata.name={NAME}"
    settings.queueing.exit_timeout = 0
    settings.process.ultimate_exiting_timeout = None
    return settings


async def _connection(kube: Kube) -> kopf.ConnectionInfo:
    """The client's own login, in kopf's words."""
    known = kube.configuration
    header = await known.get_api_key_with_prefix("BearerToken", alias="authorization") or ""
    scheme, _, token = header.rpartition(" ")
    return kopf.ConnectionInfo(
        server=known.host,
        ca_path=known.ssl_ca_cert,
        ca_data=known.ca_cert_data,
        insecure=not known.verify_ssl,
        username=known.username or None,
        password=known.password or None,
        scheme=scheme or None,
        token=token or None,
        certificate_path=known.cert_file,
        private_key_path=known.key_file,
        proxy_url=known.proxy,
        trust_env=True,
    )
