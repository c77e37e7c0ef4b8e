"""The work of a compile grows with its input and not with its square: counted, not timed."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from outrider_operator.compiler.warnings import warnings
from outrider_operator.resources.resource import Resource
from standins.resources import compiled, policy, route, version


def steps(work: Callable[[], object]) -> int:
    """The lines of Python that `work` executes, each turn of a loop counted."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def namespace(size: int, prompts: int, weight: int | None, model: str | None) -> list[Resource]:
    """`size` routes and policies and eight times as many versions, spread over `prompts`."""
    target = {"group": "outrider.dev", "kind": "LLMRoute"}
    wish: dict[str, Any] = {} if model is None else {"model": model}
    return [
        *(
            route(f"r{n}", prompt=f"p{n % prompts}", models=[f"m{n}", f"m{n + 1}"])
            for n in range(size)
        ),
        *(policy(f"l{n}", targetRefs=[target | {"name": f"r{2 * n}"}]) for n in range(size)),
        *(version(f"v{n}", weight, of=f"p{n % prompts}", **wish) for n in range(8 * size)),
    ]


@pytest.mark.parametrize(
    ("few", "weight", "model"),
    [(False, 1, None), (True, 1, None), (False, None, None), (True, 1, "claude-haiku-4-5")],
    ids=["a prompt for each route", "one prompt for all", "no weights", "a wish for a model"],
)
def test_four_times_the_input_is_about_four_times_the_work(
    few: bool, weight: int | None, model: str | None
) -> None:
    def work(size: int) -> int:
        resources = namespace(size, 1 if few else size, weight, model)
        before = compiled(resources)

        def again() -> None:
            warnings(resources, compiled(resources, before), before.snapshots)

        return steps(again)

    work(1)
    assert work(48) < 4.1 * work(12)
