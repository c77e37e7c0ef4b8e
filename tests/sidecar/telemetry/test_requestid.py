import re
import time

from outrider_sidecar.telemetry.requestid import new_id

SHAPE = re.compile(r"or_[0-7][0-9A-HJKMNP-TV-Z]{25}")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def test_an_id_is_shaped_like_a_ulid() -> None:
    assert all(SHAPE.fullmatch(new_id()) for _ in range(1_000))


def test_no_two_are_the_same() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_an_id_says_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    number = 0
    for character in made[3:]:
        number = number * 32 + ALPHABET.index(character)
    assert before <= number >> 80 <= after
