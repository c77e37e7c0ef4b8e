"""The request path as a caller sees it."""

from loopback.stage import Stage
from loopback.wire import chat


async def test_a_completion_comes_back_with_our_headers(stage: Stage) -> None:
    answer = await stage.ask("POST", "/v1/chat/completions", chat(), x_outrider_user="ann")
    assert answer.status == 200
    assert answer.json()["choices"][0]["message"]["content"] == "Hello."
    headers = answer.headers
    assert headers["x-outrider-request-id"].startswith("or_")
    assert headers["x-outrider-route"] == "support"
    assert headers["x-outrider-rule"] == "default"
    assert headers["x-outrider-backend"] == "openai"
    assert headers["x-outrider-model"] == "gpt-5.4"
    assert headers["x-outrider-attempts"] == "openai:ok;skipped=anthropic:unsupported"
    assert headers["x-outrider-generation"] == "7"
    assert headers["x-outrider-tokens"] == "in=5,out=2,cached=0"
    assert float(headers["x-outrider-latency-ms"]) > 0
    record = await stage.settled.get()
    assert (record.cls, record.status, record.user) == ("ok", 200, "ann")
    assert record.duration > 0
