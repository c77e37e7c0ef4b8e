"""Refusals on the wire, as the official SDKs raise them."""

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from outrider_sidecar.dialects.dialect import CHAT, MESSAGES, Seen
from outrider_sidecar.dialects.errors import (
    STATUS,
    Family,
    Refusal,
    body_of,
    headers_of,
    refuse,
    status_of,
    stream_failure,
)
from standins import streams
from standins.tables import call, chat, plan, route, table

ID = "or_01JD"

# The page on requests: its list of codes, and the statuses of its table of error classes.
DOCUMENTED = {
    400: "caller_json caller_duplicate_key caller_dialect caller_identity caller_prompt_unknown "
    "caller_variable_missing caller_variable_invalid caller_variable_too_long caller_system "
    "caller_tool_clash caller_invalid caller_unsupported caller_context_length caller_truncated "
    "policy_request_cost outrider_state_unknown outrider_state_not_kept",
    403: "caller_origin policy_subject_unknown",
    404: "caller_model_unknown outrider_no_passthrough",
    408: "caller_timeout",
    413: "caller_too_large policy_request_tokens",
    415: "caller_encoding",
    429: "policy_rate_requests policy_rate_tokens policy_rate_concurrent policy_budget_cost "
    "policy_queue_full policy_loop provider_rate_limited provider_quota_exhausted",
    431: "caller_header_too_long",
    500: "outrider_internal",
    502: "provider_error provider_stream_broken provider_auth provider_model_not_found "
    "provider_empty provider_credential_host provider_exhausted policy_schema",
    503: "outrider_starting outrider_no_prompt outrider_no_backend outrider_credential_missing "
    "outrider_draining provider_unreachable provider_unavailable",
    504: "provider_timeout",
    508: "outrider_loop",
    529: "provider_overloaded",
}


def test_every_promised_code_has_its_status_and_no_other_code_is_promised() -> None:
    assert dict(STATUS) == {
        code: status for status, codes in DOCUMENTED.items() for code in codes.split()
    }


def test_a_code_that_is_not_promised_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        refuse("caller_odd", "m")


def test_guards_name_their_own_codes() -> None:
    assert refuse("policy_guard_pii", "m").status == 400


def test_a_refusal_may_carry_the_status_of_the_last_failure() -> None:
    assert refuse("provider_exhausted", "m", status=429).status == 429


def test_an_overloaded_provider_has_a_status_of_its_own_in_messages_only() -> None:
    refusal = refuse("provider_overloaded", "m")

    assert status_of(refusal, "anthropic") == 529
    assert status_of(refusal, "openai") == 503


# ---- bodies ----


def test_openais_shape_holds_the_code_the_parameter_and_details_for_programs() -> None:
    refusal = refuse("caller_model_unknown", "No route.", param="model", served=["a"])

    assert json.loads(body_of(refusal, "openai", ID)) == {
        "error": {
            "message": "No route.",
            "type": "invalid_request_error",
            "param": "model",
            "code": "caller_model_unknown",
            "outrider": {"request_id": ID, "served": ["a"]},
        }
    }


@pytest.mark.parametrize("user", ["é" * 200, "u" * 257, "\udcff"])
def test_an_identity_that_no_source_may_hold_is_told_by_its_header(user: str) -> None:
    with pytest.raises(Refusal) as caught:
        plan(table({"support": route()}), call(chat(), {"X-Outrider-User": user}))

    error = json.loads(body_of(caught.value, "openai", ID))["error"]
    assert (error["code"], error["param"]) == ("caller_identity", "x-outrider-user")


def test_anthropics_shape_holds_the_code_and_the_request_id() -> None:
    refusal = refuse("caller_model_unknown", "No route.", param="model", served=["a"])

    assert json.loads(body_of(refusal, "anthropic", ID)) == {
        "type": "error",
        "error": {
            "type": "not_found_error",
            "message": "No route.",
            "code": "caller_model_unknown",
            "details": {"error_code": "caller_model_unknown"},
        },
        "request_id": ID,
    }


