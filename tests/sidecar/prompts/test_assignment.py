"""Which version of a prompt a request gets."""

import hashlib
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.prompts.split import Split, bucket_of
from outrider_sidecar.routing.decision import Plan
from outrider_sidecar.routing.table import Table
from standins.tables import call, chat, plan, prompt, ref, route, sent, table, template

CANARY = ((0, 499, "v8"), (500, 9_999, "v7"))
VERSIONS = {"v7": template(("system", "seven")), "v8": template(("system", "eight"))}


def namespace(ranges: Any = CANARY, **how: Any) -> Table:
    return table(
        {"support": route(prompt=ref("answer", **how)), "plain": route()},
        {"answer": prompt(VERSIONS, ranges)},
    )


def refusal(built: Table, body: dict[str, Any], **headers: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        plan(built, call(body, headers))
    return caught.value


def formula(salt: str, key: str) -> int:
    """The published formula, written here a second time and on purpose."""
    digest = hashlib.sha256(f"{salt}\x1f{key}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") * 10_000) >> 64


def given_to(decided: Plan) -> str:
    assert decided.prompt is not None
    return decided.prompt.version


def test_100_000_users_get_what_the_formula_says() -> None:
    split = Split("shop/answer", CANARY)
    shares: Counter[str] = Counter()

    for number in range(100_000):
        bucket = formula("shop/answer", f"user-{number}")
        assert bucket_of("shop/answer", f"user-{number}") == bucket
        assert split.owner(bucket) == ("v8" if bucket < 500 else "v7")
        shares[split.owner(bucket)] += 1

    assert shares == {"v7": 94_990, "v8": 5_010}


@given(st.text(min_size=1, max_size=60))
def test_a_decision_follows_the_formula_for_any_user(user: str) -> None:
    decided = plan(namespace(), call(chat(user=user)))

    key = user.strip()
    assert decided.prompt is not None
    if key:
        assert decided.prompt.bucket == formula("shop/answer", key)
        assert decided.prompt.version == ("v8" if decided.prompt.bucket < 500 else "v7")
        assert (decided.prompt.key, decided.prompt.reason) == ("User", "Key")
    else:
        assert (decided.prompt.key, decided.prompt.reason) == (None, "PerRequest")


@given(st.text(min_size=1, max_size=60), st.integers(0, 9_999))
def test_what_one_prompt_deals_does_not_depend_on_another(user: str, share: int) -> None:
    """Law: other prompts, whatever their ranges, change no assignment."""
    others = {f"other-{n}": prompt(VERSIONS, ((0, 9_999, "v8"),), f"shop/other-{n}") for n in "ab"}
    uses = {"support": route(prompt="answer"), "else": route(prompt="other-a")}
    ranges = ((0, share, "v8"), (share + 1, 9_999, "v7")) if share < 9_999 else ((0, 9_999, "v8"),)
    alone = table(uses, {"answer": prompt(VERSIONS, ranges)})
    among = table(uses, {"answer": prompt(VERSIONS, ranges)} | others)

    assert plan(alone, call(chat(user=user))).prompt == plan(among, call(chat(user=user))).prompt


def test_the_first_identity_of_assign_by_that_is_there_is_the_key() -> None:
    built = namespace(assign_by=("Session", "User"))

    by_session = plan(built, call(chat(user="u", conversation="s"))).prompt
    by_user = plan(built, call(chat(user="u"))).prompt

    assert by_session is not None
    assert by_user is not None
    assert (by_session.key, by_session.bucket) == ("Session", formula("shop/answer", "s"))
    assert (by_user.key, by_user.bucket) == ("User", formula("shop/answer", "u"))


