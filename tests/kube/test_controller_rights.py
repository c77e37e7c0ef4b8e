"""The controller as the ServiceAccount of deploy/controller.yaml, with its rights and no others."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube.apiserver import REPOSITORY
from kube.controllers import Controller, Controllers
from kube.manifests import policy, route, version
from kube.place import SNAPSHOT, Place, message

GOOD = ("Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs", "Ready=True/Ready")
NAME, SYSTEM = "outrider-controller", "outrider-system"

Document = dict[str, Any]


class Account:
    """The file's objects under names of their own, so that no installation is touched."""

    def __init__(self, place: Place, system: str) -> None:
        self._place = place
        self.system = system
        text = (REPOSITORY / "deploy" / "controller.yaml").read_text()
        self.documents: list[Document] = [
            self._renamed(each) for each in yaml.safe_load_all(text.replace(SYSTEM, system))
        ]

    def of_kind(self, kind: str) -> Document:
        """The file's object of a kind."""
        return next(each for each in self.documents if each["kind"] == kind)

    def apply(self, *without: str) -> None:
        """Apply all but the kinds in `without`."""
        kept = [json.dumps(each) for each in self.documents if each["kind"] not in without]
        self._place.kubectl("apply", "-f", "-", "-n", self.system, stdin="\n---\n".join(kept))

    def deny(self, group: str, resource: str, verb: str) -> None:
        """Take one right away."""
        role = self.of_kind("ClusterRole")
        for rule in role["rules"]:
            if group in rule["apiGroups"] and resource in rule["resources"]:
                rule["verbs"] = [each for each in rule["verbs"] if each != verb]
        role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]

    def kubeconfig(self, directory: Path) -> Path:
        """A log-in as the ServiceAccount."""
        shown = self._place.kubectl("config", "view", "--raw", "--minify", "-o", "json")
        config = json.loads(shown)
        token = self._place.kubectl("create", "token", NAME, "-n", self.system).strip()
        config["users"] = [
            {"name": config["contexts"][0]["context"]["user"], "user": {"token": token}}
        ]
        file = directory / "account.kubeconfig"
        file.write_text(json.dumps(config))
        return file

    def remove(self) -> None:
        """Delete what is not in the namespace."""
        for kind in ("ClusterRoleBinding", "ClusterRole"):
            self._place.kubectl("delete", kind, f"{NAME}-{self.system}", "--ignore-not-found")

    def _renamed(self, document: Document) -> Document:
        if document["kind"].startswith("ClusterRole"):
            document["metadata"]["name"] += f"-{self.system}"
        if document.get("roleRef", {}).get("kind") == "ClusterRole":
            document["roleRef"]["name"] += f"-{self.system}"
        return document


@pytest.fixture
def account(place: Place, controllers: Controllers) -> Iterator[Account]:
    account = Account(place, controllers.new_namespace())
    yield account
    account.remove()


def test_the_rights_of_the_file_are_enough_for_every_namespace(
    place: Place, account: Account, tmp_path: Path
) -> None:
    account.apply()
    login = account.kubeconfig(tmp_path)
    controller = Controller(place.server, ["--namespace", account.system], {}, login)
    try:
        controller.watching()
        place.apply(route(), version("v7", 95), version("v8", 5), policy())
        place.told("RateLimitPolicy", "per-user", *GOOD)
        place.event("SplitChanged", "support", "v7 95%, v8 5%")
        place.kubectl("delete", "configmap", SNAPSHOT)
        place.event("SnapshotRestored", SNAPSHOT)
        assert controller.stop() == 0
        assert not [line for line in controller.lines if " INFO " not in line]
    finally:
        if controller.runs:
            controller.kill()


def test_bound_in_one_namespace_they_are_enough_for_that_one(
    place: Place, account: Account, controllers: Controllers, tmp_path: Path
) -> None:
    account.apply("ClusterRoleBinding")
    bind(place, account)
    controller = controllers.start(kubeconfig=account.kubeconfig(tmp_path), lease=account.system)
    controller.watching()
    place.apply(route(), version("v7", 95), version("v8", 5))
    place.event("SplitChanged", "support", "v7 95%, v8 5%")
    assert controller.stop() == 0
    assert not [line for line in controller.lines if " INFO " not in line]


def test_a_right_that_is_granted_later_ends_the_trouble_and_the_log_says_so(
    place: Place, account: Account, controllers: Controllers, tmp_path: Path
) -> None:
    account.deny("", "configmaps", "patch")
    account.apply("ClusterRoleBinding")
    bind(place, account)
    controller = controllers.start(kubeconfig=account.kubeconfig(tmp_path), lease=account.system)
    controller.watching()
    place.apply(route(prompt=None))
    controller.says(f"namespace {place.namespace} fails")
    Account(place, account.system).apply("ClusterRoleBinding")
    controller.says(f"namespace {place.namespace} is well again")
    place.told("LLMRoute", "support", *GOOD)


