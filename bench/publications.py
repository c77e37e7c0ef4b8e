"""Publications through `kubectl apply`: the real controller on a real kube-apiserver.

``python -m bench.publications`` with ``tests`` on PYTHONPATH prints the rows of the table. Every
apply carries another weight, and the next one waits until the ConfigMap holds what it asked for;
a publication is a generation that was seen there.
"""

import queue
import statistics
import sys
import threading
import time
import uuid
from contextlib import ExitStack

from kube.apiserver import running_api_server
from kube.controllers import Controller
from kube.manifests import route, version
from kube.place import SNAPSHOT, Place
from kube.view import View, viewing
from outrider_sidecar.snapshot import Snapshot, decode

PATIENCE_SECONDS = 60
WATCH_SECONDS = 600


class Publications:
    """The snapshots of one ConfigMap with the moments at which a watch brought them."""

    def __init__(self, view: View, collection: str) -> None:
        self._seen: queue.Queue[tuple[float, Snapshot]] = queue.Queue()
        self._view, self._collection = view, collection
        threading.Thread(target=self._watch, daemon=True).start()

    def next_with(self, goal: int) -> tuple[float, Snapshot]:
        """The next one in which the canary has this goal, of 10,000."""
        while True:
            moment, snapshot = self._seen.get(timeout=PATIENCE_SECONDS)
            prompt = snapshot.prompts.get("answer")
            if prompt is not None and prompt.versions["v8"].goal == goal:
                return moment, snapshot

    def _watch(self) -> None:
        for body in self._view.forms(self._collection, SNAPSHOT, WATCH_SECONDS):
            text = ((body or {}).get("data") or {}).get("snapshot.json")
            if text is not None:
                self._seen.put((time.perf_counter(), decode(text.encode())))


def measure(place: Place, count: int) -> tuple[float, list[float], list[float]]:
    """Publications a minute, and in ms from each apply's start and return to the ConfigMap."""
    seen = Publications(place.view, place.configmaps)
    place.apply(route(), version("v7", 5000), version("v8", 5000))
    _, last = seen.next_with(5000)
    generations, from_start, from_return = set(), [], []
    began = time.perf_counter()
    for number in range(1, count + 1):
        started = time.perf_counter()
        place.apply(route(), version("v7", 5000 + number), version("v8", 5000 - number))
        returned = time.perf_counter()
        visible, snapshot = seen.next_with(5000 - number)
        if snapshot.generation <= last.generation:
            raise RuntimeError(f"generation {snapshot.generation} after {last.generation}")
        last = snapshot
        generations.add(snapshot.generation)
        from_start.append((visible - started) * 1000)
        from_return.append(max(0.0, visible - returned) * 1000)
    minutes = (time.perf_counter() - began) / 60
    return len(generations) / minutes, from_start, from_return


def main() -> int:
    """Measure as many as the argument says and print the table."""
    count = int(sys.argv[1])
    with ExitStack() as stack:
        server = stack.enter_context(running_api_server())
        view = stack.enter_context(viewing(server))
        names = [f"{name}-{uuid.uuid4().hex[:8]}" for name in ("bench", "system")]
        for name in names:
            server.kubectl("create", "namespace", name)
            stack.callback(server.try_kubectl, "delete", "namespace", name, "--wait=false")
        controller = Controller(server, ["--namespace", names[1]], {}, None)
        stack.callback(controller.kill)
        controller.watching()
        rate, from_start, from_return = measure(Place(server, view, names[0]), count)
    print("| what | measured | to reach |")
    print("|---|---|---|")
    print(f"| publications a minute, each waited for | **{rate:.0f}** | >= 25 |")
    for title, waits in (
        ("`kubectl apply` returned to ConfigMap visible", from_return),
        ("`kubectl apply` started to ConfigMap visible", from_start),
    ):
        p95 = statistics.quantiles(waits, n=20)[18]
        print(f"| {title}: p50, p95 | {statistics.median(waits):.0f} ms, {p95:.0f} ms | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
