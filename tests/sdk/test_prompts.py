"""A prompt version between the SDK and the provider: its text arrives once, in its place."""

from typing import Any

import pytest

from standins.callers import Caller
from standins.clients import anthropic_sync
from standins.scene import Scene

RENDERED = "You are Ada of Fabrikam. Be brief."
HEADER = {"x-outrider-variables": '{"shop": "Fabrikam"}'}
FIELD: dict[str, Any] = {"prompt": {"id": "answer", "variables": {"shop": "Fabrikam"}}}


def system_of(sent: dict[str, Any]) -> list[str]:
    """The texts of a request's system messages or blocks, in order."""
    if "system" in sent:
        return [block["text"] for block in sent["system"]]
    return [turn["content"] for turn in sent["messages"] if turn["role"] == "system"]


@pytest.mark.parametrize("given", [{"extra_headers": HEADER}, {"extra_body": FIELD}])
@pytest.mark.parametrize("way", ["ask", "stream"])
def test_the_system_text_arrives_once_and_the_conversation_as_it_was(
    caller: Caller, scene: Scene, way: str, given: dict[str, Any]
) -> None:
    answer = getattr(caller, way)("prompted", "Hello to you", **given)
    assert answer.text.startswith("You said: Hello to you")
    (got,) = scene.provider(caller.family).requests
    sent = got.json
    assert got.body.count(RENDERED.encode()) == 1
    assert system_of(sent) == [RENDERED]
    assert sent["messages"][-1] == {"role": "user", "content": "Hello to you"}
    assert len(sent["messages"]) == (2 if caller.family == "openai" else 1)
    assert sent["model"] == "steady"
    assert "prompt" not in sent
    (record,) = scene.told(1)
    assert (record.prompt, record.version) == ("answer", "answer-v1")


def test_system_text_of_the_callers_own_stands_behind_the_prompts(
    caller: Caller, scene: Scene
) -> None:
    if caller.family == "openai":
        turns = [{"role": "system", "content": "Speak German"}, {"role": "user", "content": "Hi"}]
        caller.ask("prompted", extra_headers=HEADER, messages=turns)
    else:
        caller.ask("prompted", extra_headers=HEADER, system="Speak German")
    (got,) = scene.provider(caller.family).requests
    assert system_of(got.json) == [RENDERED, "Speak German"]


def test_sampling_parameters_of_a_version_go_only_where_they_are_known(
    caller: Caller, scene: Scene
) -> None:
    caller.ask("prompted", extra_headers=HEADER)
    (got,) = scene.provider(caller.family).requests
    if caller.family == "openai":
        assert (got.json["temperature"], got.json["top_p"]) == (1.5, 0.9)
    else:
        assert got.headers["anthropic-version"] == "2026-10-21"
        assert not {"temperature", "top_p"} & set(got.json)


def test_an_older_version_of_messages_takes_sampling_parameters_up_to_one(scene: Scene) -> None:
    version = {"anthropic-version": "2023-06-01"}
    with anthropic_sync(scene.main.url, default_headers=version) as client:
        messages: Any = [{"role": "user", "content": "Hi"}]
        asked = {"model": "prompted", "max_tokens": 9, "messages": messages}
        raw = client.messages.with_raw_response.create(**asked, extra_headers=HEADER)
    assert "x-outrider-dropped" not in raw.headers
    (got,) = scene.anthropic.requests
    assert (got.json["temperature"], got.json["top_p"]) == (1, 0.9)


def test_what_was_dropped_is_told(scene: Scene) -> None:
    with anthropic_sync(scene.main.url) as client:
        messages: Any = [{"role": "user", "content": "Hi"}]
        asked = {"model": "prompted", "max_tokens": 9, "messages": messages}
        raw = client.messages.with_raw_response.create(**asked, extra_headers=HEADER)
    assert raw.headers["x-outrider-dropped"] == "temperature,top_p"
