from outrider_sidecar.snapshot import Tier
from standins.policies import EPOCH, Stage, override, policy, rate

TIERS = {
    "free": Tier(requests=rate(2)),
    "pro": Tier(requests=rate(5)),
    "blocked": Tier(requests=rate(0, burst=1)),
}


def test_the_header_names_the_tier_and_any_other_name_means_the_default_one() -> None:
    stage = Stage(policy(tiers=TIERS, tier_from="x-outrider-tier"))
    pro = {"x-outrider-tier": "pro"}
    assert stage.admitted(9, user="ann", headers=pro) == 5
    for name in ("gold", "", "PRO"):
        other = {"x-outrider-tier": name}
        assert stage.admitted(9, user=f"u-{name}", headers=other) == 2


def test_the_header_counts_only_where_the_policy_names_it() -> None:
    stage = Stage(policy(tiers=TIERS))
    assert stage.admitted(9, user="ann", headers={"x-outrider-tier": "pro"}) == 2


def test_another_tier_keeps_what_was_used() -> None:
    stage = Stage(policy(tiers=TIERS, tier_from="x-outrider-tier"))
    pro = {"x-outrider-tier": "pro"}
    assert stage.admitted(9) == 2
    assert stage.admitted(9, user="ann", headers=pro) == 3
    assert "5 of 2 requests per 1m used by this user (tier free)" in stage.refused().message


def test_an_override_comes_before_the_header_until_it_ends() -> None:
    limit = policy(
        tiers=TIERS,
        tier_from="x-outrider-tier",
        overrides=(override("ann", "blocked", until=EPOCH + 3_600), override("bob", "pro")),
    )
    stage = Stage(limit)
    pro = {"x-outrider-tier": "pro"}
    error = stage.refused(headers=pro)
    assert error.code == "policy_rate_requests"
    assert error.retry_after == 3_600
    assert error.message == (
        "policy per-user: tier blocked admits no requests until 2026-11-21T01:00:00Z"
    )
    stage.wait(3_599.5)
    assert stage.refused().retry_after == 0.5
    stage.wait(0.5)
    assert stage.admitted(9, user="ann", headers=pro) == 5
    assert stage.admitted(9, user="bob") == 5


def test_an_override_is_for_exactly_that_subject() -> None:
    stage = Stage(policy(tiers=TIERS, overrides=(override("ann", "blocked"),)))
    assert stage.admitted(1, user="Ann") == 1
    assert stage.admitted(1, user="ann ") == 1


def test_a_blocked_tier_without_an_end_promises_no_moment() -> None:
    error = Stage(policy(tiers={"blocked": TIERS["blocked"]})).refused()
    assert (error.status, error.retry_after) == (429, None)
    assert error.message == "policy per-user: tier blocked admits no requests"
    assert "reset" not in error.details


def test_an_edited_limit_keeps_what_was_used() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(10))}))
    stage.admitted(8)
    stage.edit(policy(tiers={"free": Tier(requests=rate(9))}))
    assert stage.admitted(5) == 1
    stage.edit(policy(tiers={"free": Tier(requests=rate(12))}))
    assert stage.admitted(5) == 3


def test_an_edited_window_keeps_what_was_used() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(10, 60))}))
    stage.admitted(8)
    stage.edit(policy(tiers={"free": Tier(requests=rate(10, 3_600))}))
    assert stage.admitted(5) == 2
    stage.wait(360)
    assert stage.admitted(5) == 1


def test_a_request_in_progress_over_an_edit_gives_its_slot_back() -> None:
    stage = Stage(policy(tiers={"free": Tier(concurrent=1)}))
    admission = stage.ask()
    stage.edit(policy(tiers={"free": Tier(concurrent=1, requests=rate(100))}))
    assert stage.refused().code == "policy_rate_concurrent"
    admission.release()
    assert stage.admitted(1) == 1


def test_a_policy_that_was_deleted_begins_anew_and_its_leases_end_quietly() -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(2), concurrent=2)}))
    admission = stage.ask()
    stage.edit()
    assert stage.admitted(5) == 5
    stage.edit(policy(tiers={"free": Tier(requests=rate(2), concurrent=2)}))
    admission.release()
    assert stage.admitted(5) == 2
