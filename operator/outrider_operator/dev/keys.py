"""Which backends can be called with the keys there are: asked of what the proxy itself asks."""

from collections.abc import Iterator

import msgspec

from outrider_operator.dev.environment import SECRET, variable_of
from outrider_sidecar.config.credentials import Credentials
from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.snapshot import Snapshot
from outrider_sidecar.upstream.outgoing import KeyMissing, target


class KeyProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A backend (``route/name``) without its key, or whose key may not go to its `host`."""

    backend: str
    key: str
    host: str | None = None

    @property
    def in_environment(self) -> str:
        """The variable that mends it in local mode, with its value where that is known."""
        name = variable_of(self.key)
        return f"{name}_HOSTS={self.host}" if self.host else name

    @property
    def in_file(self) -> str:
        """What mends it below ``--credentials DIR``."""
        file = f"{SECRET}/{self.key}"
        return f"add {self.host} to {file}.hosts" if self.host else f"add the file {file}"

    def __str__(self) -> str:
        """What is wrong, without the fix."""
        if self.host:
            return f"backend {self.backend} may not send the key {self.key!r} to {self.host}"
        return f"backend {self.backend} needs the key {self.key!r} and there is none"


def problems(served: Snapshot, credentials: Credentials) -> Iterator[KeyProblem]:
    """Everything that keeps the backends of `served` from being called with `credentials`."""
    for route_name, route in sorted(served.routes.items()):
        for name, backend in sorted(route.backends.items()):
            ref = backend.secret_key_ref
            if ref is None or backend.caller_credentials == "Forward":
                continue
            who = f"{route_name}/{name}"
            try:
                target(
                    backend,
                    name,
                    "models",
                    "",
                    {},
                    credentials=credentials,
                    allow_loopback=True,
                    encoding="identity",
                )
            except KeyMissing:
                yield KeyProblem(backend=who, key=ref.key)
            except Refusal:
                yield KeyProblem(backend=who, key=ref.key, host=_host(backend.base_url))


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
