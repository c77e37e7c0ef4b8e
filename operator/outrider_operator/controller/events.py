"""Events (events.k8s.io/v1): what happened, where `kubectl describe` shows it.

An Event's name is made from what it says of whom, so that the same one is stored once whoever
posts it, also after a restart between a publication and its Event.
"""

import datetime
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

import msgspec

from outrider_operator.compiler.facts import Facts, PolicyFacts
from outrider_operator.controller.errors import Conflict, Forbidden, KubeError, NotFound
from outrider_operator.controller.held import NAME, Held
from outrider_operator.controller.kube import Kube
from outrider_operator.controller.notes import shortened
from outrider_operator.controller.objects import API, Observed
from outrider_operator.controller.told import Told

REMEMBERED: Final = 20_000
NEWS_SECONDS: Final = 600
NOTE_BYTES: Final = 1024
TARGET_REASON: Final = "TargetNotServed"
REPORTER: Final = "outrider.dev/controller"

logger = logging.getLogger(__name__)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One Event. `occasion` tells it from an earlier one about the same object and reason."""

    type: Literal["Normal", "Warning"]
    reason: str
    note: str
    namespace: str
    api: str
    kind: str
    name: str
    uid: str
    occasion: str

    @property
    def key(self) -> str:
        """Equal for Events that say the same of the same object on the same occasion."""
        parts = (self.uid or self.name, self.reason, self.occasion)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def of_conditions(seen: Observed, conditions: Iterable[dict[str, Any]]) -> list[Event]:
    """A Warning for each condition that says what to mend."""
    return [
        Event(
            type="Warning",
            reason=condition["reason"],
            note=condition["message"],
            namespace=seen.namespace,
            api=API,
            kind=seen.kind,
            name=seen.name,
            uid=seen.uid,
            occasion=f"{seen.generation} {condition['lastTransitionTime']}",
        )
        for condition in conditions
        if (condition["type"], condition["status"])
        in (("Accepted", "False"), ("ResolvedRefs", "False"), ("Conflicted", "True"))
        or condition["reason"] == "NotPublished"
    ]


def of_targets(seen: Observed, facts: Facts | None) -> list[Event]:
    """A Warning that names the targets of a policy where it limits nothing."""
    if not isinstance(facts, PolicyFacts):
        return []
    missing = [target for target in facts.targets if not target.accepted]
    if not missing:
        return []
    return [
        Event(
            type="Warning",
            reason=TARGET_REASON,
            note="; ".join(target.message for target in missing) + "; nothing is limited there",
            namespace=seen.namespace,
            api=API,
            kind=seen.kind,
            name=seen.name,
            uid=seen.uid,
            occasion=f"{seen.generation} {' '.join(target.name for target in missing)}",
        )
    ]


def of_publication(
    namespace: str, held: Held, objects: Sequence[Observed], now: float
) -> list[Event]:
    """What the publication did, said on each route it concerns, while it is news."""
    if now - held.generation > NEWS_SECONDS:
        return []
    events = []
    for note in held.notes:
        about = [
            (API, seen.kind, seen.name, seen.uid)
            for seen in objects
            if seen.kind == "LLMRoute"
            and (seen.spec.get("prompt") or {}).get("name") == note.prompt
        ]
        for api, kind, name, uid in about if note.prompt else [("v1", "ConfigMap", NAME, "")]:
            events.append(
                Event(
                    type="Normal" if note.reason == "SplitChanged" else "Warning",
                    reason=note.reason,
                    note=note.text,
                    namespace=namespace,
                    api=api,
                    kind=kind,
                    name=name,
                    uid=uid,
                    occasion=str(held.generation),
                )
            )
    return events


class Poster:
    """Posts Events once. It remembers so many and no more."""

    def __init__(self, kube: Kube, instance: str, now: Callable[[], datetime.datetime]) -> None:
        self._kube = kube
        self._instance = instance
        self._now = now
        self._posted: OrderedDict[str, None] = OrderedDict()
        self._told = Told()

    async def post(self, events: Iterable[Event]) -> None:
        """Post those that are new. One that the API server refuses is logged and let go."""
        for event in events:
            if event.key in self._posted:
                continue
            try:
                await self._kube.create(
                    f"/apis/events.k8s.io/v1/namespaces/{event.namespace}/events",
                    self._body(event),
                )
            except Conflict:
                logger.debug("Event %s of %s is there already", event.reason, event.name)
            except KubeError as error:
                leaving = isinstance(error, NotFound) or (
                    isinstance(error, Forbidden) and error.terminating
                )
                if not leaving and self._told.news("", f"{event.namespace} {error}"):
                    logger.warning(
                        "namespace %s: Event %s of %s refused: %s",
                        event.namespace,
                        event.reason,
                        event.name,
                        error,
                    )
            self._posted[event.key] = None
            if len(self._posted) > REMEMBERED:
                self._posted.popitem(last=False)

    def _body(self, event: Event) -> dict[str, Any]:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{event.name[:200]}.{event.key}",
                "namespace": event.namespace,
            },
            "eventTime": self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": event.type,
            "reason": event.reason,
            "action": "Publish",
            "note": shortened(event.note, NOTE_BYTES),
            "reportingController": REPORTER,
            "reportingInstance": self._instance[:128],
            "regarding": {
                "apiVersion": event.api,
                "kind": event.kind,
                "namespace": event.namespace,
                "name": event.name,
                **({"uid": event.uid} if event.uid else {}),
            },
        }
