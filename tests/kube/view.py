"""The API server as a test looks at it: objects by path, and waiting on watches."""

import http.client
import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlencode

from kube.apiserver import ApiServer

OUTRIDER = "/apis/outrider.dev/v1alpha1"
PATIENCE_SECONDS = 60

Object = dict[str, Any]


class View:
    """Reads and writes with the rights of the tests' kubeconfig, through ``kubectl proxy``."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, method: str, path: str, body: Any = None, kind: str = "json") -> Object:
        """The answer's object, of an error its Status with `code`."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            content = {"json": "application/json", "merge": "application/merge-patch+json"}[kind]
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": content})
            answer: Object = json.loads(connection.getresponse().read())
            return answer

    def create_namespace(self, prefix: str) -> str:
        """The name of a fresh one."""
        name = f"{prefix}-{uuid.uuid4().hex[:12]}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        made = self.call("POST", "/api/v1/namespaces", body)
        assert made["kind"] == "Namespace", made
        return name

    def delete_namespace(self, name: str) -> None:
        """Delete it, if it is there, without waiting for it to be gone."""
        self.call("DELETE", f"/api/v1/namespaces/{name}")

    def get(self, collection: str, name: str) -> Object | None:
        """One object, None when it is not there."""
        answer = self.call("GET", f"{collection}/{name}")
        if answer.get("kind") == "Status":
            assert answer["code"] == 404, answer
            return None
        return answer

    def until(
        self,
        collection: str,
        name: str,
        holds: Callable[[Object], bool],
        seconds: float = PATIENCE_SECONDS,
    ) -> Object:
        """The object as soon as `holds` of it; fails the test with its last form."""
        last: Object | None = None
        for last in self.forms(collection, name, seconds):
            if last is not None and holds(last):
                return last
        raise AssertionError(f"{collection}/{name} stayed {json.dumps(last, indent=1)}")

    def until_any(
        self, collection: str, holds: Callable[[Object], bool], seconds: float = PATIENCE_SECONDS
    ) -> Object:
        """The first object of the collection of which `holds`."""
        seen: list[Object] = []
        for body in self.forms(collection, "", seconds):
            if body is not None:
                if holds(body):
                    return body
                seen.append(body)
        raise AssertionError(f"none of {collection}: {json.dumps(seen, indent=1)}")

    def until_gone(self, collection: str, name: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Returns once there is no such object."""
        last: Object | None = None
        for last in self.forms(collection, name, seconds):
            if last is None:
                return
        raise AssertionError(f"{collection}/{name} stayed {json.dumps(last, indent=1)}")

    def forms(self, collection: str, name: str, seconds: float) -> Iterator[Object | None]:
        """The object (without a name: each) as it is now, then whenever it changes.

        None when there is none, or not any more.
        """
        selector = {"fieldSelector": f"metadata.name={name}"} if name else {}
        listed = self.call("GET", f"{collection}?{urlencode(selector)}")
        yield from listed["items"] or [None]
        query = {
            **selector,
            "watch": "1",
            "resourceVersion": listed["metadata"]["resourceVersion"],
            "timeoutSeconds": str(int(seconds)),
        }
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds + 10)
        ) as connection:
            connection.request("GET", f"{collection}?{urlencode(query)}")
            for line in connection.getresponse():
                event = json.loads(line)
                assert event["type"] != "ERROR", event
                yield None if event["type"] == "DELETED" else event["object"]


@contextmanager
def viewing(server: ApiServer) -> Iterator[View]:
    """A view of `server`; its ``kubectl proxy`` ends with it."""
    proxy = subprocess.Popen(
        [server.kubectl_path, "proxy", "--port=0"],
        stdout=subprocess.PIPE,
        env=server.environment,
        text=True,
    )
    try:
        assert proxy.stdout is not None
        line = proxy.stdout.readline()
        yield View(int(line.rsplit(":", 1)[1]))
    finally:
        proxy.terminate()
        proxy.communicate(timeout=10)
