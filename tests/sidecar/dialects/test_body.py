"""Reading a request body: what is refused and in what words, and what its members are."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.body import MEMBERS, Body
from outrider_sidecar.dialects.dialect import CHAT, MESSAGES
from outrider_sidecar.dialects.errors import Refusal
from standins.spellings import Number, Object, bodies, read


def refused(raw: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        Body.parse(raw)
    assert caught.value.status == 400
    return caught.value


def code_of(act: Callable[[], Any]) -> str | None:
    """The code that an act is refused with, if it is."""
    try:
        act()
    except Refusal as refusal:
        return refusal.code
    return None


# ---- what is no body ----


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is empty. Send a JSON object"),
        (b" \n", "is empty. Send a JSON object"),
        (b"[1]", "Expected `object`, got `array`"),
        (b"null", "Expected `object`, got `null`"),
        (b'"model"', "Expected `object`, got `str`"),
        (b"model=m&stream=true", "is not JSON"),
        (b"{", "truncated"),
        (b'{"model":"m"', "truncated"),
        (b'{"model":"m"}}', "trailing characters"),
        (b'{"model":"m"} \x00', "trailing characters"),
        (b'{"model":"m",}', "trailing comma in object (byte 13)"),
        (b"{'model':'m'}", "object keys must be strings (byte 1)"),
        (b'{"n":NaN}', "invalid character (byte 5)"),
        (b'{"n":-Infinity}', "invalid character (byte 6)"),
        (b'{"n":01}', "invalid number (byte 6)"),
        (b'{"n":1.}', "invalid number (byte 7)"),
        (b'{"s":"\x01"}', "invalid character (byte 6)"),
        (b'{"s":"\\x"}', "invalid escaped character"),
        (b'{"s":"\\ud8"}', "invalid character in unicode escape"),
        (b'{"s":1}//', "trailing characters"),
        (b'\xef\xbb\xbf{"model":"m"}', "invalid character (byte 0)"),
        (b'{"model":"\xff"}', "is not UTF-8 (near byte 10)"),
        (b'{"\xff":1}', "is not UTF-8 (near byte 2)"),
        (b'{"cesu":"\xed\xa0\x80"}', "is not UTF-8 (near byte 9)"),
        ('{"model":"m"}'.encode("utf-16"), "is not UTF-8 (near byte 0)"),
    ],
)
def test_what_is_no_json_object_in_utf8_is_refused_with_the_place(raw: bytes, words: str) -> None:
    refusal = refused(raw)

    assert refusal.code == "caller_json"
    assert words in refusal.message


REFUSALS = (None, "caller_json", "caller_duplicate_key")


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_no_bytes_do_anything_but_parse_or_be_refused(raw: bytes) -> None:
    assert code_of(lambda: Body.parse(raw)) in REFUSALS


@given(bodies(), st.data())
def test_a_body_with_a_broken_byte_never_ends_in_another_error(
    raw: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(raw) - 1))
    broken = raw[:at] + data.draw(st.binary(max_size=2)) + raw[at + 1 :]
    code = code_of(lambda: Body.parse(broken))

    assert code in REFUSALS
    if code is None:
        assert len(Body.parse(broken).fields) == len(read(broken).members)
        assert Body.parse(broken).splice({}) == broken


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b'{"model":1,"model":1}', "model"),
        (b'{"model": 1, "model": 2}', "model"),
        (b'{"a":0,"b":[{"a":1}],"a":"x"}', "a"),
        (rb'{"a":1,"\u0061":2}', "a"),
        (rb'{"x\/y":1,"x/y":1}', "x/y"),
        (b'{"":1,"":2}', ""),
        ('{"é":1,"\\u00e9":2}'.encode(), "é"),
        (rb'{"a":"\ud800","b":1, "a":2}', "a"),
        (b'{"a":1,"b":2,"b":3,"a":4,"b":5}', "b"),
    ],
)
def test_a_key_that_stands_twice_is_refused_by_name(raw: bytes, key: str) -> None:
    refusal = refused(raw)

    assert refusal.code == "caller_duplicate_key"
    assert refusal.param == key
    assert f"the key {json.dumps(key, ensure_ascii=False)} twice" in refusal.message


def test_a_key_that_stands_twice_further_down_is_the_providers_business() -> None:
    assert Body.parse(b'{"o":{"a":1,"a":2}}').at("/o/a") == "2"


@given(bodies(), st.sampled_from(["a", "model", "é", "x/y"]), st.data())
def test_any_spelling_of_a_key_that_is_there_already_is_a_duplicate(
    raw: bytes, name: str, data: st.DataObject
) -> None:
    present = [key for key, _ in read(raw).members]
    spelled = data.draw(st.sampled_from([json.dumps(name), escaped(name)]))
    again = raw.rstrip()[:-1] + f"{',' if present else ''}{spelled}:1}}".encode()

    if name in present:
        assert refused(again).code == "caller_duplicate_key"
    else:
        assert list(Body.parse(again).fields) == [*present, name]


def escaped(name: str) -> str:
    return '"' + "".join(f"\\u{ord(character):04X}" for character in name) + '"'


# ---- nesting ----


def at_depth(frames: int, act: Callable[[], Any]) -> Any:
    return at_depth(frames - 1, act) if frames else act()


@pytest.mark.parametrize("frames", [0, 400, 800])
@pytest.mark.parametrize("depth", [10, 150, 400, 800, 990, 2_000, 100_000])
def test_deep_nesting_is_read_or_refused_and_never_more_than_that(depth: int, frames: int) -> None:
    nested = b"[" * depth + b"]" * depth
    raw = b'{"tools":%b,"messages":[{"role":"user","content":%b}]}' % (nested, nested)

    def use() -> list[str | None]:
        body = Body.parse(raw)
        acts: list[Callable[[], Any]] = [
            lambda: body.splice({"/messages/0/content/0/-/x": b"1"}),
            lambda: body.at("/messages/0/content/0/0"),
            lambda: body.get("tools", list),
            lambda: CHAT.texts(body),
            lambda: MESSAGES.texts(body),
            lambda: CHAT.user_text(CHAT.turns(body)[0].raw, "/messages/0"),
        ]
        return [code_of(act) for act in acts]

    found: list[list[str | None]] = []
    code = code_of(lambda: found.append(at_depth(frames, use)))

    assert code in (None, "caller_json")
    assert all(code in (None, "caller_json", "caller_invalid") for codes in found for code in codes)
    assert (code is None) or depth + frames > 900


def test_a_flat_body_is_read_wherever_it_is_read_from() -> None:
    raw = b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}'

    assert at_depth(800, lambda: CHAT.texts(Body.parse(raw)).last_user) == "Hi"


# ---- members ----


@given(bodies())
def test_fields_are_the_members_as_they_were_sent(raw: bytes) -> None:
    body = Body.parse(raw)

    assert [(name, read(bytes(value))) for name, value in body.fields.items()] == [
        (name, value) for name, value in read(raw).members
    ]
    assert body.raw == raw
    assert all(bytes(value) in raw for value in body.fields.values())


@given(bodies())
def test_a_pointer_reads_what_a_person_would(raw: bytes) -> None:
    body = Body.parse(raw)

    def check(pointer: str, value: Any) -> None:
        if isinstance(value, Object):
            for name, child in dict(value.members).items():
                check(f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", child)
        elif isinstance(value, list):
            for place, child in enumerate(value):
                check(f"{pointer}/{place}", child)
        elif isinstance(value, str) and is_lone(value):
            with pytest.raises(Refusal, match="lone surrogate") as caught:
                body.at(pointer)
            assert caught.value.param == pointer
        else:
            assert body.at(pointer) == spelled(value)
            assert body.at(pointer + "/more") is None

    for name, value in read(raw).members:
        check(f"/{name.replace('~', '~0').replace('/', '~1')}", value)


def is_lone(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def spelled(value: Any) -> str | None:
    if isinstance(value, Number):
        return value.spelling
    if isinstance(value, bool):
        return "true" if value else "false"
    return value or None


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/user", "u-1"),
        ("/metadata/user_id", "42"),
        ("/metadata/ratio", "1E+2"),
        ("/metadata/on", "true"),
        ("/tags/1", "b"),
        ("/x~1y/~0", "t"),
        ("/empty", None),
        ("/nothing", None),
        ("/metadata", None),
        ("/tags", None),
        ("/tags/2", None),
        ("/tags/-", None),
        ("/tags/²", None),
        ("/user/deeper", None),
        ("/absent", None),
        ("/absent/deeper", None),
        ("/metadata/absent/deeper", None),
    ],
)
def test_a_pointer_names_a_scalar_and_anything_else_is_absent(
    pointer: str, value: str | None
) -> None:
    body = Body.parse(
        b'{"user":"u-1","metadata":{"user_id":42,"ratio":1E+2,"on":true},"tags":["a","b"],'
        b'"x/y":{"~":"t"},"empty":"","nothing":null}'
    )

    assert body.at(pointer) == value


def test_text_is_a_string_or_nothing() -> None:
    body = Body.parse(rb'{"model":"m\u00e9","n":1,"o":{},"z":null}')

    assert body.text("model") == "mé"
    assert body.text("n") is None
    assert body.text("o") is None
    assert body.text("z") is None
    assert body.text("absent") is None


def test_a_lone_surrogate_is_refused_where_it_is_read_and_nowhere_else() -> None:
    body = Body.parse(rb'{"model":"\ud800","user":"u","metadata":{"id":"\udfff","n":1}}')

    assert body.at("/user") == "u"
    assert body.at("/metadata/n") == "1"
    for read_it, path in (
        (lambda: body.text("model"), "/model"),
        (lambda: body.at("/model"), "/model"),
        (lambda: body.at("/metadata/id"), "/metadata/id"),
        (lambda: body.get("metadata", dict), "/metadata"),
    ):
        with pytest.raises(Refusal) as caught:
            read_it()
        assert caught.value.code == "caller_json"
        assert caught.value.param == path
        assert path in caught.value.message


def test_a_surrogate_that_is_escaped_twice_is_plain_text() -> None:
    assert Body.parse(rb'{"model":"\\ud800"}').text("model") == r"\ud800"
    assert Body.parse(rb'{"model":"\ud83d\ude00"}').text("model") == "\U0001f600"


def test_a_member_is_decoded_as_the_kind_that_is_asked_for() -> None:
    body = Body.parse(b'{"stop":["a"],"n":"x","z":null,"big":1e999}')

    assert body.get("stop", list) == ["a"]
    assert body.get("z", list) is None
    assert body.get("absent", list) is None
    for name, kind, words in (("n", int, "Expected `int`, got `str`"), ("big", float, "range")):
        with pytest.raises(Refusal, match=words) as caught:
            body.get(name, kind)
        assert caught.value.code == "caller_invalid"
        assert caught.value.param == f"/{name}"


def test_a_large_body_is_neither_copied_nor_decoded_to_be_read() -> None:
    messages = b'[{"role": "user", "content": "%b"}]' % (b"A" * 1_000_000)
    raw = b'{"model": "m", "messages": %b, "n": "\xc3\xa9"}' % messages
    body = Body.parse(raw)

    assert body.raw is raw
    assert body.fields["messages"] == msgspec.Raw(messages)
    assert body.splice({"/model": b'"x"'}) == raw.replace(b'"m"', b'"x"', 1)


@pytest.mark.parametrize("space", ["", " ", "\\ud800"])
def test_a_body_of_endless_members_is_refused_before_it_is_laid_out(space: str) -> None:
    members = ",".join(f'"k{number}{space}":1' for number in range(MEMBERS + 1))

    with pytest.raises(Refusal) as caught:
        Body.parse(b"{" + members.encode() + b"}")

    assert caught.value.code == "caller_json"
    assert "has 1001 members, at most 1000 are read" in caught.value.message
