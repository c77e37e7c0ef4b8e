"""Two controllers at once: one writes."""

from pathlib import Path

from kube.controllers import Controllers
from kube.gate import Gate
from kube.manifests import route, version
from kube.place import SNAPSHOT, Place

CONFIGMAP = rf"/configmaps/{SNAPSHOT}\?fieldManager=outrider-controller&"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
LEASE = "outrider-controller"


def canary(place: Place) -> None:
    """A route whose prompt has a canary at 5 %, settled."""
    place.apply(route(), version("v7", 95), version("v8", 5, "Be brief."))
    place.event("SplitChanged", "support", "v7 95%, v8 5%")


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
    assert leader.stop() == 0
    held = place.view.get(LEASES.format(lease), LEASE)
    assert held is not None
    assert not held["spec"].get("holderIdentity")
    standby.watching()
    place.weigh("v8", 20)
    place.served("v8", "17.39%")
    after = place.versions()
    assert int(after["ConfigMap"]) > int(before["ConfigMap"])
    held = place.view.get(LEASES.format(lease), LEASE)
    assert held is not None
    assert held["spec"]["leaseTransitions"] == 1


def test_a_stale_lease_is_waited_out_and_what_the_killed_holder_left_is_completed(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    lease = controllers.new_namespace()
    holder = controllers.start(lease=lease, kubeconfig=gate.kubeconfig(tmp_path)).watching()
    canary(place)
    before = place.published()
    stop = gate.hold("PATCH", CONFIGMAP, "after")
    place.weigh("v8", 20)
    stop.wait()
    holder.kill()
    stop.lose()
    published = place.published(above=before.generation)
    left = place.view.get(LEASES.format(lease), LEASE)
    assert left is not None
    next_one = controllers.start(lease=lease)
    next_one.says("waiting for Lease")
    assert place.view.get(LEASES.format(lease), LEASE) == left
    next_one.watching()
    place.served("v8", "17.39%")
    place.event("SplitChanged", "support", "-> 17.39%")
    assert place.published() == published


def test_a_paused_holder_that_wakes_up_after_its_lease_ran_out_writes_nothing(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    """The one write that was under way is refused, because it carries what was read."""
    lease = controllers.new_namespace()
    holder = controllers.start(lease=lease, kubeconfig=gate.kubeconfig(tmp_path)).watching()
    canary(place)
    stop = gate.hold("PATCH", CONFIGMAP)
    place.weigh("v8", 20)
    stop.wait()
    holder.pause()
    next_one = controllers.start(lease=lease).watching()
    place.served("v8", "17.39%")
    place.event("SplitChanged", "support", "-> 17.39%")
    place.weigh("v8", 30)
    place.served("v8", "24%")
    place.event("SplitChanged", "support", "-> 24%")
    asked = len(gate.requests)
    before, versions = place.everything(), place.versions()
    stop.let_go()
    holder.wake()
    assert holder.ended() == 1
    assert "may not write any more" in holder.log
    assert place.everything() == before
    assert place.versions() == versions
    assert not [each for each in gate.requests[asked:] if each.startswith(("PATCH", "POST"))]
    assert next_one.runs


def test_a_lease_taken_away_ends_the_holder(place: Place, controllers: Controllers) -> None:
    lease = controllers.new_namespace()
    holder = controllers.start(lease=lease).watching()
    spec = {"spec": {"holderIdentity": "somebody-else"}}
    place.view.call("PATCH", f"{LEASES.format(lease)}/{LEASE}", spec, kind="merge")
    assert holder.ended() == 1
    assert "was taken by somebody-else" in holder.log


def test_without_a_namespace_for_the_lease_it_says_how_to_make_one(
    place: Place, controllers: Controllers
) -> None:
    controller = controllers.start(lease="nowhere")
    controller.says("kubectl create namespace nowhere, or name another with --namespace")
    assert controller.ask("/readyz")[0] == 503
    assert controller.ask("/healthz")[0] == 200
    assert controller.stop() == 0
