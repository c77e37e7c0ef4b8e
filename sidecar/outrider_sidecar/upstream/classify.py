"""What went wrong with an attempt, as one of the closed error classes, and what follows from it.

The provider's own code is read before the status, its message only where no code says it.
Sources: the providers' published error pages; the bodies are kept as golden files in the tests.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec


class ErrorClass(StrEnum):
    """The classes of an attempt that failed; their names are configured, counted and shown."""

    UNREACHABLE = "Unreachable"
    TIMEOUT = "Timeout"
    BROKEN_STREAM = "BrokenStream"
    SERVER_ERROR = "ServerError"
    OVERLOADED = "Overloaded"
    RATE_LIMITED = "RateLimited"
    QUOTA_EXHAUSTED = "QuotaExhausted"
    CREDENTIAL_REJECTED = "CredentialRejected"
    MODEL_NOT_FOUND = "ModelNotFound"
    CONTEXT_LENGTH = "ContextLength"
    TOO_LARGE = "TooLarge"
    INVALID = "Invalid"
    EMPTY = "Empty"


class Action(Enum):
    """What an attempt's class asks for by default."""

    RETRY = "Retry"
    NEXT_BACKEND = "NextBackend"
    FAIL = "Fail"


class Consequence(NamedTuple):
    """The default action, and the code when it is final; the code's status: `dialects.errors`."""

    action: Action
    code: str


CONSEQUENCES: Final[Mapping[ErrorClass, Consequence]] = {
    ErrorClass.UNREACHABLE: Consequence(Action.RETRY, "provider_unreachable"),
    ErrorClass.TIMEOUT: Consequence(Action.NEXT_BACKEND, "provider_timeout"),
    ErrorClass.BROKEN_STREAM: Consequence(Action.NEXT_BACKEND, "provider_stream_broken"),
    ErrorClass.SERVER_ERROR: Consequence(Action.RETRY, "provider_error"),
    ErrorClass.OVERLOADED: Consequence(Action.RETRY, "provider_overloaded"),
    ErrorClass.RATE_LIMITED: Consequence(Action.NEXT_BACKEND, "provider_rate_limited"),
    ErrorClass.QUOTA_EXHAUSTED: Consequence(Action.NEXT_BACKEND, "provider_quota_exhausted"),
    ErrorClass.CREDENTIAL_REJECTED: Consequence(Action.NEXT_BACKEND, "provider_auth"),
    ErrorClass.MODEL_NOT_FOUND: Consequence(Action.NEXT_BACKEND, "provider_model_not_found"),
    ErrorClass.CONTEXT_LENGTH: Consequence(Action.FAIL, "caller_context_length"),
    ErrorClass.TOO_LARGE: Consequence(Action.FAIL, "caller_too_large"),
    ErrorClass.INVALID: Consequence(Action.FAIL, "caller_invalid"),
    ErrorClass.EMPTY: Consequence(Action.RETRY, "provider_empty"),
}

_BY_CODE: Final[Mapping[str, ErrorClass]] = {
    # OpenAI and those who copy it: error.code, else error.type
    "context_length_exceeded": ErrorClass.CONTEXT_LENGTH,
    "exceed_context_size_error": ErrorClass.CONTEXT_LENGTH,
    "insufficient_quota": ErrorClass.QUOTA_EXHAUSTED,
    "billing_hard_limit_reached": ErrorClass.QUOTA_EXHAUSTED,
    "billing_not_active": ErrorClass.QUOTA_EXHAUSTED,
    "rate_limit_exceeded": ErrorClass.RATE_LIMITED,
    "model_not_found": ErrorClass.MODEL_NOT_FOUND,
    "model_not_available": ErrorClass.MODEL_NOT_FOUND,
    "deploymentnotfound": ErrorClass.MODEL_NOT_FOUND,
    "invalid_api_key": ErrorClass.CREDENTIAL_REJECTED,
    "account_deactivated": ErrorClass.CREDENTIAL_REJECTED,
    "slow_down": ErrorClass.OVERLOADED,
    "server_error": ErrorClass.SERVER_ERROR,
    # Anthropic: error.type
    "overloaded_error": ErrorClass.OVERLOADED,
    "rate_limit_error": ErrorClass.RATE_LIMITED,
    "billing_error": ErrorClass.QUOTA_EXHAUSTED,
    "authentication_error": ErrorClass.CREDENTIAL_REJECTED,
    "permission_error": ErrorClass.CREDENTIAL_REJECTED,
    "not_found_error": ErrorClass.MODEL_NOT_FOUND,
    "request_too_large": ErrorClass.TOO_LARGE,
    "api_error": ErrorClass.SERVER_ERROR,
    "timeout_error": ErrorClass.SERVER_ERROR,
}

