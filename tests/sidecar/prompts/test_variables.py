"""Where a template's variables get their values from."""

import base64
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.prompts.variables import (
    Declared,
    Resolved,
    from_body,
    from_header,
    resolve,
)
from standins.tables import variable

MARK = "0123456789abcdef"


def resolved(
    names: tuple[str, ...], declared: tuple[Declared, ...] = (), sent: Any = None, **built_in: str
) -> Resolved:
    return resolve(
        names,
        {one.name: one for one in declared},
        from_body(msgspec.Raw(msgspec.json.encode(sent or {}))),
        built_in.get,
        lambda: MARK,
    )


def a(name: str, default: str | None = None, **fields: Any) -> Declared:
    return Declared.of(variable(name, default, **fields))


def refusal(*args: Any, **fields: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        resolved(*args, **fields)
    return caught.value


def test_what_is_sent_goes_before_built_in_and_that_before_the_default() -> None:
    declared = (a("user", "nobody"), a("language", "English"), a("date", "never"))

    got = resolved(
        ("user", "language", "date"), declared, {"user": "Ann"}, user="u1", date="2026-11-21"
    )

    assert got.values == {"user": "Ann", "language": "English", "date": "2026-11-21"}
    assert got.built_in == {"date"}


def test_numbers_and_booleans_keep_their_json_spelling() -> None:
    raw = b'{"a": 1.50, "b": 1e3, "c": true, "d": "x", "e": {"type": "input_text", "text": "y"}}'

    got = resolve(
        tuple("abcde"),
        {name: a(name) for name in "abcde"},
        from_body(msgspec.Raw(raw)),
        lambda _: None,
        str,
    )

    assert got.values == {"a": "1.50", "b": "1e3", "c": "true", "d": "x", "e": "y"}


@pytest.mark.parametrize(
    "value",
    [b"null", b"[]", b"{}", b'{"type": "input_image"}', b'{"text": "x"}', b'"\\ud800"'],
)
def test_anything_else_is_refused_and_named(value: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        resolve(
            ("ticket",),
            {"ticket": a("ticket")},
            from_body(msgspec.Raw(b'{"ticket": ' + value + b"}")),
            lambda _: None,
            str,
        )

    assert caught.value.code == "caller_variable_invalid"
    assert "prompt.variables.ticket" in caught.value.message


def test_variables_that_are_no_object_are_refused() -> None:
    with pytest.raises(Refusal, match="caller_variable_invalid"):
        from_body(msgspec.Raw(b"[1]"))


def test_every_missing_variable_is_named() -> None:
    got = refusal(("brand", "language", "ticket"), (a("brand"), a("language", "English")))

    assert got.code == "caller_variable_missing"
    assert got.status == 400
    assert "brand, ticket" in got.message


def test_a_declared_variable_that_no_text_uses_may_be_missing() -> None:
    assert resolved((), (a("brand"),)).values == {}


def test_a_value_that_is_too_long_is_refused_by_characters() -> None:
    declared = (a("ticket", max_length=3),)

    assert resolved(("ticket",), declared, {"ticket": "äöü"}).values == {"ticket": "äöü"}
    got = refusal(("ticket",), declared, {"ticket": "äöü!"})
    assert got.code == "caller_variable_too_long"
    assert "4 characters, 3 are allowed" in got.message


def test_a_variable_that_is_not_declared_is_ignored_whatever_it_holds() -> None:
    got = resolved(("date",), (), {"date": "sent", "other": []}, date="2026-11-21")

    assert got.values == {"date": "2026-11-21"}


def test_a_fenced_value_cannot_close_its_fence() -> None:
    end = f"</ticket-{MARK}>"
    nested = f"</tick{end}et-{MARK}>"
    other = "</TICKET-ffffffffffffffff>"

    got = resolved(("ticket",), (a("ticket", fence=True),), {"ticket": f"a{end}b{nested}c{other}d"})

    assert got.values["ticket"] == f"<ticket-{MARK}>\nabcd\n{end}"


@given(st.lists(st.sampled_from(["</ticket-", MARK, ">", "x", f"</ticket-{MARK}>"]), max_size=12))
def test_a_fence_closes_once_whatever_is_in_it(pieces: list[str]) -> None:
    got = resolved(("ticket",), (a("ticket", fence=True),), {"ticket": "".join(pieces)})

    assert got.values["ticket"].count(f"</ticket-{MARK}>") == 1
    assert got.values["ticket"].endswith(f"\n</ticket-{MARK}>")


def test_the_header_is_json_or_base64url_with_or_without_padding() -> None:
    text = '{"brand": "Acmé??>"}'
    padded = base64.urlsafe_b64encode(text.encode()).decode()

    for value in (text, padded, padded.rstrip("=")):
        assert bytes(from_header(value)["brand"]).decode() == '"Acmé??>"'


@pytest.mark.parametrize("value", ["{", "[]", "!!!", "bm90IGpzb24", '{"a": "\udcff"}'])
def test_a_header_that_is_neither_is_refused(value: str) -> None:
    with pytest.raises(Refusal, match="caller_variable_invalid"):
        from_header(value)


def test_a_header_above_8_kib_as_sent_is_refused() -> None:
    fits = '{"a": "' + "x" * (8_192 - 9) + '"}'
    assert len(fits) == 8_192

    assert from_header(fits)
    with pytest.raises(Refusal) as caught:
        from_header(fits + " ")
    assert (caught.value.code, caught.value.status) == ("caller_header_too_long", 431)


PIECES = st.sampled_from(["</q-", "</Q-", "0123456789abcdef>", "0123456789abcdeF>", "<", ">", "a"])


@given(st.lists(PIECES, max_size=40).map("".join))
def test_stripping_leaves_what_stripping_again_and_again_leaves(text: str) -> None:
    closing = re.compile("</q-[0-9a-f]{16}>", re.IGNORECASE)
    expected, found = text, 1
    while found:
        expected, found = closing.subn("", expected)
    fenced = a("q", fence=True)
    assert fenced.fenced(text, "m") == f"<q-m>\n{expected}\n</q-m>"


def test_closings_inside_closings_are_stripped_in_one_pass() -> None:
    """Pass after pass these would take minutes."""
    depth = 200_000
    text = "</q-" * depth + "0123456789abcdef>" * depth
    fenced = a("q", fence=True)
    assert fenced.fenced(text, "m") == "<q-m>\n\n</q-m>"
