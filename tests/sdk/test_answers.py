"""What every SDK reads of an answer through the proxy: text, usage, ids."""

from standins.callers import Caller
from standins.manners import WORDS_OF_LONG
from standins.scene import Scene


def test_an_answer_is_read_with_its_usage_and_the_providers_request_id(
    caller: Caller, scene: Scene
) -> None:
    answer = caller.ask("gpt-or-claude", "Hello to you")
    assert answer.text.startswith("You said: Hello to you")
    assert answer.model == "gpt-or-claude"
    assert answer.stop in ("stop", "end_turn")
    assert answer.tokens is not None
    assert min(answer.tokens) > 0
    provider = scene.openai if caller.family == "openai" else scene.anthropic
    assert answer.request_id == provider.ids[0]
    assert [got.path for got in provider.requests] == [caller.path]


def test_a_stream_is_read_word_by_word(caller: Caller) -> None:
    whole = caller.ask("steady", "Hello to you")
    streamed = caller.stream("steady", "Hello to you")
    assert streamed.text == whole.text
    assert streamed.stop == whole.stop
    assert streamed.pieces == len(whole.text.split(" "))
