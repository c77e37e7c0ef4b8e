"""What is said again, and when."""

from outrider_operator.controller.told import EVERY_SECONDS, REASONS, Told


class Clock:
    """Seconds as the test sets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_same_reason_is_news_once_and_then_once_a_minute() -> None:
    clock = Clock()
    told = Told(clock)
    said = []
    for tenth in range(1500):
        clock.now = tenth / 10
        if told.news("shop", "403"):
            said.append(clock.now)
    assert said == [0, EVERY_SECONDS, 2 * EVERY_SECONDS]


def test_reasons_and_subjects_do_not_hide_each_other() -> None:
    told = Told(Clock())
    assert told.news("shop", "403")
    assert told.news("shop", "somebody else's")
    assert told.news("bank", "403")
    assert not told.news("shop", "403")


def test_what_is_over_is_said_to_be_if_it_was_told_and_is_news_again() -> None:
    told = Told(Clock())
    assert not told.over("shop")
    assert told.news("shop", "403")
    assert told.over("shop")
    assert not told.over("shop")
    assert told.news("shop", "403")


def test_reasons_that_are_never_the_same_are_forgotten_in_the_end() -> None:
    told = Told(Clock())
    assert all(told.news("shop", str(number)) for number in range(REASONS + 1))
    assert told.news("shop", "0")
    assert not told.news("shop", str(REASONS))
