"""What every SDK reads of an answer through the proxy: text, usage, ids."""

import pytest

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
    provider = scene.provider(caller.family)
    assert answer.request_id == provider.ids[0]
    assert [got.path for got in provider.requests] == [caller.path]


def test_a_stream_is_read_word_by_word(caller: Caller, scene: Scene) -> None:
    whole = caller.ask("steady", "Hello to you")
    streamed = caller.stream("steady", "Hello to you")
    assert streamed.text == whole.text
    assert streamed.stop == whole.stop
    assert streamed.pieces == len(whole.text.split(" "))
    assert streamed.request_id == scene.provider(caller.family).ids[-1]


def test_a_stream_survives_being_cut_anywhere_on_its_way(caller: Caller) -> None:
    text = "grüße an 你好 and 👋\u2028there"
    assert caller.stream("ragged", text).text == caller.ask("steady", text).text


def test_a_long_stream_comes_whole_and_in_order(caller: Caller) -> None:
    answer = caller.stream("long")
    assert answer.text.split(" ") == [f"word{n}" for n in range(WORDS_OF_LONG)]
    assert answer.pieces == WORDS_OF_LONG


def test_a_truncated_answer_says_so(caller: Caller) -> None:
    for answer in (caller.ask("steady", max_tokens=3), caller.stream("steady", max_tokens=3)):
        assert answer.stop in ("length", "max_tokens")
        assert len(answer.text.split(" ")) == 3


def test_usage_of_a_stream_is_counted_whether_the_caller_asked_or_not(
    caller: Caller, scene: Scene
) -> None:
    whole = caller.ask("steady", "Hello to you")
    streamed = caller.stream("steady", "Hello to you")
    first, second = scene.told(2)
    assert whole.tokens is not None
    assert (first.output_tokens, second.output_tokens) == (whole.tokens[1],) * 2
    assert first.input_tokens == second.input_tokens
    assert first.cached_tokens == second.cached_tokens == 2
    assert not second.estimated
    if caller.family == "openai":
        assert streamed.tokens is None
        asked = caller.stream("steady", "Hello to you", stream_options={"include_usage": True})
        assert asked.tokens == whole.tokens
    else:
        assert streamed.tokens == whole.tokens


def test_the_provider_sees_the_backends_key_and_not_the_callers(
    caller: Caller, scene: Scene
) -> None:
    caller.again(default_headers={"cookie": "session=1", "x-outrider-user": "ada"}).ask("steady")
    (got,) = scene.provider(caller.family).requests
    assert "sk-outrider" not in str(got.head)
    assert (
        got.headers["user-agent"]
        .lower()
        .startswith(("openai/", "asyncopenai/", "anthropic/", "asyncanthropic/"))
    )
    assert scene.told(1)[0].user == "ada"


def test_a_caller_may_use_its_own_key_where_the_route_forwards_it(
    caller: Caller, scene: Scene
) -> None:
    own = caller.again(api_key=scene.provider(caller.family).key)
    assert own.ask("forwarding").text


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_a_base_url_works_with_and_without_its_version(caller: Caller, prefix: str) -> None:
    assert caller.again(url=caller.url + prefix).ask("steady").text


def test_a_model_may_have_any_name(caller: Caller, scene: Scene) -> None:
    name = "modèle 🦊/v1:latest"
    assert caller.ask(name).model == caller.stream(name).model == name
    assert {got.json["model"] for got in scene.provider(caller.family).requests} == {name}
