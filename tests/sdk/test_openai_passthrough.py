"""What OpenAI's SDK reaches through the proxy that has no stages of its own."""

from collections.abc import Iterator

import openai
import pytest

from standins.clients import openai_async, openai_sync
from standins.openai_api import MODELS
from standins.scene import Scene


@pytest.fixture
def client(scene: Scene) -> Iterator[openai.OpenAI]:
    with openai_sync(scene.main.url) as made:
        yield made


def test_responses_are_read_whole(client: openai.OpenAI, scene: Scene) -> None:
    got = client.responses.create(model="steady", input="Hello")
    assert got.output_text == "You said: Hello, and that is all."
    assert got.usage is not None
    assert got.usage.output_tokens == 7
    assert got._request_id == scene.openai.ids[0]


async def test_responses_are_read_as_a_stream(scene: Scene) -> None:
    async with (
        openai_async(scene.main.url) as client,
        client.responses.stream(model="steady", input="Hello") as stream,
    ):
        events = [event async for event in stream]
        final = await stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == final.output_text == "You said: Hello, and that is all."
    assert final.usage is not None


def test_embeddings_are_the_same_numbers(scene: Scene) -> None:
    # The SDK asks for base64 and decodes it only after its own strict validation.
    with openai_sync(scene.main.url, _strict_response_validation=False) as client:
        got = client.embeddings.create(
            model="text-embedding-3-small", input=["a", "bcd"], dimensions=3
        )
    assert [one.embedding for one in got.data] == [[1.0, 0.25, 0.25], [3.0, 0.25, 0.25]]


def test_a_form_goes_to_the_route_that_its_model_names(client: openai.OpenAI) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="only-openai", file=("hello.mp3", bytes(200_000))
    )
    assert raw.parse().text == "Hello"
    assert raw.headers["x-outrider-route"] == "only-openai"


def test_speech_comes_down_as_it_is_made(client: openai.OpenAI) -> None:
    speech = client.audio.speech.with_streaming_response
    with speech.create(model="steady", voice="alloy", input="Hi") as got:
        assert got.headers["content-type"] == "audio/mpeg"
        assert b"".join(got.iter_bytes()) == b"\xff\xfbHi" * 100


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    assert tuple(model.id for model in client.models.list()) == MODELS
    assert client.models.retrieve(MODELS[0]).owned_by == "openai"
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("nobody")
    assert missing.value.code == "model_not_found"


def test_a_file_goes_up_and_comes_down_unchanged(client: openai.OpenAI, scene: Scene) -> None:
    content = bytes(range(256)) * 4_096
    sent = client.files.create(file=("numbers.bin", content), purpose="user_data")
    assert (sent.filename, sent.bytes, sent.purpose) == ("numbers.bin", len(content), "user_data")
    assert client.files.content(sent.id).read() == content
    assert [file.id for file in client.files.list()] == [sent.id]
    assert client.files.delete(sent.id).deleted
    assert [record.cls for record in scene.told(4)] == ["ok"] * 4


async def test_a_file_is_streamed_down(scene: Scene) -> None:
    content = bytes(range(256)) * 1_024
    async with openai_async(scene.main.url) as client:
        sent = await client.files.create(file=content, purpose="batch")
        async with client.files.with_streaming_response.content(sent.id) as got:
            pieces = [piece async for piece in got.iter_bytes(10_000)]
        await client.files.delete(sent.id)
    assert b"".join(pieces) == content
    assert got.headers["x-outrider-backend"] == "openai"


def test_the_provider_says_itself_whether_a_passed_request_may_be_repeated(scene: Scene) -> None:
    with (
        openai_sync(scene.main.url, max_retries=1) as client,
        pytest.raises(openai.InternalServerError) as refusal,
    ):
        client.responses.create(model="error-500", input="Hello")
    assert "x-should-retry" not in refusal.value.response.headers
    assert len(scene.openai.requests) == 2


def test_a_passed_stream_that_breaks_is_an_error_and_not_a_short_answer(scene: Scene) -> None:
    with openai_sync(scene.main.url, max_retries=0) as client:
        stream = client.responses.create(model="cut", input="Hello", stream=True)
        with pytest.raises(openai.APIConnectionError):
            list(stream)
        with pytest.raises(openai.APIConnectionError):
            client.responses.create(model="cut", input="Hello")


def test_a_client_that_leaves_a_passed_stream_ends_the_call_upstream(
    client: openai.OpenAI, scene: Scene
) -> None:
    with client.responses.create(model="endless", input="Hello", stream=True) as stream:
        assert any(event.type == "response.output_text.delta" for event in stream)
    scene.background.run(scene.openai.gone("endless"))


def test_a_provider_that_is_not_reached_may_be_asked_again(scene: Scene) -> None:
    with (
        openai_sync(scene.main.url, max_retries=1) as client,
        pytest.raises(openai.InternalServerError) as refusal,
    ):
        client.responses.create(model="hangs-up", input="Hello")
    assert refusal.value.code == "provider_unreachable"
    assert [record.cls for record in scene.told(2)] == ["Unreachable", "Unreachable"]


def test_what_passes_through_is_limited_by_the_route_of_its_model(scene: Scene) -> None:
    user = {"x-outrider-user": "passing"}
    with openai_sync(scene.main.url, default_headers=user) as client:
        for _ in range(2):
            client.responses.create(model="limited", input="Hello")
        with pytest.raises(openai.RateLimitError) as refusal:
            client.responses.create(model="limited", input="Hello")
    assert refusal.value.code == "policy_rate_requests"
    assert len(scene.openai.requests) == 2
