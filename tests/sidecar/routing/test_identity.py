"""Who a request is from."""

from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.routing.identity import Subject, identifier
from standins.tables import IDENTITY


def who(body: dict[str, Any] | bytes | None = None, *headers: tuple[str, str]) -> Subject:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body or {})
    return identifier(IDENTITY).subject(CIMultiDict(headers), Body.parse(raw))


def test_the_first_source_that_holds_a_value_wins() -> None:
    body = {"user": "b", "metadata": {"user_id": "c"}, "conversation": "s"}

    assert who(body, ("X-Outrider-User", "a")).user == "a"
    assert who(body, ("X-Outrider-User", "  ")).user == "b"
    assert who({"user": "", "metadata": {"user_id": "c"}}).user == "c"
    assert who({"metadata": {"user_id": None}}) == Subject()
    assert who(body).session == "s"


def test_values_are_trimmed_and_numbers_count_by_their_spelling() -> None:
    assert who({"user": "  ann \n"}).user == "ann"
    assert who(b'{"user": 1.50}').user == "1.50"
    assert who(b'{"user": {"id": 1}}').user is None


def test_of_forwarded_addresses_the_first_counts() -> None:
    assert who({}, ("x-forwarded-for", " 10.0.0.1 , 10.0.0.2")).address == "10.0.0.1"
    assert who({}, ("x-forwarded-for", ", 10.0.0.2")).address is None


def test_of_a_header_sent_twice_the_first_counts() -> None:
    assert who({}, ("x-outrider-tenant", "a"), ("x-outrider-tenant", "b")).tenant == "a"


def test_256_bytes_of_utf_8_are_allowed_and_257_are_not() -> None:
    assert who({"user": "ä" * 128}).user == "ä" * 128
    assert who({"user": "a" * 256}).user == "a" * 256
    for value in ("ä" * 128 + "a", "a" * 257):
        with pytest.raises(Refusal) as caught:
            who({"user": value})
        assert (caught.value.code, caught.value.status) == ("caller_identity", 400)
        assert "/user" in caught.value.message
        assert "257 bytes" in caught.value.message


def test_a_lone_surrogate_is_refused_naming_its_place() -> None:
    with pytest.raises(Refusal) as caught:
        who(b'{"user": "\\ud800"}')
    assert (caught.value.status, caught.value.param) == (400, "/user")

    with pytest.raises(Refusal) as caught:
        who({}, ("x-outrider-user", "\udcff"))
    assert (caught.value.code, caught.value.param) == ("caller_identity", "x-outrider-user")


def test_without_a_body_headers_still_say_who() -> None:
    headers = CIMultiDict({"x-outrider-user": "a"})
    assert identifier(IDENTITY).subject(headers, None).user == "a"
