"""From a request to what will be done with it."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.routing.decision import COMPLEXITY_IGNORED
from outrider_sidecar.routing.ratio import Ratios
from outrider_sidecar.routing.table import Table
from standins.tables import backend, call, chat, plan, prompt, route, rule, sent, table, template

BACKENDS = {
    "small": backend("OpenAI", "gpt-mini"),
    "large": backend("OpenAI", "gpt"),
    "claude": backend("Anthropic", "claude"),
    "vllm": backend("OpenAICompatible", "llama"),
}
TOOL = {"type": "function", "function": {"name": "t"}}


def ruled(*matches: Any, models: tuple[str, ...] = ()) -> Table:
    return table(
        {
            "support": route(
                BACKENDS,
                rule("simple", "small", matches=matches),
                rule("default", "large", "claude", ("vllm", 1, 1)),
                models=models,
            )
        }
    )


def matched(built: Table, body: Any, **headers: str) -> str:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return plan(built, call(body, names)).rule


def test_the_first_rule_that_matches_wins_and_the_last_takes_the_rest() -> None:
    built = ruled({"headers": [{"name": "x-task", "value": "classification"}]})

    assert matched(built, chat(), X_Task="classification") == "simple"
    assert matched(built, chat(), X_Task="Classification") == "default"
    assert matched(built, chat()) == "default"


def test_any_item_is_enough_and_inside_an_item_all_must_hold() -> None:
    built = ruled(
        {"headers": [{"name": "x-task", "value": "classification"}]},
        {"complexity": {"max": 2}, "tools": "Absent"},
    )

    assert matched(built, chat("support", "word " * 300), x_task="classification") == "simple"
    assert matched(built, chat("support", "Hi")) == "simple"
    assert matched(built, chat("support", "Hi", tools=[TOOL])) == "default"
    assert matched(built, chat("support", "Hi"), x_outrider_complexity="3") == "default"


def test_words_and_tokens_count_with_their_bounds() -> None:
    built = ruled({"maxWords": 3, "maxInputTokens": 10})

    assert matched(built, chat("support", "one two three")) == "simple"
    assert matched(built, chat("support", "one two three four")) == "default"
    assert matched(built, chat("support", "w" * 40)) == "simple"
    assert matched(built, chat("support", "w" * 41)) == "default"


def test_bounds_on_words_do_not_match_where_no_user_said_anything() -> None:
    body = chat("support", {"role": "assistant", "content": "Hello"})

    assert matched(ruled({"maxWords": 3}), body) == "default"
    assert matched(ruled({"minWords": 0}), body) == "default"


def test_rules_see_the_request_as_it_will_be_sent() -> None:
    version = template(("user", "one two three {{input}}"))
    built = table(
        {
            "support": route(
                BACKENDS,
                rule("long", "large", matches=[{"minWords": 4}]),
                rule("default", "small"),
                prompt="answer",
            )
        },
        {"answer": prompt({"v1": version})},
    )

    decided = plan(built, call(chat("support", "four")))

    assert (decided.rule, decided.words) == ("long", 4)


def test_the_ratio_of_the_last_rules_first_backend_turns_bytes_into_tokens() -> None:
    ratios = Ratios()
    for _ in range(200):
        ratios.learn("gpt", 8_000, 1_000)

    decided = plan(ruled({"maxInputTokens": 10}), call(chat("support", "w" * 79)), ratio=ratios)

    assert (decided.rule, decided.input_tokens) == ("simple", 10)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), min_size=1, max_size=6),
    st.dictionaries(st.sampled_from("abc"), st.just("1")),
    st.integers(1, 5),
)
def test_rules_are_asked_in_their_order(
    conditions: list[tuple[str, int]], headers: dict[str, str], complexity: int
) -> None:
    """Law: the rule chosen is the first whose item holds, by a second reading of the words."""
    rules = [
        rule(
            f"r{place}",
            "large",
            matches=[{"headers": [{"name": name, "value": "1"}], "complexity": {"max": most}}],
        )
        for place, (name, most) in enumerate(conditions)
    ]
    built = table({"support": route(BACKENDS, *rules, rule("default", "large"))})
    holding = [
        f"r{place}"
        for place, (name, most) in enumerate(conditions)
        if name in headers and complexity <= most
    ]

    decided = plan(built, call(chat(), headers | {"x-outrider-complexity": str(complexity)}))

    assert decided.rule == [*holding, "default"][0]


def test_nothing_is_computed_that_no_rule_asks_for() -> None:
    decided = plan(ruled({"tools": "Present"}), call(chat()))
    lazy = plan(table({"support": route()}), call(b'{"model": "support", "messages": 7}'))

    assert (decided.words, decided.input_tokens, decided.complexity) == (None, None, None)
    assert lazy.texts is None


def test_a_complexity_that_is_none_is_ignored_and_flagged() -> None:
    built = ruled({"complexity": {"max": 1}})

    for value in ("0", "6", "2.0", "high", "", "١"):
        decided = plan(built, call(chat(), {"x-outrider-complexity": value}))
        assert decided.flags == (COMPLEXITY_IGNORED,)
        assert (decided.rule, decided.complexity) == ("simple", 1)
    claimed = plan(built, call(chat(), {"x-outrider-complexity": " 5 "}))
    assert (claimed.flags, claimed.rule, claimed.complexity) == ((), "default", 5)


def test_why_a_rule_matched_is_said_in_the_words_of_the_resource() -> None:
    built = ruled({"complexity": {"max": 2}, "tools": "Absent"})

    assert plan(built, call(chat())).why == "matches[0]: tools are absent, complexity <= 2"
    assert "takes every request" in plan(built, call(chat(tools=[TOOL]))).why


def test_only_backends_that_speak_the_dialect_are_candidates() -> None:
    by_chat = plan(ruled({"tools": "Present"}), call(chat()))
    by_messages = plan(ruled({"tools": "Present"}), call(chat(), path="/v1/messages"))

    assert [each.name for each in by_chat.candidates] == ["large", "vllm"]
    assert by_chat.skipped == (("claude", "unsupported"),)
    assert [each.name for each in by_messages.candidates] == ["claude"]


def test_with_no_backend_of_the_dialect_left_the_refusal_says_what_each_speaks() -> None:
    with pytest.raises(Refusal) as caught:
        plan(ruled({"tools": "Absent"}), call(chat(), path="/v1/messages"))

    assert (caught.value.code, caught.value.status) == ("caller_dialect", 400)
    assert "small speaks chat" in caught.value.message


def test_a_backend_without_a_model_is_left_out_for_the_routes_own_name() -> None:
    backends = {"any": backend("OpenAI", None), "gpt": backend("OpenAI", "gpt")}
    built = table({"support": route(backends, models=("gpt-*",))})

    by_name = plan(built, call(chat("support")))
    by_model = plan(built, call(chat("gpt-5")))

    assert [each.name for each in by_name.candidates] == ["gpt"]
    assert by_name.skipped == (("any", "model-missing"),)
    assert {each.name for each in by_model.candidates} == {"any", "gpt"}
    for place, each in enumerate(by_model.candidates):
        assert sent(by_model, place)["model"] == ("gpt-5" if each.name == "any" else "gpt")


def test_an_own_name_that_is_a_model_too_needs_no_model() -> None:
    built = table({"gpt-5": route({"any": backend("OpenAI", None)}, models=("gpt-*",))})

    assert [each.name for each in plan(built, call(chat("gpt-5"))).candidates] == ["any"]


def test_with_no_model_for_the_own_name_the_refusal_says_so() -> None:
    built = table({"support": route({"any": backend("OpenAI", None)}, models=("x",))})

    with pytest.raises(Refusal) as caught:
        plan(built, call(chat("support")))

    assert (caught.value.code, caught.value.status) == ("outrider_no_backend", 503)
    assert "any has no model" in caught.value.message


def test_the_model_of_the_version_chooses_a_backend_the_rule_does_not_name() -> None:
    built = table(
        {"support": route(BACKENDS, rule("default", "large"), prompt="answer")},
        {"answer": prompt({"v1": template(model="gpt-mini")})},
    )

    decided = plan(built, call(chat()))

    assert [each.name for each in decided.candidates] == ["small", "large"]
    assert sent(decided, 0)["model"] == "gpt-mini"
    assert sent(decided, 1)["model"] == "gpt"


def test_what_need_not_change_goes_on_byte_for_byte() -> None:
    built = table({"gpt": route({"any": backend("OpenAI", "gpt")})})
    raw = b'{"messages":[], "model" : "gpt", "x": 1.50}'

    decided = plan(built, call(raw))

    assert decided.body_for(decided.candidates[0]) is decided.body.raw


def test_only_the_model_changes_where_only_the_model_must() -> None:
    decided = plan(ruled(), call(b'{"messages":[], "model" : "support", "x": 1.50}'))

    assert decided.body_for(decided.candidates[0]) == (
        b'{"messages":[], "model" : "gpt-mini", "x": 1.50}'
    )


def test_the_model_of_an_azure_path_is_written_into_the_body() -> None:
    built = table({"az": route({"any": backend("OpenAI", None)}, models=("dep",))})

    decided = plan(built, call({"messages": []}, path="/openai/deployments/dep/chat/completions"))

    assert decided.model == "dep"
    assert sent(decided) == {"messages": [], "model": "dep"}


def test_messages_gets_the_limit_it_requires_unless_the_caller_gave_one() -> None:
    built = table({"support": route({"c": backend("Anthropic", "m", default_max_tokens=77)})})

    def limit(**fields: Any) -> Any:
        return sent(plan(built, call(chat(**fields), path="/v1/messages")))["max_tokens"]

    assert (limit(), limit(max_tokens=5), limit(max_tokens=None)) == (77, 5, 77)


def test_the_prompts_output_limit_has_the_name_each_backend_knows() -> None:
    built = table(
        {"support": route(BACKENDS, rule("default", "large", ("vllm", 1, 1)), prompt="answer")},
        {"answer": prompt({"v1": template(max_tokens=600)})},
    )

    decided = plan(built, call(chat()))

    assert sent(decided, 0)["max_completion_tokens"] == 600
    assert sent(decided, 1)["max_tokens"] == 600
    assert "max_tokens" not in sent(decided, 0)
    assert "max_completion_tokens" not in sent(decided, 1)


@pytest.mark.parametrize(
    ("options", "asked", "expected"),
    [
        ({}, False, {"include_usage": True}),
        ({"stream_options": None}, False, {"include_usage": True}),
        ({"stream_options": {"include_usage": False}}, False, {"include_usage": True}),
        ({"stream_options": {"x": 1}}, False, {"x": 1, "include_usage": True}),
        ({"stream_options": {"include_usage": True}}, True, {"include_usage": True}),
        ({"stream_options": ["left to the provider"]}, False, ["left to the provider"]),
    ],
)
def test_a_chat_stream_is_asked_for_usage(options: Any, asked: bool, expected: Any) -> None:
    decided = plan(ruled(), call(chat(stream=True, **options)))

    assert decided.stream
    assert decided.usage_asked is asked
    assert sent(decided)["stream_options"] == expected


def test_an_answer_that_is_no_stream_is_not_asked_for_usage() -> None:
    assert "stream_options" not in sent(plan(ruled(), call(chat())))


def test_the_same_chance_decides_the_same() -> None:
    built = table(
        {"support": route(BACKENDS, rule("default", "large", "small", "vllm"), prompt="answer")},
        {"answer": prompt({"v1": template(("system", "x"))})},
    )

    first, second = (
        [plan(built, call(chat()), random).candidates for _ in range(20)]
        for random in (Random(3), Random(3))
    )

    assert [[e.name for e in each] for each in first] == [[e.name for e in each] for each in second]
    assert len({tuple(e.name for e in each) for each in first}) > 1


def test_a_call_without_a_model_goes_where_the_star_is() -> None:
    star = table({"all": route(models=("*",)), "other": route()})

    assert plan(star, call({"messages": []})).route.name == "all"
    with pytest.raises(Refusal, match="caller_model_unknown"):
        plan(ruled(), call({"messages": []}))


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=4))
def test_unknown_fields_survive(fields: dict[str, int]) -> None:
    body = {"x-" + name: value for name, value in fields.items()} | chat(stream=True)

    got = msgspec.json.decode(
        plan(ruled(), call(body)).body_for(plan(ruled(), call(body)).candidates[0])
    )

    assert {name: got[name] for name in body if name.startswith("x-")} == {
        name: value for name, value in body.items() if name.startswith("x-")
    }