_BY_STATUS: Final[Mapping[int, ErrorClass]] = {
    401: ErrorClass.CREDENTIAL_REJECTED,
    402: ErrorClass.QUOTA_EXHAUSTED,
    403: ErrorClass.CREDENTIAL_REJECTED,
    404: ErrorClass.MODEL_NOT_FOUND,
    408: ErrorClass.SERVER_ERROR,
    409: ErrorClass.SERVER_ERROR,
    410: ErrorClass.MODEL_NOT_FOUND,
    413: ErrorClass.TOO_LARGE,
    424: ErrorClass.SERVER_ERROR,
    425: ErrorClass.SERVER_ERROR,
    429: ErrorClass.RATE_LIMITED,
    529: ErrorClass.OVERLOADED,
}

# What a 400 says in words only: the first pattern that is found.
_BY_MESSAGE: Final = (
    (
        ErrorClass.CONTEXT_LENGTH,
        re.compile(
            r"prompt is too long|maximum context length|exceed(s|ed)?( the)?( available)? context"
            r"|context (length|window|size)( limit)? (is )?exceeded|exceeds? the model'?s? context",
            re.IGNORECASE,
        ),
    ),
    (
        ErrorClass.QUOTA_EXHAUSTED,
        re.compile(
            r"credit balance is too low|api usage limits|spend(ing)? limit|insufficient balance"
            r"|billing hard limit",
            re.IGNORECASE,
        ),
    ),
    (
        ErrorClass.CREDENTIAL_REJECTED,
        re.compile(r"api[ _]key not valid|api_key_invalid", re.IGNORECASE),
    ),
)


class ProviderError(NamedTuple):
    """What a provider's error body says; empty strings where it says nothing.

    `told`: the body is a JSON object, or a list with one, that has something to tell.
    """

    code: str = ""
    kind: str = ""
    message: str = ""
    told: bool = False


def read_error(body: bytes) -> ProviderError:
    """The error in a body of any provider's shape; all empty when there is none."""
    try:
        answer: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ProviderError()
    if isinstance(answer, list) and answer:
        answer = answer[0]
    if not isinstance(answer, dict) or not answer:
        return ProviderError()
    error = answer.get("error", answer)
    if isinstance(error, str):
        return ProviderError(message=error, told=True)
    if not isinstance(error, dict):
        return ProviderError(told=True)
    texts = (error.get("code"), error.get("type") or error.get("status"), error.get("message"))
    code, kind, message = (value if isinstance(value, str) else "" for value in texts)
    return ProviderError(code, kind, message, told=True)


def of_error(status: int, headers: Mapping[str, str], error: ProviderError) -> ErrorClass:
    """The class of an answer that is an error; `status` 200 means an error inside a 200."""
    known = _BY_CODE.get(error.code.lower()) or _BY_CODE.get(error.kind.lower())
    if known is ErrorClass.RATE_LIMITED and error.kind.lower() == "insufficient_quota":
        return ErrorClass.QUOTA_EXHAUSTED
    if known is not None and not _is_vague(known, status):
        return known
    if status in (200, 400, 422) and error.message:
        for found, pattern in _BY_MESSAGE:
            if pattern.search(error.message):
                return found
    by_status = _BY_STATUS.get(status)
    if by_status is not None:
        return by_status
    if status == 503 and "retry-after" in headers:
        return ErrorClass.OVERLOADED
    if status >= 500 or 300 <= status < 400:
        return ErrorClass.SERVER_ERROR
    if 200 <= status < 300:
        asked = error.kind.startswith("invalid_request") or error.code.startswith("invalid_")
        return ErrorClass.INVALID if asked else known or ErrorClass.BROKEN_STREAM
    return ErrorClass.INVALID


def _is_vague(known: ErrorClass, status: int) -> bool:
    """Whether the status says more: `api_error` and `server_error` stand for many things."""
    return known is ErrorClass.SERVER_ERROR and status not in (200, 500)


def of_exception(error: BaseException) -> ErrorClass:
    """The class of what the client raised before or while an answer came."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return ErrorClass.UNREACHABLE
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return ErrorClass.BROKEN_STREAM
        case aiohttp.ServerDisconnectedError() if not closed_unread(error):
            return ErrorClass.BROKEN_STREAM
        case aiohttp.ClientConnectionError():  # refused, reset, DNS, TLS, connect timeout
            return ErrorClass.UNREACHABLE
        case asyncio.TimeoutError():
            return ErrorClass.TIMEOUT
        case aiohttp.ClientError() | OSError():
            return ErrorClass.UNREACHABLE
        case _:
            return ErrorClass.BROKEN_STREAM


def closed_unread(error: BaseException) -> bool:
    """Whether a connection closed before its answer gave a byte, and was not refused."""
    match error:
        case aiohttp.ClientConnectorError():
            return False
        case aiohttp.ServerDisconnectedError():
            return isinstance(error.message, str)  # else it is the head as far as it came
        case _:
            return isinstance(error, (aiohttp.ClientOSError, aiohttp.ClientConnectionResetError))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a retry-after-ms or Retry-After, a date counted from now; None without one."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value):
            return float(value) / unit
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment - time.time())
