"""Which route answers for a model name, and what a new table keeps of the one before."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.routing.decision import find_route, passthrough
from outrider_sidecar.routing.table import Table
from outrider_sidecar.snapshot import Limit, Snapshot
from standins.tables import backend, call, chat, prompt, route, rule, snapshot, table, template


def found(built: Table, model: str) -> str | None:
    entry = built.find(model)
    return None if entry is None else entry.name


def test_own_name_goes_before_exact_model_and_that_before_the_longest_prefix() -> None:
    built = table(
        {
            "support": route(models=("gpt-5", "claude-*")),
            "gpt-5": route(),
            "sonnet": route(models=("claude-sonnet-*", "claude-haiku")),
            "rest": route(models=("*",)),
        }
    )

    assert found(built, "support") == "support"
    assert found(built, "gpt-5") == "gpt-5"
    assert found(built, "claude-haiku") == "sonnet"
    assert found(built, "claude-haiku-4") == "support"
    assert found(built, "claude-sonnet-4-6") == "sonnet"
    assert found(built, "claude-sonnet-") == "sonnet"
    assert found(built, "anything") == "rest"
    assert found(built, "") == "rest"


@given(
    st.dictionaries(
        st.text("ab", min_size=1, max_size=3).map(lambda name: "r" + name),
        st.lists(st.text("ab", max_size=4).map(lambda p: p + "*"), max_size=3).map(tuple),
        max_size=5,
    ),
    st.text("ab", max_size=6),
)
def test_the_longest_prefix_wins_among_any_routes(
    models: dict[str, tuple[str, ...]], model: str
) -> None:
    built = table({name: route(models=patterns) for name, patterns in models.items()})

    matching = [
        p[:-1] for patterns in models.values() for p in patterns if model.startswith(p[:-1])
    ]

    name = found(built, model)
    if not matching:
        assert name is None
    else:
        assert name is not None
        assert max(matching, key=len) + "*" in models[name]


def test_a_model_that_nobody_serves_is_a_404_that_lists_and_suggests() -> None:
    built = table({"support": route(models=("gpt-5-mini", "claude-*"))})

    with pytest.raises(Refusal) as caught:
        find_route(built, call(chat("gpt5-mini")))

    assert (caught.value.code, caught.value.status) == ("caller_model_unknown", 404)
    assert caught.value.param == "model"
    assert "did you mean gpt-5-mini?" in caught.value.message
    assert "claude-*, gpt-5-mini, support" in caught.value.message


def test_the_list_of_names_in_a_404_is_bounded() -> None:
    built = table({f"route-{n:04}": route(models=(f"model-{n:04}",)) for n in range(1_000)})

    with pytest.raises(Refusal) as caught:
        find_route(built, call(chat("x" * 100_000)))

    assert len(caught.value.message) < 1_000
    assert "and 1980 more" in caught.value.message


def test_a_model_in_the_path_counts_before_one_in_the_body() -> None:
    built = table({"a": route(models=("gpt-a",)), "b": route(models=("gpt-b",))})
    azure = call(chat("gpt-a"), path="/openai/deployments/gpt-b/chat/completions")

    assert find_route(built, azure).name == "b"


def test_the_fallback_is_the_star_or_the_only_route() -> None:
    only = table({"one": route(models=("x",))})
    star = table({"one": route(models=("x",)), "two": route(models=("*",))})
    none = table({"one": route(), "two": route()})

    entries = [built.fallback() for built in (only, star, none, table({}))]

    assert [entry and entry.name for entry in entries] == ["one", "two", None, None]


def test_a_route_that_requires_what_we_lack_keeps_its_last_form() -> None:
    before = table({"support": route(models=("old",)), "other": route(models=("x",))})
    unknown = route(models=("new",), requires=("guard/v9",))

    after = Table.build(
        snapshot({"support": unknown, "fresh": unknown, "other": route(models=("y",))}), before
    )

    assert found(after, "old") == "support"
    assert found(after, "new") is None
    assert found(after, "y") == "other"
    assert after.refused == {"support": ("guard/v9",), "fresh": ("guard/v9",)}


def test_the_kept_form_of_a_route_keeps_its_prompt() -> None:
    uses = route(prompt="answer")
    before = table({"support": uses}, {"answer": prompt({"v1": template()})})
    refused = msgspec.structs.replace(uses, requires=("guard/v9",))

    after = Table.build(snapshot({"support": refused}), before)

    entry = after.routes["support"]
    assert entry.prompt is not None
    assert list(entry.prompt.versions) == ["v1"]


def test_what_did_not_change_is_taken_over_and_the_split_is_not() -> None:
    def namespace(ranges: tuple[tuple[int, int, str], ...]) -> Snapshot:
        versions = {"v1": template(("system", "{{date}}")), "v2": template(("system", "two"))}
        return msgspec.convert(
            msgspec.to_builtins(
                snapshot({"support": route(prompt="answer")}, {"answer": prompt(versions, ranges)})
            ),
            Snapshot,
        )

    before = Table.build(namespace(((0, 9_999, "v1"),)))
    old = before.routes["support"]
    assert old.prompt is not None
    compiled = old.prompt.version("v1")

    after = Table.build(namespace(((0, 99, "v2"), (100, 9_999, "v1"))), before)

    new = after.routes["support"]
    assert new.rules is old.rules
    assert new.prompt is not None
    assert new.prompt.version("v1") is compiled
    assert new.prompt.split.owner(50) == "v2"
    assert old.prompt.split.owner(50) == "v1"


def test_a_changed_version_of_the_same_name_is_compiled_anew() -> None:
    uses = {"support": route(prompt="answer")}
    before = table(uses, {"answer": prompt({"v1": template(("system", "old"))})})
    before.prompts["answer"].version("v1")

    after = Table.build(
        snapshot(uses, {"answer": prompt({"v1": template(("system", "new"))})}), before
    )

    assert after.prompts["answer"].version("v1").lines[0].parts == ("new",)


def test_limits_belong_to_the_routes_they_name_or_to_all() -> None:
    def limit(name: str, routes: tuple[str, ...] | None) -> Limit:
        return Limit(
            name=name,
            routes=routes,
            subject="User",
            default_tier="t",
            tiers={},
            unknown_subject="Shared",
            mode="Enforce",
        )

    built = table(
        {"a": route(), "b": route()}, limits=(limit("all", None), limit("only-a", ("a",)))
    )

    assert [each.name for each in built.routes["a"].limits] == ["all", "only-a"]
    assert [each.name for each in built.routes["b"].limits] == ["all"]


def test_what_passes_through_goes_to_the_first_backend_that_speaks_the_family() -> None:
    backends = {
        "a-spare": backend("OpenAI"),
        "claude": backend("Anthropic"),
        "first": backend("OpenAICompatible"),
        "sim": backend("Simulated"),
    }
    built = table(
        {"support": route(backends, rule("default", "sim", ("claude", 1, 1), ("first", 1, 1)))}
    )

    for path, name in (("/v1/files", "first"), ("/v1/messages/batches", "claude")):
        entry, candidate = passthrough(built, call({}, path=path), None)
        assert (entry.name, candidate.name) == ("support", name)


def test_what_passes_through_and_has_nowhere_to_go_is_told_so() -> None:
    sim = route({"sim": backend("Simulated")})

    for built in (table({"support": sim}), table({"a": sim, "b": sim})):
        with pytest.raises(Refusal) as caught:
            passthrough(built, call({}, path="/v1/files"), "unknown")
        assert (caught.value.code, caught.value.status) == ("outrider_no_passthrough", 404)
