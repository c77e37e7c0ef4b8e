"""How an attempt fails, and what a request is refused with when its attempts did."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp

from outrider_sidecar.dialects.errors import STATUS, Refusal, refuse
from outrider_sidecar.upstream.classify import (
    CONSEQUENCES,
    Action,
    ErrorClass,
    of_error,
    read_error,
    retry_after,
)

_QUOTED: Final = 500

# A server without keys is given a placeholder ("none", "EMPTY"), which may stand anywhere.
_SHORTEST_KEY: Final = 8


class Failed(Exception):
    """One attempt that ended before commit; the message is a sentence without its subject.

    `body` and `status` are the provider's own, where they go to the caller as they are; `code`
    stands instead of the class's own.
    """

    def __init__(
        self,
        cls: ErrorClass,
        message: str,
        *,
        retry_after: float | None = None,
        body: bytes | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.cls = cls
        self.code = code or CONSEQUENCES[cls].code
        self.message = message
        self.retry_after = retry_after
        self.body = body
        self.status = status

    @property
    def final(self) -> bool:
        """Whether no other backend could do better."""
        return CONSEQUENCES[self.cls].action is Action.FAIL


def masked(text: str, key: str | None) -> str:
    """`text` with `***` where our key stands, for some servers repeat the key they were sent."""
    return text if key is None or len(key) < _SHORTEST_KEY else text.replace(key, "***")


def _masked_json(body: bytes, key: str | None) -> bytes:
    if key is None or len(key) < _SHORTEST_KEY:
        return body
    spelt = json.dumps(key)[1:-1]
    for form in (key, spelt, spelt.replace("/", "\\/")):
        body = body.replace(form.encode(), b"***")
    return body


def of_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, callers_key: bool, key: str | None
) -> Failed:
    """The failure in an error answer, or in an error inside a 200.

    What is wrong with the request itself, and with a key of the caller's own, is told in the
    provider's words. `key` is the one of ours that was sent; its value is told to nobody.
    """
    body = _masked_json(body, key)
    error = read_error(body)
    cls = of_error(status, headers, error)
    said = masked(error.message or error.kind or error.code, key)[:_QUOTED]
    message = f"answered {status}" + (f": {said}" if said else "")
    if cls is ErrorClass.INVALID:
        return Failed(cls, message, body=body if error.told else None)
    if cls is ErrorClass.CREDENTIAL_REJECTED and callers_key and 400 <= status < 500:
        return Failed(cls, message, body=body if error.told else None, status=status)
    return Failed(cls, message, retry_after=retry_after(headers))


def cause(error: BaseException) -> str:
    """What an exception of the client tells, in one line and without the provider's bytes."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"the proxy answered {error.status}"
        case aiohttp.ClientResponseError():
            return "that is not HTTP"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed"
        case aiohttp.ClientConnectorCertificateError():
            return f"{error.host}:{error.port}, {error.certificate_error}"[:_QUOTED]
        case aiohttp.ClientConnectorError():
            why = error.os_error.strerror or str(error.os_error)
            return f"{error.host}:{error.port}, {why}"[:_QUOTED]
        case TimeoutError() if not str(error):
            return "it took too long"
        case _:
            return (str(error) or type(error).__name__).split("\n", 1)[0][:_QUOTED]


def refusal_of(failures: Sequence[tuple[str, Failed]]) -> Refusal:
    """The final answer after `failures`, which are backends and what became of them, in order.

    A class that ends the attempts speaks for itself; otherwise several are
    `provider_exhausted`, with the last one's status and every attempt named.
    """
    backend, last = failures[-1]
    attempts = [{"backend": name, "class": str(failed.cls)} for name, failed in failures]
    code = last.code
    status = STATUS[code]
    told = [last] if last.final else [failed for _, failed in failures]
    waits = [failed.retry_after for failed in told if failed.retry_after is not None]
    if len(failures) > 1 and not last.final:
        code = "provider_exhausted"
        each = "; ".join(f"{name} {failed.message}" for name, failed in failures)
        message = f"all {len(failures)} backends failed: {each}"
    else:
        message = f"backend {backend} {last.message}"
    refusal = refuse(
        code, message, status=status, retry_after=min(waits, default=None), attempts=attempts
    )
    if last.body is not None and code != "provider_exhausted":
        refusal.body = last.body
        refusal.content_type = "application/json"
        refusal.status = last.status or status
    return refusal
