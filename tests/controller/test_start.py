"""Starts that need no API server, mostly because they fail."""

import socket
import subprocess
from pathlib import Path

import pytest

from kube.apiserver import ApiServer
from kube.controllers import PROGRAM, Controller

NOBODY = """
apiVersion: v1
kind: Config
current-context: nobody
clusters: [{name: nobody, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: nobody, user: {}}]
contexts: [{name: nobody, context: {cluster: nobody, user: nobody}}]
"""


def start(kubeconfig: Path, *arguments: str, **environment: str) -> Controller:
    server = ApiServer(kubeconfig, "", False, kubeconfig.parent)
    return Controller(server, arguments, environment, kubeconfig)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no kubeconfig at"),
        ("{", "cannot log in with"),
        ("[]", "it is no kubeconfig, which is a mapping with clusters, users and contexts"),
        ("server: 5", "cannot log in with"),
        ("just text", "it is no kubeconfig, which is a mapping with clusters, users and contexts"),
        ("apiVersion: v1\nkind: Config\n", "cannot log in with"),
        ("apiVersion: v1\nkind: Config\ncurrent-context: away\ncontexts: []\n", "away"),
    ],
    ids=["missing", "no YAML", "a list", "something else", "text", "empty", "without its context"],
)
def test_a_bad_kubeconfig_is_named_and_the_exit_code_is_2(
    content: str | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    controller = start(file)
    assert controller.ended() == 2
    assert said in controller.log
    assert str(file) in controller.log
    assert "Traceback" not in controller.log


def test_a_pod_without_a_service_account_is_told_what_to_mount(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "controller", "--port", "0"],
        env={"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.0.0.1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "this pod gives no ServiceAccount" in done.stderr
    assert "or give --kubeconfig FILE" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_any_log_in_it_says_where_it_looked(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "controller", "--port", "0"],
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "give --kubeconfig FILE or set KUBECONFIG" in done.stderr


def test_an_api_server_that_does_not_answer_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        file.write_text(NOBODY % closed.getsockname()[1])
    controller = start(file)
    controller.says("waiting: the API server http://127.0.0.1:.* does not answer")
    code, text = controller.ask("/readyz")
    assert (code, "does not answer" in text) == (503, True)
    assert controller.ask("/healthz")[0] == 200
    assert controller.stop() == 0


def test_a_port_that_is_taken_is_wrong_use(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(NOBODY % 9)
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        controller = start(file, "--port", str(port))
        assert controller.ended() == 2
    assert f"port {port} cannot be opened" in controller.log
    assert "name another with --port" in controller.log


def test_a_drain_that_is_no_number_is_wrong_use(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(NOBODY % 9)
    controller = start(file, OUTRIDER_DRAIN_SECONDS="long")
    assert controller.ended() == 2
    assert "OUTRIDER_DRAIN_SECONDS=long is no number of seconds; write 25" in controller.log
