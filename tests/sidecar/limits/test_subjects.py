import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.snapshot import Tier
from standins.policies import Stage, policy, rate

TIERS = {
    "free": Tier(requests=rate(2)),
    "pro": Tier(requests=rate(5)),
    "blocked": Tier(requests=rate(0, burst=1)),
}


def test_each_user_has_a_limit_of_its_own() -> None:
    stage = Stage(policy())
    assert stage.admitted(12) == 10
    assert stage.admitted(12, user="bob") == 10


def test_a_window_later_all_of_it_is_back() -> None:
    stage = Stage(policy())
    stage.admitted(10)
    stage.wait(60)
    assert stage.admitted(12) == 10


def test_what_comes_back_comes_evenly() -> None:
    stage = Stage(policy())
    stage.admitted(10)
    stage.wait(5.999_999_999)
    assert stage.admitted(1) == 0
    stage.wait(0.000_000_001)
    assert stage.admitted(2) == 1


def test_a_burst_below_the_limit_is_what_comes_at_once() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(60, burst=3))}))
    assert stage.admitted(10) == 3
    stage.wait(1)
    assert stage.admitted(10) == 1


def test_without_numbers_a_tier_is_unlimited() -> None:
    stage = Stage(policy(tiers={"free": Tier()}))
    assert stage.admitted(1_000) == 1_000


def test_a_route_without_policies_admits_all_and_says_nothing() -> None:
    stage = Stage(policy(routes=("other",)))
    assert stage.admitted(1_000) == 1_000
    assert stage.ask().header is None


@pytest.mark.parametrize(
    ("kind", "mine", "other"),
    [
        ("User", {"user": "ann"}, {"user": "bob"}),
        ("Tenant", {"tenant": "acme"}, {"tenant": "corp"}),
        ("Feature", {"feature": "faq"}, {"feature": "chat"}),
        ("Session", {"session": "s-1"}, {"session": "s-2"}),
        ("Address", {"address": "192.0.2.1"}, {"address": "192.0.2.2"}),
    ],
)
def test_subjects_are_what_the_request_says(
    kind: str, mine: dict[str, str], other: dict[str, str]
) -> None:
    stage = Stage(policy(subject=kind, tiers=TIERS))
    both = {"user": None, **mine}, {"user": None, **other}
    assert stage.admitted(5, **both[0]) == 2
    assert stage.admitted(5, **both[1]) == 2


def test_a_workload_is_one_subject_whoever_asks_and_where() -> None:
    stage = Stage(policy(subject="Workload", tiers=TIERS), routes=("support", "search"))
    assert stage.admitted(1) == 1
    assert stage.admitted(1, user="bob", route="search") == 1
    assert stage.admitted(1, user=None) == 0


def test_a_route_counts_all_its_users_and_no_other_route() -> None:
    stage = Stage(policy(subject="Route", tiers=TIERS), routes=("support", "search"))
    assert stage.admitted(2) == 2
    assert stage.admitted(1, user="bob") == 0
    assert stage.admitted(3, user="bob", route="search") == 2


def test_a_users_limit_holds_over_all_routes_that_a_policy_targets() -> None:
    stage = Stage(policy(tiers=TIERS, routes=("support", "search")), routes=("support", "search"))
    stage.ask(route="support")
    stage.ask(route="search")
    assert stage.refused(route="support").code == "policy_rate_requests"


def test_a_policy_leaves_routes_alone_that_it_does_not_target() -> None:
    stage = Stage(policy(tiers=TIERS, routes=("support",)), routes=("support", "search"))
    assert stage.admitted(9, route="search") == 9
    assert stage.admitted(9) == 2


def test_the_same_name_as_user_and_as_tenant_is_two_subjects() -> None:
    stage = Stage(policy("a", TIERS), policy("b", TIERS, subject="Tenant"))
    assert stage.admitted(2, user="acme", tenant="corp") == 2
    assert stage.admitted(2, user="ann", tenant="acme") == 2


def test_a_user_who_is_called_unknown_is_not_the_unknown_one() -> None:
    stage = Stage(policy(tiers=TIERS))
    assert stage.admitted(3, user="unknown") == 2
    assert stage.admitted(3, user=None) == 2


def test_unknown_subjects_share_one_limit() -> None:
    stage = Stage(policy(tiers=TIERS))
    assert stage.admitted(5, user=None, session="a") == 2
    error = stage.refused(user=None, session="b")
    assert "by requests without a user (tier free)" in error.message


def test_unknown_subjects_can_be_denied() -> None:
    stage = Stage(policy(unknown_subject="Deny"))
    error = stage.refused(user=None)
    assert (error.code, error.status) == ("policy_subject_unknown", 403)
    assert error.retry_after is None
    assert error.message == (
        "policy per-user: the request names no user and the policy denies such; send what the "
        "route's identity reads as the user"
    )
    assert stage.told == [("per-user", "requests", "refused")]


def test_unknown_subjects_can_be_exempt() -> None:
    stage = Stage(policy(unknown_subject="Exempt"))
    assert stage.admitted(100, user=None) == 100
    assert stage.told == []


def test_an_address_that_no_header_says_is_unknown() -> None:
    stage = Stage(policy(subject="Address", unknown_subject="Deny"))
    assert stage.refused().code == "policy_subject_unknown"


def test_routes_and_workloads_are_never_unknown() -> None:
    for kind in ("Route", "Workload"):
        stage = Stage(policy(subject=kind, unknown_subject="Deny"))
        assert stage.admitted(1, user=None) == 1


def test_memory_is_bounded_however_many_names_callers_invent() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(1))}), bound=100)
    admitted = sum(stage.admitted(1, user=f"u-{n}") for n in range(10_000))
    assert admitted == 101


def test_those_who_are_known_keep_their_own_limit_when_it_is_full() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(2))}), bound=10)
    for n in range(200):
        stage.admitted(1, user=f"u-{n}")
    assert stage.admitted(3, user="u-0") == 1


def test_idle_subjects_make_room_for_new_ones() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(1, 1))}), bound=100)
    for second in range(20):
        stage.wait(1)
        fresh = [f"u-{second}-{n}" for n in range(80)]
        assert sum(stage.admitted(1, user=u) for u in fresh) == 80


def test_a_request_in_progress_is_never_forgotten() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(1, 1), concurrent=1)}), bound=10)
    admission = stage.ask("held")
    for second in range(50):
        stage.wait(1)
        stage.ask(f"u-{second}").release()
    assert stage.refused(user="held").code == "policy_rate_concurrent"
    admission.release()
    assert stage.admitted(1, user="held") == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 3_000), st.sampled_from(["ask", "tier", "edit"])), max_size=60
    )
)
def test_no_change_of_tier_or_limit_lets_more_through_than_the_most_generous_one(
    story: list[tuple[int, str]],
) -> None:
    small = Tier(requests=rate(2, 1))
    large = Tier(requests=rate(4, 1))
    first = policy(tiers={"a": small, "b": large}, tier_from="t")
    second = policy(tiers={"a": large, "b": small}, tier_from="t")
    stage = Stage(first)
    admitted: list[int] = []
    tier, edited = "a", False
    for wait_ms, step in story:
        stage.wait(wait_ms / 1_000)
        if step == "tier":
            tier = "b" if tier == "a" else "a"
        elif step == "edit":
            edited = not edited
            stage.edit(second if edited else first)
        admitted += [stage.ns] * stage.admitted(3, headers={"t": tier})
    for place, start in enumerate(admitted):
        for count, end in enumerate(admitted[place:], 1):
            assert count <= 4 + 4 * (end - start) / 1e9
