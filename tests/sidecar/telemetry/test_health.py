from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.telemetry.health import WINDOW, Health
from standins.records import record

NOW = 1_795_219_267.842


def seen(*latencies_ms: float) -> Health:
    health = Health(now=lambda: NOW)
    for latency in latencies_ms:
        health.add(record(latency / 1_000))
    return health


def test_before_the_first_call_all_is_well_and_nought() -> None:
    assert seen().health() == {
        "status": "ok",
        "timestamp": "2026-11-21T00:01:07.842Z",
        "latency": {"count": 0, "p50_ms": 0.0, "p95_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0},
    }
    assert seen().stats() == {
        "total_requests": 0,
        "cache_hits": 0,
        "cache_hit_rate": 0.0,
        "errors": 0,
        "error_rate": 0.0,
        "routes": {},
    }


def test_percentiles_are_of_the_nearest_rank() -> None:
    latency = seen(*range(1, 101)).health()["latency"]
    assert latency == {"count": 100, "p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "max_ms": 100}
    assert seen(7).health()["latency"] == {
        "count": 1,
        "p50_ms": 7,
        "p95_ms": 7,
        "p99_ms": 7,
        "max_ms": 7,
    }


@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=50))
def test_percentiles_are_latencies_that_were(latencies: list[int]) -> None:
    told = seen(*latencies).health()["latency"]
    assert told["p50_ms"] <= told["p95_ms"] <= told["p99_ms"] <= told["max_ms"]
    assert {told["p50_ms"], told["p95_ms"], told["p99_ms"]} <= set(latencies)
    assert told["max_ms"] == max(latencies)


def test_only_the_last_thousand_count() -> None:
    health = seen(*[60_000.0] * 500, *[10.0] * WINDOW)
    latency = health.health()["latency"]
    assert (latency["count"], latency["max_ms"]) == (1_000, 10)
    assert health.stats()["total_requests"] == 1_500


def test_above_five_seconds_at_the_95th_it_is_degraded() -> None:
    assert seen(*[1.0] * 94, *[5_000.0] * 6).health()["status"] == "ok"
    assert seen(*[1.0] * 94, *[5_000.1] * 6).health()["status"] == "degraded"
    assert seen(*[1.0] * 95, *[60_000.0] * 5).health()["status"] == "ok"


def test_failures_count_as_errors_and_with_their_latency() -> None:
    health = Health()
    health.add(record(1, cls="Timeout"))
    for cls in ("Truncated", "Cancelled", "Limited", "Caller", "ok"):
        health.add(record(1, cls=cls))
    stats = health.stats()
    assert (stats["total_requests"], stats["errors"], stats["error_rate"]) == (6, 1, 0.1667)
    assert health.health()["latency"]["count"] == 6


def test_listings_counts_and_pass_through_are_left_out() -> None:
    health = Health()
    for dialect in ("models", "count_tokens", "passthrough"):
        health.add(record(dialect=dialect))
    assert health.stats()["total_requests"] == 0
    assert health.health()["latency"]["count"] == 0


def test_a_route_that_is_served_no_longer_is_forgotten_and_what_it_cost_is_not() -> None:
    health = Health()
    health.add(record(route="old"))
    health.add(record(route="kept"))
    health.retain({"kept", "new"})
    assert list(health.stats()["routes"]) == ["kept"]
    assert health.stats()["total_requests"] == 2


def test_stats_are_told_for_each_route_too() -> None:
    health = Health()
    health.add(record(route="b", cache="hit; kind=semantic; similarity=0.97; age=41"))
    health.add(record(route="b", cache="miss"))
    health.add(record(route="a", cls="Internal"))
    health.add(record(route=None, cls="Caller"))
    stats = health.stats()
    assert (stats["total_requests"], stats["cache_hits"], stats["cache_hit_rate"]) == (4, 1, 0.25)
    assert list(stats["routes"]) == ["a", "b"]
    assert stats["routes"]["b"] == {
        "total_requests": 2,
        "cache_hits": 1,
        "cache_hit_rate": 0.5,
        "errors": 0,
        "error_rate": 0.0,
    }
    assert stats["routes"]["a"]["error_rate"] == 1.0
