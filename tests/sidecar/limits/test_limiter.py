import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.limits.limiter import Admission
from outrider_sidecar.snapshot import Limit, Tier
from standins.policies import Stage, policy, rate

TIERS = {
    "free": Tier(requests=rate(2)),
    "pro": Tier(requests=rate(5)),
    "blocked": Tier(requests=rate(0, burst=1)),
}


def test_slots_are_given_back_once_each() -> None:
    stage = Stage(policy(tiers={"free": Tier(concurrent=2)}))
    first, second = stage.ask(), stage.ask()
    error = stage.refused()
    assert (error.code, error.status, error.retry_after) == ("policy_rate_concurrent", 429, 1.0)
    assert error.message == (
        "policy per-user: 2 of 2 concurrent requests open by this user (tier free); "
        "next allowed in 1 s"
    )
    first.release()
    first.release()
    third = stage.ask()
    assert stage.refused().code == "policy_rate_concurrent"
    second.release()
    third.release()
    assert stage.admitted(5) == 2


def test_no_slots_at_all_admits_nothing_and_promises_nothing() -> None:
    error = Stage(policy(tiers={"closed": Tier(concurrent=0)})).refused()
    assert error.code == "policy_rate_concurrent"
    assert error.retry_after is None
    assert error.message == "policy per-user: tier closed admits no requests"


def test_time_alone_gives_no_slot_back() -> None:
    stage = Stage(policy(tiers={"free": Tier(concurrent=1)}))
    stage.ask()
    stage.wait(86_400)
    assert stage.admitted(1) == 0


def test_of_two_dimensions_the_one_that_takes_longest_is_named() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(1), concurrent=1)}))
    stage.ask()
    error = stage.refused()
    assert (error.code, error.retry_after) == ("policy_rate_requests", 60.0)
    stage.wait(59.5)
    assert stage.refused().code == "policy_rate_concurrent"


def test_nothing_is_taken_when_one_of_several_refuses() -> None:
    wide = policy("wide", {"all": Tier(requests=rate(3), concurrent=3)}, subject="Tenant")
    narrow = policy("narrow", {"all": Tier(requests=rate(1))})
    stage = Stage(narrow, wide)
    stage.ask("ann", tenant="acme")
    for _ in range(10):
        assert stage.refused(user="ann", tenant="acme").details["policy"] == "narrow"
    stage.ask("bob", tenant="acme")
    header = stage.ask("eve", tenant="acme").header
    assert header is not None
    assert "wide:tenant;requests=3/3;concurrent=3/3" in header


def test_of_several_refusals_the_one_that_takes_longest_is_told() -> None:
    stage = Stage(
        policy("hourly", {"all": Tier(requests=rate(1, 3_600))}),
        policy("minutely", {"all": Tier(requests=rate(1, 60))}),
        policy("never", {"all": Tier(requests=rate(0, burst=1))}, subject="Feature"),
    )
    assert stage.refused().details["policy"] == "never"
    stage.edit(
        policy("minutely", {"all": Tier(requests=rate(1, 60))}),
        policy("hourly", {"all": Tier(requests=rate(1, 3_600))}),
    )
    stage.ask()
    assert stage.refused().details["policy"] == "hourly"


def policies_of(rules: list[tuple[int, int, int | None, str]]) -> list[Limit]:
    return [
        policy(
            f"p{number}",
            {"all": Tier(requests=rate(limit, 10, burst), concurrent=concurrent)},
            subject=kind,
        )
        for number, (limit, burst, concurrent, kind) in enumerate(rules)
    ]


several = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.integers(1, 5),
        st.one_of(st.none(), st.integers(1, 3)),
        st.sampled_from(["User", "Tenant", "Route"]),
    ),
    min_size=1,
    max_size=3,
).map(policies_of)

# What happens, and a number that says to whom or for how long.
stories = st.lists(
    st.tuples(st.sampled_from(["ask", "ask", "wait", "release"]), st.integers(0, 2)),
    max_size=40,
)


@given(several, stories)
def test_a_request_passes_exactly_when_every_policy_alone_would_let_it(
    limits: list[Limit], story: list[tuple[str, int]]
) -> None:
    together, *alone = stages = [Stage(*limits), *(Stage(limit) for limit in limits)]
    held: list[list[Admission]] = []
    for step, number in story:
        if step == "wait":
            for stage in stages:
                stage.wait(number * 5)
        elif step == "release":
            for admission in held.pop() if held else ():
                admission.release()
        else:
            user, tenant = f"u-{number}", f"t-{number % 2}"
            try:
                passed = [stage.ask(user, tenant=tenant) for stage in alone]
            except Refusal:
                with pytest.raises(Refusal):
                    together.ask(user, tenant=tenant)
                # Some alone may have charged what together was not: the stories part here.
                return
            held.append([together.ask(user, tenant=tenant), *passed])


