import pytest

from outrider_sidecar.config.current import Current, Rejection, Source
from outrider_sidecar.snapshot import SnapshotError
from standins.mounts import published
from standins.tables import backend, route


def running(current: Current) -> str | None:
    """The model that the running snapshot names."""
    if current.table is None:
        return None
    return current.table.snapshot.routes["support"].backends["main"].model


def test_the_first_snapshot_runs_whatever_its_generation() -> None:
    current = Current()
    assert current.apply(published(0), "process")
    assert (running(current), current.source) == ("m", "process")


@pytest.mark.parametrize(
    ("generation", "model", "source", "applied"),
    [
        (6, "n", "mount", True),
        (6, "n", "plane", True),
        (6, "m", "process", True),
        (5, "n", "mount", True),
        (5, "n", "state", True),
        (5, "n", "plane", False),
        (5, "n", "process", False),
        (5, "m", "mount", False),
        (4, "n", "mount", False),
        (4, "n", "plane", False),
    ],
)
def test_a_higher_generation_runs_and_from_files_an_equal_one_with_another_digest(
    generation: int, model: str, source: Source, applied: bool
) -> None:
    current = Current()
    current.apply(published(5), "mount")
    assert current.apply(published(generation, model), source) is applied
    assert running(current) == (model if applied else "m")


def test_a_snapshot_without_routes_is_news() -> None:
    current = Current()
    current.apply(published(5), "mount")
    assert current.apply(published(6, routes={}), "mount")
    assert current.table is not None
    assert not current.table.routes


def test_another_namespace_is_refused() -> None:
    current = Current()
    current.apply(published(5), "mount")
    with pytest.raises(SnapshotError, match="'bank' and this sidecar serves 'shop'"):
        current.apply(published(6, namespace="bank"), "mount")
    assert current.table is not None
    assert current.table.snapshot.namespace == "shop"


def test_a_request_keeps_the_table_it_started_with() -> None:
    current = Current()
    current.apply(published(5, "old"), "mount")
    before = current.table
    current.apply(published(6, "new"), "mount")
    assert before is not None
    assert before.generation == 5
    assert current.table is not before


def test_a_route_that_requires_what_is_unknown_keeps_its_last_form_and_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    current = Current()
    current.apply(published(5, "old"), "mount")
    newer = route({"main": backend(model="new")}, requires=("telepathy",))
    current.apply(published(6, routes={"support": newer}), "mount")
    assert current.table is not None
    assert current.table.routes["support"].route.backends["main"].model == "old"
    assert "routes support of generation 6 need features that this sidecar lacks" in caplog.text


def test_listeners_hear_of_what_runs_and_of_what_cannot() -> None:
    current, heard = Current(), list[tuple[int, bool]]()
    current.listeners.append(
        lambda it: heard.append((it.table.generation if it.table else 0, it.rejected is not None))
    )
    current.apply(published(5), "mount")
    current.apply(published(4), "mount")
    current.reject(Rejection("sha256:1", "mount", "broken"))
    current.reject(Rejection("sha256:1", "mount", "broken"))
    current.reject(None)
    assert heard == [(5, False), (5, True), (5, False)]


def test_a_bad_digest_is_logged_once_however_often_it_returns(
    caplog: pytest.LogCaptureFixture,
) -> None:
    current = Current()
    for _ in range(3):
        current.reject(Rejection("sha256:1", "mount", "broken"))
        current.reject(Rejection("sha256:2", "mount", "broken too"))
    assert [record.getMessage() for record in caplog.records] == [
        "snapshot from mount refused: broken; generation 0 stays",
        "snapshot from mount refused: broken too; generation 0 stays",
    ]
