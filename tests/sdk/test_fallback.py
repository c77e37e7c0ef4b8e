"""A backend that fails before any content, seen and not seen by every SDK."""

from typing import Any

import pytest

from standins.callers import Caller, body
from standins.scene import FAULTS, Scene

CLASSES = {
    "error-500": "ServerError",
    "error-529": "Overloaded",
    "error-429": "RateLimited",
    "error-401": "CredentialRejected",
    "error-at-once": "ServerError",
    "cut": "BrokenStream",
    "hangs-up": "Unreachable",
}
STREAM_ONLY, WHOLE_ONLY = "error-at-once", "cut"


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != STREAM_ONLY])
def test_the_next_backend_answers_and_the_sdk_does_not_notice(
    caller: Caller, scene: Scene, fault: str
) -> None:
    answer = caller.ask(f"after-{fault}", "Hello to you")
    assert answer.text.startswith("You said: Hello to you")
    assert answer.model == "steady"
    (record,) = scene.told(1)
    tried = f"{caller.family}:{CLASSES[fault]},{caller.family}-spare:ok;skipped="
    assert str(record.attempts).startswith(tried)
    assert answer.request_id == scene.provider(caller.family).ids[-1]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != WHOLE_ONLY])
def test_a_stream_begins_with_the_backend_that_answers(
    caller: Caller, scene: Scene, fault: str
) -> None:
    answer = caller.stream(f"after-{fault}", "Hello to you")
    assert answer.text.startswith("You said: Hello to you")
    assert len(scene.told(1)) == 1
    provider = scene.provider(caller.family)
    asked = [got.json["model"] for got in provider.requests]
    assert asked[-1] == "steady"
    assert set(asked[:-1]) == {fault}  # a kept connection that closes unread is tried anew, once


@pytest.mark.parametrize("fault", ["error-500", "error-529", "error-429"])
def test_when_all_backends_fail_every_attempt_is_named_and_none_is_repeated(
    caller: Caller, scene: Scene, fault: str
) -> None:
    with pytest.raises(caller.error("APIStatusError")) as refusal:
        caller.ask(f"never-{fault}")
    error: Any = refusal.value
    assert body(error)["code"] == "provider_exhausted"
    assert caller.family in body(error)["message"]
    assert f"{caller.family}-spare" in body(error)["message"]
    assert error.response.headers["x-should-retry"] == "false"
    assert len(scene.told(1)) == 1
    assert len(scene.provider(caller.family).requests) == 2


@pytest.mark.parametrize("fault", ["cut", "short", "error-inside", "stalling"])
def test_a_stream_that_breaks_is_an_error_and_not_a_short_answer(
    caller: Caller, scene: Scene, fault: str
) -> None:
    with pytest.raises(caller.error("APIError")) as refusal:
        caller.stream(fault)
    assert body(refusal.value)["code"] == "provider_stream_broken"
    assert caller.family in body(refusal.value)["message"]
    (record,) = scene.told(1)
    assert record.cls == "BrokenStream"
    assert len(scene.provider(caller.family).requests) == 1


def test_half_an_answer_is_an_error(caller: Caller) -> None:
    with pytest.raises(caller.error("InternalServerError")) as refusal:
        caller.ask("cut")
    assert body(refusal.value)["code"] == "provider_stream_broken"


def test_a_stream_that_begins_with_an_error_has_the_status_of_that_error(caller: Caller) -> None:
    with pytest.raises(caller.error("APIStatusError")) as refusal:
        caller.stream("error-at-once")
    error: Any = refusal.value
    if caller.family == "openai":
        assert (error.status_code, body(error)["code"]) == (502, "provider_error")
    else:
        assert (error.status_code, body(error)["code"]) == (529, "provider_overloaded")
