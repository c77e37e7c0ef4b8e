"""What holds in both dialects."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.api.body import Body
from outrider_sidecar.api.dialect import CHAT, MESSAGES, Dialect, Texts, Usage
from outrider_sidecar.api.errors import Refusal
from standins.spellings import values

DIALECTS: list[Dialect] = [CHAT, MESSAGES]


def spelled(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}: {value}" for name, value in members.items()) + "}"


KINDS = st.sampled_from(
    [
        '"text"',
        '"image"',
        '"image_url"',
        '"tool_use"',
        '"tool_result"',
        '"document"',
        "null",
        "1e999",
    ]
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "type": KINDS,
        "text": values(),
        "thinking": values(),
        "input": values(),
        "content": values(),
        "source": values(),
    },
).map(spelled)
CONTENTS = values() | st.lists(PARTS, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
TURNS = st.fixed_dictionaries(
    {"role": st.sampled_from(['"user"', '"assistant"', '"system"', '"tool"'])},
    optional={"content": CONTENTS, "tool_calls": values(), "function_call": values()},
).map(spelled)
REQUESTS = st.fixed_dictionaries(
    {"messages": st.lists(TURNS, max_size=3).map(lambda turns: f"[{','.join(turns)}]")},
    optional={
        "system": CONTENTS,
        "tools": values(),
        "functions": values(),
        "stream": values(),
        "response_format": values(),
        "output_config": values(),
        "output_format": values(),
    },
).map(spelled)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(raw=REQUESTS)
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
