"""YAML text as plain data with the place of everything in it."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_operator.resources.document import (
    MAX_DEPTH,
    MAX_VALUES,
    Document,
    DocumentError,
    documents,
)

TEXT = """\
# a comment first
kind: LLMRoute
metadata: {name: support}   # in flow
spec:
  models:
  - gpt-5-mini
  -   "gpt-4o-*"
  backends:
  - name: haiku
    model: claude-haiku-4-5
  - {name: gpt, timeouts: {connect: 2s}}
"""


def only(text: str) -> Document:
    [document] = documents(text)
    return document


def mistake(text: str) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        list(documents(text))
    return caught.value


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ("kind", (2, 1)),
        ("metadata.name", (3, 12)),
        ("spec", (4, 1)),
        ("spec.models[0]", (6, 5)),
        ("spec.models[1]", (7, 7)),
        ("spec.backends[0]", (9, 5)),
        ("spec.backends[0].model", (10, 5)),
        ("spec.backends[1]", (11, 5)),
        ("spec.backends[1].timeouts.connect", (11, 28)),
    ],
)
def test_everything_has_the_place_where_it_is_written(path: str, position: tuple[int, int]) -> None:
    assert only(TEXT).positions[path] == position


def test_a_document_begins_where_its_first_key_does() -> None:
    assert only(TEXT).line == 2


def test_documents_are_separated_and_empty_ones_passed_over() -> None:
    text = "---\n# nothing\n---\na: 1\n---\n\n---\nb: 2\n...\n---\nc: 3\n"

    assert [(each.data, each.line) for each in documents(text)] == [
        ({"a": 1}, 4),
        ({"b": 2}, 8),
        ({"c": 3}, 11),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "---\n---\n"])
def test_a_text_that_says_nothing_has_no_documents(text: str) -> None:
    assert list(documents(text)) == []


def test_lines_may_end_as_windows_ends_them() -> None:
    document = only(TEXT.replace("\n", "\r\n"))

    assert document.data == only(TEXT).data
    assert document.positions == only(TEXT).positions


def test_block_texts_keep_their_lines() -> None:
    data = only("a: |\n  one\n  two: 2\nb: >-\n  one\n  two\n").data

    assert data == {"a": "one\ntwo: 2\n", "b": "one two"}


def test_only_unquoted_words_are_more_than_text() -> None:
    data = only("{a: 012, b: '012', c: \"yes\", d: yes, e: 2026-01-01, f: }").data

    assert data == {"a": 10, "b": "012", "c": "yes", "d": True, "e": "2026-01-01", "f": None}


def test_a_key_with_dots_is_not_the_path_that_looks_like_it() -> None:
    assert only('{"a.b": 1, a: {b: 2}}').data == {"a.b": 1, "a": {"b": 2}}


def test_keys_are_text_as_in_json() -> None:
    assert only("{1: a, yes: b, 2026-01-01: c}").data == {"1": "a", "true": "b", "2026-01-01": "c"}


def test_an_alias_stands_for_its_anchor_and_has_a_place_of_its_own() -> None:
    document = only("a: &x {k: 1}\nb: *x\nc: [*x, *x]\n")

    assert document.data == {"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}, {"k": 1}]}
    assert document.positions["c[1]"] == (3, 9)


def test_a_merge_gives_what_is_not_written_after_it() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {a: 0, <<: [*x, *y], c: 3}\n"

    assert only(text).data["z"] == {"a": 1, "b": 1, "c": 3}


def test_an_anchor_ends_with_its_document() -> None:
    error = mistake("a: &x 1\n---\nb: *x\n")

    assert "there is no &x before this alias" in str(error)
    assert error.position == (3, 4)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("a: 1\na: 2\n", (2, 1), "a stands here again, first in line 1: remove one"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", (4, 3), "a.b stands here again, first in line 2"),
        ("a: 1\n\tb: 2\n", (2, 1), "indent with spaces"),
        ("a: @x\n", (1, 4), "quote values that begin with one of @"),
        ("a: b: c\n", (1, 5), "quote the value if it holds ': '"),
        ("a: [1, 2\nb: 3\n", (2, 2), "close the [ with ], or put a comma between its items"),
        ("a: {b: 1\nc: 3\n", (2, 2), "close the { with }"),
        ("a:\n- 1\n  b: 2\n", (3, 4), "quote the value"),
        ("a:\n  - 1\n b: 2\n", (3, 2), "wrong indentation"),
        ("a:\n- 1\nb\n", (4, 1), "a key without ':'"),
        ('a: "b" c\n', (1, 8), "text behind a value that is quoted"),
        ("a: 'x\n", (2, 1), "close the quote"),
        ("a: *x\n", (1, 4), "there is no &x before this alias"),
        ("a: &x [*x]\n", (1, 8), "the alias *x would hold itself"),
        ("a: !!python/object:os.system {}\n", (1, 4), "has no meaning in a manifest: remove it"),
        ("a: !!str 5\n", (1, 4), "has no meaning in a manifest: remove it"),
        ("? [a]\n: b\n", (1, 3), "a key must be a word"),
        ("~: a\n", (1, 1), "a key must not be empty or null"),
        ("a: {<<: 5}\n", (1, 9), "<< takes an alias of a mapping"),
        ("a: .inf\n", (1, 4), "quote it if you mean the text"),
        ("a: 1\nb: \x07\n", (2, 4), "U+0007 cannot stand in a file; write it as an escape"),
        ("%YAML 3.0\n---\na: 1\n", (1, 1), "not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(
    text: str, position: tuple[int, int], words: str
) -> None:
    error = mistake(text)

    assert words in str(error)
    assert error.position == position


def test_documents_before_a_mistake_are_read() -> None:
    read = documents("a: 1\n---\na: [\n")

    assert next(read).data == {"a": 1}
    with pytest.raises(DocumentError):
        next(read)


def test_aliases_that_would_fill_the_memory_are_refused() -> None:
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    error = mistake("\n".join(["a0: &a0 x", *lines]))

    assert f"more than {MAX_VALUES:,} values, aliases written out" in str(error)
    assert error.position[0] <= 8


def test_merges_that_would_fill_the_memory_are_refused() -> None:
    members = ", ".join(f"k{n}: {n}" for n in range(1_000))
    lines = [f"a: &a {{{members}}}", "b:", *["- {<<: *a}"] * 1_100]

    assert "values, aliases written out" in str(mistake("\n".join(lines)))


def test_long_texts_that_would_fill_the_memory_are_refused() -> None:
    text = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1_000)}]\n"

    assert "values, aliases written out" in str(mistake(text))


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_without_end_is_refused(opening: str) -> None:
    assert f"nested deeper than {MAX_DEPTH} levels" in str(mistake(opening * 5_000))


def test_escapes_of_json_mean_one_character() -> None:
    assert only('{"a": "\\ud83e\\udd8a \\\\ud83e\\\\udd8a"}').data == {"a": "🦊 \\ud83e\\udd8a"}


KEYS = st.text(min_size=1, max_size=40)  # YAML takes no key beyond 1,024 characters
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=10,
)


@given(st.dictionaries(KEYS, JSON, min_size=1, max_size=5), st.sampled_from([None, 2]))
def test_json_is_read_as_json(data: dict[str, Any], indent: int | None) -> None:
    """Law: what JSON says, and where a path that has no dots of its own says it stands."""
    text = json.dumps(data, indent=indent)

    document = only(text)

    assert document.data == data
    for path, (line, column) in document.positions.items():
        if re.fullmatch("[a-z]+", path) and "\\u" not in text:
            assert text.split("\n")[line - 1][column - 1 :].startswith(json.dumps(path))


@given(st.text(st.sampled_from("ab:-[]{}&*<>|!'\"#%,? \n\t0~"), max_size=40))
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    """Law: no text brings the reader down, and a mistake stands in the text."""
    try:
        for document in documents(text):
            json.dumps(document.data)
    except DocumentError as error:
        line, column = error.position
        assert 1 <= line <= text.count("\n") + 2
        assert column >= 1
