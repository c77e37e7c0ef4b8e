import io
import json
import logging

import pytest

from outrider_sidecar.config.current import Current, Rejection
from outrider_sidecar.telemetry.hashes import Hasher
from outrider_sidecar.telemetry.lines import Lines
from outrider_sidecar.telemetry.log import AccessLog
from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.telemetry.telemetry import Telemetry
from standins.mounts import published
from standins.tables import backend, route

HASHER = Hasher(b"key")


class Told:
    """A telemetry that follows a configuration, and the lines it wrote."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self.telemetry = Telemetry(AccessLog(Lines(self.stream, at_once=True), HASHER), HASHER)
        self.current = Current()
        self.current.listeners.append(self.telemetry.follow)

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    async def metric(self, sample: str) -> str:
        """The value of one sample, '' where there is none."""
        for line in (await self.telemetry.metrics.exposition()).decode().splitlines():
            if line.startswith(sample + " "):
                return line.rpartition(" ")[2]
        return ""


def test_a_request_begins_with_an_id_and_its_clock_running() -> None:
    telemetry = Telemetry(None)
    first, second = telemetry.begin(), telemetry.begin()
    assert first.request_id != second.request_id
    assert first.began <= second.began
    telemetry.finish(first)
    assert first.duration > 0


async def test_a_finished_request_is_counted_logged_and_handed_on_once() -> None:
    told, heard = Told(), list[Record]()
    told.telemetry.sinks.append(heard.append)
    told.current.apply(published(5), "mount")
    record = told.telemetry.begin()
    record.route, record.dialect, record.user = "support", "chat", "ann"
    told.telemetry.finish(record)
    assert heard == [record]
    assert [line["request_id"] for line in told.lines] == [record.request_id]
    assert told.telemetry.health.stats()["total_requests"] == 1
    counted = 'outrider_requests_total{backend="none",class="ok",dialect="chat",'
    assert counted in (await told.telemetry.metrics.exposition()).decode()


def test_figures_are_kept_for_the_routes_that_are_served() -> None:
    told = Told()
    told.current.apply(published(5), "mount")
    for name in ("support", "gone"):
        record = told.telemetry.begin()
        record.route, record.dialect = name, "chat"
        told.telemetry.finish(record)
    told.current.apply(published(6), "mount")
    assert list(told.telemetry.health.stats()["routes"]) == ["support"]


def test_a_record_that_cannot_be_told_fails_nobody_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told()
    records = [told.telemetry.begin(), told.telemetry.begin()]
    for record in records:
        record.dialect, record.input_tokens = "chat", 2**70
        told.telemetry.finish(record)
    assert [one.getMessage() for one in caplog.records] == [
        f"request {records[0].request_id} could not be told"
    ]
    told.telemetry.finish(told.telemetry.begin())
    assert len(told.lines) == 1
    assert told.telemetry.health.stats()["total_requests"] == 3


def test_ids_in_the_log_are_of_the_snapshots_namespace() -> None:
    told = Told()
    told.current.apply(published(5), "mount")
    record = told.telemetry.begin()
    record.user = "ann"
    told.telemetry.finish(record)
    assert told.lines[0]["user"] == HASHER.identity("user", "shop", "ann")


async def test_metrics_follow_what_runs_and_what_cannot() -> None:
    told = Told()
    assert await told.metric("outrider_config_generation") == "0.0"
    told.current.apply(published(1_795_219_201), "mount")
    assert float(await told.metric("outrider_config_generation")) == 1_795_219_201
    assert await told.metric('outrider_config_source{source="mount"}') == "1.0"
    assert await told.metric('outrider_degraded{reason="config"}') == "0.0"
    told.current.reject(Rejection("sha256:1", "mount", "broken"))
    assert await told.metric('outrider_degraded{reason="config"}') == "1.0"
    told.current.reject(None)
    assert await told.metric('outrider_degraded{reason="config"}') == "0.0"


async def test_a_route_that_keeps_its_last_form_is_a_degradation() -> None:
    told = Told()
    told.current.apply(published(5), "mount")
    newer = route({"main": backend(model="new")}, requires=("telepathy",))
    told.current.apply(published(6, routes={"support": newer}), "mount")
    assert await told.metric('outrider_degraded{reason="config"}') == "1.0"


async def test_a_bad_snapshot_before_any_good_one_is_a_degradation() -> None:
    told = Told()
    told.current.reject(Rejection("sha256:1", "mount", "broken"))
    assert await told.metric('outrider_degraded{reason="config"}') == "1.0"


def test_a_key_of_this_process_is_told_once_where_a_log_is_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        Telemetry(None)
        Told()
        assert caplog.records == []
        Telemetry(AccessLog(Lines(io.BytesIO(), at_once=True), Hasher()))
    assert [one.getMessage().partition(":")[0] for one in caplog.records] == ["no data-key"]


def test_closing_writes_the_last_lines() -> None:
    told = Told()
    told.telemetry.finish(told.telemetry.begin())
    told.telemetry.close()
    assert len(told.lines) == 1
    Telemetry(None).close()


def test_a_record_shows_nothing_of_the_caller() -> None:
    record = Telemetry(None).begin()
    record.user = "ann@example.com"
    assert "ann" not in repr(record)
