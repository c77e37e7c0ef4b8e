"""The providers' errors, by their documented bodies, and what follows from each class."""

import json
import time
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from outrider_sidecar.dialects.errors import STATUS
from outrider_sidecar.telemetry.record import CLASSES
from outrider_sidecar.upstream.classify import (
    CONSEQUENCES,
    Action,
    ErrorClass,
    of_error,
    of_exception,
    read_error,
    retry_after,
)

GOLDEN: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "provider_errors.json").read_bytes()
)


def classify(status: int, headers: Mapping[str, str], body: bytes) -> ErrorClass:
    """The class of an answer as it came."""
    return of_error(status, headers, read_error(body))


def body_of(case: dict[str, Any]) -> bytes:
    """A golden body as it comes over the wire."""
    body = case["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


@pytest.mark.parametrize("case", GOLDEN, ids=[case["from"] for case in GOLDEN])
def test_a_documented_error_has_its_class(case: dict[str, Any]) -> None:
    headers = CIMultiDict(case.get("headers", {}))
    assert classify(case["status"], headers, body_of(case)) == case["class"]


def test_the_golden_errors_cover_every_class_an_answer_can_have() -> None:
    answered = set(ErrorClass) - {ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT, ErrorClass.EMPTY}
    assert {case["class"] for case in GOLDEN} == answered


@pytest.mark.parametrize(
    ("cls", "action", "code", "status"),
    [
        ("Unreachable", "Retry", "provider_unreachable", 503),
        ("Timeout", "NextBackend", "provider_timeout", 504),
        ("BrokenStream", "NextBackend", "provider_stream_broken", 502),
        ("ServerError", "Retry", "provider_error", 502),
        ("Overloaded", "Retry", "provider_overloaded", 529),
        ("RateLimited", "NextBackend", "provider_rate_limited", 429),
        ("QuotaExhausted", "NextBackend", "provider_quota_exhausted", 429),
        ("CredentialRejected", "NextBackend", "provider_auth", 502),
        ("ModelNotFound", "NextBackend", "provider_model_not_found", 502),
        ("ContextLength", "Fail", "caller_context_length", 400),
        ("TooLarge", "Fail", "caller_too_large", 413),
        ("Invalid", "Fail", "caller_invalid", 400),
        ("Empty", "Retry", "provider_empty", 502),
    ],
)
def test_a_class_has_its_action_code_and_status(
    cls: str, action: str, code: str, status: int
) -> None:
    assert CONSEQUENCES[ErrorClass(cls)] == (Action(action), code)
    assert STATUS[code] == status


def test_every_class_has_a_consequence_and_is_counted() -> None:
    assert set(CONSEQUENCES) == set(ErrorClass)
    assert {str(cls) for cls in ErrorClass} <= CLASSES


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status_has_a_class_without_any_body(status: int) -> None:
    cls = classify(status, {}, b"")
    if status == 529:
        assert cls is ErrorClass.OVERLOADED
    elif status >= 500 or status < 400:
        assert cls is ErrorClass.SERVER_ERROR


@given(st.binary(max_size=200), st.integers(200, 599))
def test_any_bytes_are_read(body: bytes, status: int) -> None:
    assert classify(status, {}, body) in ErrorClass


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["error", "code", "type", "status", "message"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read(body: Any) -> None:
    read = read_error(msgspec.json.encode(body))
    assert all(isinstance(value, str) for value in read[:3])


def test_json_that_is_nested_without_end_is_read() -> None:
    assert read_error(b'{"error":' * 100_000).message == ""


def test_exceptions_of_the_client_have_a_class() -> None:
    assert of_exception(aiohttp.ServerDisconnectedError()) is ErrorClass.UNREACHABLE
    assert of_exception(ConnectionRefusedError()) is ErrorClass.UNREACHABLE
    assert of_exception(aiohttp.ConnectionTimeoutError()) is ErrorClass.UNREACHABLE
    assert of_exception(aiohttp.ClientPayloadError()) is ErrorClass.BROKEN_STREAM
    assert of_exception(aiohttp.InvalidURL("x")) is ErrorClass.UNREACHABLE
    assert of_exception(TimeoutError()) is ErrorClass.TIMEOUT
    assert of_exception(ValueError()) is ErrorClass.BROKEN_STREAM


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After-Ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After-Ms": "soon", "Retry-After": "9"}, 9.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "Mon, 99 Jan 2001 00:00:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(CIMultiDict(headers)) == seconds


def test_retry_after_may_be_a_date() -> None:
    until = retry_after({"retry-after": formatdate(time.time() + 100, usegmt=True)})
    assert until == pytest.approx(100, abs=5)