@pytest.mark.parametrize(
    ("code", "openais", "anthropics"),
    [
        ("caller_json", "invalid_request_error", "invalid_request_error"),
        ("caller_origin", "invalid_request_error", "permission_error"),
        ("caller_model_unknown", "invalid_request_error", "not_found_error"),
        ("caller_timeout", "invalid_request_error", "invalid_request_error"),
        ("caller_too_large", "invalid_request_error", "request_too_large"),
        ("caller_encoding", "invalid_request_error", "invalid_request_error"),
        ("caller_header_too_long", "invalid_request_error", "invalid_request_error"),
        ("policy_rate_requests", "rate_limit_error", "rate_limit_error"),
        ("provider_rate_limited", "rate_limit_error", "rate_limit_error"),
        ("provider_quota_exhausted", "insufficient_quota", "rate_limit_error"),
        ("outrider_internal", "server_error", "api_error"),
        ("provider_error", "server_error", "api_error"),
        ("outrider_starting", "server_error", "api_error"),
        ("provider_timeout", "server_error", "timeout_error"),
        ("provider_overloaded", "server_error", "overloaded_error"),
        ("outrider_loop", "server_error", "api_error"),
    ],
)
def test_the_type_is_the_providers_own_word(code: str, openais: str, anthropics: str) -> None:
    refusal = refuse(code, "m")

    assert json.loads(body_of(refusal, "openai", ID))["error"]["type"] == openais
    assert json.loads(body_of(refusal, "anthropic", ID))["error"]["type"] == anthropics


def test_a_providers_own_body_goes_on_as_it_came() -> None:
    refusal = Refusal("caller_invalid", 400, "m", body=b"{ }", content_type="application/problem")

    for family in FAMILIES:
        assert body_of(refusal, family, ID) == b"{ }"
    assert ("content-type", "application/problem") in headers_of(refusal, ID)


# ---- headers ----


def test_both_names_of_the_request_id_carry_ours_and_no_sdk_is_to_retry() -> None:
    assert dict(headers_of(refuse("caller_json", "m"), ID)) == {
        "content-type": "application/json",
        "x-outrider-error": "caller_json",
        "request-id": ID,
        "x-request-id": ID,
        "x-should-retry": "false",
    }


def test_only_a_sidecar_that_starts_invites_a_retry() -> None:
    inviting = [
        code for code in STATUS if "x-should-retry" not in dict(headers_of(refuse(code, "m"), ID))
    ]

    assert inviting == ["outrider_starting"]


@pytest.mark.parametrize(
    ("seconds", "header"), [(0, "0"), (0.2, "1"), (41, "41"), (41.01, "42"), (43_200.0, "43200")]
)
def test_retry_after_is_the_truth_in_whole_seconds(seconds: float, header: str) -> None:
    refusal = refuse("policy_rate_requests", "m", retry_after=seconds)

    assert dict(headers_of(refusal, ID))["retry-after"] == header


def test_a_time_that_has_passed_is_no_time() -> None:
    assert dict(headers_of(refuse("policy_loop", "m", retry_after=-1), ID))["retry-after"] == "0"
    assert "retry-after" not in dict(headers_of(refuse("policy_loop", "m"), ID))


# ---- what an application catches ----

FAMILIES: list[Family] = ["openai", "anthropic"]


