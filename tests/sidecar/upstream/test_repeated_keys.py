"""A provider that repeats the key it was sent tells it to nobody."""

import json
from pathlib import Path
from typing import Any

import pytest

from loopback.scripted import Serve, answers, streams
from outrider_sidecar.dialects.errors import Refusal, body_of
from outrider_sidecar.snapshot import SecretKey
from outrider_sidecar.upstream.client import Upstream
from standins import tables
from standins.errands import Errand, to
from standins.sse import data, delta

KEY = 'sk-very/"secret"'
REF = SecretKey(name="outrider-credentials", key="main")


@pytest.fixture(autouse=True)
def _mounted(tmp_path: Path) -> None:
    (tmp_path / REF.name).mkdir()
    (tmp_path / REF.name / REF.key).write_text(KEY)


def errand(provider: Any, **fields: Any) -> Errand:
    """A request whose backend has the key."""
    backend = to(provider, "OpenAICompatible", secret_key_ref=REF)
    return Errand({"main": backend}, tables.chat("gpt", "Hello", **fields))


async def told(asked: Errand, upstream: Upstream) -> str:
    """The error as its caller gets it."""
    with pytest.raises(Refusal) as caught:
        await asked.run(upstream)
    return body_of(caught.value, "openai", "or_1").decode()


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
async def test_no_error_of_any_class_tells_the_key(
    serve: Serve, upstream: Upstream, status: int
) -> None:
    said = {"error": {"message": f"invalid key: Bearer {KEY}, or its model", "key": KEY}}
    escaped = json.dumps(said).replace("/", "\\/").encode()
    for body in (said, escaped):
        provider = await serve(answers(body, status))
        words = await told(errand(provider), upstream)
        assert "very" not in words
        assert "invalid key: Bearer ***, or its model" in words
        json.loads(words)


async def test_a_key_at_the_end_of_what_is_quoted_is_not_told_in_part(
    serve: Serve, upstream: Upstream
) -> None:
    said = {"error": {"message": "x" * 490 + KEY}}
    words = await told(errand(await serve(answers(said, 500))), upstream)
    assert "x***" in words
    assert "sk-" not in words


async def test_no_error_in_a_stream_tells_the_key(serve: Serve, upstream: Upstream) -> None:
    error = data({"error": {"message": f"no credit for {KEY}"}})
    words = await told(errand(await serve(streams(error)), stream=True), upstream)
    assert "no credit for ***" in words
    later = errand(await serve(streams(delta("Hello"), error)), stream=True)
    assert b"no credit for ***;" in await later.text(upstream)


async def test_the_placeholder_of_a_server_without_keys_is_left_where_it_stands(
    serve: Serve, upstream: Upstream, tmp_path: Path
) -> None:
    (tmp_path / REF.name / REF.key).write_text("null")
    said = b'{"error": {"message": "temperature is 9", "param": null}}'
    assert await told(errand(await serve(answers(said, 400))), upstream) == said.decode()
