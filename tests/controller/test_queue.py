import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_operator.controller.queue import (
    LAST_RETRY_SECONDS,
    LONGEST_SECONDS,
    QUIET_SECONDS,
    Queue,
    Schedule,
)


def test_a_key_is_due_after_a_quiet_moment() -> None:
    schedule = Schedule()
    schedule.add("shop", 0.0)
    assert schedule.take(0.05) is None
    assert schedule.take(QUIET_SECONDS) == "shop"
    assert schedule.take(9.0) is None


def test_a_key_that_is_never_quiet_is_due_after_the_longest_wait() -> None:
    schedule = Schedule()
    for tick in range(100):
        now = tick * 0.05
        schedule.add("shop", now)
        if schedule.take(now) is not None:
            break
    assert now == pytest.approx(LONGEST_SECONDS)


def test_a_key_is_not_handed_out_while_it_is_worked_on_and_once_more_afterwards() -> None:
    schedule = Schedule()
    schedule.add("shop", 0.0)
    assert schedule.take(1.0) == "shop"
    schedule.add("shop", 1.0)
    schedule.add("shop", 1.1)
    assert schedule.take(5.0) is None
    assert schedule.next_due() is None
    schedule.done("shop")
    assert schedule.take(5.0) == "shop"
    schedule.done("shop")
    assert schedule.take(9.0) is None


def wait(schedule: Schedule) -> float:
    """How long the key of a failure at 0.0 waits until it is handed out again."""
    schedule.retry("shop", 0.0)
    due = schedule.next_due()
    assert due is not None
    assert schedule.take(due) == "shop"
    schedule.done("shop")
    return due


def test_failures_wait_longer_each_time_up_to_a_minute_and_start_over_when_forgotten() -> None:
    schedule = Schedule()
    waits = [wait(schedule) for _ in range(40)]
    assert waits[:4] == pytest.approx([0.005, 0.01, 0.02, 0.04])
    assert waits[-1] == LAST_RETRY_SECONDS
    schedule.forget("shop")
    assert wait(schedule) == pytest.approx(0.005)


def test_news_brings_a_failing_key_back_sooner() -> None:
    schedule = Schedule()
    for _ in range(20):
        schedule.retry("shop", 0.0)
    schedule.add("shop", 10.0)
    assert schedule.next_due() == pytest.approx(10.0 + QUIET_SECONDS)


def test_the_key_that_waited_longest_comes_first() -> None:
    schedule = Schedule()
    schedule.add("second", 0.2)
    schedule.add("first", 0.1)
    assert [schedule.take(1.0), schedule.take(1.0)] == ["first", "second"]


@given(st.lists(st.sampled_from(["add", "take", "done"]), max_size=60))
def test_no_key_is_worked_on_twice_at_once_and_none_is_lost(steps: list[str]) -> None:
    schedule = Schedule()
    working, dirty, now = 0, False, 0.0
    for step in steps:
        now += 10.0
        if step == "add":
            schedule.add("shop", now)
            dirty = True
        elif step == "take":
            taken = schedule.take(now + 10.0)
            assert (taken is not None) == (dirty and not working)
            if taken:
                working, dirty = working + 1, False
        elif working:
            schedule.done("shop")
            working = 0
        assert working <= 1
    assert len(schedule) == int(dirty)


async def test_a_waiting_worker_gets_the_key_and_a_closed_queue_ends_the_worker() -> None:
    queue = Queue()
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("shop")
    done, _ = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == ["shop"]
    queue.close()
    assert {await first, await second} == {"shop", None}