class Wire(httpx2.BaseTransport):
    """Answers every request of an SDK with the same bytes, and counts them."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body
        self.requests = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        return httpx2.Response(self.status, headers=self.headers, content=self.body)


def ask(family: Family, wire: Wire, stream: bool = False) -> list[Any]:
    """What an application does: one call by the official SDK, with its own retries."""
    with httpx2.Client(transport=wire) as client:
        if family == "openai":
            sdk = openai.OpenAI(api_key="k", base_url="http://sidecar/v1", http_client=client)
            call: Any = sdk.chat.completions.create
        else:
            other = anthropic.Anthropic(api_key="k", base_url="http://sidecar", http_client=client)
            call = other.messages.create
        messages = [{"role": "user", "content": "Hi"}]
        answer = call(model="m", max_tokens=9, messages=messages, stream=stream)
        return list(answer) if stream else [answer]


def wired(refusal: Refusal, family: Family) -> Wire:
    body = body_of(refusal, family, ID)
    return Wire(status_of(refusal, family), headers_of(refusal, ID), body)


@pytest.mark.parametrize("code", [code for code in STATUS if code != "outrider_starting"])
def test_the_openai_sdk_raises_every_refusal_once_with_all_that_it_says(code: str) -> None:
    wire = wired(refuse(code, "What is wrong.", param="p", retry_after=7, limit=10), "openai")

    with pytest.raises(openai.APIStatusError) as caught:
        ask("openai", wire)

    error = caught.value
    assert wire.requests == 1
    assert (error.status_code, error.code, error.param) == (wire.status, code, "p")
    assert error.request_id == ID
    assert "What is wrong." in error.message
    assert isinstance(error.body, dict)
    assert error.body["outrider"] == {"request_id": ID, "limit": 10}
    assert error.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("code", [code for code in STATUS if code != "outrider_starting"])
def test_the_anthropic_sdk_raises_every_refusal_once_with_all_that_it_says(code: str) -> None:
    wire = wired(refuse(code, "What is wrong.", retry_after=7), "anthropic")

    with pytest.raises(anthropic.APIStatusError) as caught:
        ask("anthropic", wire)

    error = caught.value
    assert wire.requests == 1
    assert error.status_code == wire.status
    assert error.request_id == ID
    assert error.api_message == "What is wrong."
    assert error.error_code == code
    assert error.response.headers["x-outrider-error"] == code
    assert isinstance(error.body, dict)
    assert error.body["error"]["code"] == code


@pytest.mark.parametrize(
    ("code", "openais", "anthropics"),
    [
        ("caller_json", openai.BadRequestError, anthropic.BadRequestError),
        ("caller_origin", openai.PermissionDeniedError, anthropic.PermissionDeniedError),
        ("caller_model_unknown", openai.NotFoundError, anthropic.NotFoundError),
        ("policy_rate_requests", openai.RateLimitError, anthropic.RateLimitError),
        ("provider_quota_exhausted", openai.RateLimitError, anthropic.RateLimitError),
        ("provider_error", openai.InternalServerError, anthropic.InternalServerError),
        ("provider_overloaded", openai.InternalServerError, anthropic.InternalServerError),
        ("provider_timeout", openai.InternalServerError, anthropic.InternalServerError),
        ("outrider_draining", openai.InternalServerError, anthropic.InternalServerError),
    ],
)
def test_applications_catch_the_classes_they_know(
    code: str, openais: type[Exception], anthropics: type[Exception]
) -> None:
    with pytest.raises(openais):
        ask("openai", wired(refuse(code, "m"), "openai"))
    with pytest.raises(anthropics):
        ask("anthropic", wired(refuse(code, "m"), "anthropic"))


# ---- a stream that breaks ----


def test_a_broken_chat_stream_ends_in_an_error_frame_and_no_done() -> None:
    frame = stream_failure(CHAT, refuse("provider_stream_broken", "It broke."), ID)

    assert frame.startswith(b'data: {"error":{')
    assert frame.endswith(b"}\n\n")
    assert CHAT.inspect(frame) == Seen(error=frame[6:-2])
    assert b"[DONE]" not in frame


def test_a_broken_messages_stream_ends_in_an_error_event() -> None:
    frame = stream_failure(MESSAGES, refuse("provider_stream_broken", "It broke."), ID)

    assert frame.startswith(b'event: error\ndata: {"type":"error",')
    assert frame.endswith(b"}\n\n")


def broken(events: list[bytes], frame: bytes) -> Wire:
    return Wire(200, [("content-type", "text/event-stream")], b"".join(events) + frame)


def test_the_openai_sdk_raises_the_failure_of_a_stream() -> None:
    frame = stream_failure(CHAT, refuse("provider_stream_broken", "It broke."), ID)

    with pytest.raises(openai.APIError) as caught:
        ask("openai", broken(streams.chat_events()[:2], frame), stream=True)

    assert caught.value.code == "provider_stream_broken"
    assert caught.value.message == "It broke."


def test_the_anthropic_sdk_raises_the_failure_of_a_stream() -> None:
    frame = stream_failure(MESSAGES, refuse("provider_stream_broken", "It broke."), ID)

    with pytest.raises(anthropic.APIStatusError) as caught:
        ask("anthropic", broken(streams.messages_events()[:8], frame), stream=True)

    assert caught.value.api_message == "It broke."
    assert caught.value.type == "api_error"
    assert caught.value.error_code == "provider_stream_broken"


def test_the_streams_of_these_tests_are_lawful_to_the_sdks() -> None:
    chunks = ask("openai", broken(streams.chat_events(), b""), stream=True)
    events = ask("anthropic", broken(streams.messages_events(), b""), stream=True)

    assert chunks[-1].usage.total_tokens == 29
    assert [event.type for event in events][-1] == "message_stop"
