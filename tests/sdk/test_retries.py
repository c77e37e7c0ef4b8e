"""How often an SDK asks again, and what it makes of waiting."""

from typing import Any

import pytest

from outrider_sidecar.telemetry.record import Record
from standins.callers import Caller, body
from standins.scene import Scene


def test_an_sdk_that_comes_before_the_configuration_asks_again_and_is_served(
    caller: Caller, scene: Scene
) -> None:
    late = scene.background.run(scene.late())

    def publish(record: Record) -> None:
        late.current.apply(scene.providers.narrow(), "process")

    late.telemetry.sinks.append(publish)
    try:
        assert caller.again(url=late.url).ask("support").text
        records = scene.background.run(late.told(2))
    finally:
        scene.background.run(late.proxy.close())
    assert [record.error for record in records] == ["outrider_starting", None]


def test_an_sdk_that_may_not_ask_again_says_that_there_is_no_configuration_yet(
    caller: Caller, scene: Scene
) -> None:
    late = scene.background.run(scene.late())
    try:
        with pytest.raises(caller.error("InternalServerError")) as refusal:
            caller.again(url=late.url, max_retries=0).ask("support")
    finally:
        scene.background.run(late.proxy.close())
    error: Any = refusal.value
    assert error.status_code == 503
    assert body(error)["code"] == "outrider_starting"
    assert error.response.headers["x-should-retry"] == "true"
