import asyncio
import io
import os
import threading

import pytest

from outrider_sidecar.telemetry.lines import Lines

PATIENCE = 10.0


class Slow(io.BytesIO):
    """A reader that takes nothing until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.taken: list[bytes] = []

    def write(self, data: object) -> int:
        self.open.wait(PATIENCE)
        assert isinstance(data, bytes)
        self.taken.append(data)
        return len(data)


class Broken(io.BytesIO):
    """A pipe whose reader has gone, for as long as it is broken."""

    broken = True

    def write(self, data: object) -> int:
        if self.broken:
            raise BrokenPipeError("nobody reads")
        assert isinstance(data, bytes)
        return super().write(data)


def test_a_terminal_sees_each_line_at_once() -> None:
    stream = io.BytesIO()
    Lines(stream, at_once=True).write(b"one\n")
    assert stream.getvalue() == b"one\n"


async def test_a_pipe_gets_lines_in_order_without_a_wait_of_the_loop() -> None:
    read, write = os.pipe()
    wanted = b"".join(b"line %d\n" % n for n in range(1_000))
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb") as writer:
        lines = Lines(writer)
        for n in range(1_000):
            lines.write(b"line %d\n" % n)
        assert await asyncio.to_thread(reader.read, len(wanted)) == wanted
        lines.close()


async def test_closing_writes_what_is_left() -> None:
    stream = io.BytesIO()
    lines = Lines(stream)
    lines.write(b"one\n")
    lines.write(b"two\n")
    lines.close()
    assert stream.getvalue() == b"one\ntwo\n"


async def test_a_reader_that_stalls_costs_lines_and_no_memory_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = Slow()
    lines = Lines(stream, bound=100)
    for _ in range(50):
        lines.write(b"0123456789" * 2)
    assert [one.getMessage() for one in caplog.records] == [
        "log lines are dropped: what reads them does not keep up"
    ]
    stream.open.set()
    lines.close()
    assert sum(map(len, stream.taken)) == 100


async def test_a_reader_that_stalls_again_is_told_again_once_a_minute_with_what_it_cost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    stream = Slow()
    stream.open.set()
    lines = Lines(stream, bound=100, clock=lambda: now)

    async def stalled() -> None:
        for _ in range(50):
            lines.write(b"0123456789" * 2)
        lines.close()

    await stalled()
    await stalled()
    assert len(caplog.records) == 1
    now = 60.0
    await stalled()
    now = 3_600.0
    for _ in range(50):
        lines.write(b"0123456789" * 2)
    for _ in range(50):
        lines.write(b"0123456789" * 2)
    lines.close()
    told = "log lines are dropped: what reads them does not keep up"
    assert [one.getMessage() for one in caplog.records] == [
        told,
        f"{told}; 90 were before",
        f"{told}; 135 were before",
    ]


async def test_a_reader_that_went_costs_lines_and_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = Broken()
    lines = Lines(stream, at_once=True)
    for _ in range(3):
        lines.write(b"lost\n")
    stream.broken = False
    lines.write(b"kept\n")
    stream.broken = True
    lines.write(b"lost\n")
    assert stream.getvalue() == b"kept\n"
    assert [one.getMessage() for one in caplog.records] == [
        "log lines are lost: nobody reads",
        "log lines are lost: nobody reads",
    ]


async def test_closing_does_not_wait_for_ever_for_a_reader() -> None:
    stream = Slow()
    lines = Lines(stream)
    lines.write(b"one\n")
    lines.close(patience=0)
    assert stream.taken == []
    stream.open.set()
