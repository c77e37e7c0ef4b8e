"""Which route answers for which model name."""

from collections.abc import Mapping

import msgspec

from outrider_sidecar.snapshot import Route


class Taken(msgspec.Struct, frozen=True):
    """A model name that `loser` lists in its models and `winner` answers for."""

    model: str
    loser: str
    winner: str


def settled(
    routes: Mapping[str, Route], created: Mapping[str, str], previous: Mapping[str, Route]
) -> tuple[dict[str, Route], list[Taken]]:
    """The routes, each with the names it answers for, and who lost which name to whom.

    A route's own name always wins. Else a name stays with the route that serves it in
    `previous`; with no incumbent the older object has it, then the first by name.
    """
    claimants: dict[str, list[str]] = {}
    for name, route in routes.items():
        for model in route.models:
            claimants.setdefault(model, []).append(name)

    def rank(name: str, model: str) -> tuple[bool, str, str]:
        serves = name in previous and model in previous[name].models
        return not serves, created.get(name, ""), name

    winners = {
        model: model if model in routes else min(names, key=lambda name: rank(name, model))
        for model, names in claimants.items()
        if len(names) > 1 or (model in routes and names != [model])
    }
    taken = [
        Taken(model, name, winner)
        for model, winner in winners.items()
        for name in claimants[model]
        if name != winner
    ]
    lost: dict[str, set[str]] = {}
    for each in taken:
        lost.setdefault(each.loser, set()).add(each.model)
    return {
        name: msgspec.structs.replace(
            route, models=tuple(model for model in route.models if model not in lost[name])
        )
        if name in lost
        else route
        for name, route in routes.items()
    }, taken
