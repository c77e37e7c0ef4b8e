"""What is continued when only status is left to tell of the split."""

from typing import Any

import pytest

from outrider_operator.controller.mirror import mirrored
from outrider_operator.controller.objects import observed


def route(status: Any, prompt: Any = None, name: str = "support") -> Any:
    spec = {"prompt": {"name": "answer"} if prompt is None else prompt}
    metadata = {"namespace": "shop", "name": name, "uid": name, "resourceVersion": "1"}
    return observed("LLMRoute", {"metadata": metadata, "spec": spec, "status": status})


def published(generation: Any, *ranges: dict[str, Any]) -> dict[str, Any]:
    return {
        "snapshot": {"generation": generation, "digest": "sha256:5d"},
        "prompt": {"stable": "v7", "shares": [], "ranges": list(ranges)},
    }


CANARY = {"first": 0, "last": 499, "version": "v8"}
STABLE = {"first": 500, "last": 9999, "version": "v7"}


def test_ranges_and_generation_are_continued() -> None:
    found = mirrored("shop", [route(published(1795219200, CANARY, STABLE))])
    assert found is not None
    assert found.generation == 1795219200
    answer = found.prompts["answer"]
    assert (answer.salt, answer.stable) == ("shop/answer", "v7")
    assert answer.ranges == ((0, 499, "v8"), (500, 9999, "v7"))


def test_of_two_routes_the_later_publication_counts() -> None:
    whole = STABLE | {"first": 0}
    late, early = published(2, CANARY, STABLE), published(1, whole)
    found = mirrored("shop", [route(late), route(early, name="other")])
    assert found is not None
    assert found.generation == 2
    assert len(found.prompts["answer"].ranges) == 2


def test_nothing_published_is_nothing_to_continue() -> None:
    assert mirrored("shop", []) is None
    assert mirrored("shop", [route({}), route(None, name="other")]) is None


@pytest.mark.parametrize(
    "status",
    [
        {"snapshot": 5, "prompt": "x"},
        {"snapshot": {"generation": "new"}, "prompt": {"ranges": [[0, 9999, "v7"]]}},
        {"snapshot": None, "prompt": {"ranges": [{"first": 0}]}},
        {"prompt": {"ranges": [CANARY]}},
        {"prompt": {"ranges": 5, "stable": 7}},
    ],
)
def test_a_status_of_somebody_elses_making_tells_nothing(status: dict[str, Any]) -> None:
    assert mirrored("shop", [route(status)]) is None


@pytest.mark.parametrize("prompt", ["answer", [], 5, {"name": 5}, {"name": {}}])
def test_a_spec_that_names_no_prompt_has_no_split(prompt: Any) -> None:
    found = mirrored("shop", [route(published(3, CANARY, STABLE), prompt)])
    assert found is not None
    assert found.prompts == {}
