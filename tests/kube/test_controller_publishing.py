"""From `kubectl apply` to ConfigMap, status and Events, told by one controller for the cluster."""

import asyncio
import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from kube.apiserver import ApiServer
from kube.controllers import Controller
from kube.manifests import policy, route, version
from kube.place import SNAPSHOT, Place, conditions, message
from outrider_operator.compiler.storage import unstored
from outrider_sidecar.config.current import Current
from outrider_sidecar.config.loader import Loader
from standins.mounts import Mount

GOOD = ("Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs", "Ready=True/Ready")


@pytest.fixture(scope="module")
def controller(api_server: ApiServer) -> Iterator[Controller]:
    """One that serves every namespace."""
    name = f"system-{uuid.uuid4().hex[:8]}"
    api_server.kubectl("create", "namespace", name)
    running = Controller(api_server, ["--namespace", name], {}, None).watching()
    yield running
    running.kill()
    api_server.kubectl("delete", "namespace", name, "--wait=false")


def canary(place: Place) -> None:
    """A route whose prompt has a canary at 5 %, settled."""
    place.apply(route(), version("v7", 95), version("v8", 5, "Be brief."))
    place.served("v8", "5%")
    place.told("LLMRoute", "support", *GOOD)


def publications(controller: Controller, place: Place) -> float:
    """How often the controller has written the ConfigMap."""
    wanted = f'outrider_published_total{{resource_namespace="{place.namespace}"}} '
    lines = controller.ask("/metrics")[1].splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(wanted))


async def test_apply_leads_to_a_snapshot_that_a_sidecar_loads_and_to_status(
    controller: Controller, place: Place, tmp_path: Path
) -> None:
    place.apply(route(), version("v7", 95), version("v8", 5, "Be brief."), policy())
    for kind, name in (
        ("LLMRoute", "support"),
        ("PromptVersion", "v7"),
        ("PromptVersion", "v8"),
        ("RateLimitPolicy", "per-user"),
    ):
        body = await asyncio.to_thread(place.told, kind, name, *GOOD)
        assert "Programmed=Unknown/NoSidecars" in conditions(body)
        stamped = [each["observedGeneration"] for each in body["status"]["conditions"]]
        assert stamped == [1, 1, 1, 1]
    snapshot = place.published()
    mount, current = Mount(tmp_path / "config"), Current()
    mount.publish(snapshot)
    await Loader(mount.directory, None, current).start()
    assert current.table is not None
    assert current.table.snapshot == snapshot
    assert current.table.find("support-model") is not None
    status = place.told("LLMRoute", "support", *GOOD)["status"]
    assert status["snapshot"] == {"generation": snapshot.generation, "digest": snapshot.digest}
    assert status["prompt"] == {
        "stable": "v7",
        "shares": [
            {"version": "v7", "goal": "95%", "share": "95%"},
            {"version": "v8", "goal": "5%", "share": "5%"},
        ],
        "ranges": [
            {"first": 0, "last": 499, "version": "v8"},
            {"first": 500, "last": 9999, "version": "v7"},
        ],
    }


def test_kubectl_get_shows_what_is_served(controller: Controller, place: Place) -> None:
    canary(place)
    place.apply(policy())
    place.told("RateLimitPolicy", "per-user", *GOOD)
    routes = place.kubectl("get", "llmr").splitlines()
    assert routes[0].split() == ["NAME", "READY", "PROMPT", "STABLE", "AGE"]
    assert routes[1].split()[:4] == ["support", "True", "answer", "v7"]
    versions = place.kubectl("get", "prv").splitlines()
    assert versions[0].split() == ["NAME", "PROMPT", "WEIGHT", "GOAL", "SHARE", "READY", "AGE"]
    assert versions[2].split()[:6] == ["v8", "answer", "5", "5%", "5%", "True"]
    policies = place.kubectl("get", "rlp").splitlines()
    assert policies[1].split()[:4] == ["per-user", "User", "Enforce", "True"]
    place.kubectl("wait", "--for=condition=Ready", "llmr,prv,rlp", "--all", "--timeout=10s")


