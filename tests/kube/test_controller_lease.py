"""Two controllers at once: one writes."""

import asyncio
import datetime
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from kube.apiserver import ApiServer
from kube.controllers import Controller, Controllers
from kube.gate import Gate, Stop, Where, gate_before
from kube.manifests import route, version
from kube.place import SNAPSHOT, Place
from kube.view import Object, View
from outrider_operator.controller.errors import LeaseLost
from outrider_operator.controller.events import Poster
from outrider_operator.controller.kube import connect
from outrider_operator.controller.metrics import Metrics
from outrider_operator.controller.publisher import Publisher
from outrider_operator.controller.reconciler import Reconciler
from outrider_operator.controller.relist import Relist
from outrider_operator.controller.store import Store

CONFIGMAP = rf"/configmaps/{SNAPSHOT}\?fieldManager=outrider-controller&"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
LEASE = "outrider-controller"


def canary(place: Place) -> None:
    """A route whose prompt has a canary at 5 %, settled."""
    place.apply(route(), version("v7", 95), version("v8", 5, "Be brief."))
    place.event("SplitChanged", "support", "v7 95%, v8 5%")


@dataclass(frozen=True)
class Scene:
    """A holder that stopped at a step, and the next one, which waits for the Lease."""

    place: Place
    gate: Gate
    stop: Stop
    lease: str
    holder: Controller
    left: Object
    next_one: Controller


@pytest.fixture(scope="module")
def scenes(
    api_server: ApiServer, view: View, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Scene]]:
    """Two that take a Lease's 15 s each, so both begin at once."""
    with ExitStack() as stack:

        def scene(where: Where, end: Callable[[Controller], None]) -> Scene:
            namespace = view.create_namespace("test")
            stack.callback(view.delete_namespace, namespace)
            place = Place(api_server, view, namespace)
            gate = stack.enter_context(gate_before(view.port))
            controllers = Controllers(api_server, view, namespace)
            stack.callback(controllers.end)
            lease = controllers.new_namespace()
            login = gate.kubeconfig(tmp_path_factory.mktemp("gate"))
            holder = controllers.start(lease=lease, kubeconfig=login).watching()
            canary(place)
            stop = gate.hold("PATCH", CONFIGMAP, where)
            place.weigh("v8", 20)
            stop.wait()
            end(holder)
            left = view.get(LEASES.format(lease), LEASE)
            assert left is not None
            next_one = controllers.start(lease=lease)
            next_one.says("waiting for Lease")
            return Scene(place, gate, stop, lease, holder, left, next_one)

        yield {
            "killed": scene("after", Controller.kill),
            "paused": scene("before", Controller.pause),
        }


def test_only_the_holder_writes_and_a_clean_end_hands_over_at_once(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    lease = controllers.new_namespace()
    leader = controllers.start(lease=lease).watching()
    standby = controllers.start(lease=lease, kubeconfig=gate.kubeconfig(tmp_path))
    standby.says("waiting for Lease .* held by")
    canary(place)
    code, text = standby.ask("/readyz")
    assert code == 200
    assert text.startswith("standby, ")
    assert not [each for each in gate.requests if not each.startswith("GET")]
    before = place.versions()
    taking = gate.hold("PUT", f"/leases/{LEASE}")
    assert leader.stop() == 0
    held = place.view.get(LEASES.format(lease), LEASE)
    assert held is not None
    assert not held["spec"].get("holderIdentity")
    taking.let_go()
    standby.watching()
    place.weigh("v8", 20)
    place.served("v8", "17.39%")
    after = place.versions()
    assert int(after["ConfigMap"]) > int(before["ConfigMap"])
    held = place.view.get(LEASES.format(lease), LEASE)
    assert held is not None
    assert held["spec"]["leaseTransitions"] == 1


def test_a_stale_lease_is_waited_out_and_what_the_killed_holder_left_is_completed(
    scenes: dict[str, Scene],
) -> None:
    """It was killed between ConfigMap and status."""
    scene = scenes["killed"]
    place = scene.place
    scene.stop.lose()
    published = place.published()
    assert published.prompts["answer"].ranges[0] == (0, 1738, "v8")
    scene.next_one.watching()
    held = place.view.get(LEASES.format(scene.lease), LEASE)
    assert held is not None
    assert held["spec"]["holderIdentity"] != scene.left["spec"]["holderIdentity"]
    assert held["spec"]["leaseTransitions"] == 1
    place.served("v8", "17.39%")
    place.event("SplitChanged", "support", "-> 17.39%")
    assert place.published() == published


def test_a_paused_holder_that_wakes_up_after_its_lease_ran_out_writes_nothing(
    scenes: dict[str, Scene],
) -> None:
    """The one write that was under way is refused, because it carries what was read."""
    scene = scenes["paused"]
    place, gate = scene.place, scene.gate
    scene.next_one.watching()
    place.served("v8", "17.39%")
    place.event("SplitChanged", "support", "-> 17.39%")
    place.weigh("v8", 30)
    place.served("v8", "24%")
    place.event("SplitChanged", "support", "-> 24%")
    asked = len(gate.requests)
    before, versions = place.everything(), place.versions()
    scene.stop.let_go()
    scene.holder.wake()
    assert scene.holder.ended() == 1
    assert "may not write any more" in scene.holder.log
    assert place.everything() == before
    assert place.versions() == versions
    assert not [each for each in gate.requests[asked:] if each.startswith(("PATCH", "POST"))]
    assert scene.next_one.runs


def test_a_lease_taken_away_ends_the_holder(place: Place, controllers: Controllers) -> None:
    lease = controllers.new_namespace()
    holder = controllers.start(lease=lease).watching()
    spec = {"spec": {"holderIdentity": "somebody-else"}}
    place.view.call("PATCH", f"{LEASES.format(lease)}/{LEASE}", spec, kind="merge")
    assert holder.ended() == 1
    assert "was taken by somebody-else" in holder.log


async def test_a_lease_that_ran_out_before_status_is_written_is_lost_and_no_mishap(
    api_server: ApiServer, place: Place
) -> None:
    """Inside a group of errors it would be taken for a mishap and tried again."""
    await asyncio.to_thread(place.apply, route(), version("v7", 95), version("v8", 5))
    writes = itertools.count()

    def fence() -> None:
        if next(writes) > 0:
            raise LeaseLost("the Lease was last renewed over 15 s ago")

    async with connect(api_server.kubeconfig) as kube:
        store = Store()
        await Relist(kube, store, (place.namespace,)).first()
        poster = Poster(kube, "test", lambda: datetime.datetime.now(datetime.UTC))
        reconciler = Reconciler(store, kube, Publisher(kube), poster, Metrics(), fence)
        with pytest.raises(LeaseLost):
            await reconciler.reconcile(place.namespace)
    assert place.published().prompts["answer"].ranges == ((0, 499, "v8"), (500, 9999, "v7"))
    body = place.view.get(place.path("LLMRoute"), "support")
    assert body is not None
    assert "status" not in body


def test_without_a_namespace_for_the_lease_it_says_how_to_make_one(
    place: Place, controllers: Controllers
) -> None:
    controller = controllers.start(lease="nowhere")
    controller.says("kubectl create namespace nowhere, or name another with --namespace")
    assert controller.ask("/readyz")[0] == 503
    assert controller.ask("/healthz")[0] == 200
    assert controller.stop() == 0
