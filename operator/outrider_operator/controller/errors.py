"""What can go wrong between the controller and the API server.

ControllerError
├── NoCredentials          neither a kubeconfig nor a pod's ServiceAccount
├── Unreachable            no answer from the API server
├── WatchEnded             kopf gave up: nothing is heard until it runs again
├── NotOurs                a ConfigMap of our name holds what somebody else put there
├── LeaseLost              another holder has the Lease, or it could not be renewed in time
├── NamespaceGone          a namespace is being deleted, or is no more
└── KubeError              the API server answered with an error
    ├── Forbidden          403; `terminating` when the namespace is on its way out
    ├── NotFound           404
    ├── Conflict           409: what was read is no longer what is stored
    └── Expired            410: a list's continuation is too old
"""

from typing import Any


class ControllerError(Exception):
    """Root of the tree; the message names the thing and what to do about it."""


class NoCredentials(ControllerError):
    """There is nothing to log in with."""


class Unreachable(ControllerError):
    """The API server did not answer."""


class WatchEnded(ControllerError):
    """The watches are down."""


class NotOurs(ControllerError):
    """Writing would destroy what somebody else keeps."""


class LeaseLost(ControllerError):
    """This process may not write any more."""


class NamespaceGone(ControllerError):
    """Nothing is left to do in a namespace."""


class KubeError(ControllerError):
    """An answer of the API server that is an error."""

    def __init__(self, status: int, message: str, causes: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.causes = causes


class Forbidden(KubeError):
    """403."""

    @property
    def terminating(self) -> bool:
        """Whether the namespace is being deleted: final, nothing can be created in it."""
        return "NamespaceTerminating" in self.causes


class NotFound(KubeError):
    """404."""


class Conflict(KubeError):
    """409."""


class Expired(KubeError):
    """410."""


_CLASSES: dict[int, type[KubeError]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
}


def error_of(status: int, body: dict[str, Any]) -> KubeError:
    """The error for an answer's status and its `Status` object (empty when it had none)."""
    details = body.get("details") or {}
    causes = tuple(str(cause.get("reason", "")) for cause in details.get("causes") or ())
    message = str(body.get("message") or body.get("reason") or "no message")
    return _CLASSES.get(status, KubeError)(status, message, causes)