def test_requests_without_a_key_are_drawn_each_or_get_the_stable_version() -> None:
    random = Random(7)
    drawn = Counter(
        given_to(plan(namespace(((0, 4_999, "v8"), (5_000, 9_999, "v7"))), call(chat()), random))
        for _ in range(2_000)
    )
    stable = plan(namespace(unkeyed="Stable"), call(chat())).prompt

    assert abs(drawn["v8"] - 1_000) < 120
    assert stable is not None
    assert (stable.version, stable.bucket, stable.reason) == ("v7", None, "Stable")


def test_a_request_may_name_a_version_and_the_body_wins_over_the_header() -> None:
    built = namespace()
    body = chat(prompt={"id": "answer", "version": "v8"})

    by_header = plan(built, call(chat(), {"X-Outrider-Prompt-Version": " v8 "}))
    by_body = plan(built, call(body, {"x-outrider-prompt-version": "v7"}))

    for decided in (by_header, by_body):
        assert decided.prompt is not None
        assert decided.prompt.version == "v8"
        assert decided.prompt.override
        assert decided.prompt.bucket is None
        assert "prompt" not in sent(decided)


def test_a_prompt_without_a_version_only_brings_variables() -> None:
    decided = plan(namespace(), call(chat(user="u", prompt={"id": "answer", "version": None})))

    assert decided.prompt is not None
    assert decided.prompt.reason == "Key"
    assert "prompt" not in sent(decided)


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": {"id": "answer", "version": "v9"}},
        {"prompt": {"id": "other", "version": "v8"}},
        {"prompt": {"id": 7}},
        {"prompt": {"id": "answer", "version": 8}},
        {"model": "plain", "prompt": {"id": "answer"}},
    ],
)
def test_an_unknown_prompt_or_version_is_refused(body: dict[str, Any]) -> None:
    got = refusal(namespace(), chat() | body)

    assert (got.code, got.status) == ("caller_prompt_unknown", 400)


def test_an_unknown_version_is_answered_with_those_there_are() -> None:
    got = refusal(namespace(), chat(), **{"x-outrider-prompt-version": "v9"})

    assert "'v9'" in got.message
    assert "v7, v8" in got.message


def test_a_version_may_not_be_named_where_the_route_forbids_it() -> None:
    got = refusal(namespace(allow_override=False), chat(), **{"x-outrider-prompt-version": "v8"})

    assert got.code == "caller_prompt_unknown"
    assert "does not allow" in got.message


def test_a_version_named_to_a_route_without_a_prompt_is_refused() -> None:
    got = refusal(namespace(), chat("plain"), **{"x-outrider-prompt-version": "v8"})

    assert got.code == "caller_prompt_unknown"


@pytest.mark.parametrize("member", [{"id": "pmpt_123", "version": "2"}, "a text", {"x": 1}])
def test_a_prompt_member_that_is_not_for_us_passes(member: Any) -> None:
    decided = plan(namespace(), call(chat("plain", prompt=member)))

    assert sent(decided)["prompt"] == member


def test_an_id_of_openais_passes_where_the_route_has_a_prompt_too() -> None:
    member = {"id": "pmpt_123", "version": "2", "variables": {"a": 1}}

    decided = plan(namespace(), call(chat(user="u", prompt=member)))

    assert sent(decided)["prompt"] == member
    assert decided.prompt is not None
    assert decided.prompt.reason == "Key"


def test_a_prompt_of_which_nothing_is_served_is_a_503_with_its_remedy() -> None:
    got = refusal(namespace(()), chat())

    assert (got.code, got.status) == ("outrider_no_prompt", 503)
    assert "kubectl patch prv" in got.message


def test_a_version_without_a_weight_can_still_be_named() -> None:
    assert (
        given_to(plan(namespace(()), call(chat(prompt={"id": "answer", "version": "v8"})))) == "v8"
    )


def test_a_route_whose_prompt_is_not_there_is_a_503() -> None:
    got = refusal(table({"support": route(prompt="answer")}), chat())

    assert (got.code, got.status) == ("outrider_no_prompt", 503)
    assert "promptName answer" in got.message