def test_an_edited_weight_is_a_new_generation_a_share_and_an_event(
    controller: Controller, place: Place
) -> None:
    canary(place)
    before = place.published()
    place.weigh("v8", 20)
    after = place.published(above=before.generation)
    assert after.prompts["answer"].ranges == ((0, 1738, "v8"), (1739, 9999, "v7"))
    body = place.served("v8", "17.39%")
    assert body["status"]["observedGeneration"] == 2
    event = place.event("SplitChanged", "support", "->")
    assert event["note"] == "v7 95% -> 82.61%, v8 5% -> 17.39%; 12.39% of users move"
    assert event["type"] == "Normal"
    described = place.kubectl("describe", "llmr", "support")
    assert "12.39% of users move" in described


def test_what_changes_nothing_writes_nothing(controller: Controller, place: Place) -> None:
    canary(place)
    before, written = place.versions(), publications(controller, place)
    place.kubectl("annotate", "llmr", "support", "team=blue")
    place.kubectl("label", "prv", "v7", "team=blue")
    place.kubectl("annotate", "configmap", SNAPSHOT, "backup=yes")
    touched = place.versions()
    place.weigh("v8", 5)
    # A change that is worked after all of these shows what they led to.
    place.apply(policy())
    place.told("RateLimitPolicy", "per-user", *GOOD)
    after = place.versions()
    assert publications(controller, place) == written + 1
    assert after["PromptVersion/v8"] == before["PromptVersion/v8"]
    assert after["PromptVersion/v7"] == touched["PromptVersion/v7"]


def test_a_deleted_version_counts_as_weight_0(controller: Controller, place: Place) -> None:
    canary(place)
    place.kubectl("delete", "prv", "v8")
    place.served("v7", "100%")
    snapshot = place.published()
    assert snapshot.prompts["answer"].ranges == ((0, 9999, "v7"),)
    assert sorted(snapshot.prompts["answer"].versions) == ["v7"]


def test_a_broken_resource_beside_good_ones_is_told_what_to_write_and_harms_none(
    controller: Controller, place: Place
) -> None:
    place.apply(
        route(),
        version("v7", 100),
        version("v9", 100, "Speak for {{brand}}."),
        route("astray", prompt="anwser"),
        policy(
            "nowhere", targetRefs=[{"group": "outrider.dev", "kind": "LLMRoute", "name": "suport"}]
        ),
    )
    place.told("LLMRoute", "support", *GOOD)
    v9 = place.told("PromptVersion", "v9", "Accepted=False/VariableUndeclared")
    assert "{{brand}} is not declared; add {name: brand} to spec.prompt.variables" in message(
        v9, "Accepted"
    )
    assert "Ready=False/NotAccepted" in conditions(v9)
    assert "ResolvedRefs=Unknown/NotAccepted" in conditions(v9)
    astray = place.told("LLMRoute", "astray", "ResolvedRefs=False/PromptNotFound")
    assert "create one, or name one of answer in spec.prompt.name" in message(astray, "Ready")
    nowhere = place.told("RateLimitPolicy", "nowhere", "Ready=True/Ready")
    assert nowhere["status"]["targets"] == [{"name": "suport", "accepted": False}]
    said = "there is no LLMRoute suport; name one of astray, support; nothing is limited anywhere"
    assert message(nowhere, "Ready") == message(nowhere, "ResolvedRefs") == said
    assert place.event("TargetNotServed", "nowhere")["note"] == said.replace("anywhere", "there")
    snapshot = place.published()
    assert snapshot.prompts["answer"].ranges == ((0, 9999, "v7"),)
    warning = place.event("VariableUndeclared", "v9")
    assert warning["type"] == "Warning"
    assert "{{brand}}" in warning["note"]


def test_a_pipeline_can_wait_for_the_target_of_a_policy(
    controller: Controller, place: Place
) -> None:
    target = {"group": "outrider.dev", "kind": "LLMRoute", "name": "support"}
    place.apply(route(prompt=None), policy(targetRefs=[target]))
    accepted = "--for=jsonpath={.status.targets[0].accepted}=true"
    place.kubectl("wait", "rlp/per-user", accepted, "--timeout=30s")


