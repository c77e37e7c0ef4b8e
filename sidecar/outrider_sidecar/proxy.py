"""The whole proxy in one object: what `outrider-sidecar` runs and `outrider dev` embeds."""

import logging
from random import Random
from typing import Final

from outrider_sidecar.api.admin import GATE_SECONDS, Admin
from outrider_sidecar.api.bounds import Bounds
from outrider_sidecar.api.handler import Handler
from outrider_sidecar.api.server import Listener
from outrider_sidecar.config.credentials import Credentials
from outrider_sidecar.config.current import Current
from outrider_sidecar.config.settings import Settings
from outrider_sidecar.limits.limiter import Limiter
from outrider_sidecar.telemetry.telemetry import Telemetry
from outrider_sidecar.upstream.client import Upstream

DATA_HOST: Final = "127.0.0.1"

logger = logging.getLogger(__name__)


class PortTaken(Exception):
    """A port cannot be listened on; the message says which, why, and how to choose another."""


class Proxy:
    """Data port and admin port over one `Current`.

    `hosts` are names allowed in Host and Origin beside loopback. `admin_host` '' is every
    address of the machine. `random` makes what is drawn repeatable, in tests.
    """

    def __init__(
        self,
        settings: Settings,
        current: Current,
        credentials: Credentials,
        telemetry: Telemetry,
        *,
        bounds: Bounds | None = None,
        hosts: frozenset[str] = frozenset(),
        admin_host: str = DATA_HOST,
        gate_seconds: float = GATE_SECONDS,
        random: Random | None = None,
    ) -> None:
        self._settings = settings
        self._current = current
        self._telemetry = telemetry
        self._bounds = bounds or Bounds()
        self._hosts = hosts
        self._admin_host = admin_host
        self._gate_seconds = gate_seconds
        self._limiter = Limiter(count=telemetry.metrics.limit)
        self._upstream = Upstream(credentials, allow_loopback=settings.allow_loopback)
        self._handler = Handler(
            current,
            self._limiter,
            self._upstream,
            telemetry,
            bounds=self._bounds,
            hosts=hosts,
            random=random,
        )
        self._admin: Admin | None = None
        self._data_listener: Listener | None = None
        self._admin_listener: Listener | None = None
        self.port = settings.port
        self.admin_port = settings.admin_port

    async def start(self) -> None:
        """Listens on both ports; afterwards ``port`` and ``admin_port`` are the real ones.

        Raises `PortTaken`, and `SettingsError` for a proxy of the environment that is none.
        """
        self._current.listeners += [self._telemetry.follow, self._forget_policies]
        self._telemetry.follow(self._current)
        self._admin = Admin(
            self._current,
            self._telemetry,
            bounds=self._bounds,
            hosts=self._hosts,
            gate_seconds=self._gate_seconds,
        )
        self._data_listener = Listener(self._handler, self._bounds)
        self._admin_listener = Listener(self._admin, self._bounds)
        try:
            await self._upstream.start()
            self.port = await _listen(
                self._data_listener, DATA_HOST, self._settings.port, "port", "OUTRIDER_PORT"
            )
            self.admin_port = await _listen(
                self._admin_listener,
                self._admin_host,
                self._settings.admin_port,
                "admin port",
                "OUTRIDER_ADMIN_PORT",
            )
        except BaseException:
            await self.close()
            raise

    async def drain(self) -> None:
        """Takes nothing new, lets what is in flight finish for ``drain_seconds``, then closes.

        Connections that stand get a 503 with ``Connection: close`` for a new request, so that
        a client's pool learns to leave.
        """
        if self._admin is not None:
            self._admin.draining = True
        if self._data_listener is not None:
            self._data_listener.stop_accepting()
        if not await self._handler.drain(self._settings.drain_seconds):
            logger.warning(
                "requests in flight were ended after %g s of drain; OUTRIDER_DRAIN_SECONDS and "
                "the pod's terminationGracePeriodSeconds say how long they may take",
                self._settings.drain_seconds,
            )
        await self.close()

    async def close(self) -> None:
        """Ends everything at once. May be repeated."""
        for listener in (self._data_listener, self._admin_listener):
            if listener is not None:
                await listener.close()
        await self._upstream.close()
        for followed in (self._telemetry.follow, self._forget_policies):
            if followed in self._current.listeners:
                self._current.listeners.remove(followed)

    def _forget_policies(self, current: Current) -> None:
        if current.table is not None:
            self._limiter.retain([limit.name for limit in current.table.snapshot.limits])


async def _listen(listener: Listener, host: str, port: int, what: str, variable: str) -> int:
    try:
        return await listener.listen(host, port)
    except OSError as error:
        flag = "--" + what.replace(" ", "-")
        raise PortTaken(
            f"{what} {port} cannot be listened on ({error.strerror}): is another outrider "
            f"running? Set {variable} or {flag} to a free port"
        ) from error
