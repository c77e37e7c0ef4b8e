"""Fixtures of every test that needs Kubernetes; such a test is marked ``kube`` by itself.

Where KUBEBUILDER_ASSETS has no kube-controller-manager, tests marked ``kube_controllers`` are
left out and the summary says so; where ``CI`` is set that is an error instead.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from kube.apiserver import ApiServer, running_api_server
from kube.controllers import Controllers
from kube.gate import Gate, gate_before
from kube.place import Place
from kube.view import View, viewing

_LEFT_OUT = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """One API server with the CRDs applied, for the whole session."""
    with running_api_server() as server:
        yield server


@pytest.fixture
async def kube_client(api_server: ApiServer) -> AsyncIterator[Any]:
    """A `kubernetes.aio` ApiClient for the API server."""
    async with api_server.client() as client:
        yield client


@pytest.fixture(scope="session")
def view(api_server: ApiServer) -> Iterator[View]:
    """The API server as tests look at it."""
    with viewing(api_server) as view:
        yield view


@pytest.fixture
def namespace(view: View) -> Iterator[str]:
    """A fresh namespace, deleted afterwards without waiting for it to be gone."""
    name = view.create_namespace("test")
    yield name
    view.delete_namespace(name)


@pytest.fixture
def place(api_server: ApiServer, view: View, namespace: str) -> Place:
    """A fresh namespace, with what a platform team does in one."""
    return Place(api_server, view, namespace)


@pytest.fixture
def controllers(api_server: ApiServer, view: View, namespace: str) -> Iterator[Controllers]:
    """Starts controllers for the fresh namespace; they end with the test."""
    controllers = Controllers(api_server, view, namespace)
    yield controllers
    controllers.end()


@pytest.fixture
def gate(view: View) -> Iterator[Gate]:
    """A gate before the API server, for one controller."""
    with gate_before(view.port) as gate:
        yield gate


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses the API server; leave out, aloud, what the given programs cannot do."""
    for item in items:
        if "api_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kube)
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets or (Path(assets) / "kube-controller-manager").exists():
        return
    left_out = [item for item in items if item.get_closest_marker("kube_controllers")]
    if not left_out:
        return
    reason = f"{len(left_out)} tests: {assets} has no kube-controller-manager"
    if os.environ.get("CI"):
        raise pytest.UsageError(f"nothing may be left out in CI, but {reason}")
    config.stash[_LEFT_OUT] = reason
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if reason := config.stash.get(_LEFT_OUT, None):
        terminalreporter.section("left out")
        terminalreporter.write_line(reason)
