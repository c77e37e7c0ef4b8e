"""kopf as our informer, the only module that imports it.

It watches; a handler stores what it saw and marks the namespace, nothing else: an error in a
handler would be logged and lost. kopf must start last: when it ends it cancels every task of the
loop that started after it.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import kopf

from outrider_operator.controller.held import NAME
from outrider_operator.controller.kube import Kube
from outrider_operator.controller.objects import GROUP, PLURALS, VERSION, observed
from outrider_operator.controller.store import Store

WATCH_SECONDS = 290
WATCH_CLIENT_SECONDS = 310
CONNECT_SECONDS = 10

logger = logging.getLogger(__name__)


class Informer:
    """Watches the three kinds and the ConfigMaps `outrider-snapshot`.

    `mark` is told of a namespace to look at; `heard` of a ConfigMap's namespace and
    resourceVersion, and says whether that is news.
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
        """Watch until cancelled, then end kopf in an orderly way."""
        stop = asyncio.Event()
        kopf_runs = asyncio.create_task(
            kopf.operator(
                registry=self._registry(),
                settings=_settings(),
                standalone=True,
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                stop_flag=stop,
            ),
            name="kopf",
        )
        try:
            await asyncio.shield(kopf_runs)
        except asyncio.CancelledError:
            stop.set()
            with suppress(asyncio.CancelledError):
                await kopf_runs
            raise

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.startup(registry=registry)
        async def started(**_: Any) -> None:
            self.started = True
            logger.info("watching %s", ", ".join(self._namespaces) or "all namespaces")

        @kopf.on.cleanup(registry=registry)
        async def ended(**_: Any) -> None:
            self.started = False

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.ConnectionInfo:
            return await _connection(self._kube)

        for plural in PLURALS.values():

            @kopf.on.event(GROUP, VERSION, plural, registry=registry, id=plural)
            async def seen(event: kopf.RawEvent, **_: Any) -> None:
                self._object(event)

        @kopf.on.event("", "v1", "configmaps", registry=registry, id="snapshots")
        async def snapshot_seen(event: kopf.RawEvent, **_: Any) -> None:
            self._snapshot(event)

        return registry

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


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.client_timeout = WATCH_CLIENT_SECONDS
    settings.watching.connect_timeout = CONNECT_SECONDS
    settings.watching.field_selectors["", "v1", "configmaps"] = f"metadata.name={NAME}"
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
