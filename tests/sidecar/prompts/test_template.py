"""Templates of the format Simple."""

import string

from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.prompts.template import fill, names, parse

_NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,8}", fullmatch=True)
_TEXT = st.text(st.sampled_from("{} ab\n" + string.digits), max_size=12)


def test_names_are_replaced_by_their_values() -> None:
    parts = parse("You are {{brand}} support, {{brand}}: {{policy.id}}.")

    assert names(parts) == ("brand", "brand", "policy.id")
    assert fill(parts, {"brand": "Acme", "policy.id": "7"}) == "You are Acme support, Acme: 7."


def test_braces_that_hold_no_name_are_text() -> None:
    for text in ("{{}}", "{{ a }}", "{{1a}}", "{a}", "{{a}", "{{a-b}}", '{"a": {"b": {}}}'):
        assert names(parse(text)) == ()
        assert fill(parse(text), {}) == text


def test_a_value_that_looks_like_a_template_stays_as_it_is() -> None:
    assert fill(parse("{{a}}{{b}}"), {"a": "{{b}}", "b": "{{a}}"}) == "{{b}}{{a}}"


@given(st.lists(st.tuples(_TEXT, _NAME), max_size=6), _TEXT, st.data())
def test_filling_is_one_pass(pairs: list[tuple[str, str]], tail: str, data: st.DataObject) -> None:
    """Law: what comes out is the literals and the values, each value exactly as given."""
    content = "".join(literal + "{{" + name + "}}" for literal, name in pairs) + tail
    parts = parse(content)
    values = {
        name: data.draw(st.one_of(_TEXT, st.just("{{" + name + "}}"))) for name in names(parts)
    }

    expected = "".join(values[part] if place % 2 else part for place, part in enumerate(parts))

    assert fill(parts, values) == expected
    assert fill(parts, {name: "{{" + name + "}}" for name in values}) == content
