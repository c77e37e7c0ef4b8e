"""Which exception every SDK raises for what goes wrong, and that it is raised at once."""

from typing import Any

import pytest

from standins.api import REVOKED
from standins.callers import Caller, body
from standins.scene import Scene


def refused(caller: Caller, model: str, **more: Any) -> Any:
    """The exception for an answer that is an error, whether a stream was asked for or not."""
    with pytest.raises(caller.error("APIStatusError")) as whole:
        caller.ask(model, **more)
    with pytest.raises(caller.error("APIStatusError")) as streamed:
        caller.stream(model, **more)
    assert type(whole.value) is type(streamed.value)
    assert body(whole.value)["message"] == body(streamed.value)["message"]
    return whole.value


PROVIDER_ERRORS = [
    # model, OpenAI's exception and status, Anthropic's, the code
    ("error-400", "BadRequestError", 400, "BadRequestError", 400, "caller_invalid"),
    ("error-422", "BadRequestError", 400, "BadRequestError", 400, "caller_invalid"),
    ("error-400-context", "BadRequestError", 400, "BadRequestError", 400, "caller_context_length"),
    ("error-401", "InternalServerError", 502, "InternalServerError", 502, "provider_auth"),
    ("error-403", "InternalServerError", 502, "InternalServerError", 502, "provider_auth"),
    (
        "unknown-model",
        "InternalServerError",
        502,
        "InternalServerError",
        502,
        "provider_model_not_found",
    ),
    ("error-413", "APIStatusError", 413, "ContentTooLargeError", 413, "caller_too_large"),
    ("error-429", "RateLimitError", 429, "RateLimitError", 429, "provider_rate_limited"),
    ("error-500", "InternalServerError", 502, "InternalServerError", 502, "provider_error"),
    ("error-529", "InternalServerError", 503, "OverloadedError", 529, "provider_overloaded"),
    ("html", "InternalServerError", 502, "InternalServerError", 502, "provider_error"),
    ("empty", "InternalServerError", 502, "InternalServerError", 502, "provider_empty"),
    (
        "hangs-up",
        "InternalServerError",
        503,
        "ServiceUnavailableError",
        503,
        "provider_unreachable",
    ),
    ("hasty", "InternalServerError", 504, "GatewayTimeoutError", 504, "provider_timeout"),
    (
        "keyless",
        "InternalServerError",
        503,
        "ServiceUnavailableError",
        503,
        "outrider_credential_missing",
    ),
]


@pytest.mark.parametrize("case", PROVIDER_ERRORS, ids=lambda case: case[0])
def test_an_error_is_raised_at_once_as_the_class_that_apps_catch(
    caller: Caller, scene: Scene, case: tuple[str, str, int, str, int, str]
) -> None:
    model, openais, openai_status, anthropics, anthropic_status, code = case
    error = refused(caller, model)
    openai = caller.family == "openai"
    assert type(error).__name__ == (openais if openai else anthropics)
    assert error.status_code == (openai_status if openai else anthropic_status)
    assert error.response.headers["x-outrider-error"] == code
    assert error.response.headers["x-should-retry"] == "false"
    asked = scene.told(2)
    assert len(asked) == 2  # one for each way to ask: no SDK asked again
    assert error.request_id == asked[0].request_id
    assert body(error)["message"]
    if code != "caller_invalid":
        assert body(error)["code"] == code


def test_the_providers_time_to_wait_is_told(caller: Caller) -> None:
    assert refused(caller, "error-429").response.headers["retry-after"] == "1"


def test_the_providers_own_words_reach_a_caller_whose_request_is_wrong(caller: Caller) -> None:
    error = refused(caller, "error-400")
    if caller.family == "openai":
        assert (error.code, error.type) == ("unsupported_value", "invalid_request_error")
    else:
        assert error.type == "invalid_request_error"
        assert error.api_message == "max_tokens: must be greater than or equal to 1"


def test_a_callers_own_key_is_refused_in_the_providers_words(caller: Caller) -> None:
    error = refused(caller.again(api_key=REVOKED), "forwarding")
    assert type(error).__name__ == "AuthenticationError"
    assert "key" in body(error)["message"]


def test_a_model_that_nobody_serves_is_not_found(caller: Caller, scene: Scene) -> None:
    error = refused(caller.again(url=scene.narrow.url), "gpt-4")
    assert type(error).__name__ == "NotFoundError"
    assert body(error)["code"] == "caller_model_unknown"
    assert "support" in body(error)["message"]
    assert body(error).get("param") == ("model" if caller.family == "openai" else None)
    assert scene.provider(caller.family).requests == []


def test_a_limit_is_told_with_the_time_to_wait_and_nobody_waits_for_it(
    caller: Caller, scene: Scene
) -> None:
    user = caller.again(default_headers={"x-outrider-user": type(caller).__name__})
    user.ask("limited")
    user.stream("limited")
    error = refused(user, "limited")
    assert type(error).__name__ == "RateLimitError"
    assert body(error)["code"] == "policy_rate_requests"
    assert body(error)["type"] == "rate_limit_error"
    assert "per-user" in body(error)["message"]
    assert 0 < int(error.response.headers["retry-after"]) <= 3_600
    assert len(scene.told(4)) == 4
    assert len(scene.provider(caller.family).requests) == 2


def test_variables_that_cannot_be_read_are_the_callers_mistake(caller: Caller) -> None:
    error = refused(caller, "prompted", extra_headers={"x-outrider-variables": "{"})
    assert type(error).__name__ == "BadRequestError"
    assert body(error)["code"] == "caller_variable_invalid"
    missing = refused(caller, "prompted")
    assert body(missing)["code"] == "caller_variable_missing"
    assert "shop" in body(missing)["message"]


def test_a_request_above_the_limit_is_too_large(caller: Caller, scene: Scene) -> None:
    with pytest.raises(caller.error("APIStatusError")) as refusal:
        caller.ask("steady", "x" * (33 << 20))
    error: Any = refusal.value
    assert error.status_code == 413
    assert body(error)["code"] == "caller_too_large"
    assert len(scene.told(1)) == 1
    assert scene.provider(caller.family).requests == []


def test_a_route_without_a_backend_of_the_dialect_says_which_one_it_has(
    caller: Caller, scene: Scene
) -> None:
    other = "only-anthropic" if caller.family == "openai" else "only-openai"
    error = refused(caller, other)
    assert type(error).__name__ == "BadRequestError"
    assert body(error)["code"] == "caller_dialect"
    assert scene.openai.requests == scene.anthropic.requests == []
