"""The Lease that lets one controller write.

15 s of validity, renewal every 2 s, given up when 10 s passed without one. Another's Lease is
judged by this process's own clock from when it was last seen to change, never by its times:
clocks differ. Losing it ends the process; what a late write could still do is stopped by the
resourceVersion in it.
"""

import asyncio
import datetime
import logging
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from outrider_operator.controller.errors import (
    Conflict,
    ControllerError,
    KubeError,
    LeaseLost,
    NotFound,
)
from outrider_operator.controller.kube import Kube

NAME: Final = "outrider-controller"
VALID_SECONDS: Final = 15
GIVE_UP_SECONDS: Final = 10
RENEW_SECONDS: Final = 2

logger = logging.getLogger(__name__)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A Lease as it is stored; `version` is its resourceVersion."""

    holder: str
    acquired: str
    renewed: str
    seconds: int
    transitions: int
    version: str


def decide(identity: str, record: Record, unchanged_for: float) -> Literal["renew", "take", "wait"]:
    """What a candidate may do about `record`, which it saw unchanged for so many seconds."""
    if record.holder == identity:
        return "renew"
    if not record.holder or unchanged_for >= record.seconds:
        return "take"
    return "wait"


class Lease:
    """One candidate's view of the Lease."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        identity: str,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self.identity = identity
        self.holder = ""
        self._kube = kube
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._namespace = namespace
        self._sleep = sleep
        self._seen: Record | None = None
        self._seen_at = 0.0
        self._renewed_at = 0.0

    async def acquire(self) -> None:
        """Wait until this candidate holds the Lease. Says whom it waits for, once per holder."""
        told = ""
        while not await self._try():
            if self.holder != told:
                told = self.holder
                logger.info("waiting for Lease %s/%s, held by %s", self._namespace, NAME, told)
            await self._sleep(RENEW_SECONDS)
        logger.info("Lease %s/%s taken as %s", self._namespace, NAME, self.identity)

    async def hold(self) -> None:
        """Renew for ever; raises `LeaseLost`."""
        while True:
            await self._sleep(RENEW_SECONDS)
            try:
                held = await self._try(renewing=True)
            except ControllerError as error:
                held = True
                logger.warning("Lease not renewed: %s", error)
            if not held:
                raise LeaseLost(
                    f"Lease {self._namespace}/{NAME} was taken by {self.holder or 'nobody'}"
                )
            if _now() - self._renewed_at > GIVE_UP_SECONDS:
                raise LeaseLost(
                    f"Lease {self._namespace}/{NAME} could not be renewed for {GIVE_UP_SECONDS} s"
                )

    def check(self) -> None:
        """Raise `LeaseLost` when the Lease may have run out, whoever has it now."""
        if _now() - self._renewed_at >= VALID_SECONDS:
            raise LeaseLost(
                f"Lease {self._namespace}/{NAME} was last renewed over {VALID_SECONDS} s ago"
            )

    async def release(self) -> None:
        """Give the Lease up if it is still ours, so that the next one need not wait."""
        try:
            record = await self._read()
            if record is not None and record.holder == self.identity:
                await self._write(msgspec.structs.replace(record, holder="", seconds=1))
        except ControllerError as error:
            logger.warning("Lease not released, the next holder waits it out: %s", error)

    async def _try(self, renewing: bool = False) -> bool:
        record = await self._read()
        if record is None:
            if renewing:
                return False
            record = Record(
                holder="", acquired="", renewed="", seconds=0, transitions=0, version=""
            )
        if self._seen is None or record != self._seen:
            self._seen, self._seen_at = record, _now()
        self.holder = record.holder
        step = decide(self.identity, record, _now() - self._seen_at)
        if step == "wait" or (renewing and step == "take"):
            return False
        moment = _micro_time()
        taken = msgspec.structs.replace(
            record,
            holder=self.identity,
            renewed=moment,
            seconds=VALID_SECONDS,
            acquired=record.acquired if step == "renew" else moment,
            transitions=record.transitions + (step == "take" and bool(record.version)),
        )
        try:
            await self._write(taken)
        except Conflict:
            return renewing
        self.holder, self._renewed_at = self.identity, _now()
        return True

    async def _read(self) -> Record | None:
        try:
            body = await self._kube.call("GET", f"{self._path}/{NAME}", seconds=RENEW_SECONDS * 2)
        except NotFound:
            return None
        spec = body.get("spec") or {}
        return Record(
            holder=spec.get("holderIdentity") or "",
            acquired=spec.get("acquireTime") or "",
            renewed=spec.get("renewTime") or "",
            seconds=int(spec.get("leaseDurationSeconds") or 0),
            transitions=int(spec.get("leaseTransitions") or 0),
            version=body["metadata"]["resourceVersion"],
        )

    async def _write(self, record: Record) -> None:
        body: dict[str, Any] = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "namespace": self._namespace},
            "spec": {
                "holderIdentity": record.holder,
                "leaseDurationSeconds": record.seconds,
                "acquireTime": record.acquired or None,
                "renewTime": record.renewed or None,
                "leaseTransitions": record.transitions,
            },
        }
        method, path = "POST", self._path
        if record.version:
            method, path = "PUT", f"{self._path}/{NAME}"
            body["metadata"]["resourceVersion"] = record.version
        try:
            await self._kube.call(method, path, body=body, seconds=RENEW_SECONDS * 2)
        except NotFound as error:
            raise KubeError(
                404,
                f"namespace {self._namespace} for the Lease does not exist: create it with "
                f"kubectl create namespace {self._namespace}, or name another with --namespace",
            ) from error


def _now() -> float:
    return asyncio.get_running_loop().time()


def _micro_time() -> str:
    moment = datetime.datetime.now(datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
