"""What Anthropic's SDK does beside asking and answering: tools, thinking, parsing, files."""

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types import ToolParam
from pydantic import BaseModel

from standins.anthropic_api import MODELS
from standins.clients import anthropic_async, anthropic_sync
from standins.messages_wire import SIGNATURE
from standins.scene import GENERATION, Scene

WEATHER: ToolParam = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}
ASKED: dict[str, Any] = {
    "model": "steady",
    "max_tokens": 1_024,
    "messages": [{"role": "user", "content": "Hello"}],
}


class Place(BaseModel):
    """What a structured answer holds."""

    city: str
    days: int


@pytest.fixture
def client(scene: Scene) -> Iterator[anthropic.Anthropic]:
    with anthropic_sync(scene.main.url) as made:
        yield made


def test_a_tool_is_called_and_its_result_answered(
    client: anthropic.Anthropic, scene: Scene
) -> None:
    asked = client.messages.create(**ASKED, tools=[WEATHER], tool_choice={"type": "auto"})
    assert asked.stop_reason == "tool_use"
    text, call = asked.content
    assert text.type == "text"
    assert call.type == "tool_use"
    assert (call.name, call.input) == ("weather", {"city": "Zürich", "days": 7})
    result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"}
    answered = client.messages.create(
        model="steady",
        max_tokens=1_024,
        tools=[WEATHER],
        messages=[
            *ASKED["messages"],
            {"role": "assistant", "content": asked.content},
            {"role": "user", "content": [result]},
        ],
    )
    assert answered.stop_reason == "end_turn"
    assert scene.anthropic.requests[1].json["messages"][2]["content"] == [result]


def test_a_streamed_tool_call_is_put_together_by_the_helper(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**ASKED, tools=[WEATHER]) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()
    assert "".join(pieces) == '{"city": "Z\\u00fcrich", "days": 7}'
    assert final.content[-1].type == "tool_use"
    assert final.content[-1].input == {"city": "Zürich", "days": 7}


def test_the_streaming_helper_gathers_text_and_usage(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**ASKED) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == stream.get_final_text() == "You said: Hello, that is all."
    usage = final.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (1, 2, 6)


def test_thinking_comes_with_its_signature_whole_and_streamed(
    client: anthropic.Anthropic, scene: Scene
) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1_024}
    asked = {**ASKED, "max_tokens": 2_048}
    whole = client.messages.create(**asked, thinking=thinking)
    with client.messages.stream(**asked, thinking=thinking) as stream:
        kinds = {event.type for event in stream}
        streamed = stream.get_final_message()
    assert {"thinking", "signature", "text"} <= kinds
    assert [block.to_dict() for block in streamed.content] == [
        block.to_dict() for block in whole.content
    ]
    first = whole.content[0]
    assert first.type == "thinking"
    assert first.signature == SIGNATURE
    messages: Any = [
        *ASKED["messages"],
        {"role": "assistant", "content": whole.content},
        {"role": "user", "content": "Go on"},
    ]
    client.messages.create(**{**asked, "messages": messages}, thinking=thinking)
    sent = scene.anthropic.requests[-1].json["messages"][1]["content"][0]
    assert sent["signature"] == SIGNATURE


def test_a_structured_answer_is_parsed(client: anthropic.Anthropic) -> None:
    parsed = client.messages.parse(**ASKED, output_format=Place)
    assert parsed.parsed_output == Place(city="Zürich", days=7)
    with client.messages.stream(**ASKED, output_format=Place) as stream:
        assert stream.get_final_message().parsed_output == Place(city="Zürich", days=7)


def test_images_of_30_mib_reach_the_provider_byte_for_byte(
    client: anthropic.Anthropic, scene: Scene
) -> None:
    data = base64.b64encode(bytes(23 << 20)).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    messages: Any = [{"role": "user", "content": parts}]
    got = client.messages.create(**{**ASKED, "messages": messages})
    assert got.content[0].type == "text"
    assert got.content[0].text == "You said: What is it? (with 1 image), that is all."
    assert scene.anthropic.requests[0].json["messages"] == messages


def test_what_the_proxy_did_stands_in_the_headers_of_every_answer(
    client: anthropic.Anthropic, scene: Scene
) -> None:
    raw = client.messages.with_raw_response.create(**ASKED)
    headers = raw.headers
    assert headers["x-outrider-route"] == "everything"
    assert headers["x-outrider-backend"] == "anthropic"
    assert headers["x-outrider-model"] == "steady"
    assert headers["x-outrider-attempts"].startswith("anthropic:ok")
    assert headers["x-outrider-generation"] == str(GENERATION)
    assert headers["x-outrider-request-id"] == scene.told(1)[0].request_id
    assert headers["x-outrider-tokens"] == "in=4,out=6,cached=2"
    assert headers["anthropic-ratelimit-requests-remaining"] == "3999"
    assert headers["request-id"] == headers["x-request-id"] == scene.anthropic.ids[0]
    assert "set-cookie" not in headers

    with client.messages.with_streaming_response.create(**ASKED, stream=True) as streamed:
        assert streamed.headers["x-outrider-attempts"].startswith("anthropic:ok")
        lines = [line for line in streamed.iter_lines() if line]
    assert lines[-3] == "event: message_stop"
    assert lines[-1] == ": outrider tokens=in=4,out=6,cached=2"


