"""A thousand edits under load: nobody notices, and everybody gets what was published."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from aiohttp import web

from loopback.process import Sidecar, running, simulated
from loopback.provider import END, Provider, Seen, delta
from loopback.stage import CHAT
from loopback.wire import Wire, chat, request
from outrider_sidecar.snapshot import Backend, Snapshot, decode, seal
from standins import tables
from standins.mounts import Mount

SWAPS = 1_000
CONNECTIONS = 50
LATENCY_MS = 100
PROBE_MS = 5
STREAMS = 5
SPAN = 60
FIRST = 1_795_219_200


class Edits:
    """Which generations were published, and how many have been seen to be applied."""

    def __init__(self) -> None:
        self.published: set[int] = set()
        self.applied = 0
        self._changed = asyncio.Condition()

    @property
    def over(self) -> bool:
        """Whether no more will come."""
        return self.applied == SWAPS

    async def publish(self, mount: Mount, snapshot: Snapshot, probe: Wire) -> None:
        """Swaps it in; returns when an answer is of it, all before it being of the one before."""
        self.published.add(snapshot.generation)
        mount.publish(snapshot)
        while (shown := await generation(probe, "quick")) != snapshot.generation:
            assert shown == snapshot.generation - 1
        async with self._changed:
            self.applied += 1
            self._changed.notify_all()

    async def after(self, count: int) -> None:
        """Waits until that many were applied, or all."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.over or self.applied >= count)


def edited(generation: int, provider: Provider) -> Snapshot:
    """One of a thousand: each has other models, other texts, other shares."""

    def modelled(backend: Backend) -> Backend:
        return msgspec.structs.replace(backend, model=f"m-{generation}")

    waits = simulated().timeouts
    far = tables.backend(base_url=f"http://127.0.0.1:{provider.port}/v1", timeouts=waits)
    texts = {
        name: tables.template(("system", f"You are {name} of {generation}."))
        for name in ("old", "new")
    }
    share = generation % 9_999
    prompt = tables.prompt(texts, ((0, share, "old"), (share + 1, 9_999, "new")))
    support = {"main": modelled(simulated(time_to_first_token_ms=LATENCY_MS))}
    quick = {"main": modelled(simulated(time_to_first_token_ms=PROBE_MS))}
    return seal(
        Snapshot(
            namespace="shop",
            generation=generation,
            routes={
                "support": tables.route(support, prompt="answer"),
                "quick": tables.route(quick, prompt="answer"),
                "slow": tables.route({"far": far}),
            },
            prompts={"answer": prompt},
        )
    )


async def generation(wire: Wire, route: str) -> int:
    """Asks once; the generation of the answer, whose other headers must be of the same."""
    answer = await wire.ask("POST", CHAT, chat(model=route), x_outrider_user="ann")
    assert answer.status == 200
    found = int(answer.headers["x-outrider-generation"])
    assert answer.headers["x-outrider-model"] == f"m-{found}"
    return found


async def load(wire: Wire, edits: Edits) -> list[int]:
    """Asks without a pause until all is over; how many edits came during each request."""
    spans = []
    latest = 0
    while not edits.over:
        began = edits.applied
        found = await generation(wire, "support")
        assert found in edits.published
        assert found >= latest
        latest = found
        spans.append(edits.applied - began)
    return spans


async def streams(sidecar: Sidecar, edits: Edits) -> list[int]:
    """Reads streams one after another; how many edits came during each."""
    spans = []
    wire = await sidecar.wire()
    while edits.applied + SPAN <= SWAPS:
        await wire.send(request("POST", CHAT, chat(model="slow", stream=True)))
        status, headers = await wire.head()
        began = edits.applied
        assert status == 200
        assert int(headers["x-outrider-generation"]) in edits.published
        body = b""
        while chunk := await wire.chunk():
            body += chunk
        assert body.startswith(b"".join(delta(str(turn)) for turn in range(SPAN)) + END)
        spans.append(edits.applied - began)
    return spans


async def test_1000_snapshots_are_swapped_in_under_load_and_no_request_fails(
    tmp_path: Path, provider: Provider, record_property: Callable[[str, object], None]
) -> None:
    edits = Edits()

    async def at_each_edit(request: web.BaseRequest, _: Seen) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        began = edits.applied
        for turn in range(SPAN):
            await edits.after(began + turn)
            await response.write(delta(str(turn)))
        await response.write(END)
        return response

    provider.respond = at_each_edit
    mount, state = Mount(tmp_path / "config"), tmp_path / "state"
    mount.publish(edited(FIRST, provider))
    edits.published.add(FIRST)
    async with running(mount.directory, OUTRIDER_STATE_DIR=str(state)) as sidecar:
        probe = await sidecar.wire()
        async with asyncio.TaskGroup() as tasks:
            asking = [
                tasks.create_task(load(await sidecar.wire(), edits)) for _ in range(CONNECTIONS)
            ]
            reading = [tasks.create_task(streams(sidecar, edits)) for _ in range(STREAMS)]
            began = time.monotonic()
            for number in range(1, SWAPS + 1):
                await edits.publish(mount, edited(FIRST + number, provider), probe)
            record_property("seconds", round(time.monotonic() - began, 1))

        last = FIRST + SWAPS
        assert (await sidecar.admin("/debug/config")).json()["generation"] == last
        assert (await sidecar.admin("/stats")).json()["errors"] == 0
        sidecar.signal(signal.SIGTERM)
        assert await sidecar.ended() == 0
    assert decode((state / "snapshot.json").read_bytes()).generation == last
    assert len(edits.published) == SWAPS + 1
    assert sum(span > 0 for task in asking for span in task.result()) > SWAPS
    spans = [span for task in reading for span in task.result()]
    assert sum(span >= 50 for span in spans) >= STREAMS
