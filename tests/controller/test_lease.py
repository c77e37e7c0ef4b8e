from outrider_operator.controller.lease import Record, decide


def lease(holder: str) -> Record:
    return Record(holder=holder, acquired="", renewed="", seconds=15, transitions=0, version="7")


def test_the_holder_renews() -> None:
    assert decide("me", lease("me"), unchanged_for=99) == "renew"


def test_a_released_lease_is_taken_at_once() -> None:
    assert decide("me", lease(""), unchanged_for=0) == "take"


def test_anothers_lease_is_waited_for_until_it_was_unchanged_for_its_whole_time() -> None:
    assert decide("me", lease("other"), unchanged_for=14.9) == "wait"
    assert decide("me", lease("other"), unchanged_for=15) == "take"
