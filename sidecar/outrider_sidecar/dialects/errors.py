"""Everything a request can be refused with.

    Refusal                 one final answer that is no answer of a model
      caller_*              their request: 4xx
      policy_*              our refusal on someone's behalf: 4xx, 502 for a broken schema
      provider_*            upstream: 429, 5xx
      outrider_*            ours: 4xx where the request asks what we cannot do, else 5xx

One class, told apart by its code: codes are promised to callers, in `error.code` and in the
header ``x-outrider-error``, and each has one status. They are listed in `STATUS`.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

import msgspec

Family = Literal["openai", "anthropic"]

OVERLOADED: Final = 529

STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "caller_json": 400,
        "caller_duplicate_key": 400,
        "caller_dialect": 400,
        "caller_identity": 400,
        "caller_prompt_unknown": 400,
        "caller_variable_missing": 400,
        "caller_variable_invalid": 400,
        "caller_variable_too_long": 400,
        "caller_system": 400,
        "caller_tool_clash": 400,
        "caller_invalid": 400,
        "caller_unsupported": 400,
        "caller_context_length": 400,
        "caller_truncated": 400,
        "caller_origin": 403,
        "caller_model_unknown": 404,
        "caller_timeout": 408,
        "caller_too_large": 413,
        "caller_encoding": 415,
        "caller_header_too_long": 431,
        "policy_rate_requests": 429,
        "policy_rate_tokens": 429,
        "policy_rate_concurrent": 429,
        "policy_budget_cost": 429,
        "policy_queue_full": 429,
        "policy_loop": 429,
        "policy_request_tokens": 413,
        "policy_request_cost": 400,
        "policy_subject_unknown": 403,
        "policy_schema": 502,
        "provider_unreachable": 503,
        "provider_timeout": 504,
        "provider_stream_broken": 502,
        "provider_error": 502,
        "provider_overloaded": OVERLOADED,
        "provider_rate_limited": 429,
        "provider_quota_exhausted": 429,
        "provider_auth": 502,
        "provider_model_not_found": 502,
        "provider_empty": 502,
        "provider_unavailable": 503,
        "provider_exhausted": 502,
        "provider_credential_host": 502,
        "outrider_state_unknown": 400,
        "outrider_state_not_kept": 400,
        "outrider_no_passthrough": 404,
        "outrider_internal": 500,
        "outrider_starting": 503,
        "outrider_no_prompt": 503,
        "outrider_no_backend": 503,
        "outrider_credential_missing": 503,
        "outrider_draining": 503,
        "outrider_loop": 508,
    }
)

# Guards name their own refusals; all of them speak about what the caller sent.
_GUARD: Final = "policy_guard_"

_OPENAI_TYPES: Final = {429: "rate_limit_error"}
_ANTHROPIC_TYPES: Final = {
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}


class Refusal(Exception):
    """One final answer that is no answer of a model.

    `status` is the code's own; what goes out is `status_of`. `retry_after` is in seconds.
    `body` is a provider's own JSON body, sent instead of ours. `details` stand in
    `error.outrider`, for programs. Only a `retryable` one invites the caller's SDK to retry.
    """

    def __init__(
        self,
        code: str,
        status: int,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        body: bytes | None = None,
        content_type: str | None = None,
        details: dict[str, Any] | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.body = body
        self.content_type = content_type
        self.details = details or {}
        self.retryable = retryable


class Named(Protocol):
    """A dialect, as far as an error needs to know it."""

    @property
    def name(self) -> Literal["chat", "messages"]: ...


def refuse(
    code: str,
    message: str,
    *,
    param: str | None = None,
    retry_after: float | None = None,
    status: int | None = None,
    **details: Any,
) -> Refusal:
    """The refusal of that code, with the status the code has unless one is given.

    Raises KeyError for a code that is not promised.
    """
    if status is None:
        status = 400 if code.startswith(_GUARD) else STATUS[code]
    return Refusal(
        code,
        status,
        message,
        param=param,
        retry_after=retry_after,
        details=details,
        retryable=code == "outrider_starting",
    )


def status_of(refusal: Refusal, family: Family) -> int:
    """The status on the wire: 529 is Anthropic's own, OpenAI's clients get a 503 for it."""
    if refusal.status == OVERLOADED and family == "openai":
        return 503
    return refusal.status


def body_of(refusal: Refusal, family: Family, request_id: str) -> bytes:
    """The JSON body in the family's own shape, or the provider's where the refusal has one."""
    if refusal.body is not None:
        return refusal.body
    return msgspec.json.encode(_shape(refusal, family, request_id))


def headers_of(refusal: Refusal, request_id: str) -> list[tuple[str, str]]:
    """The headers every refusal carries; both SDKs find the request id under their own name."""
    headers = [
        ("content-type", refusal.content_type or "application/json"),
        ("x-outrider-error", refusal.code),
        ("request-id", request_id),
        ("x-request-id", request_id),
    ]
    if not refusal.retryable:
        headers.append(("x-should-retry", "false"))
    if refusal.retry_after is not None:
        headers.append(("retry-after", str(max(0, math.ceil(refusal.retry_after)))))
    return headers


def stream_failure(dialect: Named, refusal: Refusal, request_id: str) -> bytes:
    """The last event of a stream that broke after it began; nothing may follow it."""
    if dialect.name == "messages":
        shape = _shape(refusal, "anthropic", request_id)
        return b"event: error\ndata: " + msgspec.json.encode(shape) + b"\n\n"
    return b"data: " + msgspec.json.encode(_shape(refusal, "openai", request_id)) + b"\n\n"


def _shape(refusal: Refusal, family: Family, request_id: str) -> dict[str, Any]:
    status = refusal.status
    if family == "anthropic":
        kind = _ANTHROPIC_TYPES.get(
            status, "api_error" if status >= 500 else "invalid_request_error"
        )
        code = refusal.code
        error: dict[str, Any] = {"type": kind, "message": refusal.message, "code": code}
        error["details"] = {"error_code": code}  # where Anthropic's SDKs look for it
        return {"type": "error", "error": error, "request_id": request_id}
    if refusal.code == "provider_quota_exhausted":
        kind = "insufficient_quota"
    else:
        kind = _OPENAI_TYPES.get(
            status, "server_error" if status >= 500 else "invalid_request_error"
        )
    return {
        "error": {
            "message": refusal.message,
            "type": kind,
            "param": refusal.param,
            "code": refusal.code,
            "outrider": {"request_id": request_id, **refusal.details},
        }
    }