def test_a_client_that_leaves_a_stream_ends_the_call_upstream(
    client: anthropic.Anthropic, scene: Scene
) -> None:
    with client.messages.stream(**{**ASKED, "model": "endless"}) as stream:
        assert next(iter(stream.text_stream))
    scene.background.run(scene.anthropic.gone("endless"))
    (record,) = scene.told(1)
    assert record.cls == "Cancelled"
    assert record.estimated


async def test_a_cancelled_task_ends_the_call_upstream(scene: Scene) -> None:
    begun = asyncio.Event()

    async def read(client: anthropic.AsyncAnthropic) -> None:
        async with client.messages.stream(**{**ASKED, "model": "endless"}) as stream:
            async for _ in stream.text_stream:
                begun.set()

    async with anthropic_async(scene.main.url) as client:
        reading = asyncio.create_task(read(client))
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.to_thread(scene.background.run, scene.anthropic.gone("endless"))


def test_a_timeout_of_the_client_ends_the_call_upstream_each_time(scene: Scene) -> None:
    with (
        anthropic_sync(scene.main.url, timeout=0.5, max_retries=1) as client,
        pytest.raises(anthropic.APITimeoutError),
    ):
        client.messages.create(**{**ASKED, "model": "silent"})
    scene.background.run(scene.anthropic.gone("silent", times=2))
    assert [record.cls for record in scene.told(2)] == ["Cancelled", "Cancelled"]
    assert len(scene.anthropic.requests) == 2


def test_tokens_are_counted_by_the_provider(client: anthropic.Anthropic) -> None:
    counted = client.messages.count_tokens(
        model="steady", system="Be brief", messages=ASKED["messages"], tools=[WEATHER]
    )
    assert counted.input_tokens == 3


def test_models_are_listed_and_found(client: anthropic.Anthropic) -> None:
    assert tuple(model.id for model in client.models.list()) == MODELS
    assert client.models.retrieve(MODELS[1]).lifecycle == "active"
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.models.retrieve("nobody")
    assert missing.value.type == "not_found_error"


def test_a_file_goes_up_and_comes_down_unchanged(client: anthropic.Anthropic) -> None:
    content = bytes(range(256)) * 4_096
    sent = client.files.upload(file=("numbers.bin", content, "application/x-numbers"))
    assert (sent.filename, sent.size_bytes) == ("numbers.bin", len(content))
    assert sent.mime_type == "application/x-numbers"
    assert client.files.download(sent.id).read() == content
    assert client.files.delete(sent.id).id == sent.id


def test_a_token_of_the_callers_own_is_forwarded_where_the_route_says_so(scene: Scene) -> None:
    with anthropic_sync(scene.main.url, api_key=None, auth_token=scene.anthropic.key) as client:
        client.messages.create(**{**ASKED, "model": "forwarding"})
        client.messages.create(**ASKED)
    forwarded, replaced = scene.anthropic.requests
    assert forwarded.headers["authorization"] == f"Bearer {scene.anthropic.key}"
    assert "x-api-key" not in forwarded.headers
    assert replaced.headers["x-api-key"] == scene.anthropic.key


async def test_the_async_helpers_stream_and_parse_as_well(scene: Scene) -> None:
    async with anthropic_async(scene.main.url) as client:
        parsed = await client.messages.parse(**ASKED, output_format=Place)
        async with client.messages.stream(**ASKED, tools=[WEATHER]) as stream:
            texts = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
    assert parsed.parsed_output == Place(city="Zürich", days=7)
    assert "".join(texts) == "Let me look."
    assert final.content[-1].type == "tool_use"


def test_beta_features_reach_the_provider(client: anthropic.Anthropic, scene: Scene) -> None:
    got = client.beta.messages.create(**ASKED, betas=["context-1m-2025-08-07"])
    assert got.content[0].type == "text"
    with client.beta.messages.stream(**ASKED, betas=["context-1m-2025-08-07"]) as stream:
        assert stream.get_final_message().stop_reason == "end_turn"
    for sent in scene.anthropic.requests:
        assert sent.headers["anthropic-beta"] == "context-1m-2025-08-07"


def test_what_a_pod_is_injected_with_is_enough(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", scene.main.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-outrider")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-outrider-feature: checkout")
    with anthropic.Anthropic() as client:
        assert client.messages.create(**ASKED).content
    (record,) = scene.told(1)
    assert (record.cls, record.feature) == ("ok", "checkout")
