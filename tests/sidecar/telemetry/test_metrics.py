import asyncio
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from outrider_sidecar.snapshot import Snapshot
from outrider_sidecar.telemetry.families import MOST_CHILDREN
from outrider_sidecar.telemetry.metrics import Metrics
from standins.records import record
from standins.tables import backend, prompt, route, snapshot, template

Labels = frozenset[tuple[str, str]]

PROMISED = {
    "outrider_requests_total": {"route", "backend", "model", "dialect", "class"},
    "outrider_attempts_total": {"route", "backend", "model", "class"},
    "outrider_version_requests_total": {"route", "prompt", "version", "class"},
    "outrider_request_duration_seconds": {"route", "backend", "model"},
    "outrider_time_to_first_token_seconds": {"route", "backend", "model"},
    "outrider_overhead_seconds": {"route"},
    "outrider_tokens_total": {"route", "model", "kind"},
    "outrider_limit_total": {"policy", "dimension", "result"},
    "outrider_config_generation": set(),
    "outrider_config_source": {"source"},
    "outrider_degraded": {"reason"},
    "outrider_backend_info": {"route", "backend", "locality"},
}
BUCKETS = {
    "outrider_request_duration_seconds": ".1 .25 .5 1 2 3 5 7.5 10 15 30 60 120 300",
    "outrider_time_to_first_token_seconds": ".05 .1 .2 .3 .5 .75 1 2 3 5 10 30",
    "outrider_overhead_seconds": ".00025 .0005 .001 .002 .005 .01 .025 .05 .1 .25 1",
}


def served(**routes: Any) -> Snapshot:
    main = backend(model="m", locality="eu-west")
    made = {"support": route({"main": main}, models=("gpt-5",))} | routes
    return snapshot(made, {"answer": prompt({"v1": template(), "v2": template()})})


class Hand:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def serving(taken: Snapshot | None = None, clock: Hand | None = None) -> Metrics:
    metrics = Metrics(clock or Hand())
    metrics.names(taken or served())
    return metrics