def test_a_mended_resource_is_accepted(controller: Controller, place: Place) -> None:
    place.apply(route(), version("v7", 100), route("astray", prompt="anwser"))
    place.told("LLMRoute", "astray", "Ready=False/NotResolved")
    place.apply(route("astray", prompt="answer"))
    place.told("LLMRoute", "astray", *GOOD)
    assert "astray" in place.published(holds=lambda each: "astray" in each.routes).routes


def test_a_broken_edit_of_a_good_one_keeps_its_last_form(
    controller: Controller, place: Place
) -> None:
    place.apply(route(prompt=None, models=["first"]))
    place.told("LLMRoute", "support", *GOOD)
    broken = route(
        prompt=None,
        backends=[{"name": "main", "provider": "Simulated"}],
    )
    del broken["spec"]["models"]
    place.apply(broken)
    body = place.told("LLMRoute", "support", "Accepted=False/ModelMissing")
    assert "set the backend's model" in message(body, "Accepted")
    place.apply(route("other", prompt=None))
    place.told("LLMRoute", "other", *GOOD)
    assert place.published().routes["support"].models == ("first",)


def test_a_name_that_two_routes_claim_stays_with_the_one_that_serves_it(
    controller: Controller, place: Place
) -> None:
    place.apply(route(prompt=None, models=["gpt-5"]))
    place.told("LLMRoute", "support", *GOOD)
    place.apply(route("late", prompt=None, models=["gpt-5", "gpt-6"]))
    late = place.told("LLMRoute", "late", "Conflicted=True/ModelTaken", "Ready=True/Ready")
    assert "gpt-5 is served by LLMRoute support" in message(late, "Conflicted")
    assert "gpt-5 is served by LLMRoute support" in place.kubectl("get", "llmr", "-o", "wide")
    place.event("ModelTaken", "late")
    assert place.published().routes["late"].models == ("gpt-6",)
    place.apply(route("late", prompt=None, models=["gpt-6"]))
    body = place.told("LLMRoute", "late", *GOOD)
    place.view.until(
        place.path("LLMRoute"), "late", lambda body: "Conflicted" not in str(conditions(body))
    )
    assert body["status"]["observedGeneration"] == 2


def test_without_any_weight_the_last_split_stays_and_status_has_the_line_that_mends_it(
    controller: Controller, place: Place
) -> None:
    canary(place)
    place.weigh("v8", 0)
    place.served("v7", "100%")
    place.weigh("v7", 0)
    body = place.told("LLMRoute", "support", "ResolvedRefs=False/NoWeight")
    assert f"kubectl patch prv v7 -n {place.namespace} --type merge" in message(body, "Ready")
    assert body["status"]["prompt"]["shares"] == [{"version": "v7", "goal": "0%", "share": "100%"}]
    assert place.published().prompts["answer"].ranges == ((0, 9999, "v7"),)


def test_a_version_whose_model_no_backend_has_keeps_goal_and_share(
    controller: Controller, place: Place
) -> None:
    elsewhere = version("v8", 5, "Be brief.")
    elsewhere["spec"]["prompt"]["model"] = "another"
    place.apply(route(), version("v7", 95), elsewhere)
    body = place.told("PromptVersion", "v8", "ResolvedRefs=False/ModelNotInRoute")
    assert "Ready=False/NotResolved" in conditions(body)
    assert (body["status"]["goal"], body["status"]["share"]) == ("5%", "5%")


def test_the_log_says_what_a_publication_changed(controller: Controller, place: Place) -> None:
    place.apply(route(), route("other", prompt=None), version("v7", 95), version("v8", 5))
    place.told("LLMRoute", "other", *GOOD)
    line = controller.says(f"namespace {place.namespace}: generation .* published")
    assert line.endswith(
        "; v7 95%, v8 5%; route other new; route support new; version v7 new; version v8 new"
    )
    place.kubectl("delete", "llmr", "other")
    controller.says(f"namespace {place.namespace}: .* bytes\\); route other gone$")


