"""Words, tokens and complexity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.routing.features import complexity, input_tokens, words
from outrider_sidecar.routing.ratio import Ratios

CODE = "Why?\n```python\nprint()\n```"


def test_words_are_runs_between_unicode_white_space() -> None:
    assert words("") == 0
    assert words(" one\u00a0two\u2003three\u3000four\nfive ") == 5
    assert words("a\x1cb a\u200bb") == 2


@given(st.lists(st.text("aä?\x1d-", min_size=1, max_size=5)), st.sampled_from(" \t\n\u2028\u00a0"))
def test_as_many_words_are_counted_as_were_put_together(parts: list[str], space: str) -> None:
    assert words(space.join(parts)) == len(parts)


def test_an_image_counts_a_thousand_tokens_and_bytes_count_by_the_ratio() -> None:
    assert input_tokens(0, 0, 4.0) == 0
    assert input_tokens(4_001, 0, 4.0) == 1_001
    assert input_tokens(4_000, 2, 8.0) == 2_500


@pytest.mark.parametrize(
    ("text", "tools", "messages", "score"),
    [
        ("", False, 1, 1),
        ("What is your return policy?", False, 1, 1),
        ("word " * 49, False, 1, 1),
        ("word " * 50, False, 1, 2),
        ("word " * 199, False, 1, 2),
        ("word " * 200, False, 1, 3),
        ("Why? And how?", False, 1, 2),
        (CODE, False, 1, 2),
        ("inline ``` is no block", False, 1, 1),
        ("   ~~~\ncode\n~~~", False, 1, 2),
        ("Look it up", True, 1, 2),
        ("Look it up", False, 6, 1),
        ("Look it up", False, 7, 2),
        ("word " * 200 + CODE, True, 7, 5),
    ],
)
def test_complexity_is_the_published_score(
    text: str, tools: bool, messages: int, score: int
) -> None:
    assert complexity(text, tools_or_schema=tools, messages=messages) == score


def test_the_ratio_starts_at_4_and_moves_by_a_twentieth() -> None:
    ratios = Ratios()

    assert ratios.of("m") == 4.0
    ratios.learn("m", 600, 100)
    assert ratios.of("m") == pytest.approx(4.1)
    assert ratios.of("other") == 4.0


def test_short_answers_and_images_teach_nothing() -> None:
    ratios = Ratios()

    ratios.learn("m", 990, 99)
    ratios.learn("m", 1_000, 100, images=1)
    ratios.learn("m", 0, 100)

    assert ratios.of("m") == 4.0


def test_the_ratio_stays_within_its_bounds_and_forgets_the_oldest_model() -> None:
    ratios = Ratios()
    for _ in range(200):
        ratios.learn("dense", 100, 1_000)
        ratios.learn("sparse", 100_000, 1_000)

    assert (ratios.of("dense"), ratios.of("sparse")) == (1.5, 8.0)
    for number in range(1_024):
        ratios.learn(f"model-{number}", 600, 100)
    assert ratios.of("dense") == 4.0
    assert ratios.of("model-1023") > 4.0
