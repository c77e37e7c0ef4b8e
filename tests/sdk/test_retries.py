"""How often an SDK asks again, and what it makes of waiting."""

from outrider_sidecar.telemetry.record import Record
from standins.callers import Caller
from standins.scene import Scene


def test_an_sdk_that_comes_before_the_configuration_asks_again_and_is_served(
    caller: Caller, scene: Scene
) -> None:
    late = scene.background.run(scene.late())

    def publish(record: Record) -> None:
        late.current.apply(scene.providers.narrow(), "process")

    late.telemetry.sinks.append(publish)
    answer = caller.again(url=late.url).ask("support")
    assert answer.text
    assert [record.error for record in scene.background.run(late.told(2))] == [
        "outrider_starting",
        None,
    ]
    scene.background.run(late.proxy.close())
