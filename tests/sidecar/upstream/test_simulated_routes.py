"""Simulated backends behind a route: both dialects, every failure, and what is counted."""

import asyncio
from typing import Any

import msgspec
import pytest

from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.snapshot import Backend, Simulated, Timeouts
from outrider_sidecar.upstream.classify import ErrorClass
from outrider_sidecar.upstream.client import Upstream
from standins import tables
from standins.errands import CHAT, MESSAGES, Errand
from standins.sse import said_in, text_of

AT_ONCE = Simulated(
    time_to_first_token_ms=0,
    tokens_per_second=100_000,
    output_tokens=12,
    error_ratio="0",
    error_class="Overloaded",
)


def rehearsal(request_ms: int = 5_000, **fields: Any) -> Backend:
    """A simulated backend that answers at once."""
    waits = Timeouts(connect_ms=5_000, first_token_ms=5_000, idle_ms=5_000, request_ms=request_ms)
    simulated = msgspec.structs.replace(AT_ONCE, **fields)
    return tables.backend("Simulated", "sim-1", simulated=simulated, timeouts=waits)


@pytest.fixture
def upstream() -> Upstream:
    """A client that is not even started: nothing is dialled."""
    return Upstream(FileCredentials(None), allow_loopback=False)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("stream", [False, True])
async def test_it_answers_a_route_in_both_dialects_and_is_counted(
    upstream: Upstream, path: str, stream: bool
) -> None:
    body = tables.chat("gpt", "Where is it?", stream=stream, max_tokens=100)
    errand = Errand({"rehearsal": rehearsal()}, body, path=path)
    text = await errand.text(upstream)
    said = said_in(text) if stream else text_of(text)
    assert said.startswith("Simulated answer of sim-1 to «Where is it?»:")
    record = errand.record
    assert (record.cls, record.attempts) == ("ok", "rehearsal:ok")
    assert (record.input_tokens, record.output_tokens, record.estimated) == (3, 12, False)
    assert record.response_length == len(said)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("cls", [cls for cls in ErrorClass if cls != ErrorClass.TIMEOUT])
async def test_each_of_its_failures_is_the_class_it_was_asked_for(
    upstream: Upstream, path: str, stream: bool, cls: ErrorClass
) -> None:
    backends = {"bad": rehearsal(error_ratio="1", error_class=str(cls)), "good": rehearsal()}
    errand = Errand(backends, tables.chat("gpt", stream=stream, max_tokens=9), path=path)
    if cls in (ErrorClass.INVALID, ErrorClass.TOO_LARGE, ErrorClass.CONTEXT_LENGTH):
        with pytest.raises(Refusal):
            await errand.run(upstream)
        assert errand.record.attempts == f"bad:{cls}"
    else:
        await errand.text(upstream)
        assert errand.record.attempts == f"bad:{cls},good:Truncated"


async def test_its_timeout_is_the_routes(upstream: Upstream) -> None:
    never = rehearsal(request_ms=30, error_ratio="1", error_class="Timeout")
    errand = Errand({"bad": never, "good": rehearsal()})
    await errand.text(upstream)
    assert errand.record.attempts == "bad:Timeout,good:ok"


async def test_leaving_ends_its_pace(upstream: Upstream) -> None:
    errand = Errand(
        {"slow": rehearsal(tokens_per_second=1)}, tables.chat("gpt", stream=True, max_tokens=9)
    )
    got = await errand.run(upstream)
    assert got.chunks is not None
    await anext(got.chunks)
    following = asyncio.ensure_future(anext(got.chunks))
    await asyncio.sleep(0)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert errand.record.cls == "Cancelled"
