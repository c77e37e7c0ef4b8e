"""A controller killed or paused at a named step, and what the next one makes of it.

The step is a request at the gate. Whatever happened, ConfigMap, status and Events end up as if
nothing had.
"""

from pathlib import Path

import pytest

from kube.controllers import Controllers
from kube.gate import Gate, Where
from kube.manifests import policy, route, version
from kube.place import SNAPSHOT, Place, message

GOOD = ("Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs", "Ready=True/Ready")
CONFIGMAP = rf"/configmaps/{SNAPSHOT}\?fieldManager=outrider-controller&"
SHELL = rf"/configmaps/{SNAPSHOT}\?fieldManager=outrider-controller-create&"
STATUS = "/llmroutes/support/status"
EVENT = "/events"


def canary(place: Place) -> None:
    """A route whose prompt has a canary at 5 %, settled, all its Events posted."""
    place.apply(route(), version("v7", 95), version("v8", 5, "Be brief."))
    place.event("SplitChanged", "support", "v7 95%, v8 5%")


def settled(place: Place) -> None:
    """Returns once the canary at 20 % was published and told, Events included."""
    place.served("v8", "17.39%")
    place.event("SplitChanged", "support", "-> 17.39%")
    generation = place.published().generation
    place.view.until(
        place.path("LLMRoute"),
        "support",
        lambda body: body["status"]["snapshot"]["generation"] == generation,
    )


@pytest.mark.parametrize(
    ("method", "step", "where"),
    [
        ("PATCH", CONFIGMAP, "before"),
        ("PATCH", CONFIGMAP, "after"),
        ("POST", EVENT, "before"),
        ("POST", EVENT, "after"),
    ],
    ids=[
        "before the ConfigMap is written",
        "between ConfigMap and status",
        "between status and Events",
        "after the Events",
    ],
)
def test_killed_at_any_step_of_a_publication_the_next_one_completes_it(
    method: str,
    step: str,
    where: Where,
    place: Place,
    controllers: Controllers,
    gate: Gate,
    tmp_path: Path,
) -> None:
    first = controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    canary(place)
    before = place.published()
    stop = gate.hold(method, step, where)
    place.weigh("v8", 20)
    stop.wait()
    first.kill()
    stop.lose()
    seen = place.published()
    written = (step, where) != (CONFIGMAP, "before")
    assert (seen.generation > before.generation) == written
    controllers.start()
    settled(place)
    after = place.published()
    assert after.prompts["answer"].ranges == ((0, 1738, "v8"), (1739, 9999, "v7"))
    if written:
        assert after == seen
    told = [each["note"] for each in place.events() if each["reason"] == "SplitChanged"]
    assert sorted(told) == [
        "v7 95% -> 82.61%, v8 5% -> 17.39%; 12.39% of users move",
        "v7 95%, v8 5%",
    ]


