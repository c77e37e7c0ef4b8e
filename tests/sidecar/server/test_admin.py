"""The admin port, page by page, and what the data port says before there is a snapshot."""

import asyncio
import re
import socket
from pathlib import Path

import pytest

from loopback.clock import Clock
from loopback.process import running, simulated
from loopback.provider import Provider, saying
from loopback.stage import CHAT, MESSAGES, Stage, Start, compiled, route
from loopback.wire import chat, request
from outrider_sidecar.config.current import Rejection
from outrider_sidecar.snapshot import Snapshot, seal
from standins import tables
from standins.mounts import Mount


async def test_health_tells_the_latency_of_the_last_calls(stage: Stage) -> None:
    empty = (await stage.admin("/health")).json()
    zeros = {"count": 0, "p50_ms": 0.0, "p95_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0}
    assert (empty["status"], empty["latency"]) == ("ok", zeros)
    await stage.chat()
    stage.provider.respond = saying({}, 500)
    await stage.chat()
    await stage.ask("GET", "/v1/files")
    answer = await stage.admin("/health")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    health = answer.json()
    assert list(health) == ["status", "timestamp", "latency"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", health["timestamp"])
    assert list(health["latency"]) == ["count", "p50_ms", "p95_ms", "p99_ms", "max_ms"]
    assert health["latency"]["count"] == 2
    assert 0 < health["latency"]["p50_ms"] <= health["latency"]["max_ms"]


async def test_stats_count_since_the_start_in_all_and_by_route(stage: Stage) -> None:
    await stage.chat()
    stage.provider.respond = saying({}, 500)
    await stage.chat()
    stats = (await stage.admin("/stats")).json()
    figures = {
        "total_requests": 2,
        "cache_hits": 0,
        "cache_hit_rate": 0.0,
        "errors": 1,
        "error_rate": 0.5,
    }
    assert stats == figures | {"routes": {"support": figures}}


async def test_metrics_speak_prometheus(stage: Stage) -> None:
    await stage.chat()
    answer = await stage.admin("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.body.decode().splitlines()
    assert "outrider_config_generation 7.0" in lines
    labels = 'route="support",backend="openai",model="other",dialect="chat",class="ok"'
    found = [line for line in lines if line.startswith("outrider_requests_total{")]
    assert len(found) == 1
    assert sorted(labels.split(",")) == sorted(
        found[0].removeprefix("outrider_requests_total{").removesuffix("} 1.0").split(",")
    )


async def test_the_configuration_is_shown_without_a_key(
    start: Start, provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "openai").write_text("sk-secret")
    served = route(provider)
    served["backends"]["openai"]["secretKeyRef"] = {"name": "keys", "key": "openai"}
    stage = await start(served=compiled({"support": served}))
    assert (await stage.chat()).status == 200
    assert stage.provider.seen[0].headers["Authorization"] == "Bearer sk-secret"
    answer = await stage.admin("/debug/config")
    assert b"sk-secret" not in answer.body
    shown = answer.json()
    assert (shown["namespace"], shown["generation"], shown["source"]) == ("tests", 7, "process")
    assert shown["snapshot"]["routes"]["support"]["backends"]["openai"]["secretKeyRef"] == {
        "name": "keys",
        "key": "openai",
    }
    stage.current.reject(Rejection("sha256:0", "mount", "not a snapshot"))
    assert (await stage.admin("/debug/config")).json()["rejected"] == "not a snapshot"


async def test_an_unknown_page_is_a_404_and_pages_are_only_read(stage: Stage) -> None:
    assert (await stage.admin("/nothing")).status == 404
    wire = await stage.wire(stage.proxy.admin_port)
    assert (await wire.ask("POST", "/livez")).status == 405
    assert (await wire.ask("HEAD", "/livez")).status == 200


@pytest.mark.parametrize("page", ["/health", "/stats", "/debug/config"])
async def test_a_foreign_host_or_origin_gets_no_inside_page(stage: Stage, page: str) -> None:
    assert (await stage.admin(page)).status == 200
    assert (await stage.admin(page, host="evil.example:4142")).status == 403
    assert (await stage.admin(page, origin="https://evil.example")).status == 403


def outward() -> str | None:
    """An address of this machine that others could use, or None when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found = str(probe.getsockname()[0])
    return None if found.startswith("127.") else found


async def test_on_the_pods_address_only_probes_and_metrics_answer(start: Start) -> None:
    """Where the machine has no address but loopback, that stands for the pod's own."""
    stage = await start(admin_host="")
    address = outward()
    pages = {"/livez": 200, "/readyz": 200, "/metrics": 200}
    pages |= dict.fromkeys(("/health", "/stats", "/debug/config"), 403 if address else 200)
    for page, status in pages.items():
        reader, writer = await asyncio.open_connection(
            address or "127.0.0.1", stage.proxy.admin_port
        )
        host = {"host": f"{address or '127.0.0.1'}:4142"}
        writer.write(request("GET", page, **host))
        line = await reader.readline()
        assert line.startswith(f"HTTP/1.1 {status} ".encode()), page
        writer.close()


async def test_without_a_snapshot_the_caller_is_asked_to_try_again(start: Start) -> None:
    stage = await start(empty=True)
    for path, kind in ((CHAT, "server_error"), (MESSAGES, "api_error"), ("/v1/files", None)):
        answer = await stage.ask("POST", path, chat())
        error = answer.json()["error"]
        assert (answer.status, error["code"]) == (503, "outrider_starting")
        assert answer.headers["x-should-retry"] == "true"
        assert answer.headers["Retry-After"] == "1"
        assert kind in (None, error["type"])
    assert (await stage.admin("/livez")).status == 200
    assert (await stage.admin("/readyz")).body == b"waiting for a snapshot\n"
    assert (await stage.admin("/debug/config")).json()["generation"] == 0
    stage.current.apply(compiled({"support": route(stage.provider)}), "process")
    assert (await stage.admin("/readyz")).status == 200
    assert (await stage.chat()).status == 200


async def test_the_start_gate_opens_after_10_seconds_without_a_snapshot(
    clock: Clock, start: Start
) -> None:
    stage = await start(empty=True)
    await clock.forward(8)
    assert (await stage.admin("/readyz")).status == 503
    await clock.forward(3)
    assert (await stage.admin("/readyz")).status == 200
    assert (await stage.chat()).status == 503


def published(generation: int) -> Snapshot:
    """A snapshot with one simulated backend."""
    routes = {"support": tables.route({"main": simulated()})}
    return seal(Snapshot(namespace="shop", generation=generation, routes=routes, prompts={}))


async def test_the_program_starts_without_a_snapshot_and_serves_the_first_that_comes(
    tmp_path: Path,
) -> None:
    mount = Mount(tmp_path)
    asking = chat(model="support")
    async with running(tmp_path) as sidecar:
        early = await sidecar.ask("POST", CHAT, asking)
        assert early.json()["error"]["code"] == "outrider_starting"
        assert (await sidecar.admin("/readyz")).status == 503
        mount.publish(published(5))
        while (await sidecar.admin("/readyz")).status != 200:
            pass
        answer = await sidecar.ask("POST", CHAT, asking)
        assert (answer.status, answer.headers["x-outrider-generation"]) == (200, "5")
        assert b'config_source{source="mount"} 1.0' in (await sidecar.admin("/metrics")).body


async def test_a_bad_snapshot_changes_nothing_but_what_is_said(tmp_path: Path) -> None:
    mount = Mount(tmp_path)
    mount.publish(published(5))
    async with running(tmp_path) as sidecar:
        mount.swap(json=b'{"schema": 1}')
        assert "generation 5 stays" in await sidecar.said("snapshot from mount refused")
        assert b'degraded{reason="config"} 1.0' in (await sidecar.admin("/metrics")).body
        answer = await sidecar.ask("POST", CHAT, chat(model="support"))
        assert (answer.status, answer.headers["x-outrider-generation"]) == (200, "5")
        assert (await sidecar.admin("/readyz")).status == 200
