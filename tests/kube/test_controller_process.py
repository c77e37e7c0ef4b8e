"""How the controller starts, logs in, survives the network, and ends."""

import json
from pathlib import Path

from kube.controllers import Controllers
from kube.gate import Gate
from kube.manifests import route, version
from kube.place import Place

GOOD = ("Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs", "Ready=True/Ready")


def test_only_the_namespaces_that_were_named_are_served(
    place: Place, controllers: Controllers
) -> None:
    other = Place(place.server, place.view, controllers.new_namespace())
    stranger = Place(place.server, place.view, controllers.new_namespace())
    controllers.start("--watch-namespace", other.namespace).watching()
    for each in (stranger, other, place):
        each.apply(route(prompt=None))
    other.told("LLMRoute", "support", *GOOD)
    place.told("LLMRoute", "support", *GOOD)
    assert stranger.configmap() is None
    assert stranger.everything()["status"] == {("LLMRoute", "support"): {}}


def test_a_lost_connection_is_survived_and_what_was_missed_is_caught_up_with(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controller = controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    place.apply(route(), version("v7", 95), version("v8", 5, "Be brief."))
    place.served("v8", "5%")
    gate.cut()
    place.weigh("v8", 20)
    place.kubectl("delete", "prv", "v7")
    place.apply(version("v9", 80, "Be exact."))
    controller.says("Lease not renewed")
    gate.mend()
    place.served("v8", "20%")
    place.served("v9", "80%")
    assert controller.ask("/healthz")[0] == 200
    assert controller.stop() == 0


def test_an_api_server_that_is_away_for_too_long_costs_the_lease(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controller = controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    gate.cut()
    assert controller.ended() == 1
    assert "could not be renewed for 10 s" in controller.log


def test_errors_of_the_api_server_end_the_watches_and_they_start_again(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    """What was deleted meanwhile is found by the relist that follows."""
    controller = controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    place.apply(route(), version("v7", 95), version("v8", 5, "Be brief."))
    place.served("v8", "5%")
    refusals = [gate.refuse("GET", "watch=true", 500), gate.refuse("GET", "versions$", 500)]
    gate.hang_up()
    controller.says("the watches ended")
    assert controller.ask("/readyz")[0] == 503
    place.kubectl("delete", "prv", "v7")
    for refusal in refusals:
        gate.relent(refusal)
    place.served("v8", "100%")


def test_kinds_that_are_not_served_yet_are_waited_for(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    served = json.dumps({"kind": "APIResourceList", "resources": [{"name": "llmroutes"}]})
    refusal = gate.refuse("GET", "/apis/outrider.dev/v1alpha1$", 200, served.encode())
    controller = controllers.start(kubeconfig=gate.kubeconfig(tmp_path))
    line = controller.says("does not serve")
    assert "LLMRoute, PromptVersion, RateLimitPolicy" in line
    assert "kubectl apply --server-side -f crds/" in line
    assert controller.ask("/readyz")[0] == 503
    gate.relent(refusal)
    controller.watching()
    assert controller.ask("/readyz") == (200, "leading\n")


def test_sigterm_in_the_middle_of_a_step_completes_it(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controller = controllers.start(kubeconfig=gate.kubeconfig(tmp_path)).watching()
    stop = gate.hold("PATCH", "fieldManager=outrider-controller&")
    place.apply(route(prompt=None))
    stop.wait()
    controller.terminate()
    controller.says("stopping")
    stop.let_go()
    assert controller.ended() == 0
    place.told("LLMRoute", "support", *GOOD)
    assert list(place.published().routes) == ["support"]


def test_a_step_that_does_not_end_is_cut_off_after_the_drain(
    place: Place, controllers: Controllers, gate: Gate, tmp_path: Path
) -> None:
    controller = controllers.start(
        kubeconfig=gate.kubeconfig(tmp_path), OUTRIDER_DRAIN_SECONDS="0.1"
    ).watching()
    stop = gate.hold("PATCH", "fieldManager=outrider-controller&")
    place.apply(route(prompt=None))
    stop.wait()
    assert controller.stop() == 0
    assert "work did not end in 0.1 s" in controller.log


def test_logs_in_json_are_one_object_a_line(place: Place, controllers: Controllers) -> None:
    controller = controllers.start("--log", "json").watching()
    place.apply(route(prompt=None))
    controller.says("published")
    assert controller.stop() == 0
    lines = [json.loads(line) for line in controller.lines]
    assert {"timestamp", "level", "logger", "message"} <= set(lines[0])
    assert any(place.namespace in line["message"] for line in lines)


def test_credentials_that_are_not_known_are_said_to_be_and_waited_for(
    place: Place, controllers: Controllers, tmp_path: Path
) -> None:
    good = place.kubectl("config", "view", "--raw", "--minify", "-o", "json")
    config = json.loads(good)
    config["users"][0]["user"] = {"token": "stolen"}
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config))
    controller = controllers.start(kubeconfig=file)
    controller.says("does not know these credentials")
    assert controller.ask("/readyz")[0] == 503
    assert controller.stop() == 0