async def scraped(metrics: Metrics) -> dict[str, dict[Labels, float]]:
    """What a scrape reads: values by sample and labels."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families((await metrics.exposition()).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def labels(**pairs: str) -> Labels:
    return frozenset((name.rstrip("_"), value) for name, value in pairs.items())


def busy() -> Metrics:
    """Metrics of which every promised one has a child."""
    metrics = serving()
    metrics.attempt("support", "main", "m", "ok")
    metrics.limit("per-user", "requests", "admitted")
    metrics.request(
        record(prompt="answer", version="v1", first=100.1, input_tokens=5, output_tokens=2)
    )
    return metrics


async def test_every_promised_metric_is_there_with_exactly_its_labels() -> None:
    found = await scraped(busy())
    for name, promised in PROMISED.items():
        samples = found.get(name) or found[name + "_count"]
        assert {frozenset(label for label, _ in child) for child in samples} == {
            frozenset(promised)
        }, name


async def test_nothing_stands_there_that_is_not_promised_and_no_creation_times() -> None:
    for name in await scraped(busy()):
        stem = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        assert stem in PROMISED


@pytest.mark.parametrize("name", BUCKETS)
async def test_histograms_have_the_promised_buckets(name: str) -> None:
    found = await scraped(busy())
    bounds = [float(dict(child)["le"]) for child in found[name + "_bucket"]]
    assert sorted(bounds) == [*map(float, BUCKETS[name].split()), float("inf")]


async def test_a_request_is_counted_by_what_the_caller_got() -> None:
    metrics = serving()
    for cls in ("ok", "ok", "Timeout"):
        metrics.request(record(cls=cls))
    counted = (await scraped(metrics))["outrider_requests_total"]
    common = {"route": "support", "backend": "main", "model": "m", "dialect": "chat"}
    assert counted == {labels(**common, class_="ok"): 2, labels(**common, class_="Timeout"): 1}


async def test_what_is_absent_is_none_and_what_is_unknown_other() -> None:
    metrics = serving()
    metrics.request(
        record(route=None, backend=None, model=None, dialect=None, cls="Caller", status=400)
    )
    metrics.request(record(model="invented-by-a-caller", dialect="telepathy", cls="Odd"))
    assert set((await scraped(metrics))["outrider_requests_total"]) == {
        labels(route="none", backend="none", model="none", dialect="none", class_="Caller"),
        labels(route="support", backend="main", model="other", dialect="other", class_="other"),
    }


@pytest.mark.parametrize("name", ["m", "gpt-5", "support"])
async def test_models_are_those_of_backends_and_the_names_that_routes_answer_for(name: str) -> None:
    metrics = serving()
    metrics.request(record(model=name))
    (counted,) = (await scraped(metrics))["outrider_requests_total"]
    assert dict(counted)["model"] == name


async def test_a_name_that_a_prefix_serves_is_no_label() -> None:
    metrics = serving(served(support=route({"main": backend(model=None)}, models=("gpt-*",))))
    for name in ("gpt-*", "gpt-1", "gpt-2"):
        metrics.request(record(model=name))
    assert len((await scraped(metrics))["outrider_requests_total"]) == 1


async def test_versions_are_counted_as_assigned_and_overrides_are_not() -> None:
    metrics = serving()
    metrics.request(record(prompt="answer", version="v1"))
    metrics.request(record(prompt="answer", version="v2", override=True))
    metrics.request(record())
    counted = (await scraped(metrics))["outrider_version_requests_total"]
    assert counted == {labels(route="support", prompt="answer", version="v1", class_="ok"): 1}


async def test_tokens_are_counted_by_kind() -> None:
    metrics = serving()
    metrics.request(
        record(
            input_tokens=450,
            output_tokens=120,
            cached_tokens=400,
            cache_write_tokens=30,
            reasoning_tokens=20,
        )
    )
    counted = (await scraped(metrics))["outrider_tokens_total"]
    assert {dict(child)["kind"]: value for child, value in counted.items()} == {
        "input": 450,
        "output": 120,
        "cached": 400,
        "cache_write": 30,
        "reasoning": 20,
    }


async def test_durations_are_observed_in_seconds() -> None:
    metrics = serving()
    metrics.request(record(0.842, first=100.19, waited=0.8411))
    found = await scraped(metrics)
    by_model = labels(route="support", backend="main", model="m")
    assert found["outrider_request_duration_seconds_sum"][by_model] == pytest.approx(0.842)
    assert found["outrider_time_to_first_token_seconds_sum"][by_model] == pytest.approx(0.19)
    overhead = found["outrider_overhead_seconds_sum"][labels(route="support")]
    assert overhead == pytest.approx(0.0009)


async def test_only_streams_have_a_time_to_the_first_token() -> None:
    metrics = serving()
    metrics.request(record())
    assert "outrider_time_to_first_token_seconds_count" not in await scraped(metrics)


@pytest.mark.parametrize("dialect", ["models", "count_tokens", "passthrough"])
async def test_what_no_model_answers_has_no_duration_and_no_tokens(dialect: str) -> None:
    metrics = serving()
    metrics.request(record(dialect=dialect, input_tokens=3))
    found = await scraped(metrics)
    assert "outrider_request_duration_seconds_count" not in found
    assert "outrider_tokens_total" not in found
    assert len(found["outrider_requests_total"]) == 1


async def test_generation_source_and_degradation_are_shown() -> None:
    metrics = serving()
    metrics.config(7, "mount", degraded=True)
    found = await scraped(metrics)
    assert found["outrider_config_generation"] == {labels(): 7}
    assert found["outrider_degraded"] == {labels(reason="config"): 1}
    assert found["outrider_config_source"] == {
        labels(source="mount"): 1,
        labels(source="plane"): 0,
        labels(source="state"): 0,
        labels(source="process"): 0,
    }
    metrics.config(8, "plane", degraded=False)
    found = await scraped(metrics)
    assert found["outrider_config_source"][labels(source="mount")] == 0
    assert found["outrider_degraded"] == {labels(reason="config"): 0}


async def test_backends_are_shown_with_their_locality_as_long_as_they_are_there() -> None:
    metrics = serving(served(search=route({"far": backend(locality="us"), "near": backend()})))
    assert (await scraped(metrics))["outrider_backend_info"] == {
        labels(route="support", backend="main", locality="eu-west"): 1,
        labels(route="search", backend="far", locality="us"): 1,
    }
    metrics.names(served())
    assert list((await scraped(metrics))["outrider_backend_info"]) == [
        labels(route="support", backend="main", locality="eu-west")
    ]


async def test_before_the_first_snapshot_generation_is_nought() -> None:
    found = await scraped(Metrics())
    assert found["outrider_config_generation"] == {labels(): 0}
    assert not any(found["outrider_config_source"].values())


async def test_a_family_has_500_children_then_other_in_all_but_the_route() -> None:
    metrics = serving()
    for n in range(MOST_CHILDREN + 100):
        metrics.attempt("support", f"b{n}", "m", "ok")
    counted = (await scraped(metrics))["outrider_attempts_total"]
    assert len(counted) == MOST_CHILDREN + 1
    rest = labels(route="support", backend="other", model="other", class_="other")
    assert counted[rest] == 100


async def test_children_of_names_that_are_gone_go_fifteen_minutes_later() -> None:
    clock = Hand()
    metrics = serving(served(old=route({"legacy": backend(model="m")})), clock)
    metrics.request(record(route="old", backend="legacy"))
    metrics.request(record())
    clock.now = 1_000
    metrics.names(served())
    clock.now = 1_899
    assert len((await scraped(metrics))["outrider_requests_total"]) == 2
    clock.now = 1_900
    (left,) = (await scraped(metrics))["outrider_requests_total"]
    assert dict(left)["route"] == "support"


async def test_a_name_that_comes_back_in_time_goes_on_counting() -> None:
    clock = Hand()
    both = served(old=route({"legacy": backend()}))
    metrics = serving(both, clock)
    metrics.request(record(route="old", backend="legacy"))
    metrics.names(served())
    clock.now = 600
    metrics.names(both)
    clock.now = 3_600
    metrics.request(record(route="old", backend="legacy"))
    assert list((await scraped(metrics))["outrider_requests_total"].values()) == [2]


async def test_a_name_that_is_gone_and_still_used_counts_from_nought() -> None:
    clock = Hand()
    metrics = serving(served(old=route()), clock)
    metrics.request(record(route="old"))
    metrics.names(served())
    clock.now = 901
    await metrics.exposition()
    metrics.request(record(route="old"))
    assert list((await scraped(metrics))["outrider_requests_total"].values()) == [1]


async def test_no_user_session_address_tenant_or_request_id_is_a_label_or_value() -> None:
    metrics = serving()
    metrics.request(record(user="ann@example.com", session="s-77", tenant="acme", feature="faq"))
    text = (await metrics.exposition()).decode()
    for secret in ("ann@example.com", "s-77", "acme", "or_"):
        assert secret not in text


async def test_a_scrape_lets_other_work_go_on_between_families() -> None:
    turns = 0

    async def other_work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    metrics = busy()
    task = asyncio.create_task(other_work())
    await metrics.exposition()
    task.cancel()
    assert turns >= len(PROMISED)