@given(several, stories)
def test_a_refused_request_changes_nothing_for_those_after_it(
    limits: list[Limit], story: list[tuple[str, int]]
) -> None:
    tried, spared = Stage(*limits), Stage(*limits)
    held: list[tuple[Admission, Admission]] = []
    for step, number in story:
        if step == "wait":
            tried.wait(number * 5)
            spared.wait(number * 5)
        elif step == "release":
            for admission in held.pop() if held else ():
                admission.release()
        else:
            user, tenant = f"u-{number}", f"t-{number % 2}"
            try:
                admission = tried.ask(user, tenant=tenant)
            except Refusal:
                continue
            held.append((admission, spared.ask(user, tenant=tenant)))
            assert held[-1][0].header == held[-1][1].header


def test_a_shadow_refuses_nothing_charges_nothing_it_would_have_refused_and_is_measured() -> None:
    stage = Stage(policy(mode="Shadow", tiers=TIERS))
    assert stage.admitted(5) == 5
    assert [result for _, _, result in stage.told] == ["admitted"] * 2 + ["shadow"] * 3
    stage.wait(30)
    stage.ask()
    assert stage.told[-1] == ("per-user", "requests", "admitted")


def test_a_shadow_stands_in_no_header_and_hides_no_other_policy() -> None:
    shadow = policy("shadow", {"all": Tier(requests=rate(1))}, mode="Shadow")
    real = policy("real", {"all": Tier(requests=rate(2))})
    stage = Stage(real, shadow)
    assert stage.ask().header == "real:user;requests=1/2;reset=0"
    assert stage.ask().header == "real:user;requests=2/2;reset=30"
    assert stage.refused().details["policy"] == "real"


def test_a_shadow_that_denies_the_unknown_lets_them_pass_measured() -> None:
    stage = Stage(policy(mode="Shadow", unknown_subject="Deny"))
    assert stage.admitted(1, user=None) == 1
    assert stage.told == [("per-user", "requests", "shadow")]


def test_a_refusal_names_policy_tier_used_limit_and_reset() -> None:
    stage = Stage(policy())
    stage.admitted(10)
    stage.wait(1.5)
    error = stage.refused()
    assert (error.code, error.status, error.retry_after) == ("policy_rate_requests", 429, 4.5)
    assert error.message == (
        "policy per-user: 10 of 10 requests per 1m used by this user (tier free); "
        "next allowed in 5 s"
    )
    assert error.details == {
        "policy": "per-user",
        "subject": "User",
        "dimension": "requests",
        "tier": "free",
        "used": 10,
        "limit": 10,
        "reset": 5,
    }


def test_a_refusal_by_burst_says_what_comes_back() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(60, 90, burst=2))}))
    stage.admitted(2)
    assert stage.refused().message == (
        "policy per-user: 2 of a burst of 2 requests used (60 come back per 1m30s) by this user "
        "(tier free); next allowed in 2 s"
    )


def test_who_waits_as_long_as_told_is_admitted() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(7, 60))}))
    stage.admitted(7)
    wait = stage.refused().retry_after
    assert wait is not None
    stage.wait(wait)
    assert stage.admitted(2) == 1


def test_no_message_or_detail_names_the_subject() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(1), concurrent=1)}))
    secret = "ann@example.com"
    header = stage.ask(secret).header
    error = stage.refused(user=secret)
    assert secret not in f"{error.message} {error.details} {error} {header}"


def test_an_answer_says_where_each_policy_stands_in_the_order_of_names() -> None:
    stage = Stage(
        policy("b", {"all": Tier(requests=rate(10), concurrent=2)}),
        policy("a", {"all": Tier(requests=rate(2))}, subject="Tenant"),
    )
    stage.ask(tenant="acme")
    assert stage.ask(tenant="acme").header == (
        "a:tenant;requests=2/2;reset=30, b:user;requests=2/10;concurrent=2/2;reset=1"
    )


def test_every_decision_is_counted_by_policy_and_dimension() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(5), concurrent=1)}))
    stage.ask()
    stage.admitted(1)
    assert stage.told == [
        ("per-user", "requests", "admitted"),
        ("per-user", "concurrent", "admitted"),
        ("per-user", "concurrent", "refused"),
    ]
