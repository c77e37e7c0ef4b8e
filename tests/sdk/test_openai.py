"""What OpenAI's SDK does beside asking and answering: tools, images, parsing, headers, leaving."""

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionToolParam
from pydantic import BaseModel

from standins.clients import openai_async, openai_sync
from standins.scene import GENERATION, Scene

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
ASKED: dict[str, Any] = {"model": "steady", "messages": [{"role": "user", "content": "Hello"}]}


class Place(BaseModel):
    """What a structured answer holds."""

    city: str
    days: int


@pytest.fixture
def client(scene: Scene) -> Iterator[openai.OpenAI]:
    with openai_sync(scene.main.url) as made:
        yield made


def test_a_tool_is_called_and_its_result_answered(client: openai.OpenAI, scene: Scene) -> None:
    asked = client.chat.completions.create(**ASKED, tools=[WEATHER], tool_choice="auto")
    assert asked.choices[0].finish_reason == "tool_calls"
    message = asked.choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "weather",
        {"city": "Zürich", "days": 7},
    )
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "Sunny"}
    kept: Any = message.model_dump(exclude_unset=True, exclude={"annotations"})
    answered = client.chat.completions.create(
        model="steady", messages=[*ASKED["messages"], kept, result], tools=[WEATHER]
    )
    assert answered.choices[0].message.content == "You said: Sunny, and that is all."
    assert scene.openai.requests[1].json["messages"][1]["tool_calls"][0]["id"] == call.id


