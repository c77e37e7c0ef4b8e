from pathlib import Path
from typing import Any

import pytest

from outrider_operator.dev import environment, workspace
from outrider_operator.dev.environment import EnvironmentCredentials, VariableError
from outrider_sidecar.snapshot import SecretKey


def spec(**variables: str) -> dict[str, Any]:
    return environment.resources(variables).resources[0].spec


def names(**variables: str) -> list[str]:
    return [backend["name"] for backend in spec(**variables)["backends"]]


def test_each_key_that_is_there_makes_a_backend() -> None:
    assert names(OPENAI_API_KEY="a") == ["openai"]
    assert names(ANTHROPIC_API_KEY="b", OPENAI_API_KEY="a") == ["openai", "anthropic"]
    assert names(OPENAI_API_KEY=" ") == ["simulated"]


def test_the_named_provider_comes_first() -> None:
    made = spec(OPENAI_API_KEY="a", ANTHROPIC_API_KEY="b", LLM_PROVIDER="Anthropic")
    first, second = made["rules"][0]["backendRefs"]
    assert (first["name"], first["priority"]) == ("anthropic", 0)
    assert (second["name"], second["priority"]) == ("openai", 1)


def test_simulated_can_be_asked_for_beside_keys() -> None:
    assert names(OPENAI_API_KEY="a", LLM_PROVIDER="simulated") == ["simulated", "openai"]


def test_without_a_key_answers_are_simulated_and_it_is_said() -> None:
    (note,) = environment.resources({}).notes
    assert note == "no OPENAI_API_KEY or ANTHROPIC_API_KEY: answers are simulated"


def test_model_timeout_and_parameters_act_only_if_set() -> None:
    assert "prompt" not in spec(OPENAI_API_KEY="a")
    found = environment.resources(
        {
            "OPENAI_API_KEY": "a",
            "LLM_MODEL": "gpt-5.4",
            "LLM_TIMEOUT_SECONDS": "2.5",
            "LLM_TEMPERATURE": "0.2",
            "LLM_MAX_TOKENS": "500",
        }
    )
    route, version = found.resources
    assert route.spec["backends"][0]["model"] == "gpt-5.4"
    assert route.spec["backends"][0]["timeouts"] == {"request": "2s500ms"}
    assert version.spec["prompt"] == {
        "parameters": {"temperature": "0.2", "maxTokens": 500},
        "parametersPolicy": "Default",
    }


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b", "LLM_PROVIDER": "anthropic"},
        {"OPENAI_API_KEY": "a", "LLM_MAX_TOKENS": "5", "LLM_TEMPERATURE": "2"},
        {"OPENAI_API_KEY": "a", "LLM_TIMEOUT_SECONDS": "0.5", "LLM_MODEL": "o"},
        {"OPENAI_API_KEY": "a", "LLM_TIMEOUT_SECONDS": "3600"},
    ],
)
def test_what_the_environment_makes_has_no_problems(variables: dict[str, str]) -> None:
    made = workspace.over(environment.resources(variables).resources, {})
    assert made.problems == ()
    assert list(made.compiled.snapshots["default"].routes) == ["default"]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"LLM_PROVIDER": "acme"},
            "LLM_PROVIDER='acme': write one of openai, anthropic, simulated",
        ),
        (
            {"LLM_PROVIDER": "openai", "ANTHROPIC_API_KEY": "b"},
            "LLM_PROVIDER='openai': set OPENAI_API_KEY too, or leave LLM_PROVIDER out",
        ),
        ({"LLM_TEMPERATURE": "3"}, "LLM_TEMPERATURE='3': write a number from 0 to 2"),
        (
            {"LLM_MAX_TOKENS": "1.5"},
            "LLM_MAX_TOKENS='1.5': write a whole number from 1 to 10000000",
        ),
        (
            {"LLM_TIMEOUT_SECONDS": "0"},
            "LLM_TIMEOUT_SECONDS='0': write a number from 0.001 to 86400",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_its_value_and_its_fix(
    variables: dict[str, str], message: str
) -> None:
    with pytest.raises(VariableError) as caught:
        environment.resources(variables)
    assert str(caught.value) == message


def test_what_is_not_served_yet_is_told() -> None:
    notes = environment.resources({"OPENAI_API_KEY": "a", "GOOGLE_API_KEY": "g"}).notes
    assert notes == ("GOOGLE_API_KEY is set, but Gemini is not served by this version",)


def test_the_process_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nexport B='quoted $A'\n# C=no\nD\n")
    assert environment.read(tmp_path, {"A": "process"}) == {"A": "process", "B": "quoted $A"}


def test_keys_are_read_by_their_names_and_never_shown() -> None:
    keys = EnvironmentCredentials(
        {"MY_KEY_API_KEY": " secret\n", "MY_KEY_API_KEY_HOSTS": "Gate.example, b.example"}
    )
    ref = SecretKey(name="outrider-credentials", key="my-key")
    assert keys.key(ref) == "secret"
    assert keys.hosts(ref) == {"gate.example", "b.example"}
    assert keys.key(SecretKey(name="another", key="my-key")) is None
    assert "secret" not in repr(keys)


@pytest.mark.parametrize(("value", "key"), [("a\nb", None), ("schlüssel", None), (" a ", "a")])
def test_a_key_that_no_header_may_hold_counts_as_missing(value: str, key: str | None) -> None:
    keys = EnvironmentCredentials({"MY_KEY_API_KEY": value, "MY_KEY_API_KEY_HOSTS": "b.example."})
    ref = SecretKey(name="outrider-credentials", key="my-key")
    assert keys.key(ref) == key
    assert keys.hosts(ref) == {"b.example"}
