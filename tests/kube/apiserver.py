"""A real kube-apiserver for the tests, with the project's three kinds in it.

Where it comes from, the first that applies:

* ``OUTRIDER_TEST_USE_KUBECONFIG=1``: the cluster of ``KUBECONFIG`` (kind, minikube, ...);
* ``KUBEBUILDER_ASSETS``: etcd, kube-apiserver and kubectl from that directory;
* else the programs that ``tests/cluster/build`` compiles once and keeps in a cache.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.aio import client, config

REPOSITORY = Path(__file__).parents[2]
CRDS = REPOSITORY / "crds"
CLUSTER = REPOSITORY / "tests" / "cluster"
KINDS = ("llmroutes", "promptversions", "ratelimitpolicies")

USE_KUBECONFIG = "OUTRIDER_TEST_USE_KUBECONFIG"


class ApiServerError(RuntimeError):
    """The API server did not start, or kubectl failed; the message holds what was printed."""


@dataclass(frozen=True)
class ApiServer:
    """A running API server.

    `controllers` says whether a kube-controller-manager runs beside it; without one a deleted
    namespace stays Terminating.
    """

    kubeconfig: Path
    kubectl_path: str
    controllers: bool
    cache: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a child process needs to talk to this server and to leave no file elsewhere."""
        return {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.cache),
        }

    def try_kubectl(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl and return the result, whatever its exit code."""
        return subprocess.run(
            [self.kubectl_path, *args],
            input=stdin,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def kubectl(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl; raises `ApiServerError` with its standard error when it fails."""
        done = self.try_kubectl(*args, stdin=stdin)
        if done.returncode:
            raise ApiServerError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Any]:
        """A `kubernetes.aio` ApiClient for this server, closed at the end."""
        configuration = client.Configuration()
        load: Any = config.load_kube_config
        await load(
            config_file=str(self.kubeconfig),
            client_configuration=configuration,
            persist_config=False,
        )
        async with client.ApiClient(configuration) as api:
            yield api


@contextmanager
def running_api_server() -> Iterator[ApiServer]:
    """An API server that serves the three kinds; what was started is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="outrider-kube-") as temporary:
        directory = Path(temporary)
        if os.environ.get(USE_KUBECONFIG):
            server = _given(directory)
            _install(server)
            yield server
        else:
            try:
                server = _started(directory)
                _install(server)
                yield server
            finally:
                subprocess.run([CLUSTER / "down", "--dir", directory / "c"], check=True)


def _programs() -> Path:
    """Where `tests/cluster/common` keeps what it built."""
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return Path(assets).resolve()
    printed = subprocess.run(
        ["bash", "-c", '. "$0" && printf %s "$bin"', CLUSTER / "common"],
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(printed.stdout)


def _given(directory: Path) -> ApiServer:
    kubeconfig = os.environ.get("KUBECONFIG")
    if not kubeconfig:
        raise ApiServerError(f"{USE_KUBECONFIG} is set, but KUBECONFIG names no file")
    kubectl = shutil.which("kubectl")
    if not kubectl:
        raise ApiServerError(f"{USE_KUBECONFIG} is set, but there is no kubectl on the PATH")
    return ApiServer(Path(kubeconfig).resolve(), kubectl, True, directory)


def _started(directory: Path) -> ApiServer:
    state = directory / "c"
    owner = str(os.getpid())
    command = [str(CLUSTER / "up"), "--control-plane-only", "--dir", str(state), "--owner", owner]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ApiServerError(f"tests/cluster/up failed: {done.stdout}{done.stderr}")
    programs = _programs()
    return ApiServer(
        state / "admin.kubeconfig",
        str(programs / "kubectl"),
        (programs / "kube-controller-manager").exists(),
        directory,
    )


def _install(server: ApiServer) -> None:
    """Apply `crds/` and wait until all three kinds are served, and kubectl knows them."""
    server.kubectl("apply", "--server-side", "-f", str(CRDS))
    names = [f"crd/{kind}.outrider.dev" for kind in KINDS]
    server.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
    deadline = time.monotonic() + 30
    while len(_listed(server)) < len(KINDS):
        if time.monotonic() > deadline:
            raise ApiServerError(f"discovery lists only {_listed(server)} after 30 s")


def _listed(server: ApiServer) -> list[str]:
    """The kinds in the API server's discovery; this also renews what kubectl remembers of it."""
    return server.kubectl("api-resources", "--api-group=outrider.dev", "-o", "name").stdout.split()
