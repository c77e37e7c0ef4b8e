"""What holds in both dialects."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.dialect import CHAT, MESSAGES, Dialect, Texts, Usage
from outrider_sidecar.dialects.errors import Refusal
from standins.hostile import REQUESTS, TURNS, spelled

DIALECTS: list[Dialect] = [CHAT, MESSAGES]


@pytest.mark.parametrize("dialect", DIALECTS)
@given(raw=REQUESTS.map(spelled))
def test_any_request_with_messages_can_be_measured(dialect: Dialect, raw: str) -> None:
    body = Body.parse(raw.encode())

    texts = dialect.texts(body)

    assert isinstance(texts, Texts)
    assert texts.utf8_bytes >= 0
    assert texts.messages == len(dialect.turns(body))
    assert dialect.streams(body) in (True, False)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(raw=TURNS)
def test_the_text_of_any_message_is_text_or_a_refusal(dialect: Dialect, raw: str) -> None:
    try:
        text: Any = dialect.user_text(raw.encode(), "/messages/0")
    except Refusal as refusal:
        text = refusal.code

    assert text is None or isinstance(text, str)


COUNTS = st.integers(0, 10**6)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_later_report_replaces_what_it_names_and_keeps_what_it_leaves_out(
    fresh: int, cached: int, written: int, output: int, reasoning: int
) -> None:
    begun = Usage(fresh + cached + written, 1, cached, written)

    assert begun.then(Usage(0, output, reasoning=reasoning)) == Usage(
        begun.input, output or 1, cached, written, reasoning
    )
    assert Usage(0, 0).then(begun) == begun
    assert begun.then(begun) == begun
