"""The simulated provider, read by every SDK as if it were the real one."""

from typing import Any

import pytest

from standins.callers import Caller, body
from standins.scene import Scene


def test_a_simulated_answer_is_read_with_its_usage_and_says_what_it_is(
    caller: Caller, scene: Scene
) -> None:
    answer = caller.ask("simulated", "How are you?")
    assert answer.text.startswith("Simulated answer of pretend-1 to «How are you?»:")
    assert answer.model == "pretend-1"
    assert answer.stop in ("stop", "end_turn")
    assert answer.tokens is not None
    assert answer.tokens[0] > 0
    assert answer.tokens[1] == len(answer.text.split(" ")) == 12
    assert answer.request_id
    assert scene.openai.requests == scene.anthropic.requests == []


def test_a_simulated_stream_says_the_same_word_by_word(caller: Caller) -> None:
    whole = caller.ask("simulated", "How are you?")
    more = {"stream_options": {"include_usage": True}} if caller.family == "openai" else {}
    streamed = caller.stream("simulated", "How are you?", **more)
    assert streamed.text == whole.text
    assert streamed.tokens == whole.tokens
    assert streamed.stop == whole.stop
    assert streamed.pieces == 12


def test_usage_that_openais_sdk_did_not_ask_for_is_not_in_a_simulated_stream(
    caller: Caller, scene: Scene
) -> None:
    answer = caller.stream("simulated")
    assert (answer.tokens is None) == (caller.family == "openai")
    (record,) = scene.told(1)
    assert record.output_tokens == 12
    assert not record.estimated


def test_limits_end_a_simulated_answer(caller: Caller) -> None:
    for answer in (caller.ask("simulated", max_tokens=5), caller.stream("simulated", max_tokens=5)):
        assert answer.stop in ("length", "max_tokens")
        assert len(answer.text.split(" ")) == 5


@pytest.mark.parametrize("way", ["ask", "stream"])
def test_a_simulated_error_is_raised_like_a_real_one(
    caller: Caller, scene: Scene, way: str
) -> None:
    with pytest.raises(caller.error("APIStatusError")) as refusal:
        getattr(caller, way)("pretended-overload")
    error: Any = refusal.value
    assert error.status_code == (503 if caller.family == "openai" else 529)
    assert body(error)["code"] == "provider_overloaded"
    assert len(scene.told(1)) == 1
