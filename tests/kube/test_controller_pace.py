"""Many edits in a row, and many at once."""

from kube.controllers import Controllers
from kube.manifests import Manifest, route, version
from kube.place import Place

EDITS = 30
GOOD = ("Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs", "Ready=True/Ready")


def test_each_of_thirty_edits_is_a_generation_of_its_own(
    place: Place, controllers: Controllers
) -> None:
    controllers.start().watching()
    place.apply(route(), version("v7", 5000), version("v8", 5000))
    place.served("v8", "50%")
    seen = [place.published()]
    for number in range(1, EDITS + 1):
        goal = 5000 - number
        place.apply(version("v7", 10_000 - goal), version("v8", goal))
        seen.append(
            place.published(
                above=seen[-1].generation,
                holds=lambda each, goal=goal: each.prompts["answer"].versions["v8"].goal == goal,
            )
        )
    assert len({each.generation for each in seen}) == EDITS + 1
    assert len({each.digest for each in seen}) == EDITS + 1
    place.served("v8", "49.7%")


def test_edits_that_arrive_together_are_one_split(place: Place, controllers: Controllers) -> None:
    """Two weights in one file never show a split that nobody asked for."""
    controller = controllers.start().watching()
    place.apply(route(), version("v7", 95), version("v8", 5))
    place.event("SplitChanged", "support", "v7 95%, v8 5%")
    controller.pause()
    place.apply(version("v7", 80), version("v8", 20))
    controller.wake()
    place.event("SplitChanged", "support", "v7 95% -> 80%, v8 5% -> 20%; 15% of users move")
    published = [line for line in controller.lines if "published" in line]
    assert len(published) == 2


def test_a_hundred_objects_at_once_are_all_told(place: Place, controllers: Controllers) -> None:
    controllers.start().watching()
    manifests: list[Manifest] = []
    for number in range(25):
        name = f"prompt-{number}"
        manifests.append(route(f"route-{number}", prompt=name))
        manifests += [version(f"{name}-v{each}", each, prompt=name) for each in (1, 2, 3)]
    place.apply(*manifests)
    for number in range(25):
        place.told("LLMRoute", f"route-{number}", *GOOD)
        place.told("PromptVersion", f"prompt-{number}-v3", *GOOD)
    assert len(place.published(holds=lambda each: len(each.routes) == 25).prompts) == 25
