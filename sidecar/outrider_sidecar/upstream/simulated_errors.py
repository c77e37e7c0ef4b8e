"""Errors of the simulated provider, as the real ones word and number them, by class."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec


class ErrorAnswer(NamedTuple):
    """An error as a provider sends it."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Chat(NamedTuple):
    status: int
    kind: str
    code: str | None
    param: str | None = None


_CHAT: Final[Mapping[str, _Chat]] = {
    "ServerError": _Chat(500, "server_error", None),
    "Overloaded": _Chat(503, "service_unavailable_error", "slow_down"),
    "RateLimited": _Chat(429, "requests", "rate_limit_exceeded"),
    "QuotaExhausted": _Chat(429, "insufficient_quota", "insufficient_quota"),
    "CredentialRejected": _Chat(401, "invalid_request_error", "invalid_api_key"),
    "ModelNotFound": _Chat(404, "invalid_request_error", "model_not_found", "model"),
    "ContextLength": _Chat(400, "invalid_request_error", "context_length_exceeded", "messages"),
    "TooLarge": _Chat(413, "invalid_request_error", "request_too_large"),
    "Invalid": _Chat(400, "invalid_request_error", None),
}

_MESSAGES: Final[Mapping[str, tuple[int, str]]] = {
    "ServerError": (500, "api_error"),
    "Overloaded": (529, "overloaded_error"),
    "RateLimited": (429, "rate_limit_error"),
    "QuotaExhausted": (402, "billing_error"),
    "CredentialRejected": (401, "authentication_error"),
    "ModelNotFound": (404, "not_found_error"),
    "ContextLength": (400, "invalid_request_error"),
    "TooLarge": (413, "request_too_large"),
    "Invalid": (400, "invalid_request_error"),
}

_WORDS: Final[Mapping[str, str]] = {
    "ServerError": "The server had an error while processing your request (simulated).",
    "Overloaded": "Overloaded (simulated).",
    "RateLimited": "Rate limit reached (simulated). Please try again in 1s.",
    "QuotaExhausted": "You exceeded your current quota (simulated).",
    "CredentialRejected": "Incorrect API key provided (simulated).",
    "ModelNotFound": "The model does not exist (simulated).",
    "ContextLength": "prompt is too long: 200001 tokens > 200000 maximum (simulated)",
    "TooLarge": "Request exceeds the maximum size (simulated).",
    "Invalid": "Invalid request (simulated).",
}

CLASSES: Final = frozenset(_WORDS)
"""Classes that are answers; the others are ways not to answer."""

_RETRY_AFTER: Final[Mapping[str, str]] = {"RateLimited": "1", "Overloaded": "1"}


def error_answer(cls: str, dialect: str, message: str | None = None) -> ErrorAnswer:
    """The error of that class in that dialect. Raises KeyError for a class not in `CLASSES`."""
    words = message or _WORDS[cls]
    headers = {"content-type": "application/json"}
    if cls in _RETRY_AFTER:
        headers["retry-after"] = _RETRY_AFTER[cls]
    if dialect == "messages":
        status, kind = _MESSAGES[cls]
        error: dict[str, str | None] = {"type": kind, "message": words}
        return ErrorAnswer(status, headers, msgspec.json.encode({"type": "error", "error": error}))
    spelled = _CHAT[cls]
    error = {
        "message": words,
        "type": spelled.kind,
        "param": spelled.param,
        "code": spelled.code,
    }
    return ErrorAnswer(spelled.status, headers, msgspec.json.encode({"error": error}))
