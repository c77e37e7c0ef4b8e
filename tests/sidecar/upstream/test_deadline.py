"""The one timer of an attempt."""

import asyncio
from typing import Any

import pytest

from loopback.clock import Clock, turns
from loopback.scripted import Serve, streams
from outrider_sidecar.upstream.client import Upstream
from outrider_sidecar.upstream.deadline import Deadline
from outrider_sidecar.upstream.relay import LINGER_MS
from standins import tables
from standins.errands import Errand, to
from standins.sse import CHAT_STREAM

HOUR_MS = 3_600_000


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time that passes when a test says so."""
    return Clock(monkeypatch)


async def wait(deadline: Deadline, until: asyncio.Event) -> str:
    """Waits for an event before the deadline ends."""
    with deadline:
        await until.wait()
    return "came"


async def test_what_comes_in_time_is_returned(clock: Clock) -> None:
    deadline, event = Deadline(), asyncio.Event()
    deadline.within(1_000)
    waiting = asyncio.create_task(wait(deadline, event))
    await clock.forward(0.9)
    event.set()
    assert await waiting == "came"
    deadline.drop()


async def test_what_comes_too_late_is_a_timeout_and_the_task_lives_on(clock: Clock) -> None:
    deadline, event = Deadline(), asyncio.Event()

    async def patient() -> str:
        try:
            return await wait(deadline, event)
        except TimeoutError:
            return "late"

    deadline.within(1_000)
    waiting = asyncio.create_task(patient())
    await clock.forward(1.1)
    assert await waiting == "late"
    assert waiting.cancelling() == 0


async def test_moving_the_end_on_gives_more_time_and_moving_it_up_less(clock: Clock) -> None:
    deadline = Deadline()
    for end, passes in ((1_000, 0.9), (1_000, 0.9), (60_000, 59), (10, 0.005)):
        event = asyncio.Event()
        deadline.within(end)
        waiting = asyncio.create_task(wait(deadline, event))
        await clock.forward(passes)
        event.set()
        assert await waiting == "came"
    deadline.until(deadline.now() + 0.01)
    waiting = asyncio.create_task(wait(deadline, asyncio.Event()))
    await clock.forward(0.02)
    with pytest.raises(TimeoutError):
        await waiting


async def test_between_two_waits_nothing_is_cancelled(clock: Clock) -> None:
    deadline, event = Deadline(), asyncio.Event()
    event.set()
    deadline.within(10)

    async def thinks_long() -> str:
        await wait(deadline, event)
        await clock.forward(1)
        deadline.within(10)
        return await wait(deadline, event)

    assert await asyncio.create_task(thinks_long()) == "came"
    deadline.drop()


async def test_who_is_cancelled_by_others_is_cancelled(clock: Clock) -> None:
    deadline = Deadline()
    deadline.within(10)
    waiting = asyncio.create_task(wait(deadline, asyncio.Event()))
    await turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_who_is_cancelled_by_others_and_too_late_is_cancelled(clock: Clock) -> None:
    deadline = Deadline()
    deadline.within(10)
    waiting = asyncio.create_task(wait(deadline, asyncio.Event()))
    await turns()
    asyncio.get_running_loop().call_later(0.02, waiting.cancel)
    await clock.forward(1)
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_thousand_waits_cost_a_handful_of_timers(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    call_at, timers = loop.call_at, []

    def counted(when: float, callback: Any, *arguments: Any, **options: Any) -> Any:
        timers.append(when)
        return call_at(when, callback, *arguments, **options)

    monkeypatch.setattr(loop, "call_at", counted)
    deadline, event = Deadline(), asyncio.Event()
    event.set()
    for _ in range(1_000):
        deadline.within(60_000)
        assert await wait(deadline, event) == "came"
    assert len(timers) == 1
    deadline.drop()


async def test_the_end_is_not_awaited_for_ever_where_a_provider_keeps_its_stream_open(
    serve: Serve, upstream: Upstream, clock: Clock
) -> None:
    provider = await serve(streams(*CHAT_STREAM, asyncio.Event()))
    patient = to(provider, idle_ms=HOUR_MS, request_ms=HOUR_MS)
    errand = Errand({"only": patient}, tables.chat("gpt", "Hello", stream=True))
    got = await errand.run(upstream)
    assert got.chunks is not None
    text = b""
    while b": outrider tokens=" not in text:
        text += await anext(got.chunks)
    ending = asyncio.create_task(anext(got.chunks, None))
    await clock.forward(LINGER_MS / 1_000)
    assert ending.done()
    await provider.gone.wait()
    assert errand.record.cls == "ok"
