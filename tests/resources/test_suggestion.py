"""Did you mean?"""

import pytest

from outrider_operator.resources.suggestion import meant

FIELDS = ("models", "identity", "prompt", "backends", "rules")


@pytest.mark.parametrize(
    ("word", "known", "field"),
    [
        ("model", FIELDS, "models"),
        ("Models", FIELDS, "models"),
        ("backend", FIELDS, "backends"),
        ("promt", FIELDS, "prompt"),
        ("baseUrl", ("baseURL", "model"), "baseURL"),
        ("max_tokens", ("temperature", "topP", "maxTokens"), "maxTokens"),
        ("openai", ("OpenAI", "OpenAICompatible"), "OpenAI"),
    ],
)
def test_the_word_that_is_spelled_most_like_it(
    word: str, known: tuple[str, ...], field: str
) -> None:
    assert meant(word, known) == field


@pytest.mark.parametrize("word", ["retry", "x", "", "🦊"])
def test_nothing_where_nothing_is_near(word: str) -> None:
    assert meant(word, FIELDS) is None


def test_nothing_of_nothing() -> None:
    assert meant("models", ()) is None
