import base64
import gzip
from typing import Any

import pytest

from outrider_operator.controller.held import held_of
from outrider_sidecar.snapshot import Snapshot, encode, seal

SNAPSHOT = seal(Snapshot(namespace="shop", generation=7, routes={}, prompts={}))
TEXT = encode(SNAPSHOT).decode()


def config_map(**fields: Any) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": "12", **fields.pop("metadata", {})}, **fields}


def packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data)).decode()


def test_plain_and_packed_forms_are_read() -> None:
    for body in (
        config_map(data={"snapshot.json": TEXT}),
        config_map(binaryData={"snapshot.json.gz": packed(TEXT.encode())}),
    ):
        held = held_of(body, "shop")
        assert (held.version, held.snapshot, held.problem) == (12, SNAPSHOT, "")


@pytest.mark.parametrize(
    "body",
    [
        config_map(data={"snapshot.json": "not JSON"}),
        config_map(data={"snapshot.json": TEXT.replace('"schema":1', '"schema":9')}),
        config_map(data={"snapshot.json": TEXT.replace('"routes":{}', '"routes":{"a":{}}')}),
        config_map(data={"notes.txt": "mine"}),
        config_map(binaryData={"snapshot.json.gz": "!"}),
        config_map(binaryData={"snapshot.json.gz": packed(b"")[:-8]}),
        config_map(binaryData={"snapshot.json.gz": base64.b64encode(b"no gzip").decode()}),
    ],
)
def test_garbage_is_no_snapshot_and_says_why(body: dict[str, Any]) -> None:
    held = held_of(body, "shop")
    assert held.exists
    assert held.snapshot is None
    assert held.problem


def test_a_snapshot_of_another_namespace_is_garbage() -> None:
    held = held_of(config_map(data={"snapshot.json": TEXT}), "bank")
    assert held.snapshot is None
    assert held.problem == "it is one of namespace shop"


def test_an_empty_one_is_no_news_and_no_problem() -> None:
    held = held_of(config_map(), "shop")
    assert (held.exists, held.snapshot, held.problem) == (True, None, "")


def test_entries_that_are_not_ours_are_named() -> None:
    body = config_map(
        data={"snapshot.json": TEXT, "extra": "x", "ca.crt": "pem"},
        binaryData={"snapshot.json.gz": ""},
    )
    assert held_of(body, "shop").stray == ("extra", "snapshot.json.gz")


def test_notes_that_somebody_scribbled_over_are_none() -> None:
    body = config_map(metadata={"annotations": {"outrider.dev/notes": "{"}})
    assert held_of(body, "shop").notes == ()


@pytest.mark.parametrize(
    ("body", "foreign"),
    [
        (config_map(data={"notes.txt": "mine"}), True),
        (config_map(), False),
        (config_map(data={"snapshot.json": TEXT}), False),
        (
            config_map(
                metadata={"labels": {"app.kubernetes.io/managed-by": "outrider"}},
                data={"snapshot.json": "broken by hand"},
            ),
            False,
        ),
    ],
    ids=["somebody's", "empty", "a snapshot without labels", "ours, broken"],
)
def test_what_holds_nothing_of_ours_is_foreign(body: dict[str, Any], foreign: bool) -> None:
    assert held_of(body, "shop").foreign == foreign