def test_all_resources_deleted_is_published_too(controller: Controller, place: Place) -> None:
    canary(place)
    place.kubectl("delete", "llmr,prv", "--all")
    assert place.published(holds=lambda each: not each.routes).prompts == {}


def test_a_large_snapshot_is_stored_compressed_and_a_smaller_one_plain_again(
    controller: Controller, place: Place
) -> None:
    text = "".join(f"{number:08}" for number in range(12_000))
    place.apply(route(), *(version(f"v{number}", 1, text) for number in range(4)))
    place.served("v3", "25%")
    body = place.configmap()
    assert body is not None
    assert "data" not in body
    packed = body["binaryData"]["snapshot.json.gz"]
    versions = unstored("snapshot.json.gz", base64.b64decode(packed)).prompts["answer"].versions
    assert sorted(versions) == ["v0", "v1", "v2", "v3"]
    place.kubectl("delete", "prv", "v1", "v2", "v3")
    snapshot = place.published(holds=lambda each: len(each.prompts["answer"].versions) == 1)
    body = place.configmap()
    assert body is not None
    assert "binaryData" not in body
    assert list(snapshot.prompts["answer"].versions) == ["v0"]


def test_what_somebody_else_does_to_the_configmap_is_undone_and_told(
    controller: Controller, place: Place
) -> None:
    canary(place)
    first = place.published()
    patch = {"data": {"snapshot.json": "{}", "extra.json": "{}"}}
    place.kubectl("patch", "configmap", SNAPSHOT, "-p", json.dumps(patch))
    second = place.published_instead_of(first)
    assert (second.digest, second.prompts) == (first.digest, first.prompts)
    body = place.configmap()
    assert body is not None
    assert list(body["data"]) == ["snapshot.json"]
    place.event("SnapshotRestored", SNAPSHOT, "held no snapshot")
    managers = {
        each["manager"]
        for each in body["metadata"]["managedFields"]
        if "f:snapshot.json" in str(each["fieldsV1"])
    }
    assert managers == {"outrider-controller"}
    place.kubectl("delete", "configmap", SNAPSHOT)
    third = place.published_instead_of(second)
    assert third.digest == first.digest
    place.event("SnapshotRestored", SNAPSHOT, "was deleted")


def test_a_configmap_of_that_name_that_is_not_ours_is_not_overwritten(
    controller: Controller, place: Place
) -> None:
    place.kubectl("create", "configmap", SNAPSHOT, "--from-literal=mine=precious")
    place.apply(route(prompt=None))
    body = place.told("LLMRoute", "support", "Ready=False/NotPublished")
    assert f"kubectl delete configmap {SNAPSHOT} -n {place.namespace}" in message(body, "Ready")
    assert "snapshot" not in body["status"]
    place.event("NotPublished", "support")
    kept = place.configmap()
    assert kept is not None
    assert kept["data"] == {"mine": "precious"}
    place.kubectl("delete", "configmap", SNAPSHOT)
    place.told("LLMRoute", "support", *GOOD)
    assert "support" in place.published().routes


def test_metrics_and_probes_say_what_happens(controller: Controller, place: Place) -> None:
    canary(place)
    snapshot = place.published()
    assert controller.ask("/healthz") == (200, "ok\n")
    assert controller.ask("/readyz") == (200, "leading\n")
    code, text = controller.ask("/metrics")
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert code == 200
    here = f'{{resource_namespace="{place.namespace}"}}'
    assert float(lines[f"outrider_published_total{here}"]) >= 1
    assert int(float(lines[f"outrider_snapshot_generation{here}"])) == snapshot.generation
    assert float(lines[f"outrider_snapshot_bytes{here}"]) > 1000
    assert float(lines['outrider_list_age_seconds{kind="LLMRoute"}']) < 600
    assert float(lines['outrider_reconcile_seconds_count{result="ok"}']) >= 1
    assert "outrider_queue_depth" in lines
