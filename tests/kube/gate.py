"""A gate between one controller and the API server, where a test stops it at a named step.

The product knows nothing of it: it is a server of a kubeconfig. It passes requests on to a
``kubectl proxy`` and holds those that a test asked it to hold, before they reach the API server
or after, with the answer in hand.
"""

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

PATIENCE_SECONDS = 60
Where = Literal["before", "after"]
PASSED_ON = ("content-type", "accept", "content-length")


@dataclass(eq=False)
class Stop:
    """A request to be held, at most once."""

    method: str
    path: re.Pattern[str]
    where: Where
    reached: threading.Event = field(default_factory=threading.Event)
    decided: threading.Event = field(default_factory=threading.Event)
    lost: bool = False

    def wait(self) -> None:
        """Returns once the request is held."""
        assert self.reached.wait(PATIENCE_SECONDS), f"no {self.method} {self.path.pattern} came"

    def let_go(self) -> None:
        """Let it go on."""
        self.decided.set()

    def lose(self) -> None:
        """It never arrives, or its answer never does."""
        self.lost = True
        self.decided.set()


@dataclass(frozen=True)
class Refusal:
    """Requests that the gate answers itself."""

    method: str
    path: re.Pattern[str]
    status: int
    body: bytes


class Gate:
    """Open from the start. `requests` are those that arrived, as ``METHOD /path``."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.port = server.server_port
        self.requests: list[str] = []
        self._stops: list[Stop] = []
        self._refusals: list[Refusal] = []
        self._sockets: set[socket.socket] = set()
        self._cut = False
        self._lock = threading.Lock()

    def kubeconfig(self, directory: Path) -> Path:
        """A kubeconfig that leads through the gate."""
        file = directory / "gate.kubeconfig"
        file.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: gate\n"
            f"clusters: [{{name: gate, cluster: {{server: 'http://127.0.0.1:{self.port}'}}}}]\n"
            "users: [{name: gate, user: {}}]\n"
            "contexts: [{name: gate, context: {cluster: gate, user: gate}}]\n"
        )
        return file

    def hold(self, method: str, path: str, where: Where = "before") -> Stop:
        """Hold the next request of `method` whose path has the pattern `path` in it."""
        stop = Stop(method, re.compile(path), where)
        with self._lock:
            self._stops.append(stop)
        return stop

    def refuse(self, method: str, path: str, status: int, body: bytes = b"{}") -> Refusal:
        """Answer such requests with `status` from now on."""
        refusal = Refusal(method, re.compile(path), status, body)
        with self._lock:
            self._refusals.append(refusal)
        return refusal

    def relent(self, refusal: Refusal) -> None:
        """Pass such requests on again."""
        with self._lock:
            self._refusals.remove(refusal)

    def hang_up(self) -> None:
        """End every connection; new ones are welcome."""
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """End every connection, and each new one at once."""
        with self._lock:
            self._cut = True
        self.hang_up()

    def mend(self) -> None:
        """Pass requests on again."""
        with self._lock:
            self._cut = False

    def close(self) -> None:
        """Nothing waits at the gate any more."""
        self.cut()
        for stop in self._stops:
            stop.lose()

    def enter(self, connection: socket.socket) -> bool:
        """A connection came; whether it may stay."""
        with self._lock:
            self._sockets.add(connection)
            return not self._cut

    def leave(self, connection: socket.socket) -> None:
        """A connection ended."""
        with self._lock:
            self._sockets.discard(connection)

    def refusal_of(self, method: str, path: str) -> Refusal | None:
        """How the gate answers a request itself, if it does."""
        with self._lock:
            self.requests.append(f"{method} {path}")
            return next(
                (one for one in self._refusals if one.method == method and one.path.search(path)),
                None,
            )

    def passes(self, method: str, path: str, where: Where) -> bool:
        """Blocks while the request is held here; whether it then goes on."""
        with self._lock:
            stop = next(
                (
                    one
                    for one in self._stops
                    if one.method == method
                    and one.where == where
                    and not one.reached.is_set()
                    and one.path.search(path)
                ),
                None,
            )
            if stop is None:
                return True
            stop.reached.set()
        stop.decided.wait()
        return not stop.lost


@contextmanager
def gate_before(port: int) -> Iterator[Gate]:
    """A gate in front of the server on `port` of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            try:
                if gate.enter(self.connection):
                    super().handle()
            except (OSError, http.client.HTTPException):
                self.close_connection = True
            finally:
                gate.leave(self.connection)

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            refusal = gate.refusal_of(self.command, self.path)
            if refusal is not None:
                self.send_response(refusal.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(refusal.body)))
                self.end_headers()
                self.wfile.write(refusal.body)
                return
            if not gate.passes(self.command, self.path, "before"):
                self.close_connection = True
                return
            with closing(http.client.HTTPConnection("127.0.0.1", port)) as upstream:
                headers = {
                    name: value
                    for name in PASSED_ON
                    if (value := self.headers.get(name)) is not None
                }
                upstream.request(self.command, self.path, body or None, headers)
                answer = upstream.getresponse()
                if not gate.passes(self.command, self.path, "after"):
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                while piece := answer.read1(65536):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            """The gate's own list is enough."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.pass_on)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    gate = Gate(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield gate
    finally:
        gate.close()
        server.shutdown()
        server.server_close()
        thread.join()
