"""`outrider controller` as a process of its own, started as people start it."""

import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kube.apiserver import ApiServer
from kube.view import View

PATIENCE_SECONDS: Final = 60
PROGRAM: Final = Path(sys.executable).with_name("outrider")


class Controller:
    """A running controller and all that it said."""

    def __init__(
        self,
        server: ApiServer,
        arguments: Sequence[str],
        environment: dict[str, str],
        kubeconfig: Path | None,
    ) -> None:
        login = str(kubeconfig or server.kubeconfig)
        command = [str(PROGRAM), "controller", "--kubeconfig", login, "--port", "0", *arguments]
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._silent = False
        self._popen = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**server.environment, **environment}
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def log(self) -> str:
        """All lines so far."""
        return "\n".join(self.lines)

    def says(self, pattern: str, since: int = 0, seconds: float = PATIENCE_SECONDS) -> str:
        """The first line after `since` lines with `pattern` in it, as soon as there is one."""

        def found() -> str | None:
            return next((line for line in self.lines[since:] if re.search(pattern, line)), None)

        with self._news:
            self._news.wait_for(lambda: found() or self._silent, seconds)
        line = found()
        assert line is not None, f"never said {pattern!r}:\n{self.log}"
        return line

    @property
    def port(self) -> int:
        """Of its probes."""
        return int(self.says("controller listens on").rsplit(" ", 1)[1])

    def watching(self) -> "Controller":
        """Itself, once it leads and watches."""
        self.says("watching")
        return self

    def ask(self, path: str) -> tuple[int, str]:
        """Status and text of /healthz, /readyz or /metrics."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=10
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def pause(self) -> None:
        """SIGSTOP."""
        self._popen.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT."""
        self._popen.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: no clean end."""
        self._popen.kill()
        self.ended()

    def terminate(self) -> None:
        """SIGTERM."""
        self._popen.terminate()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.terminate()
        return self.ended()

    def ended(self, seconds: float = PATIENCE_SECONDS) -> int:
        """The exit code, once it has ended."""
        code = self._popen.wait(seconds)
        self._reader.join()
        if self._popen.stderr is not None:
            self._popen.stderr.close()
        return code

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def _read(self) -> None:
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._silent = True
            self._news.notify_all()


class Controllers:
    """Starts controllers that serve one namespace; ends them all, and shows what they said."""

    def __init__(self, server: ApiServer, view: View, namespace: str) -> None:
        self._server = server
        self._view = view
        self._namespace = namespace
        self._started: list[Controller] = []
        self._leases: list[str] = []

    def start(
        self,
        *arguments: str,
        kubeconfig: Path | None = None,
        lease: str | None = None,
        **environment: str,
    ) -> Controller:
        """A new one, with a Lease of its own unless `lease` names the namespace of one."""
        controller = Controller(
            self._server,
            [
                *("--namespace", lease or self.new_namespace()),
                *("--watch-namespace", self._namespace),
                *arguments,
            ],
            environment,
            kubeconfig,
        )
        self._started.append(controller)
        return controller

    def new_namespace(self) -> str:
        """One for Leases."""
        name = self._view.create_namespace("system")
        self._leases.append(name)
        return name

    def end(self) -> None:
        """Kill those that still run."""
        for number, controller in enumerate(self._started):
            controller.kill()
            print(f"--- controller {number}", controller.log, sep="\n")
        for name in self._leases:
            self._view.delete_namespace(name)
