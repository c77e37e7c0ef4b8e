"""The order in which backends are tried."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.routing.choice import MODEL_MISSING, UNSUPPORTED, Candidate, Choices
from outrider_sidecar.snapshot import Backend
from standins.tables import backend, rule


def choices(backends: dict[str, Backend], *refs: str | tuple[str, int, int]) -> Choices:
    candidates = {name: Candidate.of("support", name, each) for name, each in backends.items()}
    return Choices(rule("default", *refs).backends, candidates)


def names(
    of: Choices, session: str | None = None, random: Random | None = None, model: str | None = None
) -> list[str]:
    selection = of.select("chat", model, False)
    return [each.name for each in selection.order(session, random or Random(0))]


ABC = {name: backend(model=f"model-{name}") for name in "abc"}


def test_priorities_are_tried_in_ascending_order_however_they_are_written() -> None:
    assert names(choices(ABC, ("a", 1, 2), ("b", 1, 0), ("c", 1, 1))) == ["b", "c", "a"]


def test_weights_split_requests_without_a_session() -> None:
    of = choices(ABC, ("a", 80, 0), ("b", 20, 0))
    random = Random(1)

    firsts = Counter(names(of, random=random)[0] for _ in range(10_000))

    assert abs(firsts["a"] - 8_000) < 200
    assert firsts["a"] + firsts["b"] == 10_000


def test_weights_split_sessions_and_a_session_keeps_its_backend() -> None:
    of = choices(ABC, ("a", 80, 0), ("b", 20, 0))

    firsts = {f"s{n}": names(of, f"s{n}", Random(n))[0] for n in range(10_000)}

    assert abs(Counter(firsts.values())["a"] - 8_000) < 200
    assert all(names(of, s, Random(s))[0] == first for s, first in list(firsts.items())[:500])


@given(st.text(min_size=1), st.lists(st.integers(1, 100), min_size=3, max_size=3))
def test_no_other_session_moves_when_a_backend_goes(session: str, weights: list[int]) -> None:
    """Law of rendezvous: taking a backend away leaves the order of the others."""
    refs = [(name, weight, 0) for name, weight in zip("abc", weights, strict=True)]
    whole = names(choices(ABC, *refs), session)

    for gone in "abc":
        rest = names(choices(ABC, *(ref for ref in refs if ref[0] != gone)), session)
        assert rest == [name for name in whole if name != gone]


@given(st.integers(), st.one_of(st.none(), st.text(min_size=1)))
def test_every_backend_of_the_rule_is_tried_once(seed: int, session: str | None) -> None:
    of = choices(ABC, ("a", 5, 0), ("b", 0, 0), ("c", 1, 1))

    assert names(of, session, Random(seed)) == ["a", "b", "c"]


def test_a_group_of_weight_0_is_a_fallback_still() -> None:
    of = choices(ABC, ("a", 0, 0), ("b", 0, 0))

    firsts = Counter(names(of, f"s{n}")[0] for n in range(200))

    assert set(firsts) == {"a", "b"}


def test_the_versions_model_comes_first_whatever_its_priority() -> None:
    of = choices(ABC, ("a", 1, 0), ("b", 1, 1))

    assert names(of, model="model-b") == ["b", "a"]
    assert names(of, model="model-c") == ["c", "a", "b"]
    assert names(of, model="model-x") == ["a", "b"]


def test_backends_that_the_rule_names_go_before_others_of_the_wished_model() -> None:
    same = {name: backend(model="m") for name in "ab"} | {"c": backend(model="other")}

    assert names(choices(same, "c", ("b", 1, 1)), model="m") == ["b", "a", "c"]


def test_who_does_not_speak_the_dialect_or_has_no_model_is_left_out() -> None:
    backends = {
        "gpt": backend("OpenAI"),
        "claude": backend("Anthropic"),
        "any": backend("OpenAICompatible", model=None),
        "sim": backend("Simulated"),
    }
    of = choices(backends, "gpt", "claude", "any", "sim")

    by_chat = of.select("chat", None, True)
    by_messages = of.select("messages", None, False)

    assert dict(by_chat.skipped) == {"claude": UNSUPPORTED, "any": MODEL_MISSING}
    assert {m.candidate.name for m in by_messages.groups[0]} == {"claude", "sim"}
    assert dict(by_messages.skipped) == {"gpt": UNSUPPORTED, "any": UNSUPPORTED}