@pytest.mark.parametrize("where", ["before", "after"])
def test_killed_while_it_creates_the_configmap_the_next_one_fills_it(
    where: Where, place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    stop = gate.hold("PATCH", SHELL, where)
    first = controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    place.apply(route(prompt=None))
    stop.wait()
    first.kill()
    stop.lose()
    body = place.configmap()
    assert (body is not None) == (where == "after")
    assert body is None or "data" not in body
    controllers.start()
    place.told("LLMRoute", "support", *GOOD)
    assert list(place.published().routes) == ["support"]
    assert place.events() == []


def test_a_restart_writes_nothing_again(place: Place, controllers: Controllers) -> None:
    first = controllers.start().watching()
    place.apply(route(), version("v7", 100), version("v9", 1, "{{brand}}"))
    place.event("VariableUndeclared", "v9")
    place.event("SplitChanged", "support")
    assert first.stop() == 0
    before, versions = place.everything(), place.versions()
    second = controllers.start().watching()
    # A change that is worked after the first look at everything shows what that led to.
    place.apply(version("w1", 1, prompt="unused"))
    place.told("PromptVersion", "w1", "Ready=True/Unused")
    assert place.everything()["events"] == before["events"]
    after = place.versions()
    assert after.pop("PromptVersion/w1")
    changed = {name for name in after if after[name] != versions[name]}
    assert changed == {"ConfigMap", "LLMRoute/support"}  # the unused version joined the snapshot
    assert second.stop() == 0


def test_what_happened_while_no_controller_ran_is_made_up_for(
    place: Place, controllers: Controllers
) -> None:
    first = controllers.start().watching()
    place.apply(route(), version("v7", 95), version("v8", 5, "Be brief."), policy())
    place.served("v8", "5%")
    first.kill()
    before = place.published()
    place.kubectl("delete", "prv", "v8")
    place.kubectl("delete", "rlp", "per-user")
    place.apply(version("v9", 5, "Be exact."), route("second", prompt=None))
    controllers.start()
    place.served("v9", "5%")
    place.told("LLMRoute", "second", *GOOD)
    after = place.published()
    assert after.generation > before.generation
    assert sorted(after.routes) == ["second", "support"]
    assert after.limits == ()
    assert after.prompts["answer"].ranges == ((0, 499, "v9"), (500, 9999, "v7"))
    place.event("SplitChanged", "support", "v8 5% -> 0%, v9 5%; 5% of users move")


def test_killed_in_the_first_list_nothing_was_published_from_half_a_picture(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    first = controllers.start().watching()
    canary(place)
    assert first.stop() == 0
    before = place.everything()
    stop = gate.hold("GET", r"/promptversions\?limit=")
    second = controllers.start(kubeconfig=gate.kubeconfig(tmp_path))
    stop.wait()
    assert second.ask("/readyz") == (503, "reading what is there\n")
    second.kill()
    stop.lose()
    assert place.everything() == before
    assert not [each for each in gate.requests if each.startswith("PATCH")]


def test_a_list_that_fails_is_not_an_empty_one(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    first = controllers.start().watching()
    canary(place)
    assert first.stop() == 0
    before = place.everything()
    refusal = gate.refuse("GET", r"/promptversions\?limit=", 404)
    second = controllers.start(kubeconfig=gate.kubeconfig(tmp_path))
    second.says("waiting: 404")
    assert second.ask("/readyz")[0] == 503
    assert place.everything() == before
    gate.relent(refusal)
    second.watching()
    place.weigh("v8", 20)
    settled(place)


def test_the_configmap_lost_while_no_controller_ran_continues_from_status(
    place: Place, controllers: Controllers
) -> None:
    first = controllers.start().watching()
    place.apply(route(), *(version(name, 1, name) for name in ("v1", "v2", "v3")))
    place.served("v3", "33.33%")
    place.weigh("v1", 2)
    place.served("v1", "50%")
    assert first.stop() == 0
    before = place.published()
    assert len(before.prompts["answer"].ranges) > 3, "not the ranges that goals alone would give"
    place.kubectl("delete", "configmap", SNAPSHOT)
    controllers.start()
    after = place.published(above=before.generation)
    assert after.digest == before.digest


def test_a_configmap_deleted_between_read_and_write_is_written(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    canary(place)
    before = place.published()
    stop = gate.hold("PATCH", CONFIGMAP)
    place.weigh("v8", 20)
    stop.wait()
    place.kubectl("delete", "configmap", SNAPSHOT)
    stop.let_go()
    after = place.published(above=before.generation)
    assert after.prompts["answer"].ranges == ((0, 1738, "v8"), (1739, 9999, "v7"))
    settled(place)


def test_a_configmap_written_by_somebody_between_read_and_write_is_read_again(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    canary(place)
    before = place.published()
    stop = gate.hold("PATCH", CONFIGMAP)
    place.weigh("v8", 20)
    stop.wait()
    place.kubectl("patch", "configmap", SNAPSHOT, "-p", '{"data":{"snapshot.json":"{}"}}')
    stop.let_go()
    place.published_instead_of(before)
    settled(place)
    place.event("SnapshotRestored", SNAPSHOT, "held no snapshot")


def test_a_configmap_that_was_written_though_the_answer_got_lost_is_known_as_its_own(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controller = controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    canary(place)
    before = place.published()
    stop = gate.hold("PATCH", CONFIGMAP, "after")
    place.weigh("v8", 20)
    stop.wait()
    written = place.published(above=before.generation)
    stop.lose()
    controller.says("does not answer")
    settled(place)
    assert place.published() == written
    assert "SnapshotRestored" not in {each["reason"] for each in place.events()}


def test_an_edit_that_follows_a_lost_answer_continues_from_what_was_written(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controller = controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    canary(place)
    stop = gate.hold("PATCH", CONFIGMAP, "after")
    place.weigh("v8", 20)
    stop.wait()
    place.weigh("v8", 30)
    stop.lose()
    controller.says("was published, though no answer came")
    place.event("SplitChanged", "support", "v8 17.39% -> 24%")
    assert "SnapshotRestored" not in {each["reason"] for each in place.events()}


def test_a_resource_edited_between_compile_and_status_gets_the_status_of_its_newest_form(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    canary(place)
    stop = gate.hold("PATCH", STATUS)
    place.weigh("v8", 20)
    stop.wait()
    place.apply(route(prompt="astray"))
    stop.let_go()
    body = place.told("LLMRoute", "support", "ResolvedRefs=False/PromptNotFound")
    assert "name one of answer" in message(body, "Ready")


@pytest.mark.kube_controllers
@pytest.mark.parametrize("step", [CONFIGMAP, STATUS], ids=["ConfigMap", "status"])
def test_a_namespace_deleted_in_the_middle_of_a_step_is_left_alone_and_made_anew(
    step: str, place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controller = controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    canary(place)
    stop = gate.hold("PATCH", step)
    place.weigh("v8", 20)
    stop.wait()
    place.server.kubectl("delete", "namespace", place.namespace, "--wait=true")
    stop.let_go()
    place.server.kubectl("create", "namespace", place.namespace)
    place.apply(route(), version("v7", 60), version("v8", 40, "Be brief."))
    place.served("v8", "40%")
    place.event("SplitChanged", "support", "v7 60%, v8 40%|-> 40%")
    after = place.published(holds=lambda each: len(each.prompts["answer"].versions) == 2)
    assert after.prompts["answer"].ranges == ((0, 3999, "v8"), (4000, 9999, "v7"))
    assert controller.ask("/readyz") == (200, "leading\n")


@pytest.mark.kube_controllers
def test_nothing_is_written_in_a_namespace_that_is_being_deleted(
    place: Place, controllers: Controllers
) -> None:
    """Its pods serve to their end what they have, however long something keeps it from going."""
    controllers.start().watching()
    canary(place)
    before = place.published()
    finalizer = '{"metadata":{"finalizers":["outrider.dev/test"]}}'
    place.kubectl("patch", "configmap", SNAPSHOT, "-p", finalizer)
    place.server.kubectl("delete", "namespace", place.namespace, "--wait=false")
    for name in ("v7", "v8"):
        place.view.until_gone(place.path("PromptVersion"), name)
    place.view.until_gone(place.path("LLMRoute"), "support")
    controllers.start().says("is being deleted")
    assert place.published() == before
    place.kubectl("patch", "configmap", SNAPSHOT, "-p", '{"metadata":{"finalizers":null}}')
    place.view.until_gone("/api/v1/namespaces", place.namespace)
