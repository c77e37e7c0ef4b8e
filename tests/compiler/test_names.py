"""Who answers for a model name that two routes list."""

from outrider_operator.compiler.facts import RouteFacts
from standins.resources import compiled, complaints, message, route, snapshot

EARLY, LATE = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"


def test_a_name_stays_with_the_route_that_serves_it() -> None:
    before = compiled([route("young", models=["gpt-5-mini"], created=LATE)])
    old = route("old", models=["gpt-5-mini", "gpt-5"], created=EARLY)
    found = compiled([route("young", models=["gpt-5-mini"], created=LATE), old], before)
    assert snapshot(found).routes["young"].models == ("gpt-5-mini",)
    assert snapshot(found).routes["old"].models == ("gpt-5",)
    assert complaints(found) == {"LLMRoute/old": ["ModelTaken"]}
    assert message(found, "ModelTaken") == (
        "gpt-5-mini is served by LLMRoute young; remove it from spec.models of one of the two"
    )


def test_without_an_incumbent_the_older_object_has_it() -> None:
    found = compiled(
        [route("a", models=["m"], created=LATE), route("b", models=["m"], created=EARLY)]
    )
    assert snapshot(found).routes["b"].models == ("m",)
    assert complaints(found) == {"LLMRoute/a": ["ModelTaken"]}
    (problem,) = found.problems
    assert (problem.condition, problem.path) == ("Conflicted", "spec.models")


def test_of_equally_old_ones_the_first_by_name_has_it() -> None:
    found = compiled([route("b", models=["m"]), route("a", models=["m"])])
    assert snapshot(found).routes["a"].models == ("m",)


def test_the_loser_gets_the_name_when_the_winner_gives_it_up() -> None:
    both = compiled([route("a", models=["m"]), route("b", models=["m"])])
    found = compiled([route("a"), route("b", models=["m"])], both)
    assert snapshot(found).routes["b"].models == ("m",)
    assert not found.problems


def test_a_routes_own_name_is_its_own_even_when_another_served_it_first() -> None:
    before = compiled([route("a", models=["gpt-5"])])
    found = compiled([route("a", models=["gpt-5"]), route("gpt-5")], before)
    assert snapshot(found).routes["a"].models == ()
    assert message(found, "ModelTaken") == (
        "gpt-5 is the name of LLMRoute gpt-5, which serves it; remove it from spec.models"
    )


def test_a_route_may_list_its_own_name_and_keeps_it() -> None:
    found = compiled([route("gpt-5", models=["gpt-5"]), route("a", models=["gpt-5"])])
    assert snapshot(found).routes["gpt-5"].models == ("gpt-5",)
    assert complaints(found) == {"LLMRoute/a": ["ModelTaken"]}


def test_prefixes_conflict_when_they_are_the_same_text() -> None:
    found = compiled([route("a", models=["gpt-*"]), route("b", models=["gpt-*", "gpt-5*"])])
    assert snapshot(found).routes["b"].models == ("gpt-5*",)


def test_a_broken_incumbent_keeps_its_names() -> None:
    before = compiled([route("a", models=["m"])])
    found = compiled([route("a", models=["m"], rules=[]), route("b", models=["m"])], before)
    assert snapshot(found).routes["a"].models == ("m",)
    assert snapshot(found).routes["b"].models == ()


def test_names_are_of_one_namespace() -> None:
    found = compiled([route("a", models=["m"]), route("a", models=["m"], namespace="other")])
    assert not found.problems
    assert snapshot(found, "other").routes["a"].models == ("m",)


def test_status_lists_the_names_that_are_served() -> None:
    found = compiled([route("a", models=["m"]), route("b", models=["m", "n"])])
    assert found.served["LLMRoute", "shop", "b"] == RouteFacts(models=("n",))
