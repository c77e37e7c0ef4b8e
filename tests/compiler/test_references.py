"""What names something that is not there."""

from outrider_operator.compiler.problem import Problem
from outrider_operator.resources.resource import Resource
from standins.resources import compiled, complaints, message, resource, route, snapshot, version


def only(*resources: Resource) -> Problem:
    (problem,) = compiled(resources).problems
    return problem


def test_a_prompt_that_is_not_there_is_said_with_those_that_are() -> None:
    problem = only(route(prompt="anwser"), version("v7", 1), version("s", 1, of="summary"))
    assert (problem.kind, problem.name) == ("LLMRoute", "support")
    assert (problem.condition, problem.reason) == ("ResolvedRefs", "PromptNotFound")
    assert problem.path == "spec.prompt.name"
    assert problem.message == (
        "no PromptVersion in namespace shop has promptName anwser; create one, or name one of "
        "answer, summary in spec.prompt.name (until then its callers get the error "
        "outrider_no_prompt)"
    )


def test_a_prompt_of_another_namespace_is_not_there() -> None:
    assert (
        only(route(prompt="answer"), version("v7", 1, namespace="other")).reason == "PromptNotFound"
    )


def test_a_route_that_turns_to_a_prompt_that_is_not_there_keeps_its_last_form() -> None:
    before = compiled([route(prompt="answer"), version("v7", 1)])
    found = compiled([route(prompt="gone", models=["new"]), version("v7", 1)], before)
    kept = snapshot(found).routes["support"]
    assert kept == snapshot(before).routes["support"]
    assert message(found, "PromptNotFound").endswith("(until then the route keeps its last form)")


def test_a_route_that_turns_to_a_prompt_without_weight_keeps_its_last_form() -> None:
    before = compiled([route(prompt="answer"), version("v7", 1)])
    after = [route(prompt="next"), version("v7", 1), version("n1", of="next")]
    found = compiled(after, before)
    assert snapshot(found).routes["support"] == snapshot(before).routes["support"]
    assert complaints(found) == {"LLMRoute/support": ["NoWeight"]}
    mended = compiled([*after[:2], version("n1", 1, of="next")], found)
    served = snapshot(mended).routes["support"].prompt
    assert served is not None
    assert served.name == "next"


def test_when_every_version_is_broken_the_route_says_which_to_mend() -> None:
    broken = [version("v7", 1, text="{{brand}}"), version("v8", -1)]
    found = compiled([route(prompt="answer"), *broken])
    assert complaints(found) == {
        "LLMRoute/support": ["NoWeight"],
        "PromptVersion/v7": ["VariableUndeclared"],
        "PromptVersion/v8": ["Invalid"],
    }
    assert message(found, "NoWeight").startswith(
        "no version of answer is accepted: mend v7, v8, whose own status says how"
    )


def test_a_version_that_is_written_twice_is_still_one_of_its_prompt() -> None:
    twice = [version("v7", 1), version("v7", 2)]
    found = compiled([route(prompt="answer"), *twice])
    assert "mend v7" in message(found, "NoWeight")


def test_a_model_that_no_backend_has_is_said_with_those_they_have() -> None:
    problem = only(route(prompt="answer"), version("v7", 1, model="gpt-5.4"))
    assert (problem.kind, problem.name) == ("PromptVersion", "v7")
    assert (problem.condition, problem.reason) == ("ResolvedRefs", "ModelNotInRoute")
    assert problem.path == "spec.prompt.model"
    assert problem.message == (
        "no backend of LLMRoute support has the model gpt-5.4, so its rules choose one with "
        "claude-haiku-4-5, claude-sonnet-4-6; give the route a backend with model gpt-5.4, or "
        "create a version with one it has"
    )


def test_a_model_is_looked_for_in_every_route_that_names_the_prompt() -> None:
    wanted = version("v7", 1, model="claude-haiku-4-5")
    caller = {"name": "any", "provider": "Simulated"}
    bare = route(
        "bare",
        prompt="answer",
        models=["m"],
        backends=[caller],
        rules=[{"name": "default", "backendRefs": [{"name": "any"}]}],
    )
    assert not compiled([route(prompt="answer"), route("unrelated"), wanted]).problems
    problem = only(route(prompt="answer"), bare, wanted)
    assert "no backend of LLMRoute bare has the model" in problem.message
    assert "choose one with the model of the caller" in problem.message


def test_a_model_is_not_looked_for_where_no_route_names_the_prompt() -> None:
    assert not compiled([route(), version("v7", 1, model="gpt-5.4")]).problems


def test_one_mistake_is_one_problem_however_many_routes_notice() -> None:
    many = [route(f"r{number}", prompt="answer") for number in range(40)]
    problem = only(*many, version("v7", 1, model="gpt-5.4"))
    assert "and 24 more has the model gpt-5.4" in problem.message


def test_junk_in_promptname_is_never_offered_as_a_choice() -> None:
    junk = resource("PromptVersion", "odd", {"promptName": "Not A Name", "prompt": {}})
    said = message(compiled([route(prompt="answer"), junk]), "PromptNotFound")
    assert "Not A Name" not in said