def test_a_namespace_without_rights_is_named_with_what_to_do_and_holds_up_the_others(
    place: Place, account: Account, controllers: Controllers, tmp_path: Path
) -> None:
    account.apply("ClusterRoleBinding")
    bind(place, account)
    other = Place(place.server, place.view, controllers.new_namespace())
    controller = controllers.start(
        "--watch-namespace",
        other.namespace,
        kubeconfig=account.kubeconfig(tmp_path),
        lease=account.system,
    )
    line = controller.says("waiting: 403: .* cannot list")
    assert f'in the namespace "{other.namespace}"' in line
    assert f"bind the ClusterRole in namespace {other.namespace}, or leave " in line
    assert "it holds up the others too" in line
    assert controller.ask("/readyz") == (503, line.partition("waiting: ")[2] + "\n")
    bind(other, account)
    controller.watching()
    for each in (place, other):
        each.apply(route(prompt=None))
        each.told("LLMRoute", "support", *GOOD)


def cannot_list(place: Place, controller: Controller) -> None:
    line = controller.says("waiting: 403: llmroutes.outrider.dev is forbidden.* cannot list")
    code, text = controller.ask("/readyz")
    assert code == 503
    assert text.strip() in line


def cannot_watch(place: Place, controller: Controller) -> None:
    controller.says("the watches ended: .*outrider.dev is forbidden.* cannot watch")
    code, text = controller.ask("/readyz")
    assert code == 503
    assert "cannot watch" in text


def cannot_write_the_snapshot(place: Place, controller: Controller) -> None:
    place.apply(route(prompt=None))
    body = place.told("LLMRoute", "support", "Ready=False/NotPublished")
    assert 'cannot patch resource "configmaps"' in message(body, "Ready")
    assert "snapshot" not in body["status"]
    line = f"namespace {place.namespace} fails and is tried again: .* cannot patch"
    controller.says(line)
    # A route that comes later is told after many more tries, none of which is worth a line.
    place.apply(route("late", prompt=None))
    place.told("LLMRoute", "late", "Ready=False/NotPublished")
    assert len(re.findall(line, controller.log)) == 1


def cannot_say_status(place: Place, controller: Controller) -> None:
    place.apply(route(prompt=None))
    controller.says('is tried again: .* cannot patch resource "llmroutes/status"')
    assert list(place.published().routes) == ["support"]


def cannot_post_events(place: Place, controller: Controller) -> None:
    place.apply(route(), version("v7", 1))
    controller.says('Event SplitChanged of support refused: .* cannot create resource "events"')
    place.told("LLMRoute", "support", *GOOD)


def cannot_read_namespaces(place: Place, controller: Controller) -> None:
    place.apply(route(), version("v7", 1))
    place.told("LLMRoute", "support", *GOOD)


@pytest.mark.parametrize(
    ("group", "resource", "verb", "story"),
    [
        ("outrider.dev", "promptversions", "list", cannot_list),
        ("outrider.dev", "promptversions", "watch", cannot_watch),
        ("", "configmaps", "patch", cannot_write_the_snapshot),
        ("outrider.dev", "llmroutes/status", "patch", cannot_say_status),
        ("events.k8s.io", "events", "create", cannot_post_events),
        ("", "namespaces", "get", cannot_read_namespaces),
    ],
)
def test_without_one_right_it_says_which_and_does_what_it_can(
    group: str,
    resource: str,
    verb: str,
    story: Callable[[Place, Controller], None],
    place: Place,
    account: Account,
    controllers: Controllers,
    tmp_path: Path,
) -> None:
    account.deny(group, resource, verb)
    account.apply("ClusterRoleBinding")
    bind(place, account)
    controller = controllers.start(kubeconfig=account.kubeconfig(tmp_path), lease=account.system)
    if story is not cannot_list:
        controller.watching()
    story(place, controller)
    assert controller.ask("/healthz")[0] == 200
    assert controller.stop() == 0
    assert "work did not end" not in controller.log


def bind(place: Place, account: Account) -> None:
    """The ClusterRole in one namespace, as the file's comment says."""
    role = account.of_kind("ClusterRole")["metadata"]["name"]
    subject = f"--serviceaccount={account.system}:{NAME}"
    place.kubectl("create", "rolebinding", NAME, f"--clusterrole={role}", subject)
