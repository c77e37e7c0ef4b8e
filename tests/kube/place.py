"""One namespace as its platform team sees it: what they apply, and what became of it."""

import json
import re
from dataclasses import dataclass
from typing import Any

from kube.apiserver import ApiServer
from kube.manifests import Manifest, as_yaml
from kube.view import OUTRIDER, PATIENCE_SECONDS, Object, View
from outrider_operator.controller.objects import PLURALS
from outrider_operator.controller.status import OWNED
from outrider_sidecar.snapshot import Snapshot, decode

SNAPSHOT = "outrider-snapshot"


@dataclass(frozen=True)
class Place:
    """A namespace of `server`."""

    server: ApiServer
    view: View
    namespace: str

    @property
    def configmaps(self) -> str:
        """The path of its ConfigMaps."""
        return f"/api/v1/namespaces/{self.namespace}/configmaps"

    def path(self, kind: str) -> str:
        """The path of its objects of a kind."""
        return f"{OUTRIDER}/namespaces/{self.namespace}/{PLURALS[kind]}"

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints, run in the namespace."""
        return self.server.kubectl("-n", self.namespace, *arguments, stdin=stdin).stdout

    def apply(self, *manifests: Manifest) -> None:
        """`kubectl apply` of manifests in one file."""
        self.kubectl("apply", "-f", "-", stdin=as_yaml(*manifests))

    def weigh(self, version: str, weight: int) -> None:
        """The edit that a canary is."""
        patch = f'{{"spec":{{"weight":{weight}}}}}'
        self.kubectl("patch", "prv", version, "--type", "merge", "-p", patch)

    def configmap(self) -> Object | None:
        """The namespace's ConfigMap, if there is one."""
        return self.view.get(self.configmaps, SNAPSHOT)

    def published(
        self, above: int = 0, holds: Any = lambda _: True, seconds: float = PATIENCE_SECONDS
    ) -> Snapshot:
        """The snapshot in the ConfigMap, once its generation is above and `holds` of it."""

        def wanted(body: Object) -> bool:
            text = (body.get("data") or {}).get("snapshot.json")
            if text is None:
                return False
            snapshot = decode(text.encode())
            return snapshot.generation > above and bool(holds(snapshot))

        body = self.view.until(self.configmaps, SNAPSHOT, wanted, seconds)
        return decode(body["data"]["snapshot.json"].encode())

    def published_instead_of(self, snapshot: Snapshot) -> Snapshot:
        """The next snapshot in the ConfigMap, whatever somebody wrote there meanwhile."""

        def wanted(body: Object) -> bool:
            text = (body.get("data") or {}).get("snapshot.json", "{}")
            return int(json.loads(text).get("generation", 0)) > snapshot.generation

        body = self.view.until(self.configmaps, SNAPSHOT, wanted)
        return decode(body["data"]["snapshot.json"].encode())

    def told(self, kind: str, name: str, *expected: str) -> Object:
        """The object, once its status is of its generation and says each ``Type=Status/Reason``."""

        def wanted(body: Object) -> bool:
            status = body.get("status") or {}
            current = status.get("observedGeneration") == body["metadata"]["generation"]
            return current and set(expected) <= set(conditions(body))

        return self.view.until(self.path(kind), name, wanted)

    def served(self, version: str, share: str) -> Object:
        """The PromptVersion, once its status says that it has this share."""

        def wanted(body: Object) -> bool:
            return (body.get("status") or {}).get("share") == share

        return self.view.until(self.path("PromptVersion"), version, wanted)

    def everything(self) -> dict[str, Any]:
        """ConfigMap, the controller's part of every status, and Events, without times."""
        body = self.configmap()
        snapshot = decode(body["data"]["snapshot.json"].encode()) if body else None
        return {
            "snapshot": snapshot,
            "status": {
                (kind, item["metadata"]["name"]): _timeless(item.get("status") or {})
                for kind in PLURALS
                for item in self.view.call("GET", self.path(kind))["items"]
            },
            "events": sorted(
                (item["regarding"]["name"], item["reason"], item["note"]) for item in self.events()
            ),
        }

    def events(self) -> list[Object]:
        """The Events that the controller posted here."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        items: list[Object] = self.view.call("GET", path)["items"]
        return [
            each for each in items if each.get("reportingController") == "outrider.dev/controller"
        ]

    def event(self, reason: str, about: str, text: str = "") -> Object:
        """The Event with this reason about this object and with `text` in it, once it is there."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"

        def wanted(body: Object) -> bool:
            said = (body["reason"], body["regarding"]["name"]) == (reason, about)
            return said and re.search(text, body["note"]) is not None

        return self.view.until_any(path, wanted)

    def versions(self) -> dict[str, str]:
        """The resourceVersion of the ConfigMap and of all objects, which every write moves."""
        body = self.configmap()
        found = {"ConfigMap": body["metadata"]["resourceVersion"]} if body else {}
        for kind in PLURALS:
            for item in self.view.call("GET", self.path(kind))["items"]:
                found[f"{kind}/{item['metadata']['name']}"] = item["metadata"]["resourceVersion"]
        return found


def conditions(body: Object) -> list[str]:
    """The conditions of an object as ``Type=Status/Reason``."""
    listed = (body.get("status") or {}).get("conditions") or []
    return [f"{each['type']}={each['status']}/{each['reason']}" for each in listed]


def message(body: Object, condition: str) -> str:
    """The message of one condition."""
    listed: list[Object] = body["status"]["conditions"]
    return str(next(each["message"] for each in listed if each["type"] == condition))


def _timeless(status: Object) -> Object:
    mine = {name: value for name, value in status.items() if name in OWNED}
    for condition in mine.get("conditions", ()):
        del condition["lastTransitionTime"]
    return mine
