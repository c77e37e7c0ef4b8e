"""When a caller that leaves counts as left, and when it simply had everything."""

import asyncio

from loopback.provider import END, delta, streaming
from loopback.stage import CHAT, Stage
from loopback.wire import chat, request


async def test_a_caller_that_leaves_after_the_last_event_has_got_its_answer(stage: Stage) -> None:
    stage.provider.respond = streaming(delta("Hi"), END, asyncio.Event())
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat(stream=True)))
    await wire.head()
    text = b""
    while b": outrider " not in text:
        text += await wire.chunk()
    wire.close()
    record = await stage.settled.get()
    assert (record.cls, record.status) == ("ok", 200)
    assert record.attempts == "openai:ok;skipped=anthropic:unsupported"
