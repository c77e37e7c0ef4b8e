"""Changing some values of a JSON text and no other byte."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.body import splice
from standins.spellings import KEYS, Number, Object, bodies, read, values

Way = tuple[str, ...]
GONE = object()


# ---- what is asked of a body, and the same on what the body says ----


def pointer(way: Way) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in way)


def edited(value: Any, changes: Mapping[Way, Any]) -> Any:
    """`value` after the changes, each by its way from here; `GONE` removes."""
    if isinstance(value, Object):
        members: list[tuple[str, Any]] = []
        for name, old in value.members:
            members += [(name, new) for new in _changed(old, _below(changes, name))]
        present = {name for name, _ in value.members}
        for name in dict.fromkeys(way[0] for way in changes):
            if name not in present:
                members += [(name, new) for new in _made(_below(changes, name))]
        return Object(tuple(members))
    if isinstance(value, list):
        items: list[Any] = []
        for index, old in enumerate(value):
            items += _changed(old, _below(changes, str(index)))
        return items + _made(_below(changes, "-"))
    return next(iter(_made(changes)), value)


def _below(changes: Mapping[Way, Any], name: str) -> dict[Way, Any]:
    return {way[1:]: new for way, new in changes.items() if way[0] == name}


def _changed(old: Any, changes: dict[Way, Any]) -> list[Any]:
    if () in changes:
        return [] if changes[()] is GONE else [changes[()]]
    return [edited(old, changes) if changes else old]


def _made(changes: Mapping[Way, Any]) -> list[Any]:
    if () in changes:
        return [] if changes[()] is GONE else [changes[()]]
    members: list[tuple[str, Any]] = []
    for name in dict.fromkeys(way[0] for way in changes):
        members += [(name, new) for new in _made(_below(changes, name))]
    return [Object(tuple(members))] if members else []


@st.composite
def ways(draw: st.DrawFn, value: Any) -> Way:
    """A way to something that is there, or that could be."""
    way: list[str] = []
    while not way or draw(st.booleans()):
        if isinstance(value, list):
            name = draw(st.sampled_from([*(str(place) for place in range(len(value))), "-"]))
            value = None if name == "-" else value[int(name)]
        else:
            known = dict(value.members) if isinstance(value, Object) else {}
            name = draw(st.sampled_from([*(name for name in known if name in KEYS), "a", "new"]))
            value = known.get(name)
        way.append(name)
    return tuple(way)


@st.composite
def changed_bodies(draw: st.DrawFn) -> tuple[bytes, dict[Way, bytes | None]]:
    """A body and changes to it, none of which lies inside another."""
    body = draw(bodies())
    said = read(body)
    changes: dict[Way, bytes | None] = {}
    for way in draw(st.lists(ways(said), max_size=4)):
        if not any(way[: len(other)] == other[: len(way)] for other in changes):
            changes[way] = draw(st.none() | values().map(str.encode))
    return body, changes


# ---- where things stand in a text, found with the standard library's scanner ----


class Place(NamedTuple):
    """A member or element: where it begins, with its key, and where its value lies."""

    name: str
    begin: int
    start: int
    end: int


_SCANNER = json.JSONDecoder(parse_int=str, parse_float=str)


def skipped(text: str, at: int) -> int:
    found = re.compile(r"[ \t\n\r]*").match(text, at)
    assert found is not None
    return found.end()


def places(text: str, at: int) -> Iterator[Place]:
    """The members of the object, or the elements of the array, that begins at `at`."""
    is_object = text[at] == "{"
    at = skipped(text, at + 1)
    index = 0
    while text[at] not in "}]":
        begin, name = at, str(index)
        if is_object:
            name, at = _SCANNER.raw_decode(text, at)
            at = skipped(text, skipped(text, at) + 1)
        _, end = _SCANNER.raw_decode(text, at)
        yield Place(name, begin, at, end)
        at = skipped(text, end)
        at = skipped(text, at + 1) if text[at] == "," else at
        index += 1


def spans(text: str, at: int, way: Way) -> Iterator[tuple[list[Place], int]]:
    """Every place that the way leads to: its siblings in order, and its rank among them."""
    found = list(places(text, at)) if text[at] in "{[" else []
    for rank, place in enumerate(found):
        if place.name == way[0]:
            if len(way) == 1:
                yield found, rank
            else:
                yield from spans(text, place.start, way[1:])


# ---- laws ----


@given(changed_bodies())
def test_the_result_says_what_the_same_edit_makes_of_what_the_body_says(
    asked: tuple[bytes, dict[Way, bytes | None]],
) -> None:
    body, changes = asked
    expected = edited(read(body), {w: GONE if n is None else read(n) for w, n in changes.items()})

    assert read(splice(body, {pointer(w): new for w, new in changes.items()})) == expected


@given(changed_bodies())
def test_a_replaced_value_leaves_every_other_byte_equal(
    asked: tuple[bytes, dict[Way, bytes | None]],
) -> None:
    body, changes = asked
    text = body.decode()
    at = skipped(text, 0)
    replaced: dict[str, bytes] = {}
    cuts: list[tuple[int, int, str]] = []
    for way, new in changes.items():
        there = [(found[rank].start, found[rank].end) for found, rank in spans(text, at, way)]
        if there and new is not None:
            replaced[pointer(way)] = new
            cuts += [(start, end, new.decode()) for start, end in there]
    expected = text
    for start, end, spelled in sorted(cuts, reverse=True):
        expected = expected[:start] + spelled + expected[end:]

    assert splice(body, replaced).decode() == expected


@given(st.data())
def test_a_removed_member_takes_its_comma_along_and_nothing_else(data: st.DataObject) -> None:
    body = data.draw(bodies())
    way = data.draw(ways(read(body)))
    text = body.decode()
    there = list(spans(text, skipped(text, 0), way))
    result = splice(body, {pointer(way): None}).decode()

    if not there:
        assert result == text
    if len(there) == 1:
        [(found, rank)] = there
        if rank:
            gone = found[rank - 1].end, found[rank].end
        elif len(found) > 1:
            gone = found[0].begin, found[1].begin
        else:
            gone = found[0].begin, found[0].end
        assert result == text[: gone[0]] + text[gone[1] :]


@given(st.data())
def test_an_added_member_stands_behind_the_last_and_moves_no_byte(data: st.DataObject) -> None:
    body = data.draw(bodies())
    way = data.draw(ways(read(body)))
    text = body.decode()
    start = skipped(text, 0)
    parents = [(list(places(text, start)), start)] if len(way) == 1 else []
    for found, rank in spans(text, start, way[:-1]) if len(way) > 1 else ():
        if text[found[rank].start] in "{[":
            parents.append((list(places(text, found[rank].start)), found[rank].start))
    if len(parents) != 1 or any(place.name == way[-1] for place in parents[0][0]):
        return
    found, at = parents[0]
    end = found[-1].end if found else at + 1

    result = splice(body, {pointer(way): b"[7]"}).decode()

    assert result.startswith(text[:end])
    assert result.endswith(text[end:])
    added = result[end : len(result) - len(text[end:])]
    assert added.lstrip(", \t\n\r").endswith("[7]")
    assert added.startswith(",") == bool(found)


@given(bodies())
def test_no_change_is_no_change(body: bytes) -> None:
    assert splice(body, {}) == body


# ---- examples a reader can check by eye ----

COMPACT = b'{"model":"m","messages":[],"stream":true}'
PYTHON = b'{"model": "m", "messages": [], "stream": true}'
INDENTED = b'{\n  "model": "m",\n  "messages": [],\n  "stream": true\n}\n'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (COMPACT, b'{"model":"x","messages":[],"user":"u","n":1}'),
        (PYTHON, b'{"model": "x", "messages": [], "user": "u", "n": 1}'),
        (INDENTED, b'{\n  "model": "x",\n  "messages": [],\n  "user": "u",\n  "n": 1\n}\n'),
        (b'{ "model" : "m" }', b'{ "model" : "x", "user" : "u", "n" : 1 }'),
        (b"{}", b'{"model":"x","user":"u","n":1}'),
        (b" { } ", b' {"model":"x","user":"u","n":1 } '),
    ],
)
def test_what_is_added_follows_the_style_it_finds(body: bytes, expected: bytes) -> None:
    changes = {"/model": b'"x"', "/stream": None, "/user": b'"u"', "/n": b"1"}

    assert splice(body, changes) == expected


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (["model"], b'{"messages": [], "stream": true}'),
        (["messages"], b'{"model": "m", "stream": true}'),
        (["stream"], b'{"model": "m", "messages": []}'),
        (["model", "messages"], b'{"stream": true}'),
        (["messages", "stream"], b'{"model": "m"}'),
        (["model", "stream"], b'{"messages": []}'),
        (["model", "messages", "stream"], b"{}"),
        (["nothing"], PYTHON),
    ],
)
def test_members_are_removed_wherever_they_stand(gone: list[str], expected: bytes) -> None:
    assert splice(PYTHON, {"/" + name: None for name in gone}) == expected


def test_a_member_can_give_way_to_another_one() -> None:
    assert splice(b'{"a":1}', {"/a": None, "/b": b"2"}) == b'{"b":2}'
    assert splice(b'{"a":1,"b":2}', {"/b": None, "/c": b"3"}) == b'{"a":1,"c":3}'


def test_keys_are_found_however_they_are_escaped() -> None:
    assert splice(rb'{"mod\u0065l" :1}', {"/model": b"2"}) == rb'{"mod\u0065l" :2}'
    assert splice('{"é":1, "x/y":1,"~":1}'.encode(), {"/é": b"2", "/x~1y": b"3", "/~0": b"4"}) == (
        '{"é":2, "x/y":3,"~":4}'.encode()
    )


def test_every_occurrence_of_a_nested_key_changes_so_that_all_parsers_read_the_same() -> None:
    body = b'{"o": {"a": 1, "b": 2, "a": 3}}'

    assert splice(body, {"/o/a": b"9"}) == b'{"o": {"a": 9, "b": 2, "a": 9}}'
    assert splice(body, {"/o/a": None}) == b'{"o": {"b": 2}}'


def test_objects_on_the_way_are_made() -> None:
    assert splice(b'{"a":1}', {"/o/p": b"1", "/o/q/r": b"2"}) == (
        b'{"a":1,"o":{"p":1,"q":{"r":2}}}'
    )
    assert splice(b'{"o": null}', {"/o/p": b"1"}) == b'{"o": {"p":1}}'
    assert splice(b'{"o": {}}', {"/o/p": b"1"}) == b'{"o": {"p":1}}'


def test_nothing_is_made_for_what_is_removed() -> None:
    assert splice(b'{"a":1}', {"/o/p": None, "/a/b": None}) == b'{"a":1}'


def test_elements_are_named_by_index_and_a_dash_appends() -> None:
    body = b'{"list": [1, {"a": 2}, 3]}'

    assert splice(body, {"/list/0": b"0", "/list/1/a": b"5"}) == (b'{"list": [0, {"a": 5}, 3]}')
    assert splice(body, {"/list/0": None, "/list/2": None, "/list/-": b"4"}) == (
        b'{"list": [{"a": 2}, 4]}'
    )
    assert splice(b'{"list":[]}', {"/list/-/a": b"1"}) == b'{"list":[{"a":1}]}'


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model": b"1"}, "no JSON pointer"),
        ({"": b"1"}, "no JSON pointer"),
        ({"/a": b"1", "/a/b": b"2"}, "inside another change"),
        ({"/a/b": b"2", "/a": b"1"}, "holds another change"),
        ({"/list/7": b"1"}, "no element '7'"),
    ],
)
def test_changes_that_make_no_sense_are_a_mistake_of_ours(
    changes: dict[str, bytes], problem: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        splice(b'{"a":{},"list":[]}', changes)


def test_lone_surrogates_and_number_spellings_stay_as_they_are() -> None:
    body = rb'{"model": "m", "bad": "\ud800", "n": 1E+2, "big": 1e999, "o": {"x": "\udfff"}}'

    assert splice(body, {"/model": b'"x"', "/o/y": b"-0"}) == (
        rb'{"model": "x", "bad": "\ud800", "n": 1E+2, "big": 1e999, "o": {"x": "\udfff","y": -0}}'
    )


def test_a_spelling_is_what_the_reading_of_these_tests_keeps() -> None:
    assert read(b'{"a": 1E+2, "a": -0}') == Object((("a", Number("1E+2")), ("a", Number("-0"))))
