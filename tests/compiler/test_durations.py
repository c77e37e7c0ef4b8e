"""Gateway API durations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_operator.resources.durations import milliseconds, spelled


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0s", 0),
        ("200ms", 200),
        ("2s", 2_000),
        ("300s", 300_000),
        ("1m30s", 90_000),
        ("1h", 3_600_000),
        ("30s1m", 90_000),
        ("1h1m1s1ms", 3_661_001),
        ("99999h", 359_996_400_000),
    ],
)
def test_a_duration_is_so_many_milliseconds(text: str, value: int) -> None:
    assert milliseconds(text) == value


@pytest.mark.parametrize(
    "text", ["", "2", "1.5s", "-1s", "100000s", "1d", "1s ", "١s", "1h1h1h1h1h"]
)
def test_another_text_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write 300ms, 2s, 5m or 1h30m"):
        milliseconds(text)


@given(st.integers(0, 99_999 * 3_600_000 + 3_599_999))
def test_spelling_and_reading_are_inverse(total: int) -> None:
    assert milliseconds(spelled(total)) == total


@pytest.mark.parametrize(("total", "text"), [(0, "0s"), (1500, "1s500ms"), (5_400_000, "1h30m")])
def test_a_spelling_is_short(total: int, text: str) -> None:
    assert spelled(total) == text


@pytest.mark.parametrize("total", [-1, 100_000 * 3_600_000])
def test_what_the_format_cannot_hold_is_refused(total: int) -> None:
    with pytest.raises(ValueError, match="no duration"):
        spelled(total)