def test_a_streamed_tool_call_is_put_together_by_the_helper(client: openai.OpenAI) -> None:
    other: Any = json.loads(json.dumps(WEATHER).replace("weather", "traffic"))
    with client.chat.completions.stream(**ASKED, tools=[WEATHER, other]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert kinds.count("tool_calls.function.arguments.done") == 2
    calls = final.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == ["weather", "traffic"]
    assert [call.function.parsed_arguments for call in calls] == [{"city": "Zürich", "days": 7}] * 2


def test_the_streaming_helper_gathers_text_and_usage(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(**ASKED, stream_options={"include_usage": True}) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content
    assert final.usage is not None
    assert final.usage.prompt_tokens_details is not None
    assert final.usage.prompt_tokens_details.cached_tokens == 2


def test_usage_that_was_refused_is_still_counted_and_not_shown(
    client: openai.OpenAI, scene: Scene
) -> None:
    options: Any = {"include_usage": False}
    chunks = list(client.chat.completions.create(**ASKED, stream=True, stream_options=options))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert scene.openai.requests[0].json["stream_options"] == {"include_usage": True}
    assert scene.told(1)[0].output_tokens == 7


def test_a_structured_answer_is_parsed(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(**ASKED, response_format=Place)
    assert parsed.choices[0].message.parsed == Place(city="Zürich", days=7)
    with client.chat.completions.stream(**ASKED, response_format=Place) as stream:
        stream.until_done()
        streamed = stream.get_final_completion()
    assert streamed.choices[0].message.parsed == Place(city="Zürich", days=7)


def test_several_choices_are_told_apart(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**ASKED, n=2)
    assert [choice.index for choice in whole.choices] == [0, 1]
    texts = {0: "", 1: ""}
    for chunk in client.chat.completions.create(**ASKED, n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert list(texts.values()) == [choice.message.content for choice in whole.choices]


def test_images_of_30_mib_reach_the_provider_byte_for_byte(
    client: openai.OpenAI, scene: Scene
) -> None:
    url = "data:image/png;base64," + base64.b64encode(bytes(23 << 20)).decode()
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
    ]
    messages: Any = [{"role": "user", "content": parts}]
    got = client.chat.completions.create(model="steady", messages=messages)
    assert got.choices[0].message.content == (
        "You said: What is it? (with 1 image), and that is all."
    )
    assert scene.openai.requests[0].json["messages"] == messages


def test_what_the_proxy_did_stands_in_the_headers_of_every_answer(
    client: openai.OpenAI, scene: Scene
) -> None:
    raw = client.chat.completions.with_raw_response.create(**ASKED)
    headers = raw.headers
    assert raw.parse().choices[0].message.content
    assert headers["x-outrider-route"] == "everything"
    assert headers["x-outrider-rule"] == "default"
    assert headers["x-outrider-backend"] == "openai"
    assert headers["x-outrider-model"] == "steady"
    assert headers["x-outrider-attempts"].startswith("openai:ok")
    assert headers["x-outrider-generation"] == str(GENERATION)
    assert headers["x-outrider-request-id"] == scene.told(1)[0].request_id
    assert headers["x-outrider-tokens"] == "in=3,out=7,cached=2"
    assert float(headers["x-outrider-latency-ms"]) > 0
    assert headers["x-ratelimit-remaining-requests"] == "9999"
    assert headers["openai-processing-ms"] == "12"
    assert "set-cookie" not in headers

    with client.chat.completions.with_streaming_response.create(**ASKED, stream=True) as streamed:
        assert streamed.headers["x-outrider-attempts"].startswith("openai:ok")
        assert streamed.headers["cache-control"] == "no-cache"
        assert streamed.headers["x-accel-buffering"] == "no"
        lines = [line for line in streamed.iter_lines() if line]
    assert lines[-2] == "data: [DONE]"
    assert lines[-1] == ": outrider tokens=in=3,out=7,cached=2"


def test_a_client_that_leaves_a_stream_ends_the_call_upstream(
    client: openai.OpenAI, scene: Scene
) -> None:
    stream = client.chat.completions.create(**{**ASKED, "model": "endless"}, stream=True)
    assert any(chunk.choices[0].delta.content for chunk in stream)
    stream.close()
    scene.background.run(scene.openai.gone("endless"))
    (record,) = scene.told(1)
    assert record.cls == "Cancelled"
    assert record.estimated


async def test_a_cancelled_task_ends_the_call_upstream(scene: Scene) -> None:
    begun = asyncio.Event()

    async def read(client: openai.AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(**{**ASKED, "model": "endless"}, stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                begun.set()

    async with openai_async(scene.main.url) as client:
        reading = asyncio.create_task(read(client))
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.to_thread(scene.background.run, scene.openai.gone("endless"))


def test_a_timeout_of_the_client_ends_the_call_upstream_each_time(scene: Scene) -> None:
    with (
        openai_sync(scene.main.url, timeout=0.5, max_retries=1) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        client.chat.completions.create(**{**ASKED, "model": "silent"})
    scene.background.run(scene.openai.gone("silent", times=2))
    assert [record.cls for record in scene.told(2)] == ["Cancelled", "Cancelled"]
    assert len(scene.openai.requests) == 2


def test_unknown_members_and_unknown_headers_reach_the_provider(
    client: openai.OpenAI, scene: Scene
) -> None:
    client.chat.completions.create(
        **ASKED,
        temperature=0.25,
        metadata={"a": "b"},
        extra_headers={"openai-beta": "things=v9", "x-own": "1"},
        extra_query={},
    )
    (got,) = scene.openai.requests
    assert (got.json["temperature"], got.json["metadata"]) == (0.25, {"a": "b"})
    assert got.headers["openai-beta"] == "things=v9"
    assert got.headers["x-own"] == "1"


async def test_many_streams_at_once_are_not_mixed_up(scene: Scene) -> None:
    async def read(client: openai.AsyncOpenAI, number: int) -> str:
        stream = await client.chat.completions.create(
            model="steady",
            messages=[{"role": "user", "content": f"Number {number}"}],
            stream=True,
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async with openai_async(scene.main.url) as client:
        texts = await asyncio.gather(*(read(client, number) for number in range(30)))
    assert texts == [f"You said: Number {number}, and that is all." for number in range(30)]


async def test_the_async_helpers_stream_and_parse_as_well(scene: Scene) -> None:
    async with openai_async(scene.main.url) as client:
        parsed = await client.chat.completions.parse(**ASKED, response_format=Place)
        async with client.chat.completions.stream(**ASKED, tools=[WEATHER]) as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_completion()
    assert parsed.choices[0].message.parsed == Place(city="Zürich", days=7)
    assert kinds.count("tool_calls.function.arguments.done") == 1
    (call,) = final.choices[0].message.tool_calls or []
    assert call.function.parsed_arguments == {"city": "Zürich", "days": 7}


def test_a_client_made_for_azure_is_answered(scene: Scene) -> None:
    with openai.AzureOpenAI(
        azure_endpoint=scene.main.url, api_key="sk-outrider", api_version="2024-10-21"
    ) as client:
        got = client.chat.completions.create(**ASKED)
        text = "".join(
            chunk.choices[0].delta.content or ""
            for chunk in client.chat.completions.create(**ASKED, stream=True)
            if chunk.choices
        )
    assert got.choices[0].message.content == text == "You said: Hello, and that is all."
    assert {sent.path for sent in scene.openai.requests} == {"/v1/chat/completions"}


def test_what_a_pod_is_injected_with_is_enough(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", scene.main.url + "/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-outrider")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-outrider-feature: checkout")
    with openai.OpenAI() as client:
        assert client.chat.completions.create(**ASKED).choices
    (record,) = scene.told(1)
    assert (record.cls, record.feature) == ("ok", "checkout")
